"""Occupancy, visits and stopped vehicles in one zone."""

import random

import pytest

from configs.site import Name, Zone
from configs.words import ObjectClass, Point
from flow.words import StoppedVehicle, Visit
from flow.zones import MOST_STANDS, MOST_TRACKS, ZoneWatcher
from tests.support.walks import standing, tracks

SQUARE: list[Point] = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.8), (0.3, 0.8)]
CAR, PERSON, BICYCLE = ObjectClass.CAR, ObjectClass.PERSON, ObjectClass.BICYCLE


def zone(no_parking_after_seconds: float | None = None, ignore: list[ObjectClass] | None = None) -> Zone:
    return Zone(
        id="square",
        name=Name(zh="广场", en="Square"),
        polygon=SQUARE,
        no_parking_after_seconds=no_parking_after_seconds,
        ignore=ignore or [],
    )


def feed(
    watcher: ZoneWatcher, things: list[tuple[float, int, Point]], name: ObjectClass = PERSON
) -> tuple[list[Visit], list[StoppedVehicle]]:
    """Looks of one thing each: moment, identity, foot point. Ends with an empty look long after."""
    visits: list[Visit] = []
    stopped: list[StoppedVehicle] = []
    for at, track_id, (x, y) in things:
        left, told = watcher.update(tracks(at, [(track_id, standing(x, y, 0.1, 0.1))], name))
        visits += left
        stopped += told
    left, told = watcher.update(tracks(things[-1][0] + 1000, []))
    return visits + left, stopped + told


def test_who_stands_in_the_zone_is_counted_by_foot_point_and_class() -> None:
    watcher = ZoneWatcher(zone(ignore=[BICYCLE]))
    watcher.update(tracks(0.0, [(1, standing(0.5, 0.5)), (2, standing(0.5, 0.85)), (3, standing(0.6, 0.79))]))
    assert dict(watcher.occupancy) == {PERSON: 2}
    watcher.update(tracks(1.0, [(4, standing(0.5, 0.5))], BICYCLE))
    assert dict(watcher.occupancy) == {}


def test_a_visit_lasts_from_entering_to_leaving() -> None:
    path = [(float(i), 1, (0.05 + 0.1 * i, 0.5)) for i in range(10)]
    (visit,) = feed(ZoneWatcher(zone()), path)[0]
    assert (visit.entered_at, visit.left_at, visit.track_id) == (3.0, 7.0, 1)


def test_walking_along_the_edge_is_one_visit() -> None:
    chance = random.Random(2)
    path = [(i * 0.25, 1, (0.302 + chance.choice([-0.004, 0.004]) * (i % 3 == 1), 0.5)) for i in range(80)]
    assert len(feed(ZoneWatcher(zone()), path)[0]) == 1


def test_who_is_lost_inside_has_left_when_last_seen() -> None:
    visits, _ = feed(ZoneWatcher(zone()), [(0.0, 1, (0.5, 0.5)), (2.0, 1, (0.5, 0.5))])
    assert [(v.entered_at, v.left_at) for v in visits] == [(0.0, 2.0)]


@pytest.mark.parametrize(("name", "told"), [(CAR, 1), (ObjectClass.MOTORCYCLE, 1), (PERSON, 0), (BICYCLE, 0)])
def test_a_motor_vehicle_that_stands_too_long_is_told_once(name: ObjectClass, told: int) -> None:
    chance = random.Random(3)
    things = [(i * 0.5, 1, (0.5 + chance.gauss(0, 0.003), 0.5 + chance.gauss(0, 0.003))) for i in range(400)]
    stopped = feed(ZoneWatcher(zone(60)), things, name)[1]
    assert len(stopped) == told
    if told:
        assert (stopped[0].since, stopped[0].at) == (0.0, 60.0)


def test_lost_for_a_while_and_found_as_another_it_is_still_the_same_car() -> None:
    things = [(i * 1.0, 1 + i // 40, (0.5, 0.5)) for i in range(200) if not 50 < i < 75]
    stopped = feed(ZoneWatcher(zone(60)), things, CAR)[1]
    assert [s.at for s in stopped] == [76.0 - 1.0]


def test_a_car_in_a_crawling_queue_has_not_stopped() -> None:
    things = [(i * 1.0, 1, (0.32 + 0.002 * i, 0.5)) for i in range(180)]
    assert feed(ZoneWatcher(zone(60)), things, CAR)[1] == []


def test_a_car_that_came_back_is_told_again() -> None:
    stay = [(i * 1.0, 1, (0.5, 0.5)) for i in range(70)]
    again = [(300.0 + i, 2, (0.5, 0.5)) for i in range(70)]
    assert len(feed(ZoneWatcher(zone(60)), stay + again, CAR)[1]) == 2


def test_outside_the_zone_one_may_park() -> None:
    assert feed(ZoneWatcher(zone(60)), [(i * 1.0, 1, (0.9, 0.5)) for i in range(100)], CAR)[1] == []


def test_memory_is_bounded() -> None:
    chance = random.Random(4)
    watcher = ZoneWatcher(zone(60))
    for i in range(5_000):
        watcher.update(tracks(i * 0.3, [(i, standing(chance.random(), chance.random()))], CAR))
    assert watcher.held <= 250
    watcher.update(tracks(1e6, [(i, standing(chance.random(), chance.random())) for i in range(2 * MOST_TRACKS)], CAR))
    assert watcher.held <= MOST_TRACKS + MOST_STANDS


def arrivals(watcher: ZoneWatcher, things: list[tuple[float, list[tuple[int, Point]]]]) -> int:
    """How many arrive while these are looked at: moment, and identity and foot point of each."""
    count = 0
    for at, seen in things:
        watcher.update(tracks(at, [(i, standing(x, y, 0.1, 0.1)) for i, (x, y) in seen]))
        count += watcher.arrivals[PERSON]
    return count


def test_who_walks_in_and_who_steps_out_of_a_door_inside_have_arrived() -> None:
    walk = [(0.5 * i, [(1, (0.1 + 0.02 * i, 0.5))]) for i in range(20)]
    door = [(10.0 + 0.5 * i, [(2, (0.6, 0.75))]) for i in range(10)]
    assert arrivals(ZoneWatcher(zone()), walk + door) == 2


def test_who_was_there_when_watching_began_has_not_arrived() -> None:
    there = [(0.5 * i, [(1, (0.5, 0.5)), (2, (0.6, 0.6))]) for i in range(20)]
    after_a_gap = [(100.0 + 0.5 * i, [(3, (0.5, 0.5))]) for i in range(20)]
    assert arrivals(ZoneWatcher(zone()), there + after_a_gap) == 0


def test_a_lost_identity_arrives_once_and_stays_one_visit() -> None:
    things = [(0.0, 9, (0.9, 0.9))] + [
        (5.0 + 0.5 * i, 1 if i < 8 else 2, (0.5, 0.5)) for i in range(20) if i not in (7, 8)
    ]
    watcher, count = ZoneWatcher(zone()), 0
    visits = []
    for at, track_id, (x, y) in things:
        visits += watcher.update(tracks(at, [(track_id, standing(x, y, 0.1, 0.1))]))[0]
        count += watcher.arrivals[PERSON]
    visits += watcher.update(tracks(1000.0, []))[0]
    assert count == 1
    assert [(v.entered_at, v.left_at) for v in visits] == [(5.0, 14.5)]


def test_who_comes_back_arrives_again() -> None:
    out_and_in = [(0.5 * i, [(1, (0.8 if i % 20 < 10 else 0.6, 0.5))]) for i in range(60)]
    assert arrivals(ZoneWatcher(zone()), out_and_in) == 3
