"""The supervisor with real processes: what dies comes back, what is told to end ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from runtime.supervisor import Supervisor

_WAIT = 15.0


def wait_for(condition, what: str) -> None:
    deadline = time.monotonic() + _WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_is_started_again_and_said_so():
    said: list[str] = []
    supervisor = Supervisor(said.append)
    child = supervisor.add("sleeper", ["-c", "import time; time.sleep(60)"])
    assert child.process is not None
    first = child.process.pid
    stop = threading.Event()
    watcher = threading.Thread(target=supervisor.watch, args=(stop,))
    watcher.start()
    try:
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: child.process is not None and child.process.pid != first, "a new process")
        assert child.restarts == 1
        assert "sleeper ended (signal SIGKILL)" in said[0]
    finally:
        stop.set()
        watcher.join(_WAIT)
        supervisor.stop()
    assert child.process is None or not alive(child.process.pid)


def test_a_child_that_keeps_dying_is_given_growing_pauses():
    now = [0.0]
    supervisor = Supervisor(lambda _: None, clock=lambda: now[0])
    child = supervisor.add("broken", ["-c", "raise SystemExit(3)"])
    pauses = []
    for _ in range(8):
        assert child.process is not None
        child.process.wait(_WAIT)
        supervisor._tend(child)
        pauses.append(child.start_at - now[0])
        now[0] = child.start_at
        supervisor._tend(child)
    supervisor.stop()
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path):
    script = f"""
import sys, threading
from runtime.supervisor import Supervisor
supervisor = Supervisor(print)
supervisor.add("child", ["-c", '''
import os, pathlib, time
from runtime.supervisor import die_with_parent
die_with_parent()
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
time.sleep(60)
'''])
supervisor.watch(threading.Event())
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    pid_file = tmp_path / "pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text() != "", "the child")
    child = int(pid_file.read_text())
    parent.kill()
    parent.wait(_WAIT)
    wait_for(lambda: not alive(child), "the child to end")
