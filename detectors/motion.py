"""The motion gate: does anything move in front of this camera?

Promises: some tens of microseconds a frame on a luma plane of about 160×90; regions of what moves; a camera that shakes
is told apart. It holds against sensor noise, exposure steps, headlights, swaying trees and rain, because it compares
*local contrast* (the plane less its own blur), scaled for gain, with a background that learns each spot's usual unrest,
and asks for changes that fill a cell rather than dots. Not here: what it is that moves (the models).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.words import Box

#: Changes are judged in cells of this many pixels a side.
CELL = 8
#: A pixel has changed when it differs by more than this, and by more than its usual unrest times `UNREST_TIMES`.
LEAST_CHANGE = 7.0
UNREST_TIMES = 4.0
#: A cell moves when this share of it has changed.
CELL_SHARE = 0.22
#: One frame in which so much of the picture changes at once is looked at for shaking.
SHAKE_SHARE = 0.12
#: The background follows within about this many seconds where nothing moves, and where something does.
LEARN_SECONDS = 4.0
LEARN_MOVING_SECONDS = 40.0
UNREST_SECONDS = 8.0
#: When most of the picture has changed for this long, the camera was turned: start anew.
TURNED_SECONDS = 5.0
TURNED_SHARE = 0.6
#: After a gap this long the old background says nothing.
FORGET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Motion:
    """What one frame showed. `level` is the share of the picture that moves, `regions` where, 0…1 of the picture."""

    moving: bool
    level: float
    regions: tuple[Box, ...]
    shaking: bool


STILL = Motion(False, 0.0, (), False)


class MotionGate:
    """Watches one camera. Not thread-safe."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._unrest: NDArray[np.float32] | None = None
        self._seen_at = 0.0
        self._changed_since: float | None = None

    def update(self, luma: NDArray[np.uint8], at: float) -> Motion:
        """Judge the next frame: `luma` is grey, uint8 (h, w), `at` its time in seconds. Times may be uneven."""
        contrast = _local_contrast(luma)
        background, unrest = self._background, self._unrest
        elapsed = at - self._seen_at
        self._seen_at = at
        if (
            background is None
            or unrest is None
            or background.shape != contrast.shape
            or not 0 <= elapsed < FORGET_SECONDS
        ):
            self._restart(contrast)
            return STILL
        gain = _gain(contrast, background)
        change = cv2.absdiff(contrast, background if gain == 1.0 else background * np.float32(gain))
        limit = np.maximum(np.float32(LEAST_CHANGE), unrest * np.float32(UNREST_TIMES))
        cells = _cells(change > limit)
        moving_cells = cells > CELL_SHARE
        level = float(moving_cells.mean())
        shaking = level > SHAKE_SHARE and _is_shift(contrast, background, change)
        self._learn(contrast, change, moving_cells, elapsed, shaking)
        if level > TURNED_SHARE and not shaking:
            self._changed_since = at if self._changed_since is None else self._changed_since
            if at - self._changed_since > TURNED_SECONDS:
                self._restart(contrast)
                return STILL
        else:
            self._changed_since = None
        if shaking or not level:
            return Motion(False, level, (), shaking)
        return Motion(True, level, _regions(moving_cells), False)

    def _restart(self, contrast: NDArray[np.float32]) -> None:
        self._background = contrast
        self._unrest = np.full_like(contrast, LEAST_CHANGE / UNREST_TIMES)
        self._changed_since = None

    def _learn(
        self,
        contrast: NDArray[np.float32],
        change: NDArray[np.float32],
        moving_cells: NDArray[np.bool_],
        elapsed: float,
        shaking: bool,
    ) -> None:
        """Follow what is usual: soon where it is still, slowly where something passes, not at all while it shakes."""
        assert self._background is not None and self._unrest is not None
        if shaking:
            return
        still, moving = _share(elapsed, LEARN_SECONDS), _share(elapsed, LEARN_MOVING_SECONDS)
        if moving_cells.any():
            spread = cv2.dilate(moving_cells.astype(np.uint8), np.ones((3, 3), np.uint8))
            mask = cv2.resize(spread, contrast.shape[::-1], interpolation=cv2.INTER_NEAREST)
            rate = np.where(mask, np.float32(moving), np.float32(still))
            self._background = self._background + rate * (contrast - self._background)
        else:
            cv2.accumulateWeighted(contrast, self._background, still)
        # Unrest grows where things keep changing, whether or not that counted as motion: leaves, water, a flag.
        cv2.accumulateWeighted(np.minimum(change, 3 * LEAST_CHANGE), self._unrest, _share(elapsed, UNREST_SECONDS))


def _share(elapsed: float, seconds: float) -> float:
    return float(1.0 - np.exp(-elapsed / seconds))


def _local_contrast(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The plane, lightly smoothed, less its surroundings: light that spreads evenly leaves no trace in it."""
    plane = luma.astype(np.float32)
    contrast: NDArray[np.float32] = np.subtract(cv2.blur(plane, (3, 3)), cv2.blur(plane, (25, 25)), dtype=np.float32)
    return contrast


def _gain(contrast: NDArray[np.float32], background: NDArray[np.float32]) -> float:
    """How much stronger the whole picture's contrast has become: exposure, dusk, a switch to night mode."""
    a, b = contrast.ravel(), background.ravel()
    strength = float(b @ b)
    if strength < a.size:  # a flat picture: nothing to compare
        return 1.0
    return min(2.0, max(0.5, float(a @ b) / strength))


def _cells(changed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The share of changed pixels in each cell."""
    h, w = changed.shape
    size = (max(1, round(w / CELL)), max(1, round(h / CELL)))
    return np.asarray(cv2.resize(changed.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def _is_shift(contrast: NDArray[np.float32], background: NDArray[np.float32], change: NDArray[np.float32]) -> bool:
    """Whether moving the whole picture a little explains most of the change."""
    (dx, dy), response = cv2.phaseCorrelate(background, contrast)
    if response < 0.15 or not 0.3 < np.hypot(dx, dy) < 12:
        return False
    h, w = contrast.shape
    moved = cv2.warpAffine(
        background, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (w, h), borderMode=cv2.BORDER_REPLICATE
    )
    inner = (slice(12, h - 12), slice(12, w - 12)) if min(h, w) > 48 else (slice(None), slice(None))
    return float(cv2.absdiff(contrast, moved)[inner].mean()) < 0.6 * float(change[inner].mean())


def _regions(moving_cells: NDArray[np.bool_]) -> tuple[Box, ...]:
    """Boxes around cells that touch, largest first, at most 16."""
    rows, columns = moving_cells.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(moving_cells.astype(np.uint8), connectivity=8)
    found = sorted(stats[1:count].tolist(), key=lambda s: -s[4])[:16]
    return tuple((x / columns, y / rows, (x + w) / columns, (y + h) / rows) for x, y, w, h, _ in found)
