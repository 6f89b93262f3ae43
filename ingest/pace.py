"""Which pictures of a stream to give, so that about so many a second come out evenly.

Promises: pure; paced by the stream's own time, so a burst after a network stall gives no more pictures than a steady
stream; a stream time that jumps begins anew. Not here: decoding.
"""

#: Stream times are rounded to ticks.
_TOLERANCE_SECONDS = 0.004


class Pace:
    """Picks pictures at a rate."""

    def __init__(self) -> None:
        self._per_second = 0.0
        self._next = 0.0

    def due_from(self) -> float:
        """The stream time from which a picture is due next, if neither the rate changes nor the time jumps."""
        return self._next - _TOLERANCE_SECONDS

    def is_due(self, stream_time: float, per_second: float) -> bool:
        """Whether the picture of that stream time is wanted at that rate (pictures a second)."""
        if per_second <= 0:
            return False
        step = 1.0 / per_second
        if per_second != self._per_second or abs(stream_time - self._next) > 2 * step + 1.0:
            self._per_second = per_second
            self._next = stream_time
        if stream_time < self._next - _TOLERANCE_SECONDS:
            return False
        self._next = max(self._next + step, stream_time + step / 2)
        return True
