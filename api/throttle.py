"""The brake on guessing passwords.

Promises: bounded memory; failures are counted for a name at an address, and more leniently for an address alone, so
that neither one account nor many can be guessed at quickly from one place, and nobody can lock somebody else out from
another. Not here: checking passwords (`identity.py`).
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable


class LoginThrottle:
    """Lets `tries` failures through in `window_seconds` for a name at an address, `tries_per_address` for all names
    there. Thread-safe."""

    def __init__(
        self,
        tries: int = 10,
        tries_per_address: int = 50,
        window_seconds: float = 300.0,
        most_keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tries, self._tries_per_address = tries, tries_per_address
        self._window, self._most_keys, self._clock = window_seconds, most_keys, clock
        self._failures: OrderedDict[tuple[str, str | None], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def _keys(self, username: str, address: str) -> tuple[tuple[tuple[str, str | None], int], ...]:
        return ((address, username.casefold()), self._tries), ((address, None), self._tries_per_address)

    def wait_seconds(self, username: str, address: str) -> float:
        """How long until the next try is let through; 0: now."""
        with self._lock:
            now = self._clock()
            return max(self._wait(key, tries, now) for key, tries in self._keys(username, address))

    def _wait(self, key: tuple[str, str | None], tries: int, now: float) -> float:
        failures = self._failures.get(key, ())
        recent = [moment for moment in failures if moment > now - self._window]
        return recent[-tries] + self._window - now if len(recent) >= tries else 0.0

    def failed(self, username: str, address: str) -> None:
        """Counts one failure."""
        with self._lock:
            now = self._clock()
            for key, tries in self._keys(username, address):
                self._failures.setdefault(key, deque(maxlen=tries)).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > self._most_keys:
                self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forgets the failures of this name at this address."""
        with self._lock:
            self._failures.pop((address, username.casefold()), None)
