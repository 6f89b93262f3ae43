"""The steps of an incident: legal ones, their clocks, and any sequence by anybody."""

import itertools
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from alerts.assignments import ACTIVE, assignments_of
from alerts.clocks import overdue_seconds
from alerts.lifecycle import IllegalTransition, NotAllowed, StaleIncident
from alerts.states import ENDED, IncidentState
from alerts.transitions import TRANSITIONS, Action, actions_for
from configs.words import IncidentKind, Role
from models.append_only import AppendOnlyViolation
from models.governance import Assignment
from models.session import Database
from models.tables import Incident, IncidentChange
from tests.alerts.people import NOON, USERS, act, add_photo, add_users, draft, raised, read

SECOND = timedelta(seconds=1)


@pytest.fixture
def people(database: Database) -> dict[str, str]:
    return add_users(database)


def test_a_fire_from_alert_to_closed(database: Database, people: dict[str, str]) -> None:
    fire = raised(database, draft())
    act(database, people, "operator", fire, "confirm", now=NOON + 20 * SECOND)
    act(database, people, "operator", fire, "dispatch", now=NOON + 40 * SECOND)
    assert read(database, fire).state == IncidentState.DISPATCHED
    act(database, people, "grid1", fire, "accept", now=NOON + 60 * SECOND)
    near = (0.46, 0.46)
    act(database, people, "grid1", fire, "arrive", now=NOON + 300 * SECOND, place=near)
    add_photo(database, fire, people["grid1"], NOON + 700 * SECOND)
    act(database, people, "grid1", fire, "resolve", "火已扑灭", now=NOON + 720 * SECOND, address="10.0.0.9")
    closed = act(database, people, "operator", fire, "close", now=NOON + 800 * SECOND)
    assert closed.state == IncidentState.CLOSED and closed.due_at is None and closed.closed_at is not None
    assert closed.lead_id == people["grid1"]
    with database.reading() as session:
        rows = session.scalars(select(IncidentChange).order_by(IncidentChange.id)).all()
    assert [r.to_state for r in rows] == [
        "new", "confirmed", "dispatched", "accepted", "on_site", "resolved", "closed",
    ]  # fmt: skip
    resolved = rows[-2]
    assert (resolved.note, resolved.address, resolved.actor_id) == ("火已扑灭", "10.0.0.9", people["grid1"])
    assert rows[4].details["by"] == "location"


def test_resolving_needs_a_sentence_and_where_the_kind_says_so_a_photo(
    database: Database, people: dict[str, str]
) -> None:
    fire = raised(database, draft())
    act(database, people, "operator", fire, "confirm", now=NOON)
    with pytest.raises(IllegalTransition, match="sentence"):
        act(database, people, "operator", fire, "resolve", "  ")
    with pytest.raises(IllegalTransition, match="photo"):
        act(database, people, "operator", fire, "resolve", "done")
    add_photo(database, fire, people["operator"], NOON - SECOND)  # of before it was confirmed
    with pytest.raises(IllegalTransition, match="photo"):
        act(database, people, "operator", fire, "resolve", "done")
    crowd = raised(database, draft(IncidentKind.CROWD))
    act(database, people, "operator", crowd, "confirm")
    assert act(database, people, "operator", crowd, "resolve", "they went home").state == "resolved"


def test_only_who_was_sent_may_accept_and_arriving_needs_proof(database: Database, people: dict[str, str]) -> None:
    fire = raised(database, draft())
    act(database, people, "operator", fire, "dispatch", assignees=[people["grid2"]])
    for action in ("accept", "decline", "arrive"):
        with pytest.raises(NotAllowed):
            act(database, people, "grid1", fire, action)
    with pytest.raises(IllegalTransition, match="location"):
        act(database, people, "grid2", fire, "arrive", place=(0.05, 0.05))
    add_photo(database, fire, people["grid2"], NOON)
    assert act(database, people, "grid2", fire, "arrive").state == "on_site"


