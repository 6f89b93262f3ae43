"""The motion gate: does anything move in front of this camera?

Promises: some tens of microseconds a frame on a luma plane of about 160×90; regions of what moves; a camera that shakes
is told apart. It holds against sensor noise, exposure steps, headlights, swaying trees and rain, because it compares
*local contrast* (the plane less its own blur), scaled for gain, with a background that learns each spot's usual unrest,
and asks for changes that fill a cell rather than dots. Not here: what it is that moves (the models).
"""

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.words import Box

#: Changes are judged in cells of this many pixels a side.
CELL = 8
#: A pixel has changed when its contrast differs by more than this, and by more than its unrest times `UNREST_TIMES`.
LEAST_CHANGE = 7.0
UNREST_TIMES = 3.0
#: A cell moves when this share of it has changed.
CELL_SHARE = 0.22
#: A spot of no more cells than this has to last for two frames.
SMALL_SPOT_CELLS = 2
#: While the camera shakes, smaller spots than this are fine texture that did not fit back.
SHAKEN_SPOT_CELLS = 5
#: When so much of the picture changes at once, it is asked whether the camera shook or the light changed.
ALL_AT_ONCE_SHARE = 0.12
#: A shake moves the picture by fewer pixels than this; moving it back leaves less than this share of the change.
FARTHEST_SHAKE = 12.0
SHAKE_LEAVES = 0.55
SHAKE_CERTAINTY = 0.15
#: A change of light leaves the pattern of contrasts as it was: their correlation is above this.
SAME_PATTERN = 0.8
LIGHT_STEP = 10.0
GAIN_STEP = 0.15
LIGHT_SECONDS = 1.0
#: The background follows within about this many seconds where nothing moves, and where something does.
LEARN_SECONDS = 4.0
LEARN_MOVING_SECONDS = 40.0
LEARN_LIGHT_SECONDS = 0.3
#: So do the limits of unrest; they are worked out anew this often.
UNREST_SECONDS = 8.0
UNREST_MOVING_SECONDS = 40.0
LIMITS_SECONDS = 1.0
#: When most of the picture has changed for this long, the camera was turned: start anew.
TURNED_SECONDS = 5.0
TURNED_SHARE = 0.6
#: After a gap this long the old background says nothing.
FORGET_SECONDS = 60.0

Plane = NDArray[np.float32]


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
        self._background: Plane = np.zeros((0, 0), np.float32)
        self._squares = self._background
        self._limit = self._background
        self._limited_at = self._seen_at = 0.0
        self._cells_before = np.zeros((0, 0), bool)
        self._brightness = 0.0
        self._relight_until = -np.inf
        self._changed_since: float | None = None

    def update(self, luma: NDArray[np.uint8], at: float) -> Motion:
        """Judge the next frame: `luma` is grey, uint8 (h, w), at least 16 pixels each way; `at` its time in seconds.
        Times may be uneven. The first frame, and one of a new size, is taken as still."""
        contrast = _local_contrast(luma)
        elapsed, self._seen_at = at - self._seen_at, at
        brightness = float(cv2.mean(luma)[0])
        brighter, self._brightness = abs(brightness - self._brightness), brightness
        if self._background.shape != contrast.shape or not 0 <= elapsed < FORGET_SECONDS:
            self._restart(contrast, at)
            return STILL
        change = cv2.absdiff(contrast, self._background)
        cells = self._moving_cells(change)
        shaking = False
        if cells.mean() > ALL_AT_ONCE_SHARE:
            gain, pattern = _compare(contrast, self._background)
            shaken = _undo_shake(contrast, self._background, change)
            if shaken is not None:
                shaking, cells = True, self._moving_cells(shaken)
            elif pattern > SAME_PATTERN and (brighter > LIGHT_STEP or abs(gain - 1) > GAIN_STEP):
                self._relight_until = at + LIGHT_SECONDS
                change = cv2.absdiff(contrast, self._background * np.float32(gain))
                cells = self._moving_cells(change)
        level = float(cells.mean())
        relit = at <= self._relight_until
        before, self._cells_before = self._cells_before, cells
        if not shaking:
            self._learn(contrast, change, cells, elapsed, relit)
        if level > TURNED_SHARE and not shaking:
            self._changed_since = at if self._changed_since is None else self._changed_since
            if at - self._changed_since > TURNED_SECONDS:
                self._restart(contrast, at)
                return STILL
        else:
            self._changed_since = None
        blind = relit or (shaking and level > ALL_AT_ONCE_SHARE)
        regions = () if blind or not level else _regions(cells, before, luma.shape, SHAKEN_SPOT_CELLS if shaking else 1)
        return Motion(bool(regions), level, regions, shaking)

    def _moving_cells(self, change: Plane) -> NDArray[np.bool_]:
        return _cells(cv2.compare(change, self._limit, cv2.CMP_GT)) > CELL_SHARE

    def _restart(self, contrast: Plane, at: float) -> None:
        self._background = contrast
        self._squares = np.full_like(contrast, (LEAST_CHANGE / UNREST_TIMES) ** 2)
        self._limit = np.full_like(contrast, LEAST_CHANGE)
        self._limited_at = at
        self._changed_since = None
        self._cells_before = np.zeros((contrast.shape[0] // CELL, contrast.shape[1] // CELL), bool)

    def _learn(self, contrast: Plane, change: Plane, cells: NDArray[np.bool_], elapsed: float, relit: bool) -> None:
        """Follow what is usual: soon where it is still, slowly where something passes."""
        if relit:
            cv2.accumulateWeighted(contrast, self._background, _share(elapsed, LEARN_LIGHT_SECONDS))
            return
        # Unrest grows where things keep changing, whether or not that counted as motion: leaves, water, a flag.
        squares = cv2.multiply(change, change)
        if cells.any():
            spread = cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8))
            moving = cv2.resize(spread, contrast.shape[::-1], interpolation=cv2.INTER_NEAREST)
            still = cv2.bitwise_xor(moving, 1)
            for plane, now, soon, slowly in (
                (self._background, contrast, LEARN_SECONDS, LEARN_MOVING_SECONDS),
                (self._squares, squares, UNREST_SECONDS, UNREST_MOVING_SECONDS),
            ):
                cv2.accumulateWeighted(now, plane, _share(elapsed, soon), still)
                cv2.accumulateWeighted(now, plane, _share(elapsed, slowly), moving)
        else:
            cv2.accumulateWeighted(contrast, self._background, _share(elapsed, LEARN_SECONDS))
            cv2.accumulateWeighted(squares, self._squares, _share(elapsed, UNREST_SECONDS))
        if self._seen_at - self._limited_at >= LIMITS_SECONDS:
            self._limited_at = self._seen_at
            self._limit = np.maximum(np.float32(LEAST_CHANGE), UNREST_TIMES * np.sqrt(self._squares))


