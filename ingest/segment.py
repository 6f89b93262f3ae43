"""One recorded file: fragmented MP4 that is whole up to its last fragment whenever the process dies.

Promises, in this order: the file's bytes are synced, then it gets its final name, then its folder is synced; only then
may anybody write a row of it (`seal`). Until then its name ends in `.part` and this process holds a lock on it, so that
a check in another process leaves it alone. A full disk costs the fragment that did not fit, nothing that was written
before. Not here: what is recorded when (`recorder.py`), rows (the runtime).
"""

import errno
import fcntl
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from configs.words import CameraId, Instant, StreamRole
from ingest.annexb import leading_units
from ingest.mp4 import PacketMuxer, Unmuxable
from ingest.words import Packet

PART = ".part"
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-([a-z]+)-([0-9a-f]{32})\.mp4(\.part)?")
_MOMENT = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class FinishedSegment:
    """A file that is written, but not yet durable. `path` is relative to the store's folder and has its final name."""

    id: str
    camera_id: CameraId
    role: StreamRole
    reason: str
    path: str
    started_at: Instant
    ended_at: Instant
    size_bytes: int
    sha256: str
    codec: str
    width: int
    height: int
    handle: int


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What a file's place and name say of it."""

    id: str
    camera_id: CameraId
    role: StreamRole
    reason: str
    started_at: Instant
    is_part: bool


def name_of(path: str) -> SegmentName | None:
    """What the path of a segment, relative to the store, says; None for a file that is not one of ours.

    >>> name_of("gate/main/2026-05-01/20260501T120000.250Z-event-0123456789abcdef0123456789abcdef.mp4").reason
    'event'
    """
    parts = Path(path).parts
    found = _NAME.fullmatch(parts[-1]) if len(parts) == 4 else None
    if found is None or parts[1] not in tuple(StreamRole):
        return None
    try:
        moment = datetime.strptime(found[1], _MOMENT + ".%f").replace(tzinfo=UTC)
    except ValueError:
        return None
    started_at = Instant(moment.timestamp())
    return SegmentName(found[3], CameraId(parts[0]), StreamRole(parts[1]), found[2], started_at, found[4] is not None)


class _File:
    """Counts and hashes what is written, and can go back to the last whole fragment."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._hash = self._hash_whole = hashlib.sha256()
        self.written = self.whole = 0
        self.failed: OSError | None = None

    def write(self, data: memoryview | bytes) -> int:
        if self.failed is None:
            view = memoryview(data)
            try:
                while view:
                    done = os.write(self._handle, view)
                    self._hash.update(view[:done])
                    self.written += done
                    view = view[done:]
            except OSError as error:
                self.failed = error  # FFmpeg would turn it into a number; `settle` raises it
        return len(data)

    def settle(self) -> None:
        """All that was written up to here is whole. Raises the OSError that a write met, after cutting back."""
        if self.failed is not None:
            self.cut()
            raise self.failed
        if self.written != self.whole:
            self.whole = self.written
            self._hash_whole = self._hash.copy()

    def cut(self) -> None:
        os.ftruncate(self._handle, self.whole)

    @property
    def sha256(self) -> str:
        return self._hash_whole.hexdigest()


class SegmentWriter:
    """Writes one segment. Used by one thread."""

    def __init__(self, store: Path, first: Packet, reason: str) -> None:
        """`first` is a key frame (and is not yet written). Raises OSError."""
        self.id = uuid4().hex
        self.first = first
        self.reason = reason
        moment = datetime.fromtimestamp(first.captured_at, UTC)
        stem = f"{moment.strftime(_MOMENT)}.{moment.microsecond // 1000:03d}Z-{reason}-{self.id}.mp4"
        self.path = f"{first.camera_id}/{first.role.value}/{moment:%Y-%m-%d}/{stem}"
        part = store / (self.path + PART)
        part.parent.mkdir(parents=True, exist_ok=True)
        self._part = part
        self._handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file = _File(self._handle)
        self._muxer = PacketMuxer(self._file, fragmented=True)
        self._parameters = _parameters(first)
        self._last = first
        self._step = 0.1

    @property
    def written(self) -> int:
        return self._file.written

    def continues(self, packet: Packet) -> bool:
        """Whether the packet may follow in this file: same codec and size, and no jump of the camera's clock."""
        last = self._last
        step = packet.stream_time - last.stream_time
        jumped = abs(step - (packet.captured_at - last.captured_at)) > 1.0
        if jumped or not -1.5 < step < 10.0 or packet.codec != last.codec or packet.role is not last.role:
            return False
        return not packet.is_keyframe or _parameters(packet) == self._parameters

    def add(self, packet: Packet) -> None:
        """Raises OSError (what was whole before stays so), Unmuxable."""
        self._muxer.add(packet)
        if 0 < packet.captured_at - self._last.captured_at < 5:
            self._step = packet.captured_at - self._last.captured_at
        self._last = packet
        self._file.settle()

    def finish(self, following: Packet | None = None) -> FinishedSegment | None:
        """End the file; `following` begins the next one without a gap. None when nothing whole was written; then the
        file is gone. Raises nothing."""
        try:
            if self._file.failed is None:
                self._muxer.close()
                self._file.settle()
        except (OSError, Unmuxable):
            pass
        if not self._file.whole or self._file.written == 0:
            self._discard()
            return None
        ended = following.captured_at if following is not None else self._last.captured_at + self._step
        first = self.first
        return FinishedSegment(
            id=self.id,
            camera_id=first.camera_id,
            role=first.role,
            reason=self.reason,
            path=self.path,
            started_at=first.captured_at,
            ended_at=Instant(max(ended, first.captured_at)),
            size_bytes=self._file.whole,
            sha256=self._file.sha256,
            codec=first.codec,
            width=first.width,
            height=first.height,
            handle=self._handle,
        )

    def _discard(self) -> None:
        self._part.unlink(missing_ok=True)
        os.close(self._handle)


def seal(store: Path, segment: FinishedSegment) -> Path:
    """Make a finished segment durable under its final name: file synced, renamed, folders synced. Raises OSError.

    The lock is held until `release`: call that after the row was committed. Doing it twice does no harm.
    """
    final = store / segment.path
    part = final.with_name(final.name + PART)
    os.fsync(segment.handle)
    if part.exists():
        part.rename(final)
    for folder in (final.parent, *list(final.parents)[1:4]):
        sync_folder(folder)
        if folder == store:
            break
    return final


def release(segment: FinishedSegment) -> None:
    """Let go of the file: from now on a check may judge it."""
    try:
        os.close(segment.handle)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in the folder survives a power cut from now on. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_being_written(path: Path) -> bool:
    """Whether some process holds the file's lock. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(handle)


def _parameters(packet: Packet) -> bytes:
    return b"" if packet.codec == "mjpeg" else leading_units(packet.data, packet.codec)[0]
