"""The tracker and the line counter on real footage through real weights, against the ground truth.

Detections are made once: every second picture of the campus clip (3.5 looks a second, thinned to 1.75) and every fourth
of the road clip (6 looks a second, thinned to 3 and 2), at a small network input, so that the test is quick.
`benchmarks/tracking.py` and `benchmarks/counting.py` measure the rest.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import motmetrics
import numpy as np
import pytest

from configs.site import Line, Name
from configs.words import CameraId, Instant, ObjectClass, Point
from detectors.catalogue import Catalogue, Task
from detectors.engine import open_engine
from detectors.evaluate import overlaps
from detectors.tracker import Tracker
from detectors.words import Detections, Tracks
from flow.line_counter import LineCounter

pytestmark = pytest.mark.shared_data

PETS_SIZE = (768, 576)
Looks = list[tuple[int, Detections]]
VEHICLES = [ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.MOTORCYCLE]


def detected(shared_data: Path, clip: str, size: tuple[int, int], every: int) -> Looks:
    """(number, detections) of every n-th picture of a clip, from the first."""
    model = Catalogue.load(folders=[shared_data / "weights"]).find(Task.PEOPLE_VEHICLES, size)
    engine = open_engine(model, confidence=0.1, nms_iou=0.7)
    video = cv2.VideoCapture(str(shared_data / "clips" / clip))
    looks, number = [], 0
    while video.grab():
        number += 1
        if number % every == 1:
            looks.append((number, engine.detect(np.asarray(video.retrieve()[1], np.uint8))))
    video.release()
    engine.close()
    return looks


@pytest.fixture(scope="module")
def campus(shared_data: Path) -> Iterator[Looks]:
    yield detected(shared_data, "pets09-s2l1-view1.avi", (416, 256), 2)


@pytest.fixture(scope="module")
def road(shared_data: Path) -> Iterator[Looks]:
    yield detected(shared_data, "road-8-vehicles.mp4", (640, 384), 4)


def follow(looks: Looks, pictures_per_second: float) -> list[Tracks]:
    tracker = Tracker(CameraId("clip"))
    return [tracker.update(seen, Instant(n / pictures_per_second), n / pictures_per_second) for n, seen in looks]


def crossings(given: list[Tracks], start: Point, end: Point, counts: list[ObjectClass]) -> tuple[int, int]:
    counter = LineCounter(Line(id="line", name=Name(zh="线", en="Line"), start=start, end=end, counts=counts))
    ways = [crossing.direction for tracks in given for crossing in counter.update(tracks)]
    return ways.count("in"), ways.count("out")


@pytest.mark.parametrize(("thinned", "within"), [(1, 1), (2, 2)])
def test_who_crosses_the_campus_is_counted(campus: Looks, thinned: int, within: int) -> None:
    given = follow(campus[::thinned], 7.0)
    for start, end, true in [
        ((0.45, 0.2), (0.45, 0.62), (15, 12)),
        ((0.3, 0.22), (0.7, 0.7), (15, 11)),
    ]:
        counted = crossings(given, start, end, [ObjectClass.PERSON])
        assert abs(counted[0] - true[0]) <= within and abs(counted[1] - true[1]) <= within, counted


@pytest.mark.parametrize("thinned", [1, 2])
def test_identities_hold_on_the_campus(campus: Looks, shared_data: Path, thinned: int) -> None:
    truth = np.loadtxt(shared_data / "clips" / "pets09-s2l1-gt.txt", delimiter=",")
    scale = np.array(PETS_SIZE * 2)
    looks = campus[::thinned]
    score = motmetrics.MOTAccumulator(auto_id=True)
    for (number, _), tracks in zip(looks, follow(looks, 7.0), strict=True):
        rows = truth[truth[:, 0] == number]
        true_boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
        people = [t for t in tracks.tracks if t.object_class is ObjectClass.PERSON]
        boxes = np.array([t.box for t in people], np.float32).reshape(-1, 4) * scale
        alike = overlaps(true_boxes.astype(np.float32), boxes.astype(np.float32))
        score.update(rows[:, 1], [t.track_id for t in people], np.where(alike >= 0.5, 1 - alike, np.nan))
    summary = motmetrics.metrics.create().compute(score, metrics=["mota", "idf1"], name="all").iloc[0]
    assert summary["idf1"] >= 0.75
    assert summary["mota"] >= 0.80  # this input is the smallest; the larger ones give 0.83 and more


@pytest.mark.parametrize("thinned", [1, 2, 3])
def test_eight_vehicles_pass_and_no_parked_car_counts(road: Looks, thinned: int) -> None:
    line = (0.0, 185 / 352), (1.0, 185 / 352)
    assert crossings(follow(road[::thinned], 24.013), *line, VEHICLES) == (8, 0)
