"""Small clips that are made in a moment."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from runtime.demo.clip import Clip
from runtime.demo.encode import ClipWriter


def moving_bars(count: int, size: tuple[int, int], shade: int = 255) -> list[np.ndarray]:
    width, height = size
    ramp = np.arange(width)[None, :] + np.arange(height)[:, None]
    return [
        np.repeat((((ramp + 6 * i) % 200) * shade // 255).astype(np.uint8)[..., None], 3, axis=2) for i in range(count)
    ]


def write_clip(path: Path, count: int = 30, size: tuple[int, int] = (320, 180), shade: int = 255) -> Path:
    with ClipWriter(path, size, 400) as writer:
        for picture in moving_bars(count, size, shade):
            writer.write(picture)
    return path


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "bars.mp4")


@pytest.fixture(scope="session")
def clip(clip_file: Path) -> Clip:
    return Clip.open(clip_file)


@pytest.fixture(scope="session")
def dark_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip.open(write_clip(tmp_path_factory.mktemp("clips") / "dark.mp4", shade=90))


@pytest.fixture(scope="session")
def hevc_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("clips") / "bars-hevc.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=10)
        stream.width, stream.height, stream.pix_fmt = 192, 112, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "x265-params": "bframes=0:keyint=10:log-level=none:pools=none:frame-threads=1",
        }
        for picture in moving_bars(20, (192, 112)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return Clip.open(path)
