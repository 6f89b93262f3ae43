"""A clip out of recorded segments: cut at key frames, copied, never encoded again.

Promises: the clip begins at the last key frame at or before the wished moment, and ends with the first key frame after
the wished end; gaps between segments are closed; it stops where the picture's format changes, because one file cannot
hold both, and says how far it goes. Bounded in bytes. Not here: which segments there are (the database).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

_TICKS = 90_000
_TIME_BASE = Fraction(1, _TICKS)


class NothingToCut(Exception):
    """There is no picture of that time in these segments."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment's file and the moment its first picture was taken, in seconds since the epoch."""

    path: Path
    started_at: float


@dataclass(frozen=True, slots=True)
class Cut:
    """What the clip holds, in seconds since the epoch. `is_complete`: it goes as far as was wished, or as there is."""

    begins: float
    ends: float
    is_complete: bool


def cut(pieces: Sequence[Piece], begin: float, end: float, target: Path, most_bytes: int) -> Cut:
    """Write the pictures of `begin` to `end` from segments in order of time to `target`, an MP4 with its index in
    front. Raises NothingToCut, OSError."""
    joiner = _Joiner(target, begin, end, most_bytes)
    try:
        for piece in pieces:
            if not joiner.take(piece):
                break
    finally:
        joiner.close()
    if joiner.begins is None:
        target.unlink(missing_ok=True)
        raise NothingToCut("nothing was recorded at that time")
    return Cut(joiner.begins, joiner.ends, not joiner.cut_short)


class _Joiner:
    def __init__(self, target: Path, begin: float, end: float, most_bytes: int) -> None:
        self._target, self._begin, self._end = target, begin, end
        self._left = most_bytes
        self._output: Any = None
        self._stream: Any = None
        self._format: tuple[Any, ...] = ()
        self._next = 0
        self.begins: float | None = None
        self.ends = begin
        self.cut_short = False

    def take(self, piece: Piece) -> bool:
        """Add what is wished of a segment; false when no more is to come."""
        try:
            with av.open(str(piece.path)) as source:
                stream = source.streams.video[0]
                context = stream.codec_context
                kind = (context.codec.name, context.width, context.height, bytes(context.extradata or b""))
                if self._format and kind != self._format:
                    self.cut_short = True
                    return False
                self._format = kind
                return self._copy(source, stream, piece.started_at)
        except (FileNotFoundError, IndexError, av.error.InvalidDataError):
            return True  # lost or damaged; the audit will say so

    def _copy(self, source: Any, stream: Any, started_at: float) -> bool:
        wished = max(0.0, self._begin - started_at)
        base = stream.start_time or 0
        if wished > 0:
            source.seek(base + math.floor(wished / stream.time_base), stream=stream, backward=True)
        offset: int | None = None
        for packet in source.demux(stream):
            if not packet.size or packet.pts is None or packet.dts is None:
                continue
            at = started_at + float((packet.pts - base) * stream.time_base)
            if packet.is_keyframe and at >= self._end:
                return False
            if self._left < packet.size:
                self.cut_short = True
                return False
            if self._output is None:
                self._open(stream)
                self.begins = at
            dts = round(packet.dts * stream.time_base * _TICKS)
            if offset is None:
                offset = self._next - dts
            duration = round((packet.duration or 0) * stream.time_base * _TICKS) or _TICKS // 10
            pts = round(packet.pts * stream.time_base * _TICKS) + offset
            packet.dts, packet.pts, packet.duration = dts + offset, pts, duration
            packet.time_base = _TIME_BASE
            packet.stream = self._stream
            self._next = dts + offset + duration
            self._left -= packet.size
            self.ends = max(self.ends, at + duration / _TICKS)
            self._output.mux_one(packet)
        return True

    def _open(self, stream: Any) -> None:
        self._output = av.open(str(self._target), "w", format="mp4", options={"movflags": "faststart"})
        self._stream = self._output.add_stream_from_template(stream)
        self._stream.time_base = _TIME_BASE

    def close(self) -> None:
        if self._output is not None:
            self._output.close()
