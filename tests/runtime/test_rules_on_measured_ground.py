"""Crowds and vehicles where the ground was measured out: densities and speeds; and whose rules ask for looks."""

import pytest

from alerts.words import AlertDraft
from configs.areas import Line, Name, OneWay, Zone
from configs.site import MonitoringPoint, Place, Settings, Streams
from configs.words import Instant, ObjectClass, Watch
from detectors.catalogue import Task
from runtime.asks import tasks_of
from runtime.camera_watch import CameraWatch
from tests.flow.test_passing import ground, seen_at
from tests.support.walks import Seen, detections, standing

CAR, PERSON = ObjectClass.CAR, ObjectClass.PERSON
NAME = Name(zh="步行街", en="Walking street")
LANE = Zone(id="lane", name=NAME, polygon=[seen_at(e, n) for e, n in ((-3, 10), (3, 10), (3, 25), (-3, 25))])
FREE = Line(id="mouth", name=Name(zh="街口", en="Mouth"), start=(0.0, seen_at(0, 18)[1]), end=(1.0, seen_at(0, 18)[1]))


def point(zone: Zone = LANE, line: Line = FREE, watch: list[Watch] | None = None) -> MonitoringPoint:
    return MonitoringPoint(
        id="street",
        name=NAME,
        place=Place(x=0.5, y=0.5),
        group="all",
        streams=Streams.model_validate({"sub": "rtsp://street/sub"}),
        watch=watch or [],
        zones=[zone],
        lines=[line],
        ground=ground(),
    )


def drafts_of(camera: MonitoringPoint, looks: list[list[Seen]], every: float) -> list[AlertDraft]:
    watch = CameraWatch(camera, Settings(name=NAME))
    return [
        draft
        for n, seen in enumerate(looks)
        for draft in watch.see_objects(detections(seen), Instant(1000 + n * every), n * every).drafts
    ]


def drive(metres_a_second: float, every: float) -> list[list[Seen]]:
    """A car that comes toward the camera."""
    path = [seen_at(0.5, 26 - metres_a_second * every * n) for n in range(int(16 / metres_a_second / every))]
    return [[(CAR, standing(x, y, 0.1, 0.1), 0.8)] for x, y in path]


def test_a_wrong_way_is_told_with_its_speed() -> None:
    line = FREE.model_copy(update={"one_way": OneWay.OUT})
    [draft] = drafts_of(point(line=line), drive(8.0, 0.2), 0.2)
    assert draft.numbers["kilometres_per_hour"] == pytest.approx(28.8, rel=0.15)
    assert "km/h" in draft.reason.en and "公里" in draft.reason.zh


def test_a_car_among_walkers_is_told_with_its_speed_once() -> None:
    [draft] = drafts_of(point(LANE.model_copy(update={"no_vehicles": True})), drive(3.0, 0.25), 0.25)
    assert draft.numbers["zone_id"] == "lane"
    assert draft.numbers["kilometres_per_hour"] == pytest.approx(10.8, rel=0.15)


def test_a_crowd_is_told_with_its_density() -> None:
    zone = LANE.model_copy(update={"crowd_at": 6, "crowd_dangerous_at": 20})
    places = [(-2 + 0.8 * i, 12 + 2 * (i % 3)) for i in range(6)]
    group: list[Seen] = [(PERSON, standing(*seen_at(e, n), 0.12), 0.8) for e, n in places]
    [draft] = drafts_of(point(zone, watch=[Watch.CROWD]), [group] * 40, 0.5)
    assert draft.numbers["square_metres"] == pytest.approx(90, rel=0.01)
    assert draft.numbers["people_per_square_metre"] == pytest.approx(6 / 90, abs=0.01)


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        (point(), set()),
        (point(watch=[Watch.SMOKE_FIRE]), {Task.SMOKE_FIRE}),
        (point(line=FREE.model_copy(update={"one_way": OneWay.IN})), {Task.PEOPLE_VEHICLES}),
        (point(LANE.model_copy(update={"no_vehicles": True})), {Task.PEOPLE_VEHICLES}),
    ],
)
def test_what_a_line_or_zone_forbids_is_looked_for_without_another_word(
    camera: MonitoringPoint, expected: set[Task]
) -> None:
    assert tasks_of(camera) == expected
