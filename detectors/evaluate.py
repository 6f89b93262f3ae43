"""How good an engine is on labelled pictures: precision and recall.

Promises: the strongest boxes choose first and each true box is found once, as is usual. Not here: reading videos
(`benchmarks/accuracy.py`), average precision of the smoke and fire model (`train/measure.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.words import ObjectClass
from detectors.engine import Engine, Picture


@dataclass(frozen=True, slots=True)
class Score:
    """Of `truths` labelled things, `found` were found, by `boxes` boxes in all."""

    truths: int
    boxes: int
    found: int

    @property
    def precision(self) -> float:
        return self.found / self.boxes if self.boxes else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.truths if self.truths else 0.0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.truths + other.truths, self.boxes + other.boxes, self.found + other.found)


def overlaps(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each box of `a` (n, 4) with each of `b` (m, 4): (n, m)."""
    near = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = near.clip(0).prod(axis=2)
    size_a, size_b = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (a, b))
    return np.asarray(shared / np.maximum(size_a[:, None] + size_b[None, :] - shared, 1e-9), np.float32)


def score(boxes: NDArray[np.float32], truth: NDArray[np.float32], least_overlap: float) -> Score:
    """`boxes` (n, 4), strongest first, against `truth` (m, 4), in the same unit."""
    if not len(boxes) or not len(truth):
        return Score(len(truth), len(boxes), 0)
    table = overlaps(boxes, truth)
    found = 0
    for row in table:
        best = int(row.argmax())
        if row[best] >= least_overlap:
            found += 1
            table[:, best] = -1
    return Score(len(truth), len(boxes), found)


def evaluate(
    engine: Engine,
    labelled: Iterable[tuple[Picture, NDArray[np.float32]]],
    object_class: ObjectClass = ObjectClass.PERSON,
    *,
    confidence: float = 0.3,
    least_overlap: float = 0.4,
) -> Score:
    """Score `engine` on pictures with their true boxes (m, 4), 0…1 of the picture."""
    total = Score(0, 0, 0)
    for picture, truth in labelled:
        found = engine.detect(picture)
        wanted = np.array([c is object_class for c in found.classes], bool) & (found.scores >= confidence)
        total += score(found.boxes[wanted], truth, least_overlap)
    return total


def read_mot(path: Path, picture_size: tuple[int, int]) -> dict[int, NDArray[np.float32]]:
    """A MOTChallenge ground truth: by frame number from 1, boxes (m, 4), 0…1 of a picture of `picture_size`."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    rows = rows[rows[:, 6] > 0]  # MOT marks what is not to be counted with 0
    corners = np.column_stack([rows[:, 2], rows[:, 3], rows[:, 2] + rows[:, 4], rows[:, 3] + rows[:, 5]])
    unit = (corners / np.array([*picture_size, *picture_size])).clip(0, 1).astype(np.float32)
    return {int(frame): unit[rows[:, 0] == frame] for frame in np.unique(rows[:, 0])}
