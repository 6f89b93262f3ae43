"""Whose turn it is to decode: no more streams at once than there are cores.

Promises: a stream that wants to work waits in line without waking up in between, `LONGEST_WAIT_SECONDS` at most, and
then works all the same, so that one that is stuck stops nobody for long. Not here: what the work is (`stream.py`).

Why: forty threads that want the interpreter at once each wake up every few hundred microseconds to ask for it. With two
cores and 37 busy streams that alone took four tenths of a core, and tipped over into a state in which hardly a look was
taken. In line, only as many ask as can work.
"""

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_WAIT_SECONDS = 0.5


class Lane:
    """One line of streams, of which one works at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold while working. Not reentrant."""
        mine = self._lock.acquire(timeout=LONGEST_WAIT_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._lock.release()


class Lanes:
    """The lines of one process; streams are spread over them evenly."""

    def __init__(self, count: int) -> None:
        self._lanes = itertools.cycle([Lane() for _ in range(count)])
        self._lock = threading.Lock()

    def next(self) -> Lane:
        """The lane of one more stream."""
        with self._lock:
            return next(self._lanes)


#: Those of this process.
LANES = Lanes(os.cpu_count() or 1)
