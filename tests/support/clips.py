"""Tiny clips, encoded on the fly: moving squares on a textured ground, so that every picture differs."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from runtime.demo.clip import Clip, clip_of
from runtime.demo.nal import is_parameter_set, split_annexb

_CODECS = {"h264": "libx264", "hevc": "libx265"}


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Picture `number` of the test scene: BGR, uint8, (height, width, 3)."""
    ground = np.random.default_rng(1).integers(60, 200, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    scene = np.kron(ground, np.ones((8, 8, 1), np.uint8))[:height, :width].copy()
    x, y = (number * 7) % (width - 24), (number * 3) % (height - 24)
    scene[y : y + 24, x : x + 24] = (40, 220, 250)
    return scene


def make_clip(
    path: Path,
    codec: str = "h264",
    size: tuple[int, int] = (160, 96),
    fps: int = 20,
    seconds: float = 2.0,
    gop: int = 10,
    scene: Callable[[int], NDArray[np.uint8]] | None = None,
    b_frames: int = 0,
) -> Path:
    """Encode a clip of the test scene, or of another that gives its pictures by number. `size` is (width, height)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(_CODECS[codec], rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if codec == "h264":
            stream.options = {"preset": "ultrafast", "sc_threshold": "0", "bf": str(b_frames)}
        else:
            x265 = f"keyint={gop}:min-keyint={gop}:bframes={b_frames}:scenecut=0:open-gop=0:pools=none:log-level=none"
            stream.options = {"preset": "ultrafast", "x265-params": x265}
        for number in range(int(seconds * fps)):
            bgr = picture(number, *size) if scene is None else scene(number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(bgr, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def undecodable(path: Path) -> Clip:
    """The H.264 clip in that file with nothing but rubbish in its slices: packets that look right, and no picture."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_annexb = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        pictures = [split_annexb(bytes(p)) for raw in container.demux(stream) for p in to_annexb.filter(raw) if p.size]
        size = stream.codec_context.width, stream.codec_context.height
    spoilt = [
        [nal if is_parameter_set("h264", nal) else nal[:1] + b"\xff" * (len(nal) - 1) for nal in nals]
        for nals in pictures
    ]
    return clip_of("undecodable", "h264", *size, 20.0, spoilt)
