"""Packets into MP4, copied and never encoded again.

Promises: a file that can be decoded from its first sample; decoding times are made up where a camera gives none, so
B-frames come out right; H.264, H.265 and MJPEG. Fragmented (one fragment a group of pictures, written as soon as the
next group begins) or with one index at its end. Not here: files and their durability (`segment.py`), taking
fragmented files apart (`boxes.py`).

The first group of pictures is held back until the next key frame: only then is known how far pictures are reordered.
"""

import heapq
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, Protocol

import av
import av.error

from ingest.words import Packet

TICKS = 90_000
_TIME_BASE = Fraction(1, TICKS)
_FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
_RAW_FORMATS = {"h264": "h264", "hevc": "hevc", "mjpeg": "mjpeg"}
#: The longest reordering that the standards allow.
MOST_REORDERED = 16


class Sink(Protocol):
    """Where the bytes go. Fragmented, they come in order, and nothing is sought."""

    def write(self, data: Any) -> int: ...


class Unmuxable(Exception):
    """The packets do not make a file: no key frame first, parameter sets that cannot be read, or FFmpeg refused."""


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise Unmuxable(f"FFmpeg cannot write this ({error.strerror})") from None


def reorder_depth(times: Sequence[float]) -> int:
    """How many pictures, at most, are decoded before one that is shown earlier.

    >>> reorder_depth([0, 1, 2, 3])
    0
    >>> reorder_depth([0, 3, 1, 2, 6, 4, 5])
    1
    """
    deepest = 0
    for index, time in enumerate(times):
        before = times[max(0, index - MOST_REORDERED) : index]
        deepest = max(deepest, sum(1 for earlier in before if earlier > time))
    return deepest


class PacketMuxer:
    """One MP4 of one stream. `add` packets in the order they came, the first a key frame; `close` once at the end.

    A sink must not raise: FFmpeg would only know a number.
    """

    def __init__(self, sink: Sink, *, fragmented: bool) -> None:
        self._sink = sink
        self._fragmented = fragmented
        self._held: list[Packet] = []
        self._container: Any = None
        self._stream: Any = None
        self._first_time = 0.0
        self._step = TICKS // 10
        self._shift = 0
        self._pending: list[int] = []
        self._last_dts = -1

    def add(self, packet: Packet) -> None:
        """Add one packet. Raises Unmuxable."""
        if self._container is None:
            if not self._held and not packet.is_keyframe:
                raise Unmuxable("the first packet is not a key frame")
            if not self._held or not packet.is_keyframe:
                self._held.append(packet)
                return
            self._begin()
        self._mux(packet)

    def close(self) -> None:
        """Write what is held, and end the file. Raises Unmuxable."""
        if self._container is None and self._held:
            self._begin()
        if self._container is not None:
            with _named_errors():
                self._container.close()

    def _begin(self) -> None:
        held, self._held = self._held, []
        first = held[0]
        times = [p.stream_time for p in held]
        depth = reorder_depth(times)
        ordered = sorted(times)
        if len(ordered) > 1 and ordered[-1] > ordered[0]:
            self._step = max(1, round((ordered[-1] - ordered[0]) / (len(ordered) - 1) * TICKS))
        self._first_time = first.stream_time
        self._shift = depth * self._step
        self._pending = [n * self._step for n in range(depth)]
        options = {"movflags": _FRAGMENTED, "flush_packets": "1"} if self._fragmented else {}
        # The raw demuxer finds the size, and the parameter sets that the file's header needs.
        try:
            with av.open(io.BytesIO(first.data), format=_RAW_FORMATS[first.codec]) as template:
                self._container = av.open(self._sink, "w", format="mp4", options=options)
                self._stream = self._container.add_stream_from_template(template.streams.video[0])
        except (av.error.FFmpegError, KeyError, IndexError, ValueError) as error:
            raise Unmuxable(f"the key frame cannot be read ({type(error).__name__})") from None
        self._stream.time_base = _TIME_BASE
        if first.codec == "hevc":
            self._stream.codec_context.codec_tag = "hvc1"
        for packet in held:
            self._mux(packet)

    def _mux(self, packet: Packet) -> None:
        shown = round((packet.stream_time - self._first_time) * TICKS) + self._shift
        heapq.heappush(self._pending, shown)
        decoded = max(heapq.heappop(self._pending), self._last_dts + 1)
        self._last_dts = decoded
        given = av.Packet(packet.data)
        given.pts, given.dts = max(shown, decoded), decoded
        given.duration = self._step
        given.time_base = _TIME_BASE
        given.stream = self._stream
        given.is_keyframe = packet.is_keyframe
        with _named_errors():
            self._container.mux_one(given)


def mp4_of(packets: Sequence[Packet]) -> bytes:
    """A whole MP4 of these packets. Raises Unmuxable. All of it is held in memory."""
    file = io.BytesIO()
    muxer = PacketMuxer(file, fragmented=False)
    for packet in packets:
        muxer.add(packet)
    muxer.close()
    return file.getvalue()
