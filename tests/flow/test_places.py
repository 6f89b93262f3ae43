"""A report of one gate, of one node, of the village: each counts what is its own."""

from datetime import date

import pytest

from flow.report_scope import Place, UnknownPlace, place_of
from flow.reports import make_forecast, make_report
from models.session import Database
from tests.flow.counted import day_row, plan, village
from tests.flow.test_footfall import NOW

DAY = date(2026, 10, 2)
NOON = [0.0] * 12


@pytest.fixture
def filled(database: Database) -> Database:
    with database.session() as session:
        session.add(day_row(DAY, "arch", "walk", [*NOON, 5.0, *NOON[1:]], [*NOON, 7.0, *NOON[1:]]))
        session.add(day_row(DAY, "square", "path", [*NOON, 30.0, *NOON[1:]], [*NOON, 20.0, *NOON[1:]]))
        session.add(day_row(DAY, "road", "lane", [*NOON, 3.0, *NOON[1:]], [*NOON, 1.0, *NOON[1:]], "car"))
    return database


@pytest.mark.parametrize(
    ("place", "measure", "people", "out", "vehicles"),
    [
        (None, "arrivals", 7, 5, 4),  # at the arch `out` leads in
        ("arch/walk", "arrivals", 7, 5, 0),
        ("arch", "passages", 12, 7, 0),
        ("square", "passages", 50, 20, 0),
        ("road/lane", "arrivals", 0, 0, 4),
    ],
)
def test_each_place_counts_its_own(
    filled: Database, place: str | None, measure: str, people: int, out: int, vehicles: int
) -> None:
    report = make_report(filled, village(), plan(), DAY, DAY, NOW, place=place)
    assert (report.measure, report.people.counted, report.vehicles.counted) == (measure, people, vehicles)
    if place != "arch":
        assert report.people_out == out
    assert report.days[0].people == (people if people else None)
    assert {g.camera_id for g in report.gates} <= {place.split("/")[0] if place else g.camera_id for g in report.gates}
    assert (report.place_name is None) == (place is None)


def test_hours_of_vehicles_are_apart_from_those_of_people(filled: Database) -> None:
    report = make_report(filled, village(), plan(), DAY, DAY, NOW)
    assert report.hours.day_off[12] == 7.0
    assert report.vehicle_hours.day_off[12] == 4.0


def test_a_place_that_is_not_there_is_said(filled: Database) -> None:
    with pytest.raises(UnknownPlace, match="no monitoring point 'nowhere'"):
        make_report(filled, village(), plan(), DAY, DAY, NOW, place="nowhere")
    with pytest.raises(UnknownPlace, match="arch/walk"):
        make_forecast(filled, village(), plan(), NOW, place="arch/gone")
    assert place_of(village(), "village") is None
    assert place_of(village(), "arch/walk") == Place("arch", "walk")
