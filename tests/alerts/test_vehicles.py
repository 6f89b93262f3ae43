"""Vehicles against a one-way line, and where only people walk: one alert for one vehicle, none for the rest."""

import random

import pytest

from alerts.walkways import WalkwayJudge
from alerts.words import AlertDraft
from alerts.wrong_way import WrongWayJudge
from configs.areas import Line, Name, OneWay, Zone
from configs.words import CameraId, IncidentKind, ObjectClass, Point
from tests.support.walks import standing, tracks

CAR, BICYCLE, PERSON, TRUCK = ObjectClass.CAR, ObjectClass.BICYCLE, ObjectClass.PERSON, ObjectClass.TRUCK
# Drawn from left to right: its right side is below, so what goes down the picture goes in.
ACROSS = Line(id="mouth", name=Name(zh="村口", en="Gate"), start=(0.1, 0.5), end=(0.9, 0.5), one_way=OneWay.IN)
LANE = Zone(
    id="lane",
    name=Name(zh="画廊步道", en="Mural walk"),
    polygon=[(0.3, 0.3), (0.7, 0.3), (0.7, 0.8), (0.3, 0.8)],
    no_vehicles=True,
)
UP: list[Point] = [(0.5, 0.9 - 0.05 * i) for i in range(16)]
DOWN = UP[::-1]
Looks = list[list[tuple[int, Point]]]


def drive(line: Line, looks: Looks, name: ObjectClass = CAR, every: float = 0.3, speed=None) -> list[AlertDraft]:
    judge, drafts = WrongWayJudge([line]), []
    for n, things in enumerate(looks):
        seen = tracks(100 + n * every, [(i, standing(x, y, 0.12, 0.12)) for i, (x, y) in things], name)
        drafts += judge.update(seen, speed) if speed else judge.update(seen)
    return drafts


def alone(path: list[Point], track: int = 1) -> Looks:
    return [[(track, at)] for at in path]


def test_against_the_direction_is_one_alert_with_class_line_and_speed():
    [draft] = drive(ACROSS, alone(UP), speed=lambda _: 5.0)
    assert draft.kind is IncidentKind.TRAFFIC and draft.severity == 3
    assert draft.reason.zh == "小汽车在“村口”逆行，时速约 18 公里"
    assert draft.reason.en == "A car went the wrong way over “Gate”, at about 18 km/h"
    assert draft.numbers == {
        "line_id": "mouth",
        "direction": "out",
        "one_way": "in",
        "object_class": "car",
        "kilometres_per_hour": 18.0,
    }
    assert draft.marked[0].object_class is CAR


def test_an_unknown_speed_is_not_said():
    [draft] = drive(ACROSS, alone(UP))
    assert "公里" not in draft.reason.zh and "kilometres_per_hour" not in draft.numbers


@pytest.mark.parametrize(
    ("why", "line", "looks", "name"),
    [
        ("the right way", ACROSS, alone(DOWN), CAR),
        ("a line that allows both", ACROSS.model_copy(update={"one_way": OneWay.ANY}), alone(UP), CAR),
        ("a person", ACROSS, alone(UP), PERSON),
        ("a bicycle", ACROSS, alone(UP), BICYCLE),
        ("past the end of the line", ACROSS, alone([(0.05, y) for _, y in UP]), CAR),
        ("one that stops at the line and turns back", ACROSS, alone(UP[:8] + UP[:8][::-1]), CAR),
    ],
)
def test_no_wrong_way_for(why: str, line: Line, looks: Looks, name: ObjectClass):
    assert drive(line, looks, name) == [], why


def test_a_parked_car_whose_box_trembles_over_the_line_is_none():
    chance = random.Random(3)
    path = [(0.5 + chance.gauss(0, 0.01), 0.5 + chance.gauss(0, 0.006)) for _ in range(2000)]
    assert drive(ACROSS, alone(path)) == []


def test_bicycles_are_told_where_it_is_said():
    [draft] = drive(ACROSS.model_copy(update={"one_way_bicycles": True}), alone(UP), BICYCLE)
    assert draft.severity == 2 and "自行车" in draft.reason.zh


def test_out_means_out():
    line = ACROSS.model_copy(update={"one_way": OneWay.OUT})
    assert len(drive(line, alone(DOWN))) == 1 and drive(line, alone(UP)) == []


