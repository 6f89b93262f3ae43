"""A report says what was counted, what was missed, and how it compares."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from configs.footfall import Footfall
from flow.footfall_rows import Floats
from flow.gaps import estimate, find_gaps
from flow.profiles import pack
from flow.report_words import FootfallReport
from flow.reports import BadRange, make_report
from models.footfall import DayOccupancy
from models.session import Database
from tests.flow.counted import crossed, day_row, plan, village, write

NOW = datetime(2026, 10, 20, 4, 0, tzinfo=UTC)  # noon in the village
FIRST = date(2026, 10, 1)
NIGHT = [0.0] * 8
FLAT = [*NIGHT, *[10.0] * 12, *[0.0] * 4]


@pytest.fixture
def filled(database: Database) -> Database:
    """October 2026 from the 1st to the 19th, the National Day of the year before, and a gap on the 8th."""
    with database.session() as session:
        for n in range(19):
            day = FIRST + timedelta(days=n)
            scale = 3 if n < 7 else 1
            came = [scale * v for v in FLAT]
            seconds = [3600.0] * 24
            if day == date(2026, 10, 8):
                came[10], seconds[10] = 0.0, 0.0
            if day != date(2026, 10, 12):
                session.add(day_row(day, "arch", "walk", [0.5 * v for v in came], came, seconds=seconds))
            session.add(day_row(day, "square", "path", [2 * v for v in came], came))
            session.add(day_row(day, "road", "lane", FLAT, FLAT, "car"))
        for n in range(8):
            session.add(
                day_row(date(2025, 10, 1) + timedelta(days=n), "arch", "walk", NIGHT * 3, [2 * v for v in FLAT])
            )
        mean, most = np.zeros(24), np.zeros(24)
        mean[14], most[14] = 6.0, 12.0
        profile = pack(np.array([mean, most, np.full(24, 3600.0)]))
        session.add(
            DayOccupancy(
                day=date(2026, 10, 3), camera_id="square", zone_id="yard", object_class="person", least=0, mean=0.25,
                most=12, observed_seconds=86400.0, profile=profile,
            )
        )  # fmt: skip
    return database


def october(database: Database, settings: Footfall | None = None) -> FootfallReport:
    return make_report(database, village(), settings or plan(), FIRST, date(2026, 10, 19), NOW)


def test_arrivals_are_inward_at_gates_alone(filled: Database) -> None:
    report = october(filled)
    assert report.measure == "arrivals"
    assert report.people.counted == 7 * 360 + 11 * 120 - 10
    assert report.people_out == report.people.counted // 2
    assert report.vehicles.counted == 19 * 240
    assert [(g.camera_id, g.people_came, g.vehicles_came) for g in report.gates] == [
        ("arch", 7 * 360 + 11 * 120 - 10, 0), ("road", 0, 19 * 120)
    ]  # fmt: skip
    square = next(n for n in report.nodes if n.camera_id == "square")
    assert square.people_came == 2 * square.people_went
    assert "gone/walk" in report.notes[0].en


def test_a_gap_is_no_zero_and_its_estimate_stands_apart(filled: Database) -> None:
    report = october(filled)
    days = {d.day: d for d in report.days}
    blind = days[date(2026, 10, 12)]
    assert (blind.people, blind.observed_share) == (None, 0.0)
    partly = days[date(2026, 10, 8)]
    assert (partly.people, partly.people_estimated) == (110, 10)  # the mean of that hour on other workdays
    assert partly.observed_share == pytest.approx(23 / 24, abs=1e-4)
    assert report.observed_days == 18 and report.hours.workday[10] == 10.0
    assert any("%" in note.en for note in report.notes)


def test_without_gates_passages_are_counted_and_said(filled: Database) -> None:
    report = october(filled, Footfall())
    assert report.measure == "passages"
    assert report.people.counted == (7 * 360 + 11 * 120 - 10) * 3 // 2 + 3 * (7 * 360 + 12 * 120) - 3 * 10
    assert any("gates" in note.en for note in report.notes)


def test_this_holiday_stands_beside_the_last_and_the_year_before(filled: Database) -> None:
    (national,) = october(filled).holidays
    assert national.name.zh == "国庆节" and national.this.per_day == 360
    assert national.last is None  # Mid-Autumn was not observed
    assert national.year_before is not None
    assert (national.year_before.days, national.year_before.total, national.year_before.per_day) == (8, 8 * 240, 240)


def test_a_comparison_says_which_of_its_days_were_seen_in_part(database: Database) -> None:
    with database.session() as session:
        for n in range(19):
            half = [3600.0 if n != 13 or hour < 12 else 0.0 for hour in range(24)]
            session.add(day_row(FIRST + timedelta(days=n), "arch", "walk", NIGHT * 3, FLAT, seconds=half))
    report = make_report(database, village(), plan(), date(2026, 10, 18), date(2026, 10, 19), NOW)
    assert (report.previous.observed_days, report.previous.partial_days) == (2, 0)
    report = make_report(database, village(), plan(), date(2026, 10, 15), date(2026, 10, 17), NOW)
    assert (report.previous.observed_days, report.previous.partial_days) == (3, 1)


def test_vehicles_of_local_and_tourist_hours(filled: Database) -> None:
    (cars,) = october(filled).vehicles_by_class
    # Days off: 1 to 7 (holiday), 11, 17, 18; the 10th is a Saturday that is worked. Ten hours of 20 on each, else six.
    assert cars.tourist_hours == 10 * 200 + 9 * 120
    assert cars.local_hours + cars.tourist_hours == cars.came + cars.went == 19 * 240


def test_peaks_and_how_full_it_was(filled: Database) -> None:
    report = october(filled)
    assert [p.people for p in report.peak_days] == [360] * 5 and report.peak_hours[0].people == 30
    (yard,) = report.zones
    assert (yard.most, yard.most_day, yard.most_hour, yard.share, yard.hours_over) == (
        12,
        date(2026, 10, 3),
        14,
        1.2,
        1,
    )


def test_new_minutes_are_in_the_next_report(filled: Database) -> None:
    at = datetime(2026, 10, 20, 2, 0, tzinfo=UTC)
    write(filled, [crossed("arch", "walk", at, 1, 5)])
    report = make_report(filled, village(), plan(), date(2026, 10, 20), date(2026, 10, 20), NOW)
    assert report.people.counted == 5 and report.days[0].people == 5
    assert "still grow" in " ".join(note.en for note in report.notes)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 10, 2), date(2026, 10, 1), "must not come after"),
        (date(2020, 1, 1), date(2026, 10, 1), "at most 1100 days"),
        (date(2026, 12, 1), date(2026, 12, 2), "has not come yet"),
    ],
)
def test_a_range_that_cannot_be(sqlite_database: Database, first: date, last: date, said: str) -> None:
    with pytest.raises(BadRange, match=said):
        make_report(sqlite_database, village(), plan(), first, last, NOW)


def test_an_empty_village_has_no_figures_and_no_zeros(sqlite_database: Database) -> None:
    report = make_report(sqlite_database, village(), plan(), FIRST, date(2026, 10, 19), NOW, with_forecast=True)
    assert report.people.observed_share is None and {d.people for d in report.days} == {None}
    assert report.forecast is not None and report.forecast.refusal is not None
    assert report.holidays == [] and report.previous.per_day is None


def test_a_range_is_found_by_its_key(database: Database) -> None:
    """The cost of a report grows with its range: no other day's rows are looked at."""
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    query = "SELECT profile FROM day_crossings WHERE day >= '2026-10-01' AND day <= '2026-10-31'"
    with database.session() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        said = " ".join(str(row) for row in session.execute(text(explain + query)))
    assert ("USING PRIMARY KEY (day>? AND day<?)" if database.is_sqlite else "pk_day_crossings") in said


def test_a_camera_that_rests_at_night_is_not_blamed() -> None:
    seconds = np.zeros((1, 3, 24))
    seconds[0, :, 8:20] = 3600.0
    seconds[0, 1, 9] = 0.0
    past = np.ones((3, 24), dtype=bool)
    past[2, 12:] = False
    seconds[0, 2, 12:] = 0.0
    gaps = find_gaps(seconds, past)
    assert gaps.missing.sum() == 3600.0 and gaps.missing[0, 1, 9] == 3600.0
    counts: Floats = np.zeros((1, 3, 24))
    counts[0, :, 9] = (20, 0, 40)
    assert estimate(counts, seconds, gaps.missing, np.array([False] * 3))[0, 1, 9] == pytest.approx(30)
