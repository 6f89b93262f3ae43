"""A village that really runs: `vbrain run` with its demo cameras, and a Chromium to look at it."""

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

PROJECT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 300
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@dataclass(frozen=True)
class Village:
    """Where the running village is, and how to get in."""

    url: str
    username: str
    password: str
    process: subprocess.Popen[str]
    var: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_village(var: Path, *arguments: str) -> tuple[subprocess.Popen[str], "queue.Queue[str]"]:
    """Starts `vbrain run`; the queue gets its lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "run", *arguments],
        env={**os.environ, "VBRAIN_VAR": str(var), "COLUMNS": "200"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    return process, lines


def read_until(
    lines: "queue.Queue[str]", pattern: str, process: subprocess.Popen[str], seconds: float
) -> re.Match[str]:
    """The first match of `pattern` in what the village says."""
    said = ""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            said += lines.get(timeout=0.5)
        except queue.Empty:
            if process.poll() is not None:
                break
        if found := re.search(pattern, said):
            return found
    raise AssertionError(f"the village never said {pattern!r}; it said:\n{said}")


@pytest.fixture(scope="session")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """The demo village, started once for all tests. Its clips are kept in var/demo between runs."""
    if not (PROJECT / "web" / "dist" / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    var = tmp_path_factory.mktemp("var")
    clips = PROJECT / "var" / "demo"
    clips.mkdir(parents=True, exist_ok=True)
    (var / "demo").symlink_to(clips)
    process, lines = start_village(var, "--port", str(free_port()), "--demo-port", str(free_port()))
    try:
        found = read_until(
            lines, r"is at (http://\S+)[\s\S]*Log in as (\S+) with the password (\S+)", process, _READY_SECONDS
        )
        yield Village(found[1], found[2], found[3], process, var)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def chromium_path() -> str:
    """The system's Chromium; skips without."""
    path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium; run `make test`, or install the package chromium")
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium of the system."""
    path = chromium_path()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()
