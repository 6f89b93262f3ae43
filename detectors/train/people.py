"""People and vehicles in the training pictures: as labelled, and as COCO's network sees them where nobody labelled.

Promises: `teach` looks at every picture twice, as it is and mirrored, larger than the network that is trained will see
it; what both looks see is a label, what one sees is unsure and teaches neither way. `with_others` puts those
and the labels of `street-vehicles` together. `street_samples` are its labelled pictures as something to be scored on.
Not here: the teacher's say on each training batch, `distil`.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train.classes import COCO_NUMBERS, FIRST_ORDINARY, NAMES, UNSURE
from detectors.train.dataset import Boxes, DatasetError, Part, Picture, Sample, read_labels
from detectors.train.measure import overlaps
from detectors.train.predict import Found, Predictor

STREET = "street-vehicles"
#: What `street-vehicles` labels so well that what is not labelled is not there: car, bus, truck.
_LABELLED = (NAMES.index("car"), NAMES.index("bus"), NAMES.index("truck"))
_VEHICLES = tuple(range(NAMES.index("car"), len(NAMES)))
_SURE, _PERHAPS = 0.4, 0.1
_FIELDS = ("dataset", "image", "class", "score", "left", "top", "right", "bottom")

#: By (data set, image): (n, 6) float32 left, top, right, bottom (0…1), score, class (`NAMES`)
Taught = dict[tuple[str, str], Found]


def teach(
    teacher: Predictor, samples: Sequence[Sample], progress: Callable[[int, int], None] = lambda *_: None
) -> Taught:
    """What the teacher, a predictor with COCO's classes, sees in each picture."""
    seen: Taught = {}
    for number, sample in enumerate(samples, 1):
        seen[sample.dataset, sample.path.name] = look_twice(teacher, sample.read())
        if number % 100 == 0 or number == len(samples):
            progress(number, len(samples))
    return seen


def look_twice(teacher: Predictor, picture: Picture) -> Found:
    """People and vehicles in one picture, classes as in `NAMES`; a score is the mean of both looks."""
    plain = _ours(teacher(picture))
    mirrored = _ours(teacher(np.ascontiguousarray(picture[:, ::-1])))
    mirrored[:, [0, 2]] = 1 - mirrored[:, [2, 0]]
    merged = _merged(plain, mirrored)
    return merged[merged[:, 4] >= _PERHAPS]


def _ours(found: Found) -> Found:
    """Of COCO's classes, ours."""
    mine = found[np.isin(found[:, 5], COCO_NUMBERS) & (found[:, 4] >= _PERHAPS / 2)].copy()
    mine[:, 5] = [FIRST_ORDINARY + COCO_NUMBERS.index(int(kind)) for kind in mine[:, 5]]
    return mine


def _merged(one: Found, other: Found) -> Found:
    """Boxes of either look, with the mean of both scores; a box that one look lacks counts 0 there."""
    table = overlaps(one[:, :4], other[:, :4]) * (one[:, None, 5] == other[None, :, 5])
    rows: list[NDArray[np.float32]] = []
    for i, row in enumerate(table):
        j = int(row.argmax()) if len(other) else 0
        if len(other) and row[j] >= 0.5:
            both = np.stack([one[i], other[j]])
            box = np.average(both[:, :4], 0, both[:, 4])
            rows.append(np.array([*box, both[:, 4].mean(), one[i, 5]], np.float32))
            table[:, j] = -1
            other[j, 4] = -1
        else:
            rows.append(np.array([*one[i, :4], one[i, 4] / 2, one[i, 5]], np.float32))
    rows.extend(np.array([*x[:4], x[4] / 2, x[5]], np.float32) for x in other if x[4] > 0)
    merged = np.array(rows, np.float32).reshape(-1, 6)
    return merged[np.argsort(-merged[:, 4], kind="stable")]


def write(taught: Taught, path: Path) -> None:
    """Keeps what was taught as a table, a row a box; a picture without any has one row with an empty class."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_FIELDS)
        for (dataset, image), found in taught.items():
            if not len(found):
                rows.writerow((dataset, image, "", "", "", "", "", ""))
            for *box, score, kind in found.tolist():
                rows.writerow((dataset, image, NAMES[int(kind)], f"{score:.3f}", *(f"{x:.5f}" for x in box)))
    partial.replace(path)


def read(path: Path) -> Taught:
    """What `write` kept. Raises `DatasetError`."""
    rows: dict[tuple[str, str], list[list[float]]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                mine = rows.setdefault((row["dataset"], row["image"]), [])
                if row["class"]:
                    mine.append([*(float(row[x]) for x in _FIELDS[4:]), float(row["score"]), NAMES.index(row["class"])])
            except (KeyError, TypeError, ValueError):
                raise DatasetError(
                    f"{path} is not a table of what the teacher saw; delete it to make it anew"
                ) from None
    return {key: np.array(found, np.float32).reshape(-1, 6) for key, found in rows.items()}


def with_others(sample: Sample, taught: Taught, root: Path) -> Sample:
    """The picture with its people and vehicles: labels of `street-vehicles` under `root` first, then the teacher's."""
    seen = taught.get((sample.dataset, sample.path.name), np.zeros((0, 6), np.float32))
    kinds = seen[:, 5] + UNSURE * (seen[:, 4] < _SURE)
    theirs = np.column_stack([kinds, seen[:, :4]]).astype(np.float32)
    if sample.dataset != STREET:
        return replace(sample, others=theirs)
    truth = street_boxes(root, sample)
    vehicle = np.isin(seen[:, 5], _VEHICLES)
    known = (overlaps(seen[:, :4], truth[:, 1:]) > 0.45).any(1) if len(truth) else np.zeros(len(seen), bool)
    # a vehicle that only the teacher sees may be one that nobody labelled
    theirs[vehicle & ~known & np.isin(seen[:, 5], _LABELLED) & (theirs[:, 0] < UNSURE), 0] += UNSURE
    return replace(sample, others=np.concatenate([truth, theirs[~(vehicle & known)]]))


def street_boxes(root: Path, sample: Sample) -> Boxes:
    """The labelled vehicles of a picture of `street-vehicles`, in the numbers of `NAMES`."""
    boxes = read_labels(root / STREET / "labels" / f"{sample.path.stem}.txt")
    boxes[:, 0] += FIRST_ORDINARY
    return boxes


def street_samples(root: Path, parts: dict[Part, list[Sample]], part: Part) -> list[Sample]:
    """Labelled vehicles of one part, classes from 0 person on, as something to be scored on."""
    found = []
    for sample in parts[part]:
        if sample.dataset == STREET:
            boxes = street_boxes(root, sample)
            boxes[:, 0] -= FIRST_ORDINARY
            found.append(replace(sample, boxes=boxes))
    return found


def frames_as_samples(clip: Path, folder: Path, count: int) -> list[Sample]:
    """About `count` frames of a clip of ordinary life, evenly spread, kept in `folder` as pictures of one scene."""
    video = cv2.VideoCapture(str(clip))
    frames: list[Picture] = []
    while (read_one := video.read())[0]:
        frames.append(np.asarray(read_one[1], np.uint8))
    video.release()
    if not frames:
        raise DatasetError(f"{clip} cannot be read as a clip")
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number in range(0, len(frames), max(len(frames) // count, 1)):
        path = folder / f"{clip.stem}-{number:05}.jpg"
        if not path.exists():
            cv2.imwrite(str(path), frames[number], [cv2.IMWRITE_JPEG_QUALITY, 92])
        samples.append(Sample(path, "clips", f"clips/{clip.stem}", np.zeros((0, 5), np.float32)))
    return samples
