"""Who is sent, who is asked next, who is woken when it takes too long."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import event, select

from alerts.duty import area_of, candidates, on_duty, within_hours
from alerts.tick import tick
from configs.kinds import load_kinds
from configs.site import Hours, Place
from configs.village import DEFAULT_VILLAGE, Day, Duty, load_village
from configs.words import IncidentKind
from models.governance import Assignment
from models.session import Database
from models.tables import IncidentChange, OutboxMessage
from tests.alerts.people import NOON, act, add_users, draft, raised, read

SECOND = timedelta(seconds=1)
VILLAGE, KINDS = load_village(DEFAULT_VILLAGE, {}), load_kinds()
EAST = Place(x=0.8, y=0.5)


@pytest.mark.parametrize(
    ("start", "end", "at", "inside"),
    [("07:00", "19:00", "12:00", True), ("07:00", "19:00", "19:00", False), ("22:00", "06:00", "23:30", True),
     ("22:00", "06:00", "05:59", True), ("22:00", "06:00", "12:00", False)],
)  # fmt: skip
def test_hours(start: str, end: str, at: str, inside: bool) -> None:
    spans = [Hours(start=time.fromisoformat(start), end=time.fromisoformat(end))]
    assert within_hours(spans, time.fromisoformat(at)) is inside


def test_a_night_belongs_to_the_day_it_began_on() -> None:
    night = [Hours(start=time(22), end=time(6))]
    duty = Duty(username="a", days=[Day.FRIDAY], hours=night)
    friday = datetime(2026, 5, 8, 23)  # noqa: DTZ001 - a local time
    assert on_duty(duty, friday) and on_duty(duty, friday + timedelta(hours=4))
    assert not on_duty(duty, friday - timedelta(hours=20)) and not on_duty(duty, friday + timedelta(days=1))


def names(database: Database, kind: IncidentKind, area: str | None, at: datetime = NOON, **more: object) -> list[str]:
    with database.reading() as session:
        found = candidates(session, VILLAGE, KINDS.by_kind[kind], area, at, **more)  # type: ignore[arg-type]
        return [u.username for u in found]


def test_the_right_one_by_place_kind_and_hour(database: Database) -> None:
    people = add_users(database)
    area = area_of(VILLAGE, (0.8, 0.5))
    assert area is not None and area.id == "east" and area_of(VILLAGE, None) is None
    assert names(database, IncidentKind.ENVIRONMENT, "east")[0] == "grid3"
    assert "enforcement1" not in names(database, IncidentKind.ENVIRONMENT, "east")
    assert "enforcement1" in names(database, IncidentKind.TRAFFIC, "east")
    night = datetime(2026, 5, 4, 20, tzinfo=UTC)
    assert names(database, IncidentKind.ENVIRONMENT, "east", night) == ["night1"]
    assert "grid3" not in names(database, IncidentKind.FIRE, "east", exclude={people["grid3"]})


def test_who_does_not_answer_is_passed_over_for_the_next(database: Database) -> None:
    people = add_users(database)
    fire = raised(database, draft(), EAST)
    act(database, people, "operator", fire, "dispatch", now=NOON)
    assert tick(database, NOON + 59 * SECOND).timed_out == 0
    done = tick(database, NOON + 61 * SECOND)
    assert (done.timed_out, done.passed_on) == (1, 1)
    assert tick(database, NOON + 62 * SECOND).timed_out == 0
    with database.reading() as session:
        asked = session.scalars(select(Assignment).order_by(Assignment.asked_at)).all()
    assert [a.state for a in asked] == ["timed_out", "asked"] and asked[0].user_id == people["grid3"]
    assert asked[1].user_id != asked[0].user_id and read(database, fire).state == "dispatched"


def test_who_declines_hands_on_to_the_next_until_nobody_is_left(database: Database) -> None:
    people = add_users(database)
    by_id = {v: k for k, v in people.items()}
    rubbish = raised(database, draft(IncidentKind.ENVIRONMENT), EAST)
    act(database, people, "operator", rubbish, "dispatch", now=NOON)
    asked = []
    for step in range(6):
        with database.reading() as session:
            waiting = session.scalars(select(Assignment).where(Assignment.state == "asked")).all()
        if not waiting:
            break
        asked.append(by_id[waiting[0].user_id])
        act(database, people, asked[-1], rubbish, "decline", now=NOON + (step + 1) * SECOND)
        tick(database, NOON + (step + 1) * SECOND)
    assert sorted(asked) == ["grid1", "grid2", "grid3"] and asked[0] == "grid3"
    assert read(database, rubbish).state == "confirmed"


def test_what_is_late_wakes_the_chain_step_by_step_and_once(database: Database) -> None:
    people = add_users(database)
    fire = raised(database, draft(), EAST)
    # The clock for confirming runs out at 60 s; the chain says 0, 60, 180 s more.
    moments = [late for late in range(0, 400, 20) for _ in range(2)]
    woken = [late for late in moments if tick(database, NOON + late * SECOND).escalated]
    assert woken == [60, 120, 240]
    with database.reading() as session:
        rows = session.scalars(select(IncidentChange).where(IncidentChange.action == "escalate")).all()
        told = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "incident.changed")).all()
    assert [r.details["level"] for r in rows] == [1, 2, 3] and rows[0].address == "clock"
    assert "grid_worker" in rows[-1].details["roles"] and len(told) == 3
    assert read(database, fire).escalation_level == 3
    act(database, people, "operator", fire, "confirm", now=NOON + 500 * SECOND)
    assert read(database, fire).escalation_level == 0 and tick(database, NOON + 501 * SECOND).escalated == 0


def test_at_the_end_of_its_chain_nothing_is_written_any_more(sqlite_database: Database) -> None:
    """Hundreds of old incidents must not take the write lock every few seconds."""
    add_users(sqlite_database)
    raised(sqlite_database, draft(), EAST)
    for late in (60, 120, 240):
        assert tick(sqlite_database, NOON + late * SECOND).escalated == 1
    begun: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *a: begun.append(a[2]))
    tick(sqlite_database, NOON + 4000 * SECOND)
    assert begun and "BEGIN IMMEDIATE" not in begun
