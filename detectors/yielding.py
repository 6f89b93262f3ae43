"""Threads that compute, kept behind those that must not be late.

Promises: threads that a library starts by itself while `behind()` holds run at a lower priority from then on, where the
system has priorities for threads (Linux); elsewhere nothing happens. Python's own threads are left alone: one that
holds the interpreter must not be kept waiting. Not here: how many threads there are (the engines).

Why: a picture that is not decoded in time is never looked at, a look that starts a few milliseconds later is. On a busy
box the network's threads would otherwise take their whole slice each time before a camera's thread may go on.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Added to the niceness: a third of the weight of a thread of ordinary priority.
NICER = 5


def _threads_of_this_process() -> set[int]:
    with suppress(OSError):
        return {int(entry.name) for entry in Path("/proc/self/task").iterdir()}
    return set()


@contextmanager
def behind() -> Iterator[None]:
    """Native threads that start meanwhile yield to others."""
    if sys.platform != "linux":
        yield
        return
    before = _threads_of_this_process()
    try:
        yield
    finally:
        ours = {thread.native_id for thread in threading.enumerate()}
        for thread in _threads_of_this_process() - before - ours:
            with suppress(OSError):  # it has ended already
                os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, 0) + NICER)
