"""Packets of many cameras into segments on disk, from one thread.

Promises: `packet` never blocks and costs next to nothing for a camera that is not recorded; what waits is bounded in
bytes, and what is dropped for lack of room or disk is counted; recording starts with what the ring holds from before;
a disk that is full is survived and said, and tried again. Not here: what one file promises (`segment.py`), who wants
what recorded, and the rows (the runtime).
"""

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from configs.words import CameraId, StreamRole
from ingest.mp4 import Unmuxable
from ingest.segment import FinishedSegment, SegmentWriter
from ingest.words import Packet

log = logging.getLogger(__name__)

#: What may wait for the disk: for one camera, and for all.
TRACK_BYTES = 16 << 20
WAITING_BYTES = 96 << 20
SEGMENT_SECONDS = 60.0
SEGMENT_BYTES = 256 << 20
_DRAIN_SECONDS = 0.2
#: Without a packet for so long, a segment ends.
_IDLE_SECONDS = 10.0
_RETRY_SECONDS = 5.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

#: Packets of a camera's stream from a key frame at least so many seconds back.
Recent = Callable[[StreamRole, float | None], list[Packet]]


class RecordingState(StrEnum):
    """What a camera's recording does."""

    OFF = "off"
    WAITING = "waiting"
    RECORDING = "recording"
    DISK_FULL = "disk_full"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingHealth:
    """What is known of one camera's recording now. Counted since the start."""

    state: RecordingState
    segments: int = 0
    bytes_written: int = 0
    packets_dropped: int = 0


@dataclass(slots=True)
class _Track:
    """One camera's recording. Fields of the first part belong to the stream's thread, the others to the writer's."""

    recent: Recent
    role: StreamRole = StreamRole.SUB
    until: float = float("-inf")
    pre_roll: float = 0.0
    reason: str = "continuous"
    taking: bool = False
    damaged: bool = False
    put: int = 0
    dropped_waiting: int = 0
    queue: "deque[tuple[Packet | None, str]]" = field(default_factory=deque)

    writer: SegmentWriter | None = None
    taken: int = 0
    retry_at: float = 0.0
    got_at: float = 0.0
    problem: RecordingState | None = None
    segments: int = 0
    bytes_written: int = 0
    dropped_writing: int = 0


