"""Real footage, when there is some: found, decoded, brought to the demo's rate.

Promises: pictures one by one, never a whole clip in memory. Not here: what is made of them (`scenes.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from runtime.demo.encode import FPS, Picture

PEDESTRIANS = "pets09-s2l1-view1.avi"
ROAD = "road-8-vehicles.mp4"
HOUSE_FIRE = "house-fire.mp4"
PARKING = "person-bicycle-car.gif"
KNOWN = (PEDESTRIANS, ROAD, HOUSE_FIRE, PARKING)


def footage_folder(root: Path) -> Path | None:
    """The folder of clips: $VBRAIN_CLIPS, else `../shared/data/clips` beside the project; None without known clips."""
    named = os.environ.get("VBRAIN_CLIPS")
    folder = Path(named) if named else root.parent / "shared" / "data" / "clips"
    return folder if any((folder / name).is_file() for name in KNOWN) else None


def pictures(path: Path, first: int = 0, count: int | None = None) -> Iterator[Picture]:
    """BGR pictures at `FPS`, from the first-th of them on."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = float(stream.average_rate) / FPS
        due, given = 0.0, 0
        for index, frame in enumerate(container.decode(stream)):
            if index + 1e-6 < due:
                continue
            due += max(step, 1.0)
            given += 1
            if given <= first:
                continue
            yield frame.to_ndarray(format="bgr24")
            if count is not None and given >= first + count:
                return


def plate(path: Path, every: int = 45, percentile: float = 50) -> Picture:
    """The scene without what moves: a percentile over time for each pixel (the median; a low one drops what glows)."""
    stack = np.stack([picture for index, picture in enumerate(pictures(path)) if index % every == 0])
    return np.percentile(stack, percentile, axis=0, method="nearest").astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that moves, cut out of a picture: its pixels, its shape (0 or 255) and where it was."""

    picture: Picture
    shape: Picture
    left: int
    top: int

    @property
    def right(self) -> int:
        return self.left + int(self.shape.shape[1])

    @property
    def foot(self) -> int:
        return self.top + int(self.shape.shape[0])


def cut_what_moves(picture: Picture, background: Picture, smallest: int = 200) -> list[Piece]:
    """The moving things in a picture, each of at least `smallest` pixels."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_what_moves(picture, background))
    pieces = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area >= smallest:
            part = np.s_[top : top + height, left : left + width]
            shape = (labels[part] == label).astype(np.uint8) * 255
            pieces.append(Piece(picture[part].copy(), shape, left, top))
    return pieces


def _what_moves(picture: Picture, background: Picture, threshold: int = 24) -> Picture:
    """A mask (0 or 255) of what differs from the background, worked out at half the size."""
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    small, still = (cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in (picture, background))
    blue, green, red = cv2.split(cv2.absdiff(small, still))
    difference = cv2.blur(cv2.max(cv2.max(blue, green), red), (3, 3))
    mask = cv2.threshold(difference, threshold, 255, cv2.THRESH_BINARY)[1]
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    mask = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    return np.asarray(cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
