"""The brake on guessing passwords.

Promises: bounded memory; counts by address and by user name, so that neither one address nor many can guess quickly.
Not here: checking passwords (`identity.py`).
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable


class LoginThrottle:
    """Lets at most `tries` failures through in `window_seconds` for one key; thread-safe."""

    def __init__(
        self,
        tries: int = 10,
        window_seconds: float = 300.0,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tries, self._window, self._keys, self._clock = tries, window_seconds, keys, clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, *keys: str) -> float:
        """How long until the next try is let through; 0: now."""
        with self._lock:
            now = self._clock()
            return max((self._wait(key, now) for key in keys), default=0.0)

    def _wait(self, key: str, now: float) -> float:
        failures = self._failures.get(key)
        if not failures:
            return 0.0
        while failures and failures[0] <= now - self._window:
            failures.popleft()
        return failures[0] + self._window - now if len(failures) >= self._tries else 0.0

    def failed(self, *keys: str) -> None:
        """Counts one failure against each key."""
        with self._lock:
            now = self._clock()
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=self._tries)).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > self._keys:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forgets the failures of each key."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
