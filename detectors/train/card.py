"""The figures and pictures of the model card: tables in Markdown, precision over recall, kinds of mistakes.

Promises: what the card says is what this prints from the shipped files and the test scenes. Pictures are taken only
from sets whose licence lets us show them. Not here: the words, docs/model-card-smoke-fire.md.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train.dataset import CLASS_NAMES, SMOKE, Picture
from detectors.train.evaluate import per_scene, samples
from detectors.train.measure import Looked, look, match, report
from detectors.train.predict import draw, openvino_predictor

#: CC BY 4.0: may be shown with attribution.
SHOWN = ("smoke-fire-cctv", "smoke-fire-mixed", "fire-only-extra", "street-vehicles")
_SIDE = 360


def scene_table(looked: Sequence[Looked], threshold: float, least: int = 3) -> str:
    """Precision and recall by scene, scenes of fewer than `least` pictures together in one row a set."""
    rows = ["| scene | pictures | precision | recall |", "|---|---:|---:|---:|"]
    scenes = per_scene(looked, threshold)
    for name, (count, precision, recall) in sorted(
        scenes.items(), key=lambda item: (item[0].split("/")[0], -item[1][0])
    ):
        if count >= least:
            rows.append(f"| {name} | {count} | {_share(precision)} | {_share(recall)} |")
    small: dict[str, list[Looked]] = {}
    for x in looked:
        if scenes[f"{x.sample.dataset}/{x.sample.scene.rpartition('/')[2]}"][0] < least:
            small.setdefault(x.sample.dataset, []).append(x)
    for dataset, group in sorted(small.items()):
        figures = report(group, (threshold,), threshold).classes
        cells = [
            " / ".join(_share(getattr(figures[name], what)) for name in CLASS_NAMES) for what in ("precision", "recall")
        ]
        rows.append(f"| {dataset}, smaller scenes (smoke / fire) | {len(group)} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def _share(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def curve(looked: Sequence[Looked], kind: int) -> NDArray[np.float64]:
    """Recall and precision, (n, 2), as the threshold falls; boxes of one class at overlap 0.5."""
    counted = [x for x in looked if kind != SMOKE or x.sample.smoke_labelled]
    truths = sum(int((x.sample.boxes[:, 0] == kind).sum()) for x in counted)
    hits = np.concatenate([match(x.sample.boxes, x.found, kind) for x in counted])
    scores = np.concatenate([x.found[x.found[:, 5] == kind, 4] for x in counted])
    found = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    return np.column_stack([found / max(truths, 1), found / np.arange(1, len(found) + 1)])


def draw_curves(curves: dict[str, NDArray[np.float64]]) -> Picture:
    """Precision over recall, a line for each name."""
    size, margin = 420, 46
    sheet = np.full((size + 2 * margin, size + 2 * margin + 190, 3), 255, np.uint8)
    for i in range(6):
        at = margin + round(size * i / 5)
        cv2.line(sheet, (at, margin), (at, margin + size), (225, 225, 225), 1)
        cv2.line(sheet, (margin, at), (margin + size, at), (225, 225, 225), 1)
        _write(sheet, f"{i / 5:.1f}", (at - 10, margin + size + 18))
        _write(sheet, f"{1 - i / 5:.1f}", (8, at + 4))
    _write(sheet, "recall", (margin + size // 2 - 20, 2 * margin + size - 8))
    _write(sheet, "precision", (8, margin - 14))
    colours = [(180, 120, 20), (40, 40, 220), (90, 160, 60), (150, 60, 160), (0, 150, 230), (90, 90, 90)]
    for (name, points), colour, row in zip(curves.items(), colours, range(6), strict=False):
        corners = points.copy()
        corners[:, 1] = 1 - corners[:, 1]
        cv2.polylines(sheet, [(corners * size + margin).astype(np.int32)], False, colour, 2, cv2.LINE_AA)
        cv2.line(sheet, (size + 60, margin + 18 * row), (size + 80, margin + 18 * row), colour, 2)
        _write(sheet, name, (size + 86, margin + 4 + 18 * row))
    return sheet


def _write(sheet: Picture, text: str, at: tuple[int, int]) -> None:
    cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)


def mistakes(looked: Sequence[Looked], threshold: float) -> dict[str, list[Looked]]:
    """Pictures that may be shown, by the kind of mistake, the worst first."""
    shown = [x for x in looked if x.sample.dataset in SHOWN]
    ordinary = [x for x in shown if x.sample.is_negative and (x.found[:, 4] >= threshold).any()]
    kinds: dict[str, list[Looked]] = {"false-alarm": sorted(ordinary, key=lambda x: -float(x.found[0, 4]))}
    for kind, name in enumerate(CLASS_NAMES):
        missed = []
        for x in shown:
            truth = x.sample.boxes[x.sample.boxes[:, 0] == kind]
            if len(truth) and not (x.found[:, 4] >= threshold).any():
                missed.append((float(((truth[:, 3] - truth[:, 1]) * (truth[:, 4] - truth[:, 2])).max()), x))
        kinds[f"missed-{name}"] = [x for _, x in sorted(missed, key=lambda item: -item[0])]
    return kinds


def picture_of(looked: Looked, threshold: float) -> Picture:
    """The picture with true boxes in thin green and found ones in colour, at most 360 px on its longer side."""
    picture = looked.sample.read()
    scale = _SIDE / max(picture.shape[:2])
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    drawn = draw(small, looked.found, threshold)
    h, w = drawn.shape[:2]
    for _, left, top, right, bottom in looked.sample.boxes.tolist():
        cv2.rectangle(drawn, (int(left * w), int(top * h)), (int(right * w), int(bottom * h)), (60, 200, 60), 1)
    return drawn


def make(model: Path, older: dict[str, Path], data: Path, to: Path, threshold: float = 0.25) -> str:
    """Writes `smoke-fire-curves.png` (the model's, and those of `older` ones by name, over all test scenes that are
    labelled) and `smoke-fire-<kind of mistake>.jpg` into `to`. Returns the table by scene, in Markdown."""
    test = [s for s in samples(data) if s.dataset in SHOWN]
    curves: dict[str, NDArray[np.float64]] = {}
    looked: list[Looked] = []
    for name, path in {**older, "this model": model}.items():
        looked = look(openvino_predictor(path)[0], test)
        for kind, what in enumerate(CLASS_NAMES):
            curves[f"{what}, {name}"] = curve(looked, kind)
    to.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(to / "smoke-fire-curves.png"), draw_curves(curves))
    for kind_of_mistake, pictures in mistakes(looked, threshold).items():
        if pictures:
            save_jpeg(picture_of(pictures[0], threshold), to / f"smoke-fire-{kind_of_mistake}.jpg")
    return scene_table(looked, threshold)


def save_jpeg(picture: Picture, path: Path) -> None:
    """Small: quality 70."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 70])
