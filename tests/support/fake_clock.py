"""A clock that tests turn by hand."""

import threading

from configs.words import Instant


class FakeClock:
    """Wall and monotonic time that move only when told to, or when somebody waits."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self._wall = wall
        self._monotonic = 1000.0

    def wall(self) -> Instant:
        return Instant(self._wall)

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Does not wait: time passes at once."""
        if event.is_set():
            return True
        self.advance(max(0.0, seconds))
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._wall += seconds
        self._monotonic += seconds

    def set_wall(self, wall: float) -> None:
        """Somebody sets the machine's clock."""
        self._wall = wall
