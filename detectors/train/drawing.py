"""What smoke, views and look-alikes are drawn with: noise, soft steps, light.

Promises: the same for the same state of the generator; works on plain BGR pictures of any size; needs numpy and OpenCV
only. Not here: what is drawn (`composites`, `landscapes`, `look_alikes`).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
PixelBox = tuple[float, float, float, float]
Rng = np.random.Generator


def fractal_noise(rng: Rng, height: int, width: int, *, cell: float, octaves: int = 4, fall: float = 0.55) -> Plane:
    """Smooth noise 0…1, (height, width): octaves of random grids, the coarsest with `cell` pixels a knot."""
    total = np.zeros((height, width), np.float32)
    weight, sum_of_weights = 1.0, 0.0
    for _ in range(octaves):
        rows, columns = max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)
        grid = rng.random((min(rows, height), min(columns, width)), np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        sum_of_weights += weight
        weight *= fall
        cell = max(cell / 2, 1.5)
    low, high = np.percentile(total[:: max(height // 64, 1), :: max(width // 64, 1)], (2, 98))
    spread: Plane = ((total - float(low)) / max(float(high - low), 1e-6)).clip(0, 1)
    return spread


def smoothstep(x: Plane, low: float, high: float) -> Plane:
    """0 up to `low`, 1 from `high` on, smooth between."""
    t = ((x - low) / (high - low)).clip(0, 1)
    smooth: Plane = t * t * (3 - 2 * t)
    return smooth


def add_glow(picture: Picture, x: float, y: float, radius: float, colour: Sequence[float] | Plane) -> None:
    """Adds a soft disc of light, in place."""
    h, w = picture.shape[:2]
    reach = int(radius * 2) + 1
    left, right = max(int(x) - reach, 0), min(int(x) + reach + 1, w)
    top, bottom = max(int(y) - reach, 0), min(int(y) + reach + 1, h)
    if left >= right or top >= bottom:
        return
    ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32)
    disc = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * (radius * 0.7) ** 2))[..., None]
    part = picture[top:bottom, left:right]
    part[:] = (part + disc * np.asarray(colour, np.float32)).clip(0, 255).astype(np.uint8)
