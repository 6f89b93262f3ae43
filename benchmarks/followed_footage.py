"""Shared by the benchmarks of tracking and counting: the clips' detections, their truth, and trackers behind one shape.

Promises: every tracker gets the same detections at the same looks; library trackers run as their makers configure them,
where they are importable. Not here: scores (`tracking.py`), counts (`counting.py`).
"""

import importlib.util
import os
import pickle
import random
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.words import CameraId, Instant, ObjectClass
from detectors.catalogue import Catalogue, Task
from detectors.engine import open_engine
from detectors.tracker import Tracker
from detectors.words import Detections, Track, TrackId, Tracks

PROJECT = Path(__file__).resolve().parent.parent
PETS, PETS_TRUTH, ROAD = "pets09-s2l1-view1.avi", "pets09-s2l1-gt.txt", "road-8-vehicles.mp4"
PETS_RATE = 7.0
#: What the tracker wants to be given: weak detections too.
CONFIDENCE, NMS_IOU = 0.1, 0.7
_CLASSES = tuple(ObjectClass)
CAMERA = CameraId("bench")


@dataclass(frozen=True)
class Footage:
    """One clip as a detector sees it: detections of picture n are at index n - 1."""

    detections: list[Detections]
    width: int
    height: int
    pictures_per_second: float


def clips_folder() -> Path:
    return Path(os.environ.get("VBRAIN_CLIPS", PROJECT.parent / "shared/data/clips"))


def needs_clips() -> None:
    """Ends the program with one sentence where the clips are missing."""
    for name in (PETS, PETS_TRUTH, ROAD):
        if not (clips_folder() / name).is_file():
            sys.exit(f"{clips_folder() / name} is missing; name the folder that holds it in VBRAIN_CLIPS")


def detect(clip: str, size: tuple[int, int], rate: float | None = None) -> Footage:
    """Detections of every picture of a clip. `rate` overrides the pictures a second that its file states.

    With VBRAIN_BENCH_CACHE set, they are kept in that folder, and found there the next time.
    """
    folder = os.environ.get("VBRAIN_BENCH_CACHE")
    kept = Path(folder) / f"{Path(clip).stem}-{size[0]}x{size[1]}.pickle" if folder else None
    if kept and kept.is_file():
        footage: Footage = pickle.loads(kept.read_bytes())
    else:
        footage = _detected(clip, size)
        if kept:
            kept.write_bytes(pickle.dumps(footage))
    return replace(footage, pictures_per_second=rate or footage.pictures_per_second)


def _detected(clip: str, size: tuple[int, int]) -> Footage:
    engine = open_engine(Catalogue.load().find(Task.PEOPLE_VEHICLES, size), confidence=CONFIDENCE, nms_iou=NMS_IOU)
    video = cv2.VideoCapture(str(clips_folder() / clip))
    found = []
    while (read := video.read())[0]:
        found.append(engine.detect(np.asarray(read[1], np.uint8)))
    width, height = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    rate = float(video.get(cv2.CAP_PROP_FPS))
    video.release()
    engine.close()
    return Footage(found, width, height, rate)


def pets_truth() -> NDArray[np.float64]:
    """Rows of picture, identity, left, top, width, height in pixels."""
    return np.loadtxt(clips_folder() / PETS_TRUTH, delimiter=",")[:, :6]


def looks(count: int, rate: float, looks_per_second: float | None, seed: int = 0) -> list[int]:
    """Which pictures, from 1, are looked at: evenly, or with steps of 0.14 to 0.9 s at random when None."""
    if looks_per_second is None:
        chance, chosen, at = random.Random(seed), [], 1
        while at <= count:
            chosen.append(at)
            at += max(1, round(chance.uniform(0.14, 0.9) * rate))
        return chosen
    step = rate / looks_per_second
    return [round(1 + k * step) for k in range(int((count - 1) / step) + 1)]


Following = Callable[[Footage, list[int]], list[Tracks]]