def test_the_state_is_that_of_whoever_is_furthest(database: Database, people: dict[str, str]) -> None:
    fire = raised(database, draft())
    act(database, people, "operator", fire, "dispatch", assignees=[people["grid1"], people["grid2"]])
    act(database, people, "grid2", fire, "accept")
    assert act(database, people, "grid1", fire, "decline", "too far").state == "accepted"
    act(database, people, "grid2", fire, "call_in", assignees=[people["enforcement1"]])
    assert act(database, people, "grid2", fire, "decline").state == "dispatched"
    after = act(database, people, "operator", fire, "reassign", assignees=[people["grid3"]])
    assert after.state == "dispatched" and after.lead_id is None
    with database.reading() as session:
        active = {a.user_id for a in assignments_of(session, fire) if a.state in ACTIVE}
    assert active == {people["grid3"]}


def test_nobody_unfit_is_sent(database: Database, people: dict[str, str]) -> None:
    rubbish = raised(database, draft(IncidentKind.ENVIRONMENT))
    for who in ("enforcement1", "viewer"):
        with pytest.raises(IllegalTransition, match="may not be sent"):
            act(database, people, "operator", rubbish, "dispatch", assignees=[people[who]])
    with pytest.raises(IllegalTransition, match="no user"):
        act(database, people, "operator", rubbish, "dispatch", assignees=["nobody"])


def test_each_step_has_its_clock(database: Database, people: dict[str, str]) -> None:
    fire = raised(database, draft())
    assert read(database, fire).due_at == NOON + 60 * SECOND
    assert overdue_seconds(read(database, fire), NOON + 90 * SECOND) == 30
    act(database, people, "operator", fire, "confirm", now=NOON + 90 * SECOND)
    assert read(database, fire).due_at == NOON + 150 * SECOND
    act(database, people, "operator", fire, "note", "the wind turns", now=NOON + 100 * SECOND)
    assert read(database, fire).due_at == NOON + 150 * SECOND  # a remark does not buy time


def test_a_stale_writer_is_told_and_nothing_changes(database: Database, people: dict[str, str]) -> None:
    fire = raised(database, draft())
    act(database, people, "operator", fire, "confirm")
    with pytest.raises(StaleIncident):
        act(database, people, "operator", fire, "false_alarm", version=1)
    assert read(database, fire).state == "confirmed"


def test_reopening_forgets_the_old_times(database: Database, people: dict[str, str]) -> None:
    crowd = raised(database, draft(IncidentKind.CROWD))
    act(database, people, "operator", crowd, "confirm", now=NOON)
    act(database, people, "operator", crowd, "resolve", "done", now=NOON + SECOND)
    act(database, people, "operator", crowd, "close", now=NOON + 2 * SECOND)
    again = act(database, people, "operator", crowd, "reopen", "they are back", now=NOON + 60 * SECOND)
    assert again.closed_at is None and again.resolved_at is None and again.confirmed_at == NOON + 60 * SECOND


def test_the_timeline_cannot_be_rewritten(database: Database) -> None:
    raised(database, draft())
    with pytest.raises(AppendOnlyViolation), database.session() as session:
        session.scalars(select(IncidentChange)).one().note = "it never happened"
    with pytest.raises(AppendOnlyViolation), database.session() as session:
        session.delete(session.scalars(select(IncidentChange)).one())


def test_every_action_has_its_row_and_every_open_state_a_way_out() -> None:
    assert set(TRANSITIONS) == set(Action)
    for state in set(IncidentState) - ENDED:
        assert any(state in t.sources and t.target in ENDED for t in TRANSITIONS.values()), state
    assert "accept" not in actions_for("dispatched", Role.GRID_WORKER, is_assigned=False)
    assert actions_for("closed", Role.OPERATOR) == ["reopen"]


