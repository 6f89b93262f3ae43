"""Other looks of the same footage: another hour, other weather, the mirror image, a closer view.

Promises: each look is a function of a picture and its number, cheap enough for every frame (LUTs and sums). Not here:
which scene wears which look (`scenes.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from runtime.demo.encode import Picture

Look = Callable[[Picture, int], Picture]


def _table(gain: float, gamma: float, lift: float) -> Picture:
    ramp = np.arange(256) / 255
    return np.clip(255 * (lift + gain * ramp**gamma), 0, 255).astype(np.uint8)


def grade(blue: float, green: float, red: float, gamma: float = 1.0, lift: float = 0.0) -> Look:
    """Scales the channels; a gamma over 1 darkens the middle tones."""
    table = np.stack([_table(gain, gamma, lift) for gain in (blue, green, red)], axis=-1)[None]

    def look(picture: Picture, index: int) -> Picture:
        return np.asarray(cv2.LUT(picture, table), np.uint8)

    return look


morning = grade(0.90, 0.99, 1.06)
dusk = grade(0.80, 0.72, 0.86, gamma=1.15)
night = grade(0.62, 0.52, 0.42, gamma=1.25, lift=0.01)
overcast = grade(0.93, 0.90, 0.86, gamma=0.95, lift=0.04)


def haze(picture: Picture, index: int) -> Picture:
    """A light that is whiter the higher, as of morning fog in the valley."""
    height = picture.shape[0]
    depth = np.linspace(0.42, 0.10, height, dtype=np.float32)[:, None, None]
    return np.asarray(picture * (1 - depth) + 208 * depth, np.uint8)


def mirror(picture: Picture, index: int) -> Picture:
    return np.asarray(cv2.flip(picture, 1), np.uint8)


def crop(left: int, top: int, width: int, height: int, size: tuple[int, int] | None = None) -> Look:
    """A closer view, brought to `size` when given."""

    def look(picture: Picture, index: int) -> Picture:
        part = picture[top : top + height, left : left + width]
        return part if size is None else np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.uint8)

    return look


def rain(picture: Picture, index: int) -> Picture:
    """Streaks that fall, under a grey sky."""
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(index)
    for _ in range(90):
        x, y, length = rng.integers(0, width), rng.integers(-20, height), rng.integers(8, 22)
        cv2.line(streaks, (x, y), (x - length // 5, y + length), int(rng.integers(40, 110)), 1)
    wet = cv2.add(overcast(picture, index), cv2.merge([cv2.GaussianBlur(streaks, (3, 3), 0)] * 3))
    return np.asarray(wet, np.uint8)


def worn(*looks: Look) -> Look:
    """Several looks, one over the other."""

    def look(picture: Picture, index: int) -> Picture:
        for each in looks:
            picture = each(picture, index)
        return picture

    return look
