"""Minutes to hours to days: sums agree whatever the order, clocks change, old rows go, nothing is lost in between."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from configs.footfall import Keep
from flow.local_time import day_of, end_of_hour, hour_of, span_of_day
from flow.profiles import unpack
from flow.retention import delete_old
from flow.rollups import mark_range, roll
from models.footfall import DayCrossing, DayOccupancy, HourCrossing, HourOccupancy, RollupMark, RollupState
from models.session import Database
from models.tables import MinuteCrossing, MinuteOccupancy
from tests.flow.counted import SHANGHAI, crossed, stood, write

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 10, 1, 0, 0, tzinfo=UTC)  # eight o'clock in Shanghai

#: Minutes around a change of the clock in Berlin and around midnight in Shanghai.
_minute = st.integers(0, 30 * 60).map(lambda m: datetime(2026, 10, 24, 20, tzinfo=UTC) + timedelta(minutes=m))
_row = st.tuples(st.sampled_from(["a", "b"]), _minute, st.integers(0, 9), st.integers(0, 9), st.floats(1, 60))


def empty(database: Database) -> None:
    tables = (MinuteCrossing, MinuteOccupancy, HourCrossing, HourOccupancy, DayCrossing, DayOccupancy)
    with database.session() as session:
        for table in (*tables, RollupMark, RollupState):
            session.execute(delete(table))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_row, min_size=1, max_size=25, unique_by=lambda r: (r[0], r[1])),
    cuts=st.integers(1, 3),
    order=st.randoms(use_true_random=False),
    zone=st.sampled_from([SHANGHAI, BERLIN]),
)
def test_hours_sum_to_minutes_and_days_to_hours_in_any_order(
    database: Database,
    zone: ZoneInfo,
    rows: list[tuple[str, datetime, int, int, float]],
    cuts: int,
    order: object,
) -> None:
    empty(database)
    order.shuffle(rows)  # type: ignore[attr-defined]
    for part in range(cuts):
        batch = [crossed(c, "door", at, i, o, s) for c, at, i, o, s in rows[part::cuts]]
        write(database, batch, [stood(c, "square", at, 0, i / 2, i, s) for c, at, i, o, s in rows[part::cuts]])
        roll(database, zone)
    hours: dict[tuple[datetime, str], list[float]] = defaultdict(lambda: [0, 0, 0.0, 0])
    for camera, at, came, went, seconds in rows:
        held = hours[hour_of(at, zone), camera]
        for place, value in enumerate((came, went, seconds, 1)):
            held[place] += value
    with database.reading() as session:
        found = {
            (h.hour, h.camera_id): [h.crossed_in, h.crossed_out, pytest.approx(h.observed_seconds), h.minutes]
            for h in session.scalars(select(HourCrossing))
        }
        assert found == dict(hours)
        days = session.scalars(select(DayCrossing)).all()
        assert {(d.day, d.camera_id) for d in days} == {(day_of(h, zone), c) for h, c in hours}
        for day in days:
            mine = [v for (h, c), v in hours.items() if c == day.camera_id and day_of(h, zone) == day.day]
            assert (day.crossed_in, day.crossed_out) == (sum(v[0] for v in mine), sum(v[1] for v in mine))
            assert day.observed_seconds == pytest.approx(sum(v[2] for v in mine))
            assert unpack([day.profile])[0].sum(axis=1) == pytest.approx([sum(v[p] for v in mine) for p in range(3)])
        for zone_day in session.scalars(select(DayOccupancy)):
            mine = [r for r in rows if r[0] == zone_day.camera_id and day_of(r[1], zone) == zone_day.day]
            assert zone_day.most == max(r[2] for r in mine)
            seconds = sum(r[4] for r in mine)
            assert zone_day.mean == pytest.approx(sum(r[2] / 2 * r[4] for r in mine) / seconds)
        assert session.scalar(select(func.count()).select_from(RollupMark)) == 0


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Asia/Shanghai", date(2026, 10, 25), 24),
        ("Asia/Kathmandu", date(2026, 10, 25), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 25),  # 24 and a half
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight itself is skipped
    ],
)
def test_hours_tile_every_day(name: str, day: date, hours: int) -> None:
    zone = ZoneInfo(name)
    start, end = span_of_day(day, zone)
    at, found = start, 0
    while at < end:
        assert hour_of(at, zone) == at and day_of(at, zone) == day
        after = end_of_hour(at, zone)
        assert hour_of(after - timedelta(minutes=1), zone) == at
        at, found = after, found + 1
    assert (at, found) == (end, hours)


def test_a_gap_stays_a_gap(database: Database) -> None:
    write(database, [crossed("gate", "in", MORNING, 3), crossed("gate", "in", MORNING + timedelta(hours=2), 4)])
    rolled = roll(database, SHANGHAI)
    assert (rolled.hours, rolled.days, rolled.refused) == (2, 1, 0)
    with database.reading() as session:
        day = session.scalars(select(DayCrossing)).one()
    profile = unpack([day.profile])[0]
    assert list(profile[2].nonzero()[0]) == [8, 10] and day.observed_seconds == 120.0
    assert roll(database, SHANGHAI).hours == 0


def test_a_row_that_went_away_goes_from_the_hour_too(database: Database) -> None:
    write(database, [crossed("gate", "in", MORNING, 3)])
    roll(database, SHANGHAI)
    with database.session() as session:
        session.execute(delete(MinuteCrossing))
    mark_range(database, MORNING, MORNING + timedelta(hours=1))
    roll(database, SHANGHAI)
    with database.reading() as session:
        assert session.scalars(select(HourCrossing)).all() == [] and session.scalars(select(DayCrossing)).all() == []


def test_days_follow_a_changed_timezone(database: Database) -> None:
    late = datetime(2026, 10, 1, 15, 30, tzinfo=UTC)  # still the 1st in Shanghai, and in Tokyo already the 2nd
    write(database, [crossed("gate", "in", late, 5)])
    roll(database, SHANGHAI)
    roll(database, ZoneInfo("Asia/Tokyo"))
    with database.reading() as session:
        assert [(d.day, d.crossed_in) for d in session.scalars(select(DayCrossing))] == [(date(2026, 10, 2), 5)]


def test_figures_outlive_the_rows_they_came_from(database: Database) -> None:
    keep = Keep(minutes_days=8, hours_days=16, days_days=32)
    now = MORNING + timedelta(days=40)
    moments = [now - timedelta(days=days) for days in (1, 10, 20, 36)]
    write(
        database,
        [crossed("gate", "in", at, 7) for at in moments],
        [stood("gate", "yard", at, 1, 2, 3) for at in moments],
    )
    deleted = delete_old(database, SHANGHAI, keep, now)
    assert (deleted.minutes, deleted.hours, deleted.days) == (6, 4, 2)
    # A row that comes for a time whose rows are gone is refused: rolling it would wipe out what the hour said.
    write(database, [crossed("gate", "in", moments[1] + timedelta(minutes=1), 100)], run="late")
    assert roll(database, SHANGHAI).refused == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(MinuteCrossing)) == 1
        assert session.scalar(select(func.sum(HourCrossing.crossed_in))) == 14
        assert session.scalar(select(func.sum(DayCrossing.crossed_in))) == 21
    assert delete_old(database, SHANGHAI, keep, now).minutes == 0


def test_work_goes_on_in_short_transactions(sqlite_database: Database) -> None:
    """Each turn holds the write lock for a bounded time, and says how far it is."""
    write(sqlite_database, [crossed("gate", "in", MORNING + timedelta(hours=h), 1) for h in range(30)])
    ticks = iter(range(10_000))
    said: list[tuple[int, int]] = []
    roll(sqlite_database, SHANGHAI, lambda done, total: said.append((done, total)), clock=lambda: float(next(ticks)))
    assert said[0] == (1, 30) and (30, 30) in said and said[-1] == (2, 2)
