"""The pictures that training sees: where they lie, what their labels mean, and which are never trained on.

Promises: a split by scene that depends on nothing but a seed and the scene's name, so a picture added later moves no
other picture; look-alike scenes and frames of one video stay on one side. A picture whose smoke was never labelled says
so (`smoke_labelled`), and what a person found wrong with a label is mended from `label_mends.csv`.
Not here: augmentation, `detectors.train.augment`.

A data set is a folder with `images/`, `labels/` (YOLO text: class, centre x, centre y, width, height, each 0…1; classes
0 smoke, 1 fire; an empty or missing label file means nothing is there) and `scenes.csv` (image, scene).
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = ("smoke", "fire")
SMOKE, FIRE = 0, 1
MENDS = Path(__file__).with_name("label_mends.csv")
SPLIT_SEED = "village-9"

Boxes = NDArray[np.float32]  # (n, 5): class, left, top, right, bottom, each 0…1 of the picture
Picture = NDArray[np.uint8]  # (height, width, 3), BGR


class Part(StrEnum):
    """Which side of the split a picture is on. `CHOOSE` picks the best step and thresholds; `TEST` only reports."""

    TRAIN = "train"
    CHOOSE = "choose"
    TEST = "test"


class DatasetError(Exception):
    """A data set cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture. `smoke_labelled` False: no smoke box is not evidence that there is no smoke. `others` are
    people and vehicles, with the numbers of `classes.NAMES`, where somebody said what there is."""

    path: Path
    dataset: str
    scene: str
    boxes: Boxes
    smoke_labelled: bool = True
    others: Boxes = field(default_factory=lambda: np.zeros((0, 5), np.float32))

    @property
    def is_negative(self) -> bool:
        return self.smoke_labelled and len(self.boxes) == 0

    def read(self) -> Picture:
        """The picture, BGR. Raises `DatasetError` when it cannot be decoded."""
        picture = cv2.imdecode(np.fromfile(self.path, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise DatasetError(f"{self.path} cannot be decoded as a picture")
        return np.asarray(picture, np.uint8)


@dataclass(frozen=True, slots=True)
class Source:
    """A data set and how far its labels may be believed. `trained_on` False: evaluation only, whatever the scene."""

    folder: str
    smoke_labelled: bool = True
    all_negative: bool = False
    trained_on: bool = True


#: What the shipped model was made from. `early-smoke-noncommercial` may not be trained on by its licence.
SOURCES = (
    Source("smoke-fire-cctv"),
    Source("smoke-fire-mixed"),
    Source("fire-only-extra", smoke_labelled=False),
    Source("street-vehicles", all_negative=True),
    Source("early-smoke-noncommercial", trained_on=False),
)

# Frames of one clip were given many scene ids in smoke-fire-cctv; these ranges of `img_N` are one clip each, as seen by
# eye, and share it with the frames named after a video.
_CCTV_CLIPS = (
    (1, 29, "smoke1"),
    (50, 80, "shop"),
    (81, 99, "fire1"),
    (100, 118, "test1"),
    (200, 206, "shop"),
    (361, 362, "test3"),
    (400, 506, "robbery"),
    (601, 655, "yard"),
    (656, 669, "yard"),
    (700, 786, "market"),
    (800, 828, "smoke5"),
)
_CCTV_NUMBER = re.compile(r"img_(\d+)")
_VIDEO = re.compile(r"(.+?)_mp4-")


def _clip_of(dataset: str, image: str) -> str | None:
    """The video that a frame's name says it comes from, if it says so."""
    if video := _VIDEO.match(image):
        # the news compilations hold many places; their scene ids alone tell them apart
        return None if video[1].startswith("newsmoke") else f"{dataset}/{video[1]}"
    if dataset == "smoke-fire-cctv" and (number := _CCTV_NUMBER.match(image)):
        for first, last, clip in _CCTV_CLIPS:
            if first <= int(number[1]) <= last:
                return f"{dataset}/{clip}"
    return None


