"""Figures: what was not measured is not a zero; questions against their clock."""

from datetime import timedelta

import pytest

from alerts import questions
from alerts.figures import governance
from alerts.numbers import spread_of
from alerts.questions import QuestionError
from configs.site import Place
from configs.village import DEFAULT_VILLAGE, load_village
from configs.words import IncidentKind
from models.session import Database
from tests.alerts.people import NOON, act, add_users, draft, raised

SECOND = timedelta(seconds=1)
RULES = load_village(DEFAULT_VILLAGE, {}).questions


def test_spread() -> None:
    assert spread_of([]) is None
    one = spread_of([10.0, 20.0, 30.0, 40.0])
    assert one is not None and (one.count, one.median, one.p90) == (4, 25.0, pytest.approx(37.0))


def test_each_step_by_kind_place_and_person(database: Database) -> None:
    people = add_users(database)
    for number, took in enumerate((60, 120, 180)):
        crowd = raised(database, draft(IncidentKind.CROWD, NOON.timestamp() + 4000 * number), Place(x=0.45, y=0.45))
        at = NOON + 4000 * number * SECOND
        act(database, people, "operator", crowd, "confirm", now=at + took * SECOND)
        act(database, people, "operator", crowd, "dispatch", now=at + 200 * SECOND, assignees=[people["grid1"]])
        act(database, people, "grid1", crowd, "accept", now=at + 230 * SECOND)
        act(database, people, "grid1", crowd, "arrive", now=at + 530 * SECOND, place=(0.45, 0.45))
        act(database, people, "grid1", crowd, "resolve", "gone", now=at + 700 * SECOND)
        act(database, people, "operator", crowd, "close", now=at + 720 * SECOND)
    false = raised(database, draft(IncidentKind.FIRE, camera="x"), Place(x=0.1, y=0.5))
    act(database, people, "operator", false, "false_alarm", now=NOON + SECOND)
    with database.reading() as session:
        found = governance(session, NOON - SECOND, NOON + timedelta(days=1), NOON, lambda m: m.date().isoformat())
    whole, confirm = found.steps["whole"], found.steps["confirm"]
    assert whole and (whole.count, whole.median) == (3, 720.0)
    assert confirm and (confirm.median, confirm.p90) == (120.0, pytest.approx(168.0))
    assert (found.total, found.closed, found.false_alarms, found.open) == (4, 3, 1, 0)
    assert found.by_kind == {"crowd": 3, "fire": 1} and found.by_area == {"centre": 3, "west": 1}
    assert "fire" not in found.steps_by_kind and found.by_day == {"2026-05-04": 4}
    [person] = found.people
    assert person.done == 3 and person.accept and person.accept.median == 30.0
    assert person.arrive and person.arrive.median == 300.0 and person.stars is None


def test_questions_against_their_clock(database: Database) -> None:
    people = add_users(database)
    asked = []
    for number, text in enumerate(("停车在哪里？", "museum opening hours", "hello")):
        with database.session() as session:
            asked.append(questions.ask(session, text, None, "web", RULES, NOON + number * SECOND))
    with database.session() as session:
        questions.answer(session, asked[0][1].id, "村西", people["operator"], now=NOON + 100 * SECOND)
    with pytest.raises(QuestionError, match="already"), database.session() as session:
        questions.answer(session, asked[0][1].id, "again", people["operator"])
    with database.session() as session:
        questions.answer(session, asked[1][1].id, "at ten", people["operator"], now=NOON + 400 * SECOND)
    with database.reading() as session:
        assert [q.text for q in questions.inbox(session, True, 10)] == ["hello"]
        assert questions.find(session, asked[0][0].lower()).answer == "村西"
        found = questions.figures(session, NOON, NOON + 60 * SECOND, NOON + 999 * SECOND)
    assert (found.asked, found.answered, found.in_time, found.waiting, found.late) == (3, 2, 1, 1, 1)
    assert [c and c.id for c in (questions.suggest(t, RULES) for t in ("停车?", "Museum", "hello"))] == [
        "parking", "museum", None,
    ]  # fmt: skip
