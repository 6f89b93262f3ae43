"""When a picture was taken, from the stream's own time and the moment its packet arrived.

Promises: an estimate that ignores network jitter, follows a drifting camera clock, survives stream times that jump, go
back or are missing, never lies in the future, and never goes back (unless this machine's own clock was set back). Not
here: RTCP sender reports; cheap cameras' clocks are wrong by years, so their wall time is not believed.

Method: packets can only be late, never early, so the smallest (arrival - stream time) seen lately is the best offset.
The minimum is kept over two half-windows, so that it forgets within `WINDOW_SECONDS` and drift is followed.
"""

from configs.words import Instant

WINDOW_SECONDS = 20.0
#: A stream time that falls back by more than this begins anew; less is the reordering of B-frames.
BACKWARD_SECONDS = 1.5
#: A stream time that runs ahead of arrival by more than this begins anew as well.
FORWARD_SECONDS = 1.5
#: A wall clock that differs from what we extrapolate by more than this was set.
CLOCK_SET_SECONDS = 0.5


class CaptureTime:
    """The estimator of one connection's stream."""

    def __init__(self) -> None:
        #: The smallest offset lately: the lesser of this half-window's and the one's before.
        self._low = self._low_now = self._low_before = float("inf")
        self._window_began = 0.0
        self._last_stream_time: float | None = None
        self._last_arrival = 0.0
        self._last_capture = float("-inf")
        self._wall_minus_monotonic: float | None = None
        self._shown_time = self._shown_at = float("-inf")

    def observe(self, stream_time: float | None, monotonic: float, wall: float) -> Instant:
        """Note a packet's arrival and return its moment of capture. `monotonic` and `wall` are now on both clocks."""
        to_wall = self._follow_wall(wall - monotonic)
        if stream_time is None:
            self._last_capture = max(self._last_capture, monotonic)
            return Instant(monotonic + to_wall)
        last = self._last_stream_time
        offset = monotonic - stream_time
        if last is None or stream_time < last - BACKWARD_SECONDS or self._ran_ahead(stream_time, last, monotonic):
            self._low = self._low_now = self._low_before = offset
            self._window_began = monotonic
        elif monotonic - self._window_began > WINDOW_SECONDS / 2:
            self._low_before, self._low_now = self._low_now, offset
            self._low = min(self._low_before, offset)
            self._window_began = monotonic
        elif offset < self._low_now:
            self._low_now = offset
            self._low = min(self._low_before, offset)
        self._last_arrival = monotonic
        estimate = stream_time + self._low
        if estimate > monotonic:
            estimate = monotonic
        if last is not None and last - BACKWARD_SECONDS <= stream_time < last:
            return Instant(estimate + to_wall)  # a picture out of order keeps its own, earlier time
        self._last_stream_time = stream_time
        if estimate > self._last_capture:
            self._last_capture = estimate
        return Instant(self._last_capture + to_wall)

    def at(self, stream_time: float, otherwise: Instant) -> Instant:
        """The moment of capture of a stream time that was observed a moment ago (a decoded picture's)."""
        if self._last_stream_time is None or self._wall_minus_monotonic is None:
            return otherwise
        estimate = min(stream_time + self._low, max(self._last_capture, self._last_arrival))
        if stream_time >= self._shown_time:  # a better offset found in between must not put pictures out of order
            estimate = max(estimate, self._shown_at)
        self._shown_time, self._shown_at = stream_time, estimate
        return Instant(estimate + self._wall_minus_monotonic)

    def _ran_ahead(self, stream_time: float, last: float, monotonic: float) -> bool:
        ahead = (stream_time - last) - (monotonic - self._last_arrival)
        return ahead > FORWARD_SECONDS and stream_time + self._low > monotonic + FORWARD_SECONDS

    def _follow_wall(self, measured: float) -> float:
        known = self._wall_minus_monotonic
        if known is None or abs(measured - known) > CLOCK_SET_SECONDS:
            known = measured
        else:
            known += 0.01 * (measured - known)
        self._wall_minus_monotonic = known
        return known
