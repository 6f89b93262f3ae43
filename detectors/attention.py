"""The attention scheduler: which camera to look at next, and with which model.

Inference is the scarce thing, so cameras bid for it. Promises: pure logic, time and costs are given; each camera and
task has a *floor*, an interval that is kept whenever all floors together can be paid, whatever else bids; what is left
goes to the highest bid, where a bid grows with the time since the last look, so nobody starves; spending stays within
the budget; the same inputs give the same choice; a choice costs tens of microseconds at a thousand cameras. When floors
cannot all be paid, the longest overdue comes first. `docs/attention.md` explains it with a picture. Not here: frames,
threads and engines (`looker.py`), how motion is seen (`motion.py`), which floor is in danger (`floors.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from configs.words import CameraId
from detectors.catalogue import Task
from detectors.floors import ABSENT_AFTER_SECONDS, RESTING_STRETCH, Floors
from detectors.pace import Pace
from detectors.slots import Choice, Slots

#: A floor bids from this share of its interval on, so that it is usually paid before it is due.
FLOOR_BIDS_FROM = 0.9
#: What a look is thought to cost, in seconds of the whole engine, until one was measured.
FIRST_COST_SECONDS = 0.01
COST_SMOOTHING = 0.1
#: A cost that moved by more than this share is told to every slot.
REPRICE_SHARE = 0.05
#: The weight of each reason to look; they multiply.
STILL_WEIGHT, MOVING_WEIGHT, TRACKING_WEIGHT, WATCHED_WEIGHT, CONFIRMING_WEIGHT = 0.5, 1.0, 1.5, 1.5, 4.0
#: Where something moves, a look for what must not be missed is worth more than one more look at who walks there.
FIRM_WEIGHT = 2.0
#: While an alert is being confirmed, this is its task's floor: a suspicion may not starve behind others' floors.
CONFIRMING_FLOOR_SECONDS = 0.25
#: Of two equal bids the one with the fresher frame wins: a frame this old has half the weight.
FRESHNESS_SECONDS = 0.4
#: A frame of a stream that rests is looked at from this share of the floor on, if its next would come too late.
RESTING_SHARE = 0.5
#: Whatever can wait is looked at in a frame of a stream that rests while it is this young, else in its next.
RESTING_FRESH_SECONDS = 0.5
#: A camera that was never looked at wants it this badly: before all others, but not before floors in danger.
FIRST_LOOK_SECONDS = 0.001
#: An operator who watches a still scene sees it looked at this often.
WATCHED_SECONDS = 1.0
#: An unspent budget is kept for this long.
BURST_SECONDS = 0.1


@dataclass(slots=True)
class CameraCounters:
    """What became of one camera's frames and looks. A *bid* is a frame that a look was wanted of; it was looked at or
    it was *shed*. `unwanted` frames showed a still scene whose floor was paid. `age_seconds` is the smoothed age of a
    frame when its boxes exist; `longest_gap` the longest time between two looks of a task, in seconds."""

    bids: int = 0
    shed: int = 0
    unwanted: int = 0
    looks: dict[Task, int] = field(default_factory=dict)
    age_seconds: float = 0.0
    longest_gap: dict[Task, float] = field(default_factory=dict)

    def copy(self) -> "CameraCounters":
        return replace(self, looks=dict(self.looks), longest_gap=dict(self.longest_gap))


@dataclass(slots=True)
class _Camera:
    slots: dict[Task, int]
    paces: dict[Task, Pace]
    counters: CameraCounters
    moving: bool = False
    moving_tracks: int = 0
    watched: bool = False
    confirming: set[Task] = field(default_factory=set)
    has_frame: bool = False
    frame_was_bid_for: bool = False
    frame_was_looked_at: bool = False


class AttentionScheduler:
    """See the module. Not thread-safe: the caller holds one lock.

    `budget` is how many seconds of the whole engine may be spent in a second (1 is all of it; None: no limit but the
    engine's own free requests). Costs are given in the same unit: a look that leaves room for 99 others in a second
    costs 0.01. A frame older than `stale_after` seconds is not looked at.
    """

    def __init__(self, *, budget: float | None = None, stale_after: float = 1.0) -> None:
        if budget is not None and budget <= 0:
            raise ValueError("a budget must be above zero, or None")
        self._budget = budget
        self._stale_after = stale_after
        self._cameras: dict[CameraId, _Camera] = {}
        self._slots = Slots(64)
        self._costs: dict[Task, float] = dict.fromkeys(Task, FIRST_COST_SECONDS)
        self._prices = dict(self._costs)
        self._measured: set[Task] = set()
        self._tokens: float | None = None
        self._tokens_at = 0.0
        self._floors = Floors(self._slots, budget if budget is not None else 1.0)

    # What the world says -------------------------------------------------------------------------------------------

    def register(self, camera_id: CameraId, paces: Mapping[Task, Pace], now: float) -> None:
        """Take a camera in, or change its paces. Its first looks are due at once."""
        self.unregister(camera_id)
        camera = _Camera({}, dict(paces), CameraCounters())
        for task, pace in paces.items():
            slot = self._slots.take(Choice(camera_id, task))
            self._slots.floor[slot] = pace.floor
            self._slots.firm[slot] = pace.firm
            self._slots.last[slot] = now
            self._slots.cost[slot] = self._prices[task]
            camera.slots[task] = slot
            camera.counters.looks[task] = 0
            camera.counters.longest_gap[task] = 0.0
        self._cameras[camera_id] = camera
        self._weigh(camera)
        self._floors.unsettle()

    def unregister(self, camera_id: CameraId) -> None:
        """Forget a camera. Harmless when it is not known."""
        camera = self._cameras.pop(camera_id, None)
        if camera is not None:
            for slot in camera.slots.values():
                self._slots.give_back(slot)

    def noticed(self, camera_id: CameraId, moving: bool) -> None:
        """Whether the motion gate saw something move in the latest frame."""
        camera = self._cameras[camera_id]
        if camera.moving != moving:
            camera.moving = moving
            self._weigh(camera)

    def tracking(self, camera_id: CameraId, moving_tracks: int) -> None:
        """How many things that move the camera's tracker follows; what only stands there needs no closer attention."""
        camera = self._cameras[camera_id]
        if camera.moving_tracks != moving_tracks:
            camera.moving_tracks = moving_tracks
            self._weigh(camera)

    def watched(self, camera_id: CameraId, is_watched: bool) -> None:
        """Whether an operator has the camera open."""
        camera = self._cameras[camera_id]
        camera.watched = is_watched
        self._weigh(camera)

    def confirming(self, camera_id: CameraId, task: Task, is_confirming: bool) -> None:
        """Whether an alert on this camera waits for more looks of `task`."""
        camera = self._cameras[camera_id]
        (camera.confirming.add if is_confirming else camera.confirming.discard)(task)
        self._weigh(camera)

    def offered(self, camera_id: CameraId, frame_at: float, now: float, next_in: float = 0.0) -> bool:
        """The camera's newest frame, captured at `frame_at`, took the place of the one before. True when it is bid for
        now. `next_in`: the stream rests, so that the next may be so many seconds away; this one holds until then."""
        camera = self._cameras[camera_id]
        counters, slots = camera.counters, self._slots
        if camera.has_frame:
            if camera.frame_was_looked_at or camera.frame_was_bid_for:
                counters.bids += 1
                counters.shed += not camera.frame_was_looked_at
            else:
                counters.unwanted += 1
        for slot in camera.slots.values():
            if slots.offered_at[slot] < now - ABSENT_AFTER_SECONDS:
                self._floors.unsettle()
            slots.offered_at[slot] = now
            slots.frame_at[slot] = frame_at
            slots.next_in[slot] = next_in
            slots.ready[slot] = True
        due = self._due(np.array(list(camera.slots.values()), np.intp), now)
        bid = bool(due.any())
        camera.has_frame, camera.frame_was_bid_for, camera.frame_was_looked_at = True, bid, False
        return bid

    # What to do ----------------------------------------------------------------------------------------------------

    def choose(self, now: float) -> Choice | None:
        """What to look at now, taken to be started; None when nothing is worth it or can be paid for.

        `now` is on the clock that frames' times are given on, and never goes back.
        """
        slots = self._slots
        is_fresh = slots.frame_at + slots.next_in >= now - self._stale_after
        ready = np.flatnonzero(slots.ready & ~slots.busy & is_fresh)
        if not len(ready):
            return None
        slot = self._floors.in_danger(ready, now)
        if slot is None:
            slot = self._highest_bid(ready, now)
        if slot is None or not self._pay(float(slots.cost[slot]), now):
            return None
        choice = slots.owners[slot]
        assert choice is not None
        camera = self._cameras[choice.camera_id]
        counters = camera.counters
        if counters.looks[choice.task]:
            gap = float(now - slots.last[slot])
            counters.longest_gap[choice.task] = max(counters.longest_gap[choice.task], gap)
        counters.looks[choice.task] += 1
        camera.frame_was_looked_at = True
        if counters.looks[choice.task] == 1:
            self._weigh(camera)
        slots.last[slot] = now
        slots.ready[slot] = False
        slots.busy[slot] = True
        return choice

    def done(self, choice: Choice, frame_at: float, now: float, cost: float) -> None:
        """A look has ended: `cost` is what it took, in seconds of the whole engine. Call it for a failed look too."""
        self._learn(choice.task, cost)
        camera = self._cameras.get(choice.camera_id)
        if camera is None or choice.task not in camera.slots:
            return
        slot = camera.slots[choice.task]
        self._slots.busy[slot] = False
        if self._tokens is not None:
            self._tokens -= cost - float(self._slots.cost[slot])
        age = now - frame_at
        before = camera.counters.age_seconds
        camera.counters.age_seconds = 0.9 * before + 0.1 * age if before else age

    def counters(self, camera_id: CameraId) -> CameraCounters:
        """What became of this camera's frames so far. Raises KeyError."""
        return self._cameras[camera_id].counters

    def cost(self, task: Task) -> float:
        """What a look of `task` costs, as measured, in seconds of the whole engine."""
        return self._costs[task]

    # How -----------------------------------------------------------------------------------------------------------

    def _weigh(self, camera: _Camera) -> None:
        """Set what each task wants of this camera, and how much."""
        for task, slot in camera.slots.items():
            pace = camera.paces[task]
            tracks = camera.moving_tracks > 0 and task is not Task.SMOKE_FIRE
            wanted, weight = FLOOR_BIDS_FROM * pace.floor, STILL_WEIGHT
            if camera.watched:
                wanted, weight = min(wanted, WATCHED_SECONDS), weight * WATCHED_WEIGHT
            if camera.moving or tracks:
                wanted = min(wanted, pace.active)
                weight *= (TRACKING_WEIGHT if tracks else MOVING_WEIGHT) * (FIRM_WEIGHT if pace.firm else 1.0)
            if task in camera.confirming:
                wanted, weight = min(wanted, pace.urgent), weight * CONFIRMING_WEIGHT
            floor = (
                min(pace.floor, max(pace.urgent, CONFIRMING_FLOOR_SECONDS)) if task in camera.confirming else pace.floor
            )
            if self._slots.floor[slot] != floor:
                self._slots.floor[slot] = floor
                self._floors.unsettle()
            self._slots.wanted[slot] = wanted if camera.counters.looks[task] else FIRST_LOOK_SECONDS
            self._slots.weight[slot] = weight

    def _highest_bid(self, ready: NDArray[np.intp], now: float) -> int | None:
        """A bid is the weight times how long the look is awaited, in units of the wanted interval, less for an old
        frame. It grows without end, so every bid wins some day."""
        slots = self._slots
        overdue = (now - slots.last[ready]) / slots.wanted[ready]
        age = np.maximum(0.0, now - slots.frame_at[ready] - slots.next_in[ready])
        freshness = FRESHNESS_SECONDS / (FRESHNESS_SECONDS + age)
        bids = np.where(self._due(ready, now), slots.weight[ready] * np.maximum(overdue, 1.0) * freshness, 0.0)
        best = int(bids.argmax())
        return int(ready[best]) if bids[best] > 0 else None

    def _due(self, which: NDArray[np.intp], now: float) -> NDArray[np.bool_]:
        """Whose wanted interval is over; of streams that rest also whose firm floor will be before the next frame, and
        what is not firm only in a young frame."""
        slots = self._slots
        floor, next_at = slots.floor[which], slots.frame_at[which] + slots.next_in[which]
        elapsed = now - slots.last[which]
        rests, firm = slots.next_in[which] > 0, slots.firm[which]
        is_last_chance = rests & firm & (next_at - slots.last[which] > floor)
        is_soft = rests & ~firm
        wanted = np.where(is_soft, RESTING_STRETCH * slots.wanted[which], slots.wanted[which])
        is_too_old = is_soft & (now - slots.frame_at[which] > RESTING_FRESH_SECONDS)
        is_due = ((elapsed >= wanted) & ~is_too_old) | (is_last_chance & (elapsed >= RESTING_SHARE * floor))
        return np.asarray(is_due, bool)

    def _pay(self, cost: float, now: float) -> bool:
        """Take `cost` from what the budget has given so far; False when it has not given that much."""
        if self._budget is None:
            return True
        most = max(BURST_SECONDS * self._budget, 2 * cost)
        if self._tokens is None:
            self._tokens = most
        else:
            self._tokens = min(most, self._tokens + self._budget * (now - self._tokens_at))
        self._tokens_at = now
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def _learn(self, task: Task, cost: float) -> None:
        """Follow what looks cost. Until another task is measured too, it is taken to cost the same."""
        if task in self._measured:
            self._costs[task] += COST_SMOOTHING * (cost - self._costs[task])
        else:
            self._measured.add(task)
            self._costs.update({other: cost for other in Task if other == task or other not in self._measured})
        for other in Task:
            known, price = self._costs[other], self._prices[other]
            if abs(known - price) > REPRICE_SHARE * price:
                self._prices[other] = known
                for camera in self._cameras.values():
                    if other in camera.slots:
                        self._slots.cost[camera.slots[other]] = known
                self._floors.unsettle()