def ours(footage: Footage, chosen: list[int]) -> list[Tracks]:
    tracker = Tracker(CAMERA)
    given = []
    for picture in chosen:
        at = picture / footage.pictures_per_second
        given.append(tracker.update(footage.detections[picture - 1], Instant(at), at))
    return given


def _tracks(footage: Footage, at: float, rows: list[tuple[int, ObjectClass, tuple[float, ...], float]]) -> Tracks:
    now, scale = Instant(at), (footage.width, footage.height, footage.width, footage.height)
    return Tracks(
        CAMERA,
        now,
        at,
        footage.width / footage.height,
        tuple(
            Track(TrackId(i), name, tuple(b / s for b, s in zip(box, scale, strict=True)), score, now, now, 1)  # type: ignore[arg-type]
            for i, name, box, score in rows
        ),
    )


class _Boxes:
    """What ultralytics' trackers read of detections."""

    def __init__(self, xyxy: NDArray[np.float32], conf: NDArray[np.float32], cls: NDArray[np.float32]) -> None:
        self.xyxy, self.conf, self.cls = xyxy, conf, cls

    @property
    def xywh(self) -> NDArray[np.float32]:
        return np.concatenate([(self.xyxy[:, :2] + self.xyxy[:, 2:]) / 2, self.xyxy[:, 2:] - self.xyxy[:, :2]], axis=1)

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, rows: Any) -> "_Boxes":
        return _Boxes(self.xyxy[rows], self.conf[rows], self.cls[rows])


def ultralytics_tracker(name: str) -> Following:
    """ByteTrack or BoT-SORT by ultralytics' own settings, but for compensation of camera motion: these stand still."""

    def follow(footage: Footage, chosen: list[int]) -> list[Tracks]:
        import yaml
        from ultralytics.trackers import BOTSORT, BYTETracker
        from ultralytics.utils import ROOT

        settings = yaml.safe_load((ROOT / f"cfg/trackers/{name}.yaml").read_text())
        settings["gmc_method"] = "none"
        tracker = (BOTSORT if name == "botsort" else BYTETracker)(Namespace(**settings))
        scale = np.array([footage.width, footage.height] * 2, np.float32)
        picture_like = np.zeros((footage.height, footage.width, 3), np.uint8)
        given = []
        for picture in chosen:
            seen = footage.detections[picture - 1]
            numbers = np.array([_CLASSES.index(c) for c in seen.classes], np.float32)
            rows = tracker.update(_Boxes(seen.boxes * scale, seen.scores, numbers), picture_like)
            given.append(
                _tracks(
                    footage,
                    picture / footage.pictures_per_second,
                    [(int(r[4]), _CLASSES[int(r[6])], tuple(map(float, r[:4])), float(r[5])) for r in rows],
                )
            )
        return given

    return follow


def mesopic_tracks(footage: Footage, chosen: list[int]) -> list[list[Any]]:
    """Mesopic's own tracks of persons (a foot point, no box), by its own settings."""
    from mesopic.tracker.bytetrack import ByteTrackTracker
    from mesopic.types import DecodedFrame, Detection

    tracker = ByteTrackTracker()
    given = []
    for picture in chosen:
        seen = footage.detections[picture - 1]
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=picture / footage.pictures_per_second)
        blank = np.zeros((1, 1, 3), np.uint8)
        scale = (footage.width, footage.height) * 2
        people = [
            Detection(tuple(round(float(v) * s) for v, s in zip(box, scale, strict=True)), float(score))
            for box, score, name in zip(seen.boxes, seen.scores, seen.classes, strict=True)
            if name is ObjectClass.PERSON
        ]
        given.append(tracker.update(DecodedFrame(CAMERA, moment, blank, footage.width, footage.height), people))
    return given


def importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def followers() -> dict[str, Following]:
    """The trackers that can run here, ours first."""
    found: dict[str, Following] = {"ours": ours}
    if importable("ultralytics"):
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        found["ByteTrack"] = ultralytics_tracker("bytetrack")
        found["BoT-SORT"] = ultralytics_tracker("botsort")
    else:
        print('ultralytics is not importable here: pip install "village-brain[train]" to compare with its trackers')
    return found
