"""Clips and a camera that can be broken, for the failure tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.support.clips import make_clip


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "h264": make_clip(folder / "h264.mp4"),
        "h264-large": make_clip(folder / "large.mp4", size=(320, 192)),
        "hevc": make_clip(folder / "hevc.mp4", "hevc"),
    }


@pytest.fixture
def broken(clips: dict[str, Path]) -> Iterator[ThreadedServer]:
    """A server of `gate`, whose faults the test sets, and of `neighbour`, which stays well."""
    sources = {path: Loop(Clip.open(clips["h264"])) for path in ("gate", "neighbour")}
    with ThreadedServer(RtspServer(sources)) as server:
        yield server