def _share(elapsed: float, seconds: float) -> float:
    return 1.0 - math.exp(-elapsed / seconds)


def _local_contrast(luma: NDArray[np.uint8]) -> Plane:
    """The plane less its surroundings: light that spreads evenly leaves no trace in it, nor do streaks one pixel wide.
    Rows and columns that do not fill a cell are left out."""
    h, w = luma.shape
    whole = luma[h % CELL :, : w - w % CELL] if h % CELL or w % CELL else luma
    smooth, around = cv2.blur(cv2.medianBlur(whole, 3), (3, 3)), cv2.blur(whole, (25, 25))
    return np.asarray(cv2.subtract(smooth, around, dtype=cv2.CV_32F), np.float32)


def _compare(contrast: Plane, background: Plane) -> tuple[float, float]:
    """How much stronger the whole picture's contrast has become (exposure, dusk, a switch to night mode), and how alike
    the two patterns are, -1…1."""
    a, b = contrast.ravel(), background.ravel()
    strength, product = float(b @ b), float(a @ b)
    if strength < a.size:  # a flat picture: nothing to compare
        return 1.0, 0.0
    return min(2.0, max(0.5, product / strength)), product / math.sqrt(strength * max(1.0, float(a @ a)))


def _cells(changed: NDArray[np.uint8]) -> Plane:
    """The share of changed pixels (255) in each cell."""
    h, w = changed.shape
    shares = cv2.resize(changed, (w // CELL, h // CELL), interpolation=cv2.INTER_AREA)
    return np.asarray(shares, np.float32) / np.float32(255)


def _undo_shake(contrast: Plane, background: Plane, change: Plane) -> Plane | None:
    """What is left of the change when the whole picture is moved back; None when that explains little of it."""
    # OpenCV multiplies the window into what it is given, where that needs no padding: it gets copies.
    (dx, dy), certainty = cv2.phaseCorrelate(background.copy(), contrast.copy(), _window(contrast.shape))
    if certainty < SHAKE_CERTAINTY or not 0.3 < math.hypot(dx, dy) < FARTHEST_SHAKE:
        return None
    h, w = contrast.shape
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    left = cv2.absdiff(contrast, cv2.warpAffine(background, shift, (w, h), borderMode=cv2.BORDER_REPLICATE))
    edge = CELL if min(h, w) > 6 * CELL else 0
    inner = (slice(edge, h - edge), slice(edge, w - edge))
    if float(left[inner].mean()) > SHAKE_LEAVES * float(change[inner].mean()):
        return None
    rest: Plane = np.zeros_like(left)
    # Between pixels the moved picture is a little soft: fine texture leaves traces that are no motion.
    rest[inner] = left[inner] - 0.4 * change[inner]
    return rest


@functools.cache
def _window(shape: tuple[int, int]) -> Plane:
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F), np.float32)


def _regions(
    cells: NDArray[np.bool_], before: NDArray[np.bool_], shape: tuple[int, ...], least: int
) -> tuple[Box, ...]:
    """Boxes around `least` cells or more that touch, largest first, at most 16.

    A spot of a cell or two counts only next to one of the frame before: a drop of rain is gone by then, and what is
    that small is too far away to have gone far.
    """
    height, width = shape
    above = height % CELL
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
    near = cv2.dilate(before.astype(np.uint8), np.ones((3, 3), np.uint8))
    lasting = np.zeros(count, bool)
    lasting[labels[near > 0]] = True
    lasting |= stats[:, 4] > SMALL_SPOT_CELLS
    spots = [stats[n].tolist() for n in range(1, count) if lasting[n] and stats[n, 4] >= least]
    return tuple(
        (x * CELL / width, (above + y * CELL) / height, (x + w) * CELL / width, (above + (y + h) * CELL) / height)
        for x, y, w, h, _ in sorted(spots, key=lambda spot: -spot[4])[:16]
    )
