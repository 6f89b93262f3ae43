"""Footage from disk: a video file or a folder of images, one picture after another with its time.

Promises: times rise; what cannot be read is one clear `FootageError`. Not here: live streams (`ingest/`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

_IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class FootageError(Exception):
    """The footage is not there or cannot be read."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: BGR uint8 (height, width, 3), and seconds since the footage began."""

    pixels: NDArray[np.uint8]
    seconds: float


def read_footage(path: Path, image_rate: float | None = None) -> Iterator[Picture]:
    """The pictures of a video, or of a folder's images in the order of their names. `image_rate`, pictures a second,
    is for a folder (1 when not given), and for a video whose own times are not those it was filmed at.

    Raises FootageError.
    """
    if image_rate is not None and not image_rate > 0:
        raise FootageError(f"{image_rate:g} images a second make no footage; give a number above 0")
    if not path.exists():
        raise FootageError(f"{path}: there is no such file or folder")
    if path.is_dir():
        yield from _read_folder(path, image_rate or 1.0)
    else:
        yield from _read_video(path, image_rate)


def _read_folder(path: Path, rate: float) -> Iterator[Picture]:
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _IMAGES)
    if not files:
        raise FootageError(f"{path}: the folder holds no images ({', '.join(sorted(_IMAGES))})")
    for index, file in enumerate(files):
        pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if pixels is None:
            raise FootageError(f"{file}: this image cannot be read")
        yield Picture(np.asarray(pixels, np.uint8), index / rate)


def _read_video(path: Path, given: float | None) -> Iterator[Picture]:
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FootageError(f"{path}: the file has no video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            first, last = None, -1.0
            for index, frame in enumerate(container.decode(stream)):
                if given is not None:
                    yield Picture(frame.to_ndarray(format="bgr24"), index / given)
                    continue
                seconds = frame.time if frame.time is not None else index / rate
                first = seconds if first is None else first
                seconds = max(seconds - first, last + 1e-6)
                last = seconds
                yield Picture(frame.to_ndarray(format="bgr24"), seconds)
    except av.FFmpegError as error:
        raise FootageError(f"{path}: not a video that can be read ({error.strerror or type(error).__name__})") from None