def test_two_boxes_on_one_vehicle_are_one_alert():
    twice = [[(1, (x, y)), (2, (x + 0.01, y + 0.005))] for x, y in UP]
    assert len(drive(ACROSS, twice)) == 1


def test_back_and_forth_is_one_alert_and_two_vehicles_are_two():
    assert len(drive(ACROSS, alone(UP + DOWN + UP))) == 1
    side_by_side = [[(1, (x - 0.2, y)), (2, (x + 0.2, y))] for x, y in UP]
    assert len(drive(ACROSS, side_by_side)) == 2


def test_one_that_is_lost_on_the_line_and_found_again_is_one_alert():
    looks = alone(UP[:8]) + [[]] * 2 + alone([(0.5, 0.5 - 0.05 * i) for i in range(6)], track=7)
    assert len(drive(ACROSS, looks)) == 1


def walk_in(looks: Looks, name: ObjectClass = CAR, every: float = 0.5, zone: Zone = LANE, speed=None):
    judge, drafts = WalkwayJudge(CameraId("lane"), [zone]), []
    for n, things in enumerate(looks):
        seen = tracks(100 + n * every, [(i, standing(x, y, 0.12, 0.12)) for i, (x, y) in things], name)
        drafts += judge.update(seen, speed) if speed else judge.update(seen)
    return drafts


THROUGH: list[Point] = [(0.5, 0.15 + 0.05 * i) for i in range(16)]


def test_a_motor_vehicle_among_people_on_foot_is_one_alert():
    [draft] = walk_in(alone(THROUGH), speed=lambda _: 2.5)
    assert draft.kind is IncidentKind.TRAFFIC and draft.severity == 2
    assert draft.reason.zh == "小汽车进入步行区域“画廊步道”，时速约 9 公里"
    assert draft.reason.en == "A car is in “Mural walk”, where only people walk, at about 9 km/h"
    assert draft.numbers["zone_id"] == "lane" and draft.numbers["object_class"] == "car"


@pytest.mark.parametrize(
    ("why", "looks", "name", "zone"),
    [
        ("people", alone(THROUGH), PERSON, LANE),
        ("bicycles", alone(THROUGH), BICYCLE, LANE),
        ("a class that is ignored here", alone(THROUGH), CAR, LANE.model_copy(update={"ignore": [CAR]})),
        ("a zone that allows them", alone(THROUGH), CAR, LANE.model_copy(update={"no_vehicles": False})),
        ("one that passes behind, its box over the zone", alone([(0.05 * i, 0.85) for i in range(20)]), CAR, LANE),
        ("a box that jumps in for a look", alone([(0.2, 0.5), (0.2, 0.5), (0.4, 0.5)] * 10), CAR, LANE),
    ],
)
def test_no_alert_on_the_walkway_for(why: str, looks: Looks, name: ObjectClass, zone: Zone):
    assert walk_in(looks, name, zone=zone) == [], why


@pytest.mark.parametrize(
    ("why", "looks"),
    [
        ("it stays for minutes", alone([(0.5, 0.5)] * 400)),
        ("its identity changes", alone([(0.5, 0.5)] * 20, 1) + [[]] * 30 + alone([(0.5, 0.5)] * 20, 2)),
        ("two boxes lie on it", [[(1, (x, y)), (2, (x + 0.01, y))] for x, y in THROUGH]),
        ("two boxes lie on it, one is lost", [[(1, (0.5, 0.5)), (2, (0.51, 0.5))]] * 9 + alone([(0.51, 0.5)] * 9, 2)),
        ("it wobbles on the edge", alone([(0.5, 0.5)] * 10 + [(0.71, 0.5), (0.69, 0.5)] * 30)),
    ],
)  # fmt: skip
def test_one_stay_is_one_alert_when(why: str, looks: Looks):
    assert len(walk_in(looks)) == 1, why


def test_two_vehicles_are_two_alerts_and_what_is_remembered_is_bounded():
    assert len(walk_in([[(1, (0.35, 0.5)), (2, (0.65, 0.5))]] * 10)) == 2
    judge = WalkwayJudge(CameraId("lane"), [LANE])
    chance = random.Random(1)
    for n in range(3000):
        at = (0.3 + 0.4 * chance.random(), 0.3 + 0.5 * chance.random())
        judge.update(tracks(n * 0.01, [(n, standing(*at, 0.001, 0.001))], TRUCK))
    assert judge.held <= 129
