"""Crowds and vehicles on real footage through real weights, as one camera's watch judges them.

The campus clip has a known number of people in each picture; the road clip has eight vehicles that come toward the
camera, and cars parked beside it.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from alerts.crowd_looks import EVERY_SECONDS
from alerts.words import AlertDraft
from configs.areas import Line, Name, OneWay, Zone
from configs.site import MonitoringPoint, Place, Settings, Streams
from configs.words import IncidentKind, Instant, ObjectClass, Point, Watch
from detectors.catalogue import Catalogue, Task
from detectors.engine import Engine, open_engine
from detectors.tiles import look_in_tiles
from detectors.words import Detections
from runtime.camera_watch import CameraWatch

pytestmark = pytest.mark.shared_data

Looks = list[tuple[float, Detections]]
WHOLE: list[Point] = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def watch_of(zones: list[Zone], lines: list[Line]) -> CameraWatch:
    point = MonitoringPoint(
        id="clip",
        name=Name(zh="片段", en="Clip"),
        place=Place(x=0.5, y=0.5),
        group="all",
        streams=Streams.model_validate({"sub": "rtsp://clip/sub"}),
        watch=[Watch.CROWD],
        zones=zones,
        lines=lines,
    )
    return CameraWatch(point, Settings(name=Name(zh="余东", en="Yudong")))


def pictures(path: Path, every: int) -> Iterator[tuple[int, np.ndarray]]:
    """(number from 1, picture) of every n-th picture."""
    video, number = cv2.VideoCapture(str(path)), 0
    while video.grab():
        number += 1
        if number % every == 1:
            yield number, np.asarray(video.retrieve()[1], np.uint8)
    video.release()


@pytest.fixture(scope="module")
def road(shared_data: Path) -> Looks:
    model = Catalogue.load(folders=[shared_data / "weights"]).find(Task.PEOPLE_VEHICLES, (640, 384))
    engine = open_engine(model)
    clip = shared_data / "clips" / "road-8-vehicles.mp4"
    looks = [(number / 24.013, engine.detect(picture)) for number, picture in pictures(clip, 4)]
    engine.close()
    return looks


def test_each_vehicle_on_a_walkway_is_told_once_and_none_beside_it(road: Looks) -> None:
    roadway: list[Point] = [(0.2, 0.5), (0.9, 0.5), (0.9, 0.9), (0.2, 0.9)]
    verge: list[Point] = [(0.0, 0.3), (0.28, 0.3), (0.28, 1.0), (0.0, 1.0)]
    walk = Zone(id="walk", name=Name(zh="步道", en="Walk"), polygon=roadway, no_vehicles=True)
    assert len(told(watch_of([walk], []), road)) == 8
    assert told(watch_of([walk.model_copy(update={"polygon": verge})], []), road) == []


def campus_engine(shared_data: Path) -> Engine:
    return open_engine(Catalogue.load(folders=[shared_data / "weights"]).find(Task.PEOPLE_VEHICLES, (416, 256)))


def shrunk(picture: np.ndarray, scale: float) -> np.ndarray:
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def told(watch: CameraWatch, looks: Looks) -> list[AlertDraft]:
    return [draft for at, seen in looks for draft in watch.see_objects(seen, Instant(at), at).drafts]


def one_way(way: OneWay) -> Line:
    # From left to right, so that what comes toward the camera goes in.
    return Line(id="road", name=Name(zh="村道", en="Road"), start=(0.0, 0.5256), end=(1.0, 0.5256), one_way=way)


@pytest.mark.parametrize("thinned", [1, 2])
def test_each_vehicle_against_the_direction_is_told_once_and_none_that_keeps_to_it(road: Looks, thinned: int) -> None:
    against = told(watch_of([], [one_way(OneWay.OUT)]), road[::thinned])
    along = told(watch_of([], [one_way(OneWay.IN)]), road[::thinned])
    assert along == []
    assert len(against) == 8
    assert {draft.kind for draft in against} == {IncidentKind.TRAFFIC}
    assert all("村道" in draft.reason.zh and draft.numbers["direction"] == "in" for draft in against)


def test_a_crowd_of_known_size_is_told_with_its_size(shared_data: Path) -> None:
    truth = np.loadtxt(shared_data / "clips" / "pets09-s2l1-gt.txt", delimiter=",")
    there = {n: int((truth[:, 0] == n).sum()) for n in range(1, 796)}
    zone = Zone(id="campus", name=Name(zh="校园", en="Campus"), polygon=WHOLE, crowd_at=6, crowd_dangerous_at=12)
    watch, engine = watch_of([zone], []), campus_engine(shared_data)
    drafts, off = [], []
    for number, picture in pictures(shared_data / "clips" / "pets09-s2l1-view1.avi", 4):
        at = number / 7.0
        drafts += watch.see_objects(engine.detect(shrunk(picture, 0.5)), Instant(at), at).drafts
        off.append(watch.people_by_zone()["campus"] - there[number])
        if watch.closer_count_due():  # at first all of them are far away
            watch.take_closer_count(look_in_tiles(engine, picture), Instant(at))
        if drafts and number > 200:
            break
    engine.close()
    assert [(d.kind, d.numbers["level"]) for d in drafts] == [(IncidentKind.CROWD, "filling")]
    assert abs(drafts[0].numbers["people"] - there[round(drafts[0].raised_at * 7.0)]) <= 1
    assert np.abs(off).mean() <= 1.0


def test_people_too_small_for_the_sub_stream_are_counted_in_the_main_one(shared_data: Path) -> None:
    """The clip as the middle of a picture twice as wide and high: people are half as high in it."""
    truth = np.loadtxt(shared_data / "clips" / "pets09-s2l1-gt.txt", delimiter=",")
    zone = Zone(id="campus", name=Name(zh="校园", en="Campus"), polygon=WHOLE, crowd_at=5)
    watch, engine = watch_of([zone], []), campus_engine(shared_data)
    drafts, closer, off_closer, off_alone = [], 0, [], []
    for number, picture in pictures(shared_data / "clips" / "pets09-s2l1-view1.avi", 4):
        at, main = number / 7.0, np.full((1152, 1536, 3), 114, np.uint8)
        main[288:864, 384:1152] = picture
        drafts += watch.see_objects(engine.detect(shrunk(main, 0.25)), Instant(at), at).drafts
        there = int((truth[:, 0] == number).sum())
        off_closer.append(abs(watch.people_by_zone()["campus"] - there))
        off_alone.append(abs(watch.flow.occupancy[zone.zone_id].get(ObjectClass.PERSON, 0) - there))
        if watch.closer_count_due():
            watch.take_closer_count(look_in_tiles(engine, main), Instant(at))
            closer += 1
        if number > 300:
            break
    engine.close()
    assert [d.kind for d in drafts] == [IncidentKind.CROWD]
    assert 0 < closer <= 300 / 7.0 / EVERY_SECONDS + 1
    assert np.mean(off_closer) < 0.8 * np.mean(off_alone), (np.mean(off_closer), np.mean(off_alone))