class AnySequence(RuleBasedStateMachine):
    """Anybody does anything at any time, with fresh and stale versions."""

    database: Database
    people: dict[str, str]
    serial = 0

    def __init__(self) -> None:
        super().__init__()
        AnySequence.serial += 1
        self.now = NOON + timedelta(days=AnySequence.serial)
        kind = IncidentKind.CROWD if AnySequence.serial % 2 else IncidentKind.FIRE
        at = self.now.timestamp()
        self.ids = [raised(self.database, draft(kind, at, camera), None) for camera in ("bridge", "clinic")]

    @rule(
        which=st.integers(0, 1),
        who=st.sampled_from([None, *USERS]),
        action=st.sampled_from([*Action, *[Action.DISPATCH, Action.ACCEPT, Action.ARRIVE, Action.RESOLVE] * 2]),
        note=st.sampled_from([None, "word"]),
        send=st.lists(st.sampled_from(["grid1", "grid2", "enforcement1", "viewer"]), max_size=2),
        behind=st.sampled_from([0, 0, 0, 0, 1]),
    )
    def step(self, which: int, who: str, action: str, note: str | None, send: list[str], behind: int) -> None:
        self.now += timedelta(seconds=70)
        incident_id = self.ids[which]
        before = read(self.database, incident_id)
        if action == Action.RESOLVE:
            add_photo(self.database, incident_id, self.people["grid1"], self.now)
        try:
            after = act(
                self.database, self.people, who, incident_id, action, note, before.version - behind, now=self.now,
                assignees=[self.people[name] for name in send], other_id=self.ids[1 - which],
            )  # fmt: skip
        except (IllegalTransition, NotAllowed, StaleIncident):
            unchanged = read(self.database, incident_id)
            assert (unchanged.state, unchanged.version) == (before.state, before.version)
            return
        assert behind == 0, "a stale writer got through"
        transition = TRANSITIONS[Action(action)]
        assert before.state in transition.sources and (
            USERS.get(who) in transition.roles or (who is None and transition.by_system)
        )
        assert after.version > before.version

    @invariant()
    def all_holds(self) -> None:
        with self.database.reading() as session:
            for incident_id in self.ids:
                check(session.get_one(Incident, incident_id), session)


def check(incident: Incident, session: object) -> None:
    """What is true of any incident at any time."""
    state = IncidentState(incident.state)
    ended = state in ENDED
    assert (incident.closed_at is not None) == ended == (incident.due_at is None)
    assert (incident.merged_into is not None) == (state is IncidentState.DUPLICATE)
    active = session.scalars(  # type: ignore[attr-defined]
        select(Assignment).where(Assignment.incident_id == incident.id, Assignment.state.in_([s.value for s in ACTIVE]))
    ).all()
    states = {a.state for a in active}
    assert len({a.user_id for a in active}) == len(active), "somebody is on it twice"
    if ended or state in (IncidentState.NEW, IncidentState.CONFIRMED, IncidentState.RESOLVED):
        assert not active
    elif state is IncidentState.ON_SITE:
        assert "arrived" in states
    elif state is IncidentState.ACCEPTED:
        assert "accepted" in states and "arrived" not in states
    else:
        assert states == {"asked"}
    if state in (IncidentState.ACCEPTED, IncidentState.ON_SITE):
        assert incident.lead_id in {a.user_id for a in active}
    moments = [
        m for m in (incident.confirmed_at, incident.dispatched_at, incident.accepted_at, incident.arrived_at,
                    incident.resolved_at) if m is not None
    ]  # fmt: skip
    assert moments == sorted(moments)
    rows = session.scalars(  # type: ignore[attr-defined]
        select(IncidentChange).where(IncidentChange.incident_id == incident.id).order_by(IncidentChange.id)
    ).all()
    assert rows[0].action == "opened" and rows[-1].to_state == incident.state
    for earlier, later in itertools.pairwise(rows):
        assert later.from_state == earlier.to_state, "the timeline has a gap"


def test_any_sequence_by_anybody_keeps_every_invariant(database: Database, people: dict[str, str]) -> None:
    machine = type("Machine", (AnySequence,), {"database": database, "people": people})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=10, stateful_step_count=12, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
