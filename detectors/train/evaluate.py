"""Comparing smoke and fire detectors on what none of them was trained on.

Promises: the same figures for any predictor: average precision on the test scenes, false alarms a picture on ordinary
pictures and clips, and how often a burning house is seen. `compare` answers whether a new model may replace the old.
Not here: single figures, `detectors.train.measure`; how a table is printed, `benchmarks/fire_model.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from detectors.train import dataset
from detectors.train.dataset import FIRE, Boxes, Part, Picture, Sample
from detectors.train.measure import Looked, Report, look, overlaps, report
from detectors.train.predict import Predictor

THRESHOLDS = (0.15, 0.25, 0.4, 0.55)


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """Frames of an ordinary clip at each threshold: the share in which anything was reported."""

    frames: int
    false_alarms: dict[float, float]


@dataclass(frozen=True, slots=True)
class FireClipFigures:
    """Frames of a clip with flame boxes, by threshold: `seen`, the share of frames with flame that gave any box that
    touches a true one (overlap over 0.1 or centre inside, either class); `boxes_recall`, of boxes at overlap 0.3."""

    frames: int
    seen: dict[float, float]
    boxes_recall: dict[float, float]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that we say about one model."""

    sets: dict[str, Report]
    ordinary_clips: dict[str, ClipFigures]
    fire_clip: FireClipFigures | None

    def plain(self) -> dict[str, Any]:
        """As values that JSON can hold."""
        plain = asdict(self)
        for name, figures in self.sets.items():
            plain["sets"][name]["map50"] = figures.map50
        return plain


def evaluate(
    predict: Predictor,
    data: Path,
    *,
    part: Part = Part.TEST,
    ordinary_clips: Sequence[Path] = (),
    fire_clip: tuple[Path, Path] | None = None,
    every: int = 10,
) -> Evaluation:
    """Looks at every picture of `part` under `data`, and at each `every`-th frame of the clips. `fire_clip` is a clip
    and its boxes."""
    by_set: dict[str, list[Looked]] = {}
    for looked in look(predict, dataset.load(data)[part]):
        by_set.setdefault(looked.sample.dataset, []).append(looked)
    sets = {name: report(group, THRESHOLDS) for name, group in by_set.items()}
    clips = {clip.name: _ordinary(predict, clip, every) for clip in ordinary_clips}
    return Evaluation(sets, clips, _burning(predict, *fire_clip, every) if fire_clip else None)


def frames_of(clip: Path, every: int) -> list[tuple[int, Picture]]:
    """Each `every`-th frame of a clip with its number from 0. Raises `DatasetError` when it cannot be read."""
    import cv2

    source = cv2.VideoCapture(str(clip))
    frames: list[tuple[int, Picture]] = []
    number = 0
    while source.grab():
        if number % every == 0:
            read, frame = source.retrieve()
            if read:
                frames.append((number, np.asarray(frame, np.uint8)))
        number += 1
    source.release()
    if not frames:
        raise dataset.DatasetError(f"{clip} cannot be read as a clip")
    return frames


def _ordinary(predict: Predictor, clip: Path, every: int) -> ClipFigures:
    found = [predict(frame) for _, frame in frames_of(clip, every)]
    return ClipFigures(len(found), {t: float(np.mean([(f[:, 4] >= t).any() for f in found])) for t in THRESHOLDS})


def _burning(predict: Predictor, clip: Path, boxes: Path, every: int) -> FireClipFigures:
    truth = read_frame_boxes(boxes)
    looked = [(predict(frame), truth.get(number), frame.shape) for number, frame in frames_of(clip, every)]
    seen, recall = {}, {}
    for t in THRESHOLDS:
        frames: list[bool] = []
        hits: list[bool] = []
        for found, true, (height, width, _) in looked:
            if true is None or not len(true):
                continue
            there = (true[:, 1:] / np.array([width, height, width, height])).astype(np.float32)
            mine = found[found[:, 4] >= t]
            table = overlaps(mine[:, :4], there)
            centre = (mine[:, None, :2] + mine[:, None, 2:4]) / 2
            inside = ((centre >= there[None, :, :2]) & (centre <= there[None, :, 2:])).all(2)
            frames.append(bool(((table > 0.1) | inside).any()))
            fires = table[mine[:, 5] == FIRE]
            hits.extend((fires > 0.3).any(0).tolist() if len(fires) else [False] * len(there))
        seen[t], recall[t] = float(np.mean(frames)), float(np.mean(hits))
    return FireClipFigures(len(looked), seen, recall)


def read_frame_boxes(path: Path) -> dict[int, Boxes]:
    """Flame boxes by frame, in pixels: (n, 5) as class, left, top, right, bottom; from an OpenCV storage file
    with left, top, width, height per annotation."""
    frames: dict[int, Boxes] = {}
    tree = ElementTree.parse(path)  # noqa: S314 - a file that the developer names
    for frame in tree.getroot().find("frames") or ():
        number = int(frame.findtext("frameNumber", "-1"))
        rows = []
        for note in frame.find("annotations") or ():
            x, y, w, h = (float(v) for v in (note.text or "").split())
            rows.append((FIRE, x, y, x + w, y + h))
        frames[number] = np.array(rows, np.float32).reshape(-1, 5)
    return frames


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a new model may replace the old, and each figure that moved: name, old, new."""

    better: bool
    moved: tuple[tuple[str, float, float], ...]


def compare(old: Evaluation, new: Evaluation, *, slack: float = 0.01) -> Verdict:
    """New is better when no set's mAP50 fell and no false-alarm share rose by over `slack`, and something gained."""
    moved: list[tuple[str, float, float]] = []
    losses, gains = 0, 0
    for name in sorted(old.sets.keys() & new.sets.keys()):
        if any(c.boxes for c in old.sets[name].classes.values()):
            moved.append((f"{name}: mAP50", old.sets[name].map50, new.sets[name].map50))
            losses += new.sets[name].map50 < old.sets[name].map50 - slack
            gains += new.sets[name].map50 > old.sets[name].map50 + slack
        for before, after in zip(old.sets[name].at, new.sets[name].at, strict=True):
            if before.false_alarms is not None and after.false_alarms is not None:
                moved.append((f"{name}: false alarms at {before.threshold}", before.false_alarms, after.false_alarms))
                losses += after.false_alarms > before.false_alarms + slack
                gains += after.false_alarms < before.false_alarms - slack
    return Verdict(gains > 0 and losses == 0, tuple(moved))


def per_scene(looked: Sequence[Looked], threshold: float) -> dict[str, tuple[int, float, float]]:
    """By scene: pictures, and the precision and recall of boxes of either class at `threshold`, overlap 0.5. A figure
    that has nothing to be counted on is NaN."""
    from detectors.train.measure import match

    counts: dict[str, list[int]] = {}
    for x in looked:
        mine = x.found[x.found[:, 4] >= threshold]
        if not x.sample.smoke_labelled:
            mine = mine[mine[:, 5] == FIRE]
        hits = sum(int(match(x.sample.boxes, mine, kind).sum()) for kind in (0, 1))
        row = counts.setdefault(f"{x.sample.dataset}/{x.sample.scene.rpartition('/')[2]}", [0, 0, 0, 0])
        for i, n in enumerate((1, hits, len(mine), len(x.sample.boxes))):
            row[i] += n
    nan = float("nan")
    return {k: (n, h / f if f else nan, h / t if t else nan) for k, (n, h, f, t) in counts.items()}


def samples(data: Path, part: Part = Part.TEST) -> list[Sample]:
    """The pictures of one part."""
    return dataset.load(data)[part]
