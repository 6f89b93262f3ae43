"""A stream that this process is handed, instead of one that it opens at a camera: the way of a phone's pictures.

Promises: whoever hands over never waits; what waits is bounded, and what finds no room is dropped up to the next key
frame and counted; it opens with a key frame, and ends when the one who hands over says so. Not here: where the
pictures come from (`live/phone_line.py`), supervision (`stream.py`).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ingest import errors
from ingest.opener import Arrival, Chunk, Source

TICKS_PER_SECOND = 90_000.0
QUEUE_UNITS = 300
QUEUE_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class _Handed:
    """One access unit; an `opener.Arrival`."""

    pts: int
    is_keyframe: bool
    data: bytes


class Handover:
    """One stream of H.264 (Annex B, parameter sets in front of key frames). `open` is an `opener.Opener`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._units: deque[_Handed] = deque()
        self._bytes = 0
        self._needs_keyframe = True
        #: Grows with each stream that begins or ends: a source belongs to one of them.
        self._turn = 0
        self.dropped = 0

    def begin(self) -> None:
        """Another stream begins: what is left of the one before ends."""
        with self._changed:
            self._turn += 1
            self._drop_all()
            self._changed.notify_all()

    def put(self, data: bytes, is_keyframe: bool, stream_time: float) -> None:
        """The next access unit, at a time in seconds. Never waits."""
        with self._changed:
            if self._needs_keyframe and not is_keyframe:
                self.dropped += 1
                return
            if len(self._units) >= QUEUE_UNITS or self._bytes + len(data) > QUEUE_BYTES:
                self.dropped += len(self._units)
                self._drop_all()
                if not is_keyframe:
                    self.dropped += 1
                    return
            self._needs_keyframe = False
            self._units.append(_Handed(round(stream_time * TICKS_PER_SECOND), is_keyframe, data))
            self._bytes += len(data)
            self._changed.notify_all()

    def open(self, url: str, transport: str, *, open_seconds: float, read_seconds: float) -> Source:
        """What is handed over from now on, from a key frame on. Raises TimedOut when none comes."""
        deadline = self._clock() + open_seconds
        with self._changed:
            while not self._at_keyframe():
                left = deadline - self._clock()
                if left <= 0:
                    raise errors.TimedOut(errors.redact(url))
                self._changed.wait(left)
            return _HandedSource(self, self._turn, errors.redact(url), read_seconds)

    def take(self, turn: int, seconds: float, where: str) -> _Handed:
        """The next unit of that stream, waited for. Raises Ended, Silent."""
        deadline = self._clock() + seconds
        with self._changed:
            while True:
                if turn != self._turn:
                    raise errors.Ended(where)
                if self._units:
                    unit = self._units.popleft()
                    self._bytes -= len(unit.data)
                    return unit
                left = deadline - self._clock()
                if left <= 0:
                    raise errors.Silent(where)
                self._changed.wait(left)

    def _at_keyframe(self) -> bool:
        """Whether a source could begin: what cannot be decoded is left out."""
        while self._units and not self._units[0].is_keyframe:
            self._bytes -= len(self._units.popleft().data)
            self.dropped += 1
        if not self._units:
            self._needs_keyframe = True
        return bool(self._units)

    def _drop_all(self) -> None:
        self._units.clear()
        self._bytes = 0
        self._needs_keyframe = True


class _HandedSource:
    codec = "h264"
    parameter_sets = b""
    ticks_per_second = TICKS_PER_SECOND

    def __init__(self, handover: Handover, turn: int, where: str, read_seconds: float) -> None:
        self._handover, self._turn, self._where, self._read_seconds = handover, turn, where, read_seconds

    def arrivals(self) -> Iterator[Arrival]:
        while True:
            yield self._handover.take(self._turn, self._read_seconds, self._where)

    def chunk(self, arrival: Arrival) -> Chunk:
        assert isinstance(arrival, _Handed)
        return Chunk(arrival.data, arrival.is_keyframe, arrival.pts / TICKS_PER_SECOND)

    def close(self) -> None:
        """Nothing is held."""