class _Groups:
    """Union of names that must stay on one side of the split; a group is named by its smallest member."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        if parent != name:
            parent = self._parent[name] = self.find(parent)
        return parent

    def join(self, a: str, b: str) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self._parent[high] = low


def part_of(scene: str, *, seed: str = SPLIT_SEED) -> Part:
    """The side of the split a scene is on: about 18 % test, 7 % choose, the rest train."""
    share = int.from_bytes(hashlib.sha256(f"{seed}/{scene}".encode()).digest()[:4]) / 2**32
    return Part.TEST if share < 0.18 else Part.CHOOSE if share < 0.25 else Part.TRAIN


def read_labels(path: Path) -> Boxes:
    """A YOLO label file as boxes clipped to the picture; none when it is empty or missing. Polygons become boxes."""
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else (), 1):
        values = line.split()
        if not values:
            continue
        try:
            numbers = [float(v) for v in values]
        except ValueError:
            raise DatasetError(f"{path}:{number} is not a YOLO label: {line[:60]!r}") from None
        if len(numbers) == 5:
            x, y, w, h = numbers[1:]
            corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        elif len(numbers) >= 7 and len(numbers) % 2:
            xs, ys = numbers[1::2], numbers[2::2]
            corners = (min(xs), min(ys), max(xs), max(ys))
        else:
            raise DatasetError(f"{path}:{number} has {len(numbers)} values; a box has 5")
        left, top, right, bottom = (min(max(c, 0.0), 1.0) for c in corners)
        if right - left > 1e-4 and bottom - top > 1e-4:
            rows.append((numbers[0], left, top, right, bottom))
    return np.array(rows, np.float32).reshape(-1, 5)


@dataclass(frozen=True, slots=True)
class Mend:
    """What a person decided about one picture's labels: `drop` the picture, call it `empty`, mark its `smoke-unsure`
    (its smoke loss is masked), or `add class cx cy w h`."""

    action: str
    reason: str


def read_mends(path: Path = MENDS) -> dict[tuple[str, str], list[Mend]]:
    """Mends by (data set, image name)."""
    mends: dict[tuple[str, str], list[Mend]] = {}
    if path.exists():
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                mends.setdefault((row["dataset"], row["image"]), []).append(Mend(row["action"], row["reason"]))
    return mends


def _mended(sample: Sample, mends: Iterable[Mend]) -> Sample | None:
    for mend in mends:
        match mend.action.split():
            case ["drop"]:
                return None
            case ["empty"]:
                sample = replace(sample, boxes=np.zeros((0, 5), np.float32))
            case ["smoke-unsure"]:
                sample = replace(sample, smoke_labelled=False)
            case ["add", name, *numbers] if len(numbers) == 4 and name in CLASS_NAMES:
                x, y, w, h = map(float, numbers)
                box = np.array([[CLASS_NAMES.index(name), x - w / 2, y - h / 2, x + w / 2, y + h / 2]], np.float32)
                sample = replace(sample, boxes=np.vstack([sample.boxes, box]))
            case _:
                raise DatasetError(f"{MENDS.name}: {mend.action!r} is not something that can be done to a label")
    return sample


def load(root: Path, sources: Sequence[Source] = SOURCES, *, mends: Path = MENDS) -> dict[Part, list[Sample]]:
    """Every picture under `root`, split. Sources that are not there are skipped; none at all is an error.

    Evaluation-only sources go wholly to `Part.TEST`.
    """
    groups = _Groups()
    decided = read_mends(mends)
    found: list[tuple[Source, Sample]] = []
    for source in sources:
        folder = root / source.folder
        if not (folder / "images").is_dir():
            continue
        scenes = _read_scenes(folder)
        for path in sorted((folder / "images").iterdir()):
            if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
                continue
            scene = scenes.get(path.name, path.stem)
            # ids that begin with a letter mean the same scene in every set
            scene = scene if scene[:1] in "ST" else f"{source.folder}/{scene}"
            groups.find(scene)
            if clip := _clip_of(source.folder, path.name):
                groups.join(scene, clip)
            boxes = np.zeros((0, 5), np.float32)
            if not source.all_negative:
                boxes = read_labels(folder / "labels" / f"{path.stem}.txt")
            sample = Sample(path, source.folder, scene, boxes, source.smoke_labelled)
            kept = _mended(sample, decided.get((source.folder, path.name), ()))
            if kept is not None:
                found.append((source, kept))
    if not found:
        raise DatasetError(
            f"no data set lies under {root}; give the folder that holds {SOURCES[0].folder}/ with --data"
        )
    parts: dict[Part, list[Sample]] = {part: [] for part in Part}
    for source, sample in found:
        scene = groups.find(sample.scene)
        part = part_of(scene) if source.trained_on else Part.TEST
        parts[part].append(replace(sample, scene=scene))
    return parts


def _read_scenes(folder: Path) -> dict[str, str]:
    path = folder / "scenes.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as lines:
        return {row["image"]: row["scene"] for row in csv.DictReader(lines)}
