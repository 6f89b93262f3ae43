"""One event is one incident, however many eyes saw it; joined and parted, nothing is lost."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from alerts import matching
from alerts.incidents import raise_alert
from alerts.lifecycle import IllegalTransition, StaleIncident
from alerts.merging import decide, open_proposals, split
from configs.site import Place
from configs.words import IncidentKind, Role
from models.base import new_id
from models.governance import MergeProposal
from models.session import Database
from models.tables import Alert, Incident, IncidentChange
from tests.alerts.people import NOON, act, add_users, draft, raised, read

AT = NOON.timestamp()
SQUARE = Place(x=0.46, y=0.40)


def beside(metres: float) -> Place:
    """A place so far east of the square."""
    return Place(x=0.46 + metres / 2000, y=0.40)


@pytest.mark.parametrize(
    ("why", "metres", "seconds", "kind", "same", "proposed"),
    [
        ("the next camera sees the same fire", 72, 60, IncidentKind.FIRE, True, False),
        ("smoke is the same event as fire", 72, 60, IncidentKind.SMOKE, True, False),
        ("farther away it may be", 300, 60, IncidentKind.FIRE, False, True),
        ("much later it may be", 72, 1500, IncidentKind.FIRE, False, True),
        ("too far to be", 900, 60, IncidentKind.FIRE, False, False),
        ("too late to be", 72, 4000, IncidentKind.FIRE, False, False),
        ("another kind is not", 0, 60, IncidentKind.FACILITY, False, False),
    ],
)
def test_place_and_time_decide(
    database: Database, why: str, metres: float, seconds: float, kind: IncidentKind, same: bool, proposed: bool
) -> None:
    first = raised(database, draft(at=AT, camera="art-museum-square"), SQUARE)
    second = raised(database, draft(kind, AT + seconds, "art-museum-door"), beside(metres))
    assert (first == second) == same, why
    with database.reading() as session:
        proposals = open_proposals(session)
    assert bool(proposals) == proposed, why
    if proposed:
        assert (proposals[0].incident_id, proposals[0].other_id) == (first, second)
        assert f"{metres:.0f} m" in proposals[0].reason_en and f"{metres:.0f} 米" in proposals[0].reason_zh


def test_two_parked_cars_of_neighbouring_cameras_are_two(database: Database) -> None:
    first = raised(database, draft(IncidentKind.TRAFFIC, AT, "gate-1"), SQUARE)
    assert raised(database, draft(IncidentKind.TRAFFIC, AT + 60, "gate-2"), beside(80)) != first


def test_the_nearest_of_several_is_joined_and_why_is_on_the_timeline(database: Database) -> None:
    far = raised(database, draft(at=AT, camera="a"), SQUARE)
    near = raised(database, draft(at=AT, camera="b"), beside(130))
    assert far != near
    assert raised(database, draft(at=AT + 30, camera="c"), beside(110)) == near
    with database.reading() as session:
        row = session.scalars(select(IncidentChange).where(IncidentChange.action == "alert_joined")).one()
    assert "20 m" in row.details["because"]["en"]


def test_alerts_at_the_same_moment_open_one_incident(database: Database) -> None:
    start = threading.Barrier(6)
    ids: list[str] = []

    def one(number: int) -> None:
        start.wait()
        with database.session() as session:
            one_draft = draft(at=AT + number, camera=f"camera-{number}")
            ids.append(raise_alert(session, new_id(), one_draft, beside(number)).incident.id)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 6 and len(set(ids)) == 1


def two(database: Database) -> tuple[str, str]:
    return (
        raised(database, draft(at=AT, camera="a"), SQUARE),
        raised(database, draft(at=AT + 5, camera="b", severity=4), beside(300)),
    )


def alerts_of(database: Database, incident_id: str) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(Alert.id).where(Alert.incident_id == incident_id)))


def test_a_proposal_is_decided_once(database: Database) -> None:
    people = add_users(database)
    first, second = two(database)
    with database.session() as session:
        [proposal] = open_proposals(session)
        decide(session, proposal.id, True, people["operator"], Role.OPERATOR)
    assert read(database, second).state == "duplicate" and read(database, second).merged_into == first
    assert read(database, first).severity == 4 and len(alerts_of(database, first)) == 2
    with pytest.raises(StaleIncident), database.session() as session:
        decide(session, proposal.id, False, people["operator"], Role.OPERATOR)
    with database.reading() as session:
        assert not open_proposals(session)


def test_what_is_kept_apart_is_not_proposed_again(database: Database) -> None:
    people = add_users(database)
    two(database)
    with database.session() as session:
        decide(session, open_proposals(session)[0].id, False, people["operator"], Role.OPERATOR)
    raised(database, draft(at=AT + 9, camera="b"), beside(300))
    with database.reading() as session:
        assert not open_proposals(session)
        assert session.scalar(select(func.count()).select_from(MergeProposal)) == 1


@pytest.mark.parametrize("part", ["reopen", "split"])
def test_what_was_joined_can_be_parted_and_nothing_is_lost(database: Database, part: str) -> None:
    people = add_users(database)
    first, second = two(database)
    before = alerts_of(database, first), alerts_of(database, second)
    act(database, people, "operator", second, "duplicate", other_id=first)
    if part == "reopen":
        act(database, people, "operator", second, "reopen", "two fires after all")
    else:
        with database.session() as session:
            version = session.get_one(Incident, first).version
            other = split(session, first, list(before[1]), people["operator"], Role.OPERATOR, version)
            assert other.id == second
    assert (alerts_of(database, first), alerts_of(database, second)) == before
    again = read(database, second)
    assert again.merged_into is None and again.closed_at is None and again.due_at is not None


def test_some_alerts_can_be_taken_out(database: Database) -> None:
    people = add_users(database)
    first = raised(database, draft(at=AT), SQUARE)
    raised(database, draft(at=AT + 60), SQUARE)
    chosen = sorted(alerts_of(database, first))[:1]
    version = read(database, first).version

    def attempt(ids: list[str], at: int) -> str:
        with database.session() as session:
            return split(session, first, ids, people["operator"], Role.OPERATOR, at).id

    with pytest.raises(IllegalTransition, match="at least one"):
        attempt(sorted(alerts_of(database, first)), version)
    other = attempt(chosen, version)
    assert alerts_of(database, other) == set(chosen) and len(alerts_of(database, first)) == 1
    with pytest.raises(StaleIncident):
        attempt(chosen, version)


def test_chains_of_joining_end_at_the_last(database: Database) -> None:
    people = add_users(database)
    make: Callable[[str, float], str] = lambda c, m: raised(database, draft(at=AT, camera=c), beside(m))  # noqa: E731
    first, second, third = make("a", 0), make("b", 300), make("c", 600)
    act(database, people, "operator", first, "duplicate", other_id=second)
    act(database, people, "operator", second, "duplicate", other_id=third)
    assert read(database, first).merged_into == third and len(alerts_of(database, third)) == 3
    act(database, people, "operator", first, "reopen")
    assert len(alerts_of(database, first)) == 1 and len(alerts_of(database, third)) == 2


@pytest.mark.postgres
def test_one_that_is_ended_at_that_moment_is_not_joined(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL others write between the question and the lock."""
    first = raised(postgres_database, draft())
    ask = matching._nearby

    def ask_and_lose(*given: object) -> list[object]:
        rows = list(ask(*given))  # type: ignore[arg-type]
        with postgres_database.session() as other:
            other.get_one(Incident, first).closed_at = NOON
        return rows

    monkeypatch.setattr(matching, "_nearby", ask_and_lose)
    second = raised(postgres_database, draft(at=NOON.timestamp() + 5))
    assert second != first and read(postgres_database, second).state == "new"
