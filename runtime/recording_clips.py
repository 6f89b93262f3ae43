"""The clip of each alert: from before it was first seen to after it was raised.

Promises: packets are only referred to, bounded in bytes for one clip and for all; a camera that dies in between gives
what there is; nothing blocks a stream's thread. Not here: saving and attaching the clip (`recording.py`).
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from configs.words import CameraId, Instant, StreamRole
from ingest.words import Packet

log = logging.getLogger(__name__)

CLIP_BYTES = 48 << 20
ALL_BYTES = 192 << 20
#: How much longer than the post-roll a clip waits for packets.
_GRACE_SECONDS = 5.0

Recent = Callable[[StreamRole, float | None], list[Packet]]


@dataclass(slots=True)
class Clip:
    """One alert's clip on its way."""

    alert_id: str
    camera_id: CameraId
    role: StreamRole
    since: Instant
    until: Instant
    deadline: float
    packets: list[Packet] | None = None
    size: int = 0
    is_over: bool = False


@dataclass(slots=True)
class _Desk:
    recent: Recent
    clips: list[Clip] = field(default_factory=list)


class ClipDesk:
    """Gathers clips of all cameras of a shard."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._desks: dict[CameraId, _Desk] = {}
        self._lock = threading.Lock()
        self.cut_short = 0

    def add(self, camera_id: CameraId, recent: Recent) -> None:
        """A camera whose alerts get clips."""
        self._desks[camera_id] = _Desk(recent)

    def begin(self, alert_id: str, camera_id: CameraId, role: StreamRole, since: Instant, post_roll: float) -> None:
        """An alert was raised: a clip from `since` to `post_roll` seconds from now."""
        now = self._wall()
        clip = Clip(
            alert_id, camera_id, role, since, Instant(now + post_roll), self._monotonic() + post_roll + _GRACE_SECONDS
        )
        with self._lock:
            self._desks[camera_id].clips.append(clip)

    def packet(self, packet: Packet) -> None:
        """A packet came, and is in its ring. Call it from the stream's own thread."""
        desk = self._desks.get(packet.camera_id)
        if desk is None or not desk.clips:
            return
        for clip in list(desk.clips):
            if clip.role is packet.role and not clip.is_over:
                self._take(clip, desk, packet)

    def has(self, camera_id: CameraId) -> bool:
        """Whether a clip of that camera is being gathered."""
        return bool(self._desks[camera_id].clips)

    def take_finished(self) -> list[Clip]:
        """The clips whose post-roll is over; they are this caller's now."""
        now = self._monotonic()
        return self._take_out(lambda clip: clip.is_over or now >= clip.deadline)

    def take_all(self) -> list[Clip]:
        """All clips, finished or not: the end is here."""
        return self._take_out(lambda clip: True)

    def _take(self, clip: Clip, desk: _Desk, packet: Packet) -> None:
        if clip.packets is None:
            # The ring holds this packet already; from the next one on they are added.
            wanted = desk.recent(clip.role, max(0.0, self._wall() - clip.since))
            clip.packets = wanted
            clip.size = sum(len(p.data) for p in wanted)
            return
        everything = sum(c.size for d in self._desks.values() for c in list(d.clips))
        if clip.size > CLIP_BYTES or everything > ALL_BYTES:
            clip.is_over = True
            self.cut_short += 1
            return
        clip.packets.append(packet)
        clip.size += len(packet.data)
        clip.is_over = packet.captured_at >= clip.until

    def _take_out(self, is_wanted: Callable[[Clip], bool]) -> list[Clip]:
        taken: list[Clip] = []
        with self._lock:
            for desk in self._desks.values():
                out = [clip for clip in desk.clips if is_wanted(clip)]
                if out:
                    desk.clips = [clip for clip in desk.clips if clip not in out]
                    taken += out
        for clip in taken:
            if clip.packets is None:  # nothing came since: what the ring still holds
                clip.packets = self._desks[clip.camera_id].recent(clip.role, max(0.0, self._wall() - clip.since))
        return taken
