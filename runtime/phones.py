"""The phones that are cameras of one shard: whose broadcast each temporary monitoring point shows, since when, and when
it is over.

Promises: a point is asked for while pictures come for it, and given back when the service says that it is over, when
another broadcast takes its place, or when nothing came for a while; whatever a shard missed before it began is in the
next unit. Owned by the thread of the line. Not here: the line (`live/phone_line.py`), what a point is (`shard.py`).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from alerts.words import AlertDraft, Reason
from configs.site import MonitoringPoint
from configs.words import CameraId
from ingest.handed import Handover
from live.wire import PhoneUnit

#: The service ends a broadcast after 8 s of silence; this is for when the service itself has gone.
SILENT_SECONDS = 10.0

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Carried:
    """Who carries a phone, and where."""

    person: str
    spot: Spot | None


@dataclass(slots=True)
class _Slot:
    handover: Handover
    broadcast: str | None = None
    carried: Carried | None = None
    heard_at: float = 0.0


class Phones:
    """All phones of a shard. `begin(camera_id, carried)` is called when a broadcast begins, `moved` when the phone is
    elsewhere than before, `end` when it is over."""

    def __init__(
        self,
        camera_ids: Iterable[CameraId],
        begin: Callable[[CameraId, Carried], None],
        moved: Callable[[CameraId, Carried], None],
        end: Callable[[CameraId], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin, self._moved, self._end, self._clock = begin, moved, end, clock
        self._slots = {camera_id: _Slot(Handover()) for camera_id in camera_ids}
        self.unknown = 0

    def __len__(self) -> int:
        return len(self._slots)

    def handover(self, camera_id: CameraId) -> Handover:
        """Where the pictures of a phone's monitoring point come out."""
        return self._slots[camera_id].handover

    def hear(self, unit: PhoneUnit) -> None:
        """Something came of a phone."""
        camera_id = CameraId(unit.camera_id)
        slot = self._slots.get(camera_id)
        if slot is None:
            self.unknown += 1
            return
        if unit.is_over:
            if unit.broadcast == slot.broadcast:
                self._finish(camera_id, slot)
            return
        carried = Carried(unit.person, unit.spot)
        if unit.broadcast != slot.broadcast:
            if slot.broadcast is not None:
                self._finish(camera_id, slot)
            slot.handover.begin()
            slot.broadcast, slot.carried = unit.broadcast, carried
            self._begin(camera_id, carried)
        elif carried != slot.carried:
            slot.carried = carried
            self._moved(camera_id, carried)
        slot.heard_at = self._clock()
        slot.handover.put(unit.data, unit.is_keyframe, unit.stream_time)

    def tick(self) -> None:
        """Ends what has fallen silent."""
        now = self._clock()
        for camera_id, slot in self._slots.items():
            if slot.broadcast is not None and now - slot.heard_at > SILENT_SECONDS:
                self._finish(camera_id, slot)

    def _finish(self, camera_id: CameraId, slot: _Slot) -> None:
        slot.broadcast = slot.carried = None
        self._end(camera_id)
        slot.handover.begin()


def named_after(draft: AlertDraft, point: MonitoringPoint) -> AlertDraft:
    """The draft with the phone's owner in its sentence: the monitoring point itself will soon be somebody else's."""
    zh, en = f"{point.name.zh}：{draft.reason.zh}", f"{point.name.en}: {draft.reason.en}"
    return replace(draft, reason=Reason(zh=zh, en=en))
