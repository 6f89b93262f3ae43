"""Headways, speeds over measured ground, heat grids: measured right, summed by day, kept when written twice over."""

import math
import random
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from configs.site import GroundPoint, Line, MonitoringPoint, Name, Place, Streams, Zone
from configs.words import CameraId, Instant, LineId, ObjectClass
from detectors.words import TrackId
from flow.camera_flow import CameraFlow
from flow.day_sums import DaySums
from flow.ground import MOST_TRACKS, GroundPlane, SpeedGauge
from flow.heat import COLUMNS, ROWS
from flow.histograms import HEADWAYS, SPEEDS, pack
from flow.passage_figures import read_heat, read_passages
from flow.passing import Followers, Passed
from flow.report_scope import scope_of
from flow.words import Crossing
from models.session import Database
from tests.flow.counted import SHANGHAI, plan, village
from tests.support.walks import standing, tracks

CAR, PERSON = ObjectClass.CAR, ObjectClass.PERSON
NOON = datetime(2026, 10, 1, 4, 0, tzinfo=UTC).timestamp()

# A road seen by a camera 6 m up that looks down at it: where a point of the ground falls in the picture.
_TILT, _HIGH, _FOCAL, _ASPECT = math.radians(25), 6.0, 0.9, 16 / 9


def seen_at(east: float, north: float) -> tuple[float, float]:
    depth = north * math.cos(_TILT) + _HIGH * math.sin(_TILT)
    down = _HIGH * math.cos(_TILT) - north * math.sin(_TILT)
    return 0.5 + _FOCAL * east / depth / _ASPECT, 0.5 + _FOCAL * down / depth


def ground() -> list[GroundPoint]:
    return [GroundPoint(at=seen_at(e, n), metres=(e, n)) for e, n in ((-4, 9), (4, 9), (4, 26), (-4, 26))]


def test_a_zone_covers_as_much_ground_as_was_measured_and_beyond_it_nothing_is_said() -> None:
    plane = GroundPlane(ground())
    lane = [seen_at(e, n) for e, n in ((-3, 10), (3, 10), (3, 25), (0, 24), (-3, 25))]
    assert plane.square_metres(lane) == pytest.approx(6 * 15 - 3)
    assert plane.square_metres(lane[::-1]) == pytest.approx(6 * 15 - 3)
    assert plane.square_metres([*lane, (0.5, 0.01)]) is None


def road_camera() -> MonitoringPoint:
    middle = seen_at(0, 18)[1]
    return MonitoringPoint(
        id="road",
        name=Name(zh="路", en="Road"),
        place=Place(x=0.5, y=0.5),
        group="all",
        streams=Streams.model_validate({"sub": "rtsp://road/sub"}),
        lines=[Line(id="lane", name=Name(zh="线", en="line"), start=(0.0, middle), end=(1.0, middle), counts=[CAR])],
        zones=[Zone(id="yard", name=Name(zh="场", en="yard"), polygon=[(0, 0), (1, 0), (1, 1), (0, 1)])],
        ground=ground(),
    )


def drive(
    flow: CameraFlow, start: float, track: int, speed: float, every: float, jitter: float = 0.0
) -> list[Crossing]:
    chance, crossings, at = random.Random(track), [], 0.0
    while at * speed < 22:
        x, y = seen_at(0.5, 30 - at * speed)
        y += chance.gauss(0, jitter)
        crossings += flow.update(tracks(start + at, [(track, standing(x, y, 0.1, 0.1))], CAR))
        at += every
    return crossings


def test_the_plane_is_exact_inside_and_silent_outside() -> None:
    plane = GroundPlane(ground())
    for east, north in ((0, 12), (-3, 20), (2.5, 25)):
        assert plane.metres(seen_at(east, north)) == pytest.approx((east, north), abs=1e-6)
    assert plane.metres((0.5, 0.02)) is None


@pytest.mark.parametrize("every", [0.14, 0.29, 0.57])
def test_a_speed_is_the_same_at_every_rate_of_looks(every: float) -> None:
    for n, speed in enumerate((4.0, 8.0, 13.0)):
        found = drive(CameraFlow(road_camera()), 1000.0 * n, n, speed, every, jitter=0.002)
        assert [c.speed for c in found] == [pytest.approx(speed, rel=0.08)]


def test_without_ground_points_there_is_no_speed() -> None:
    flow = CameraFlow(road_camera().model_copy(update={"ground": []}))
    assert [c.speed for c in drive(flow, 0.0, 1, 8.0, 0.2)] == [None]


