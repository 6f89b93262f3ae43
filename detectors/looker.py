"""Looks at what is worth looking at: frames come in from ingest, detections go out, and nothing ever queues.

Promises: a mailbox of one frame a camera, so what is looked at is fresh; one thread that gives the best bid to a free
inference request; `on_look` is called on one other thread, in order for each camera and task; what is dropped is
counted; `stop` ends both threads. Not here: who deserves a look (`attention.py`), networks (`engine.py`), tracking.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from configs.words import CameraId
from detectors.attention import AttentionScheduler, CameraCounters
from detectors.catalogue import Task
from detectors.engine import Engine
from detectors.motion import STILL, Motion, MotionGate
from detectors.pace import Pace, default_pace
from detectors.slots import Choice
from detectors.words import Detections
from ingest.words import Frame

log = logging.getLogger(__name__)

OnLook = Callable[[CameraId, Task, Frame, Detections], None]

STALE_AFTER_SECONDS = 1.0
#: Without a new frame that is bid for, the dispatcher looks this often whether a bid has ripened.
TICK_SECONDS = 0.1
STOP_SECONDS = 35.0
#: Looks whose results wait for `on_look` before no more are started.
RESULTS_WAITING = 8


@dataclass(slots=True)
class _Watched:
    """One camera: its gate, and its mailbox of one."""

    gate: MotionGate
    frame: Frame | None = None
    captured_at: float = 0.0
    motion: Motion = STILL


@dataclass(frozen=True, slots=True)
class _Look:
    choice: Choice
    frame: Frame
    captured_at: float
    started_at: float
    #: How many looks had a part of the engine, this one among them: its cost is that part of the time it took.
    sharing: int


@dataclass(frozen=True, slots=True)
class LookerCounters:
    """What the looker did since it was made: looks that ended, that failed in the engine, and whose receiver failed."""

    looks: int
    engine_errors: int
    receiver_errors: int


class Looker:
    """Drives engines over many cameras. The engines stay the caller's to close, after `stop`.

    `engines` gives the engine of each task; a task without one (a missing model) is left out, the rest runs on.
    `clock` is monotonic seconds; `wall` is the clock of `Frame.captured_at`.
    """

    def __init__(
        self,
        engines: Mapping[Task, Engine],
        on_look: OnLook,
        *,
        budget: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engines = dict(engines)
        self._on_look = on_look
        self._clock = clock
        self._wall = wall
        self._scheduler = AttentionScheduler(budget=budget, stale_after=STALE_AFTER_SECONDS)
        self._cameras: dict[CameraId, _Watched] = {}
        self._lock = threading.Condition()
        self._under_way = 0
        # Engines share the same cores: together they get no more requests than the widest of them alone.
        self._most = max((engine.parallel for engine in engines.values()), default=0)
        self._results: queue.SimpleQueue[tuple[_Look, Detections] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._stopping = False
        self._looks = self._engine_errors = self._receiver_errors = 0
        self._threads = [
            threading.Thread(target=self._dispatch, name="looker dispatch", daemon=True),
            threading.Thread(target=self._deliver, name="looker deliver", daemon=True),
        ]

    def start(self) -> None:
        """Start looking. Cameras may be added before or after."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Start no more looks, wait for those under way, end both threads. Harmless when repeated."""
        with self._lock:
            already, self._stopping = self._stopping, True
            self._lock.notify_all()
        if not already and self._threads[0].ident is not None:
            self._threads[0].join(STOP_SECONDS)
            with self._lock:
                self._lock.wait_for(lambda: not self._under_way, STOP_SECONDS)
            self._results.put(None)
            self._threads[1].join(STOP_SECONDS)

    # Cameras -------------------------------------------------------------------------------------------------------

    def add(self, camera_id: CameraId, paces: Mapping[Task, Pace] | None = None, looks_per_second: float = 4.0) -> None:
        """Watch a camera with the tasks of `paces`, or with every engine at `looks_per_second`."""
        wanted = paces if paces is not None else {task: default_pace(task, looks_per_second) for task in self._engines}
        with self._lock:
            served = {task: pace for task, pace in wanted.items() if task in self._engines}
            self._scheduler.register(camera_id, served, self._clock())
            self._cameras.setdefault(camera_id, _Watched(MotionGate()))

    def remove(self, camera_id: CameraId) -> None:
        """Watch it no more. Looks under way still arrive."""
        with self._lock:
            self._scheduler.unregister(camera_id)
            self._cameras.pop(camera_id, None)

    def offer(self, frame: Frame) -> Motion:
        """A new frame, from the camera's own ingest thread. Returns what the motion gate saw; never waits for a look.

        The frame takes the place of one that was not looked at. A camera that was not added is ignored.
        """
        watched = self._cameras.get(frame.camera_id)
        if watched is None:
            return STILL
        motion = watched.gate.update(frame.luma, frame.captured_at)
        with self._lock:
            if self._cameras.get(frame.camera_id) is not watched:
                return motion
            now = self._clock()
            watched.captured_at = now - max(0.0, self._wall() - frame.captured_at)
            watched.frame, watched.motion = frame, motion
            self._scheduler.noticed(frame.camera_id, motion.moving)
            is_wanted = self._scheduler.offered(frame.camera_id, watched.captured_at, now, frame.next_in)
            if is_wanted and self._under_way < self._most:
                self._lock.notify_all()
        return motion

    def tracking(self, camera_id: CameraId, moving_tracks: int) -> None:
        """How many things that move the camera's tracker follows now."""
        with self._lock:
            if camera_id in self._cameras:
                self._scheduler.tracking(camera_id, moving_tracks)

    def watched(self, camera_id: CameraId, is_watched: bool) -> None:
        """Whether an operator has the camera open."""
        with self._lock:
            if camera_id in self._cameras:
                self._scheduler.watched(camera_id, is_watched)

    def confirming(self, camera_id: CameraId, task: Task, is_confirming: bool) -> None:
        """Whether an alert on the camera waits for more looks of `task`."""
        with self._lock:
            if camera_id in self._cameras:
                self._scheduler.confirming(camera_id, task, is_confirming)

    def motion(self, camera_id: CameraId) -> Motion:
        """What the motion gate saw in the latest frame."""
        watched = self._cameras.get(camera_id)
        return watched.motion if watched else STILL

    def counters(self) -> LookerCounters:
        """What was done so far."""
        with self._lock:
            return LookerCounters(self._looks, self._engine_errors, self._receiver_errors)

    def camera_counters(self, camera_id: CameraId) -> CameraCounters:
        """What became of a camera's frames. Raises KeyError for one that is not watched."""
        with self._lock:
            return self._scheduler.counters(camera_id).copy()

    def cost(self, task: Task) -> float:
        """What a look of `task` costs, in seconds of the whole engine: 1 / cost looks fit in a second."""
        with self._lock:
            return self._scheduler.cost(task)

    # Threads -------------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                look = self._next()
                if look is None:
                    self._lock.wait(TICK_SECONDS)
                    continue
                self._under_way += 1
            self._begin(look)

    def _next(self) -> _Look | None:
        """The next look, when a request is free and something is worth it. With the lock."""
        if self._under_way >= self._most or self._waiting >= RESULTS_WAITING:
            return None
        now = self._clock()
        choice = self._scheduler.choose(now)
        if choice is None:
            return None
        watched = self._cameras[choice.camera_id]
        assert watched.frame is not None
        streams = max(1, self._engines[choice.task].parallel - 1)
        return _Look(choice, watched.frame, watched.captured_at, now, max(streams, self._under_way + 1))

    def _begin(self, look: _Look) -> None:
        try:
            taken = self._engines[look.choice.task].submit(look.frame.picture, lambda result: self._ended(look, result))
        except Exception as error:
            self._ended(look, error)
            return
        if not taken:
            self._ended(look, RuntimeError("the engine is busy with looks of somebody else"))

    def _ended(self, look: _Look, result: Detections | Exception) -> None:
        """On the engine's thread: settle the costs, wake the dispatcher, hand the result on."""
        now = self._clock()
        with self._lock:
            self._under_way -= 1
            engine = self._engines[look.choice.task]
            self._scheduler.done(look.choice, look.captured_at, now, (now - look.started_at) / look.sharing)
            if isinstance(result, Exception):
                self._engine_errors += 1
            else:
                self._looks += 1
                self._waiting += 1
            self._lock.notify_all()
        if isinstance(result, Exception):
            log.warning("a look at camera %s with %s failed: %s", look.choice.camera_id, engine.name, result)
        else:
            self._results.put((look, result))

    def _deliver(self) -> None:
        while (item := self._results.get()) is not None:
            look, detections = item
            failed = False
            try:
                self._on_look(look.choice.camera_id, look.choice.task, look.frame, detections)
            except Exception:
                failed = True
                log.exception("what follows a look at camera %s failed", look.choice.camera_id)
            with self._lock:
                self._waiting -= 1
                self._receiver_errors += failed
                self._lock.notify_all()
