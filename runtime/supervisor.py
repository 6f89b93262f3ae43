"""The supervisor: starts the processes of one box, restarts one that dies, ends them all.

Promises: a dead process comes back after a growing pause; stopping ends every child within seconds, by force if
need be; a child whose supervisor was killed ends by itself. Moves nothing else. Not here: what the processes do
(`processes.py`).
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_STOP_SECONDS = 12.0


@dataclass(slots=True)
class Child:
    """One process to keep alive: `python <arguments>`."""

    name: str
    arguments: list[str]
    on_line: Callable[[str], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    pause: float = _FIRST_PAUSE_SECONDS
    start_at: float = 0.0


class Supervisor:
    """Keeps children alive until told to stop. `say(text)` is for what a person should read."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._children: list[Child] = []
        self._say = say
        self._clock = clock

    def add(self, name: str, arguments: list[str], on_line: Callable[[str], None] | None = None) -> Child:
        """Adds a child and starts it now. `on_line` gets each line that it prints, from a thread of its own."""
        child = Child(name, arguments, on_line)
        self._children.append(child)
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            [sys.executable, *child.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if child.on_line else None,
            start_new_session=True,  # Ctrl-C is for the supervisor; it then ends its children in order
        )
        if child.on_line is not None:
            threading.Thread(target=_read, args=(child.process, child.on_line), name=child.name, daemon=True).start()
        child.started_at = self._clock()
        log.info("started %s as process %d", child.name, child.process.pid)

    def watch(self, stop: threading.Event) -> None:
        """Restarts what dies, until `stop` is set."""
        while not stop.wait(0.25):
            for child in self._children:
                self._tend(child)

    def _tend(self, child: Child) -> None:
        now = self._clock()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                if now - child.started_at > _STEADY_SECONDS:
                    child.pause = _FIRST_PAUSE_SECONDS
                return
            child.process = None
            child.restarts += 1
            child.start_at = now + child.pause
            self._say(f"{child.name} ended ({_told(code)}); starting it again in {child.pause:.1f} s")
            child.pause = min(child.pause * 2, _LONGEST_PAUSE_SECONDS)
        elif now >= child.start_at:
            self._start(child)

    def stop(self) -> None:
        """Ends the children, the last started first; kills what does not end in time."""
        running = [c.process for c in reversed(self._children) if c.process is not None]
        for process in running:
            process.terminate()
        deadline = self._clock() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                log.warning("process %d did not end in time and is killed", process.pid)
                process.kill()
                process.wait()


def _read(process: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        on_line(line.decode(errors="replace").rstrip())


def _told(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def die_with_parent() -> None:
    """Makes Linux send SIGTERM to this process when its parent ends, however it ends."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:  # it ended in between
        os.kill(os.getpid(), signal.SIGTERM)
