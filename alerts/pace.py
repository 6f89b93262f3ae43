"""The brake on strangers: how often one device, one network, may do something.

Promises: bounded memory; what is refused says when to come back. Not here: logins (`api/throttle.py`).
"""

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable


class Pace:
    """At most so many in `seconds` for each key. Thread-safe."""

    def __init__(
        self, seconds: float = 3600.0, most_keys: int = 20_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most_keys, self._clock = seconds, most_keys, clock
        self._done: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, limits: dict[str, int]) -> float:
        """How long until all these keys are within their limits; 0: now, and it is counted."""
        with self._lock:
            now = self._clock()
            wait = 0.0
            for key, limit in limits.items():
                recent = [t for t in self._done.get(key, ()) if t > now - self._seconds]
                if len(recent) >= limit:
                    wait = max(wait, recent[-limit] + self._seconds - now)
            if wait > 0:
                return wait
            for key, limit in limits.items():
                self._done.setdefault(key, deque(maxlen=limit)).append(now)
                self._done.move_to_end(key)
            while len(self._done) > self._most_keys:
                self._done.popitem(last=False)
            return 0.0


def network_of(address: str) -> str:
    """The network an address belongs to, as one household or carrier has it: /24 of IPv4, /48 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))