def test_speeds_are_remembered_for_a_bounded_number_of_things() -> None:
    gauge = SpeedGauge(GroundPlane(ground()))
    place = seen_at(0, 15)
    gauge.update(tracks(1.0, [(n, standing(*place, 0.1, 0.1)) for n in range(3 * MOST_TRACKS)], CAR))
    assert gauge.held <= MOST_TRACKS
    gauge.update(tracks(60.0, []))
    assert gauge.held == 0


def crossing(at: float, kind: ObjectClass = CAR, way: str = "in", speed: float | None = None) -> Crossing:
    return Crossing(
        CameraId("road"),
        LineId("lane"),
        TrackId(1),
        kind,
        "in" if way == "in" else "out",
        Instant(at),
        (0.5, 0.5),
        speed,
    )


def test_a_headway_is_behind_the_one_before_the_same_way() -> None:
    followers = Followers()
    given = [crossing(0), crossing(1, way="out"), crossing(2, PERSON), crossing(3.5), crossing(4.0, ObjectClass.BUS)]
    assert [followers.headway(c) for c in given] == [None, None, None, 3.5, 0.5]
    followers.forget()
    assert followers.headway(crossing(9)) is None


def test_over_a_time_that_nobody_watched_there_is_no_headway() -> None:
    flow = CameraFlow(road_camera())
    drive(flow, NOON, 1, 10.0, 0.2)
    drive(flow, NOON + 6, 2, 10.0, 0.2)
    drive(flow, NOON + 300, 3, 10.0, 0.2)
    (sums,) = flow.take_sums(SHANGHAI).passages.values()
    assert sums.headways.sum() == 1
    assert sums.headway_sum == pytest.approx(6.0, abs=0.2)
    assert sums.speeds.sum() == 3


def test_heat_is_seconds_stood_by_cell_and_by_day() -> None:
    flow = CameraFlow(road_camera())
    for n in range(11):
        flow.update(tracks(NOON + n, [(1, standing(0.51, 0.51, 0.2))], PERSON))
    sums = flow.take_sums(SHANGHAI)
    held = sums.heat[date(2026, 10, 1), "road", "people"]
    assert held.observed == 10.0
    assert held.grid[int(0.51 * ROWS), int(0.51 * COLUMNS)] == held.grid.sum() == 10.0
    assert not flow.take_sums(SHANGHAI)


def test_days_are_added_to_what_stands_there(database: Database) -> None:
    first, second = DaySums(), DaySums()
    grid = np.zeros((ROWS, COLUMNS))
    grid[3, 4] = 5.0
    for sums in (first, second):
        sums.add_heat(date(2026, 10, 1), CameraId("road"), {"people": grid}, 50.0)
        for n in range(4):
            sums.add_passed(date(2026, 10, 1), Passed(crossing(n, speed=10.0 + n), 1.2 if n else None))
    second.add_heat(date(2026, 10, 2), CameraId("road"), {"people": grid}, 50.0)
    for sums in (first, second):
        with database.session() as session:
            sums.write(session.connection())
    with database.reading() as session:
        connection = session.connection()
        (heat,) = read_heat(connection, scope_of(village(), plan()), "road", date(2026, 10, 1), date(2026, 10, 2))
        one_day = read_heat(connection, scope_of(village(), plan()), "road", date(2026, 10, 2), date(2026, 10, 2))
        passed = read_passages(connection, date(2026, 10, 1), date(2026, 10, 31), None)
    assert heat.grid[3][4] == pytest.approx(15.0 / 150.0)
    assert heat.lines == [((0.5, 0.1), (0.5, 0.9))]
    assert one_day[0].observed_hours == round(50 / 3600, 2)
    (sums_read,) = passed.values()
    assert (sums_read.headways.sum(), sums_read.speeds.sum(), sums_read.fastest) == (6, 8, 13.0)
    assert HEADWAYS.below(sums_read.headways, 2.0) == 1.0


def test_what_waits_is_bounded_by_days() -> None:
    waiting = DaySums()
    for n in range(100):
        more = DaySums()
        more.add_passed(date(2026, 1, 1) + timedelta(days=n), Passed(crossing(n), 3.0))
        waiting.merge(more)
    assert len(waiting.passages) == 40
    assert max(key[0] for key in waiting.passages) == date(2026, 4, 10)


def test_a_quantile_lies_inside_its_box() -> None:
    boxes = SPEEDS.none()
    for speed in np.linspace(5, 15, 1001):
        SPEEDS.add(boxes, float(speed))
    assert SPEEDS.quantile(boxes, 0.85) == pytest.approx(13.5, abs=0.15)
    assert SPEEDS.quantile(SPEEDS.none(), 0.5) is None
    SPEEDS.add(boxes, 999.0)
    assert SPEEDS.unpack(pack(boxes)).sum() == 1002