class Recorder:
    """Records what it is told to. Finished segments go to `on_segment`, in the writer's thread, not yet durable."""

    def __init__(
        self,
        store: Path,
        on_segment: Callable[[FinishedSegment], None],
        on_full: Callable[[], None] = lambda: None,
        *,
        segment_seconds: float = SEGMENT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_full` is called when the disk turned out to be full: somebody should make room."""
        self._store = store
        self._on_segment = on_segment
        self._on_full = on_full
        self._segment_seconds = segment_seconds
        self._monotonic = monotonic
        self._tracks: dict[CameraId, _Track] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def add(self, camera_id: CameraId, recent: Recent) -> None:
        """A camera that may be recorded; before `start`."""
        self._tracks[camera_id] = _Track(recent)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what waits, end all segments, and the thread. The streams should have stopped before."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def want(self, camera_id: CameraId, role: StreamRole, seconds: float, pre_roll: float, reason: str) -> None:
        """Record that stream for so many seconds from now (for ever: `inf`), and `pre_roll` seconds from before."""
        track = self._tracks[camera_id]
        if not track.taking:
            track.role, track.pre_roll, track.reason = role, pre_roll, reason
        track.until = max(track.until, self._monotonic() + seconds)

    def unwant(self, camera_id: CameraId) -> None:
        """Record no more of it."""
        self._tracks[camera_id].until = float("-inf")

    def is_taking(self, camera_id: CameraId) -> StreamRole | None:
        """Which of the camera's streams is wanted now."""
        track = self._tracks[camera_id]
        return track.role if track.until > self._monotonic() else None

    def packet(self, packet: Packet) -> None:
        """A packet came, and is in its ring. Call it from the stream's own thread."""
        track = self._tracks.get(packet.camera_id)
        if track is None or packet.role is not track.role:
            return
        if track.until <= self._monotonic():
            if track.taking:
                track.taking = False
                track.queue.append((None, track.reason))
            return
        if not track.taking:
            track.taking = True
            track.damaged = False
            for earlier in track.recent(packet.role, track.pre_roll or None):
                self._put(track, earlier)
            return
        self._put(track, packet)

    def health(self, camera_id: CameraId) -> RecordingHealth:
        """What the camera's recording does now."""
        track = self._tracks[camera_id]
        wanted = track.until > self._monotonic()
        if track.problem is not None and wanted:
            state = track.problem
        elif track.writer is not None:
            state = RecordingState.RECORDING
        else:
            state = RecordingState.WAITING
        written = track.bytes_written + (track.writer.written if track.writer else 0)
        return RecordingHealth(state, track.segments, written, track.dropped_waiting + track.dropped_writing)

    def _put(self, track: _Track, packet: Packet) -> None:
        """Once something was dropped, nothing can be decoded before the next key frame."""
        if packet.is_keyframe:
            track.damaged = False
        waiting = track.put - track.taken
        if track.damaged or waiting > TRACK_BYTES or self._all_waiting() > WAITING_BYTES:
            track.damaged = True
            track.dropped_waiting += 1
            return
        track.put += len(packet.data)
        track.queue.append((packet, track.reason))

    def _all_waiting(self) -> int:
        return sum(track.put - track.taken for track in self._tracks.values()) if self._is_behind else 0

    # The writer's thread.

    _is_behind = False

    def _run(self) -> None:
        while True:
            is_last = self._stopping.wait(_DRAIN_SECONDS)
            now = self._monotonic()
            for track in self._tracks.values():
                try:
                    self._drain(track, now)
                except Exception:
                    log.exception("a recording failed")
                    track.problem = RecordingState.FAILED
            # Adding up all cameras for each packet is dear, and needless while the disk keeps up.
            self._is_behind = sum(t.put - t.taken for t in self._tracks.values()) > WAITING_BYTES // 4
            if is_last:
                for track in self._tracks.values():
                    self._finish(track)
                return

    def _drain(self, track: _Track, now: float) -> None:
        for _ in range(len(track.queue)):
            packet, reason = track.queue.popleft()
            if packet is None:
                self._finish(track)
                continue
            track.taken += len(packet.data)
            track.got_at = now
            self._write(track, packet, reason, now)
        if track.writer is not None and now - track.got_at > _IDLE_SECONDS:
            self._finish(track)

    def _write(self, track: _Track, packet: Packet, reason: str, now: float) -> None:
        writer = track.writer
        if writer is not None and packet.is_keyframe:
            seconds = packet.captured_at - writer.first.captured_at
            is_full = seconds >= self._segment_seconds - 0.01 or writer.written >= SEGMENT_BYTES
            if is_full or not writer.continues(packet):
                self._finish(track, packet if writer.continues(packet) else None)
        elif writer is not None and not writer.continues(packet):
            self._finish(track)
        if track.writer is None:
            if not packet.is_keyframe or now < track.retry_at:
                track.dropped_writing += 1
                return
            try:
                track.writer = SegmentWriter(self._store, packet, reason)
            except OSError as error:
                self._failed(track, packet, error, now)
                return
        try:
            track.writer.add(packet)
            if track.writer.written:
                track.problem = None
        except (OSError, Unmuxable) as error:
            self._finish(track)
            self._failed(track, packet, error, now)

    def _failed(self, track: _Track, packet: Packet, error: Exception, now: float) -> None:
        is_full = isinstance(error, OSError) and error.errno in _FULL
        problem = RecordingState.DISK_FULL if is_full else RecordingState.FAILED
        if track.problem is not problem:
            log.error("%s is not recorded: %s", packet.camera_id, error)
        track.problem = problem
        track.retry_at = now + _RETRY_SECONDS
        track.dropped_writing += 1
        if is_full:
            self._on_full()

    def _finish(self, track: _Track, following: Packet | None = None) -> None:
        writer, track.writer = track.writer, None
        if writer is None:
            return
        segment = writer.finish(following)
        if segment is not None:
            track.segments += 1
            track.bytes_written += segment.size_bytes
            self._on_segment(segment)
