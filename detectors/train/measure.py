"""How good a smoke and fire detector is: average precision, and what a control room feels.

Promises: the figures of the model card, from any `Predictor`. A picture whose smoke is unlabelled never counts for or
against smoke. Not here: the events benchmark over time, which judges alerts, not boxes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.train.dataset import CLASS_NAMES, SMOKE, Boxes, Sample
from detectors.train.predict import Found, Predictor


@dataclass(frozen=True, slots=True)
class Looked:
    """One picture's truth and what was found in it."""

    sample: Sample
    found: Found


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class on one data set. `ap50` is None where there is nothing to find; precision and recall are of boxes at
    `threshold` and overlap 0.5."""

    boxes: int
    ap50: float | None
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """Whole pictures at one threshold: of those with smoke or fire, the share that gave any box of either class; of
    those without, the share that did (the false alarms)."""

    threshold: float
    with_event: int
    seen: float | None
    without_event: int
    false_alarms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one predictor on one set of pictures."""

    pictures: int
    classes: dict[str, ClassFigures]
    at: list[PictureFigures] = field(default_factory=list)

    @property
    def map50(self) -> float:
        """The mean AP50 over the classes that have boxes; 0 when none has."""
        values = [c.ap50 for c in self.classes.values() if c.ap50 is not None]
        return float(np.mean(values)) if values else 0.0


def look(predict: Predictor, samples: Iterable[Sample]) -> list[Looked]:
    """Runs the predictor over pictures."""
    return [Looked(sample, predict(sample.read())) for sample in samples]


def overlaps(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every box of `a` (n, 4) with every box of `b` (m, 4): (n, m)."""
    near = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    both = near.clip(0).prod(2)
    areas = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    shares: NDArray[np.float32] = both / np.maximum(areas[0][:, None] + areas[1][None, :] - both, 1e-9)
    return shares


def average_precision(hits: NDArray[np.bool_], scores: NDArray[np.float32], truths: int) -> float:
    """Area under the precision envelope over recall, as COCO counts it at 101 points."""
    if not truths or not len(hits):
        return 0.0
    ordered = hits[np.argsort(-scores, kind="stable")]
    found = np.cumsum(ordered)
    precision = found / np.arange(1, len(ordered) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / truths, np.linspace(0, 1, 101), side="left")
    return float(np.append(envelope, 0.0)[np.minimum(at, len(envelope))].mean())


def match(truth: Boxes, found: Found, kind: int, overlap: float = 0.5) -> NDArray[np.bool_]:
    """Which of `found`'s boxes of class `kind`, strongest first, hit a true box that none before them hit."""
    mine, theirs = found[found[:, 5] == kind], truth[truth[:, 0] == kind, 1:]
    hits = np.zeros(len(mine), bool)
    if not len(mine) or not len(theirs):
        return hits
    table = overlaps(mine[:, :4], theirs)
    for i, row in enumerate(table):
        j = int(row.argmax())
        if row[j] >= overlap:
            hits[i] = True
            table[:, j] = -1
    return hits


def report(
    looked: Sequence[Looked],
    thresholds: Sequence[float] = (0.15, 0.25, 0.4),
    box_threshold: float = 0.25,
    names: Sequence[str] = CLASS_NAMES,
) -> Report:
    """All figures over these pictures; `names` are the classes that boxes are numbered by."""
    classes: dict[str, ClassFigures] = {}
    for kind, name in enumerate(names):
        counted = [x for x in looked if kind != SMOKE or x.sample.smoke_labelled]
        truths = sum(int((x.sample.boxes[:, 0] == kind).sum()) for x in counted)
        if not truths:
            classes[name] = ClassFigures(0, None)
            continue
        hits = np.concatenate([match(x.sample.boxes, x.found, kind) for x in counted])
        scores = np.concatenate([x.found[x.found[:, 5] == kind, 4] for x in counted])
        sure = scores >= box_threshold
        right = int(hits[sure].sum())
        classes[name] = ClassFigures(
            truths,
            average_precision(hits, scores, truths),
            right / int(sure.sum()) if sure.any() else None,
            right / truths,
        )
    return Report(len(looked), classes, [_pictures_at(looked, t) for t in thresholds])


def _pictures_at(looked: Sequence[Looked], threshold: float) -> PictureFigures:
    with_event = [x for x in looked if len(x.sample.boxes)]
    without = [x for x in looked if x.sample.is_negative]

    def share(group: Sequence[Looked]) -> float | None:
        return float(np.mean([(x.found[:, 4] >= threshold).any() for x in group])) if group else None

    return PictureFigures(threshold, len(with_event), share(with_event), len(without), share(without))
