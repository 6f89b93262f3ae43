"""`python -m runtime.demo` as the supervisor starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).parents[2]
DAY = "repeats_every: 60\ncameras:\n  gate-1: {scene: lane}\n"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "day.yaml").write_text(DAY)
    photographs = folder / "cache" / "photographs"
    photographs.mkdir(parents=True)
    for name in ("bus.jpg", "zidane.jpg"):  # not pictures, so that everybody is drawn
        (photographs / name).touch()
    return ["--day", str(folder / "day.yaml"), "--cache", str(folder / "cache"), "--port", "0"]


def start(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runtime.demo", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"VBRAIN_CLIPS": "/nowhere"} | environment,
    )


def ready(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """The address it says, and what it said before."""
    assert process.stdout is not None
    before: list[str] = []
    for line in process.stdout:
        if line.startswith("ready"):
            return line.split(" at ")[1].strip(), before
        before.append(line)
    raise AssertionError(f"ended without being ready: {before}")


@pytest.fixture
def process(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    started = start(arguments)
    yield started
    started.kill()
    started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_stops_when_told(process: subprocess.Popen[str], number: signal.Signals) -> None:
    address, _ = ready(process)
    with av.open(f"{address}gate-1/main", options={"rtsp_transport": "tcp"}, timeout=10) as container:
        assert next(container.decode(video=0)).width == 640
        process.send_signal(number)
        assert process.wait(10) == 0


def test_it_ends_with_its_parent(arguments: list[str]) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    demo = start([*arguments, "--parent-pid", str(sleeper.pid)])
    ready(demo)
    sleeper.kill()
    sleeper.wait()
    assert demo.wait(10) == 0


def test_a_taken_port_is_one_clear_sentence(process: subprocess.Popen[str], arguments: list[str]) -> None:
    address, _ = ready(process)
    port = address.rstrip("/").rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", "runtime.demo", *arguments[:-1], port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"VBRAIN_CLIPS": "/nowhere"},
    )
    assert second.returncode == 1
    assert second.stderr.startswith(f"demo: port {port} is taken by another program")
    assert "Traceback" not in second.stderr
