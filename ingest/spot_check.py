"""Whether a stream of which nobody wishes pictures still shows some: now and then one key frame is decoded.

Promises: at once for a new connection, then every `EVERY_SECONDS`; closely for a while when the size of the key frames
hints at a change (a black or covered picture is suddenly small, a frozen one comes in exactly the same size again and
again), and as long as a fault holds. One key frame that cannot be decoded is bad luck, two in a row are a fault. A
640×360 key frame costs some 3 ms, so 37 idle streams cost a quarter of a percent of a core. Not here: what the picture
shows (`view.py`), what follows from it (`stream.py`).
"""

import random

import av
import av.error

from ingest.decode import TICKS, Picture
from ingest.words import Packet

EVERY_SECONDS = 60.0
#: While something is amiss, or may be.
CLOSE_SECONDS = 3.0
#: How long a hint makes us look closely.
HINT_SECONDS = 60.0
#: A key frame so much larger or smaller than usual is a hint.
_SIZE_RATIO = 2.0
_SIZE_WEIGHT = 1 / 16


class SpotCheck:
    """The spot checks of one connection. Owned by its stream's thread."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._next_at = self._looked_at = float("-inf")
        self._close_until = float("-inf")
        self._usual_size = 0.0
        self._last_size = -1
        self._seen_any = False
        self._failed_in_a_row = 0

    @property
    def is_fresh(self) -> bool:
        """Whether what comes can be taken for pictures."""
        return self._seen_any and self._failed_in_a_row < 2

    @property
    def failed_last(self) -> bool:
        """Whether the key frame that was decoded last showed nothing."""
        return self._failed_in_a_row > 0

    def keyframe(self, packet: Packet, now: float, has_fault: bool) -> Picture | None:
        """A key frame came, at a monotonic time; its picture, if it was its turn and it can be decoded. `has_fault`:
        the picture showed too little when it was last judged."""
        if self._is_hint(len(packet.data)):
            self._close_until = now + HINT_SECONDS
            self._next_at = min(self._next_at, self._looked_at + CLOSE_SECONDS)
        if now < self._next_at:
            return None
        self._looked_at = now
        picture = _decoded(packet)
        if picture is None:
            self._failed_in_a_row += 1
            self._next_at = now
            return None
        self._seen_any, self._failed_in_a_row = True, 0
        is_close = has_fault or now < self._close_until
        # By chance a little more or less, so that cameras that came up together are not checked together.
        self._next_at = now + (CLOSE_SECONDS if is_close else EVERY_SECONDS * self._chance.uniform(0.8, 1.2))
        return picture

    def _is_hint(self, size: int) -> bool:
        usual, last = self._usual_size or float(size), self._last_size
        self._usual_size = usual + _SIZE_WEIGHT * (size - usual)
        self._last_size = size
        return size == last or not usual / _SIZE_RATIO <= size <= usual * _SIZE_RATIO


def _decoded(keyframe: Packet) -> Picture | None:
    """The picture of a key frame alone. In software: setting up a hardware decoder for one picture is dearer."""
    try:
        context = av.CodecContext.create(keyframe.codec, "r")
        context.thread_count = 1
        given = av.Packet(keyframe.data)
        given.pts = round(keyframe.stream_time * TICKS)
        frames = [*context.decode(given), *context.decode(None)]
    except (av.error.FFmpegError, ValueError):
        return None
    return Picture(frames[-1]) if frames else None
