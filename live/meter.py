"""How many bits a second a stream brings, by the stream's own clock.

Promises: measured over the last `over_seconds`, so that a single key frame does not count as a rush; bounded, and
cheap enough to be fed each packet; nothing while less than half a second is known. Not here: what may be spent
(`seats.py`).
"""

from collections import deque

_LEAST_SECONDS = 0.5
#: Packets are counted together in steps this long.
_STEP_SECONDS = 0.25


class Meter:
    """Fed with packets in their order; `bits_per_second` at any time."""

    def __init__(self, over_seconds: float = 8.0) -> None:
        self._steps: deque[list[float]] = deque(maxlen=max(2, round(over_seconds / _STEP_SECONDS)))

    def add(self, stream_time: float, size: int) -> None:
        """A packet of `size` bytes, of that moment. A clock that was set begins anew."""
        if self._steps and not 0 <= stream_time - self._steps[-1][0] <= 10.0:
            # B-frames step back by less than this; anything else is another clock.
            if -1.0 < stream_time - self._steps[-1][0] < 0:
                stream_time = self._steps[-1][0]
            else:
                self._steps.clear()
        if not self._steps or stream_time - self._steps[-1][0] >= _STEP_SECONDS:
            self._steps.append([stream_time, 0.0])
        self._steps[-1][1] += size

    @property
    def bits_per_second(self) -> float:
        """Bits a second lately; 0 while too little is known."""
        # What came in the newest step is still growing: it is left out, and its beginning is the end of the rest.
        if len(self._steps) < 2:
            return 0.0
        seconds = self._steps[-1][0] - self._steps[0][0]
        if seconds < _LEAST_SECONDS:
            return 0.0
        return 8 * sum(size for _, size in list(self._steps)[:-1]) / seconds
