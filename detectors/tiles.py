"""A look in tiles: a picture cut into four that overlap, each looked at by itself, and their boxes joined.

Promises: what lies wholly in one tile is found larger than a look at the whole picture would show it; a thing that two
tiles see is given once, and half a thing at a cut is given only where no tile has all of it. Classes, scores and units
as an engine gives them. Not here: when that is worth four looks (`alerts/crowd_looks.py`), what it gave
(`docs/crowd-and-vehicles.md`).
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from configs.words import Box, ObjectClass
from detectors.engine import Engine, Picture
from detectors.words import Detections

#: Each tile's share of the picture's width and height: what is narrower than the overlap lies wholly in one of them.
SHARE = 0.6
#: Two boxes of different tiles are one thing when they share this much of their union, or of the smaller of them.
_SAME_IOU = 0.4
_SAME_INSIDE = 0.6
#: Enlarged, things that are none look more like some: weaker boxes are not believed (`docs/crowd-and-vehicles.md`).
LEAST_SCORE = 0.35
#: A box that ends so near a cut may go on behind it, in shares of the picture.
_AT_CUT = 0.006


def tiles() -> list[Box]:
    """The parts of the picture, as shares of it."""
    starts = (0.0, 1.0 - SHARE)
    return [(x, y, x + SHARE, y + SHARE) for y, x in itertools.product(starts, starts)]


def look_in_tiles(engine: Engine, picture: Picture) -> Detections:
    """What four looks at parts of a BGR picture find together, in shares of the whole picture. Raises as
    `engine.detect`."""
    height, width = picture.shape[:2]
    seen = []
    for tile in tiles():
        x0, y0, x1, y1 = (round(v * size) for v, size in zip(tile, (width, height, width, height), strict=True))
        found = engine.detect(np.ascontiguousarray(picture[y0:y1, x0:x1]))
        seen.append((_believed(found), (x0 / width, y0 / height, x1 / width, y1 / height)))
    return join(seen, width / height)


def join(seen: list[tuple[Detections, Box]], aspect: float) -> Detections:
    """One look out of several at parts of the same picture, strongest first."""
    boxes = np.concatenate([_placed(found, tile) for found, tile in seen])
    scores = np.concatenate([found.scores for found, _ in seen])
    cut = np.concatenate([_is_cut(_placed(found, tile), tile) for found, tile in seen])
    names = [name for found, _ in seen for name in found.classes]
    tile_of = np.concatenate([np.full(len(found), n) for n, (found, _) in enumerate(seen)])
    order = np.lexsort((-scores, cut))  # whole things first: they hide their halves, however strong those are
    kept = _kept(boxes[order], tile_of[order], [names[i] for i in order])
    chosen = order[kept]
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
    return Detections(boxes[chosen], scores[chosen], tuple(names[i] for i in chosen), aspect)


def _believed(found: Detections) -> Detections:
    rows = np.flatnonzero(found.scores >= LEAST_SCORE)
    return Detections(found.boxes[rows], found.scores[rows], tuple(found.classes[i] for i in rows), found.aspect)


def _placed(found: Detections, tile: Box) -> NDArray[np.float32]:
    x0, y0, x1, y1 = tile
    scale, shift = np.array([x1 - x0, y1 - y0] * 2, np.float32), np.array([x0, y0] * 2, np.float32)
    placed: NDArray[np.float32] = found.boxes * scale + shift
    return placed


def _is_cut(boxes: NDArray[np.float32], tile: Box) -> NDArray[np.bool_]:
    """Whether each box ends at a side of the tile behind which the picture goes on."""
    x0, y0, x1, y1 = tile
    cut = np.zeros(len(boxes), bool)
    for side, edge in enumerate((x0, y0, x1, y1)):
        if 0.0 < edge < 1.0:
            cut |= np.abs(boxes[:, side] - edge) <= _AT_CUT
    return cut


def _kept(boxes: NDArray[np.float32], tile_of: NDArray[np.intp], names: list[ObjectClass]) -> list[int]:
    """Which boxes stay, in the order in which they may hide others; those of one tile do not hide each other."""
    near = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = near.clip(0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).clip(1e-9).prod(axis=1)
    alike = shared >= _SAME_IOU * (area[:, None] + area[None, :] - shared)
    alike |= shared >= _SAME_INSIDE * np.minimum(area[:, None], area[None, :])
    alike &= tile_of[:, None] != tile_of[None, :]
    kept: list[int] = []
    for i, name in enumerate(names):
        if not any(alike[i, k] and names[k] is name for k in kept):
            kept.append(i)
    return kept
