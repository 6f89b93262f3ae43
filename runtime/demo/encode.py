"""Clips written as a cheap IP camera would send them.

Promises: H.264 Constrained Baseline, no B-frames, one slice, fixed GOP, bounded bitrate; a file appears under its name
only when it is whole. Not here: what is in the pictures (`scenes.py`).
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FPS = 10
GOP = 15
#: How the name of a file ends that is not whole yet; two processes may make the same clip at the same time.
PARTIAL = ".partial"


class ClipWriter:
    """Encodes BGR pictures of one size into one MP4 file."""

    def __init__(self, path: Path, size: tuple[int, int], kilobits: int) -> None:
        self._path = path
        self._partial = path.with_suffix(f".{os.getpid()}{PARTIAL}")
        self._container = av.open(str(self._partial), "w", format="mp4")
        stream = self._container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        stream.options = {
            "profile": "baseline",
            "preset": "superfast",
            "crf": "25",
            "maxrate": f"{kilobits}k",
            "bufsize": f"{kilobits}k",
            "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:slices=1:rc-lookahead=0:mbtree=0",
        }
        self._stream = stream
        self.frames = 0

    def write(self, picture: Picture) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
        frame.pts = self.frames
        self.frames += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)
