"""Time, injected: so that tests turn the clock instead of sleeping.

Promises: one protocol with the three things that ingest asks of time, and the real clock. Not here: how a moment of
capture is estimated (`capture_time.py`).
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol, cast

from configs.words import Instant


class Clock(Protocol):
    """What ingest asks of time."""

    def wall(self) -> Instant:
        """Seconds since the Unix epoch, UTC. May be set back or forward by whoever keeps this machine's clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow, for measuring spans."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait at most that long for the event; true when it was set."""
        ...


class SystemClock:
    """The machine's own clock."""

    # The functions themselves: they are called for every packet.
    wall = staticmethod(cast(Callable[[], Instant], time.time))
    monotonic = staticmethod(time.monotonic)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


SYSTEM_CLOCK = SystemClock()
