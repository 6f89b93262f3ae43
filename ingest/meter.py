"""Rates of one stream: pictures and bits a second, the length of a group of pictures.

Promises: averages over the last whole seconds, from a monotonic clock given by the caller; constant memory. Not here:
states (`state.py`).
"""

from collections import deque

WINDOW_SECONDS = 5


class Meter:
    """Counts packets by whole seconds."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int, int]] = deque(maxlen=WINDOW_SECONDS + 1)
        self._current = (0, 0, 0)
        self._key_time: float | None = None
        self.gop_seconds: float | None = None

    def packet(self, now: float, size: int, is_keyframe: bool, stream_time: float) -> None:
        """Note one packet."""
        second = int(now)
        if second != self._current[0]:
            if self._current[1]:
                self._seconds.append(self._current)
            self._current = (second, 0, 0)
        self._current = (second, self._current[1] + 1, self._current[2] + size)
        if is_keyframe:
            if self._key_time is not None and 0 < stream_time - self._key_time < 120:
                self.gop_seconds = stream_time - self._key_time
            self._key_time = stream_time

    def rates(self, now: float) -> tuple[float, float]:
        """(packets a second, bits a second) over the whole seconds just past; zeros when nothing came."""
        first = int(now) - WINDOW_SECONDS
        past = [s for s in (*self._seconds, self._current) if first <= s[0] < int(now)]
        if not past:
            return 0.0, 0.0
        span = int(now) - past[0][0]
        return sum(s[1] for s in past) / span, sum(s[2] for s in past) * 8 / span
