"""From alert to incident, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import func, select

from alerts.incidents import JOIN_WITHIN, Sighted, raise_alert, raise_alerts
from alerts.lifecycle import apply_action
from alerts.states import IncidentState
from alerts.words import AlertDraft, Reason
from configs.site import Place
from configs.words import CameraId, IncidentKind, Instant, Role
from models.base import new_id
from models.governance import MergeProposal
from models.session import Database
from models.tables import Alert, Incident, IncidentChange, OutboxMessage
from tests.alerts import people

PLACE = Place(x=0.3, y=0.4)


def draft(kind: IncidentKind = IncidentKind.FIRE, at: float = 1_000_000.0, camera: str = "straw-yard") -> AlertDraft:
    return AlertDraft(
        kind, CameraId(camera), Instant(at - 2), Instant(at), 0.9, 3, Reason("因为", "because"), (), {"looks": 3}
    )


def raised(database, *drafts: AlertDraft) -> list[str]:
    ids = []
    for one in drafts:
        with database.session() as session, session.begin():
            ids.append(raise_alert(session, new_id(), one, PLACE).incident.id)
    return ids


def test_an_alert_opens_an_incident_with_all_that_belongs_to_it(database):
    [incident_id] = raised(database, draft())
    with database.session() as session:
        incident = session.get(Incident, incident_id)
        assert incident.state == IncidentState.NEW
        assert (incident.place_x, incident.place_y) == (0.3, 0.4)
        assert incident.opened_at == datetime.fromtimestamp(1_000_000, UTC)
        assert [c.action for c in incident.changes] == ["opened"]
        assert incident.alerts[0].numbers == {"looks": 3}
        assert session.scalars(select(OutboxMessage.topic)).all() == ["incident.opened"]


def test_the_same_alert_said_twice_is_written_once(database):
    alert_id = new_id()
    for _ in range(2):
        with database.session() as session, session.begin():
            raise_alert(session, alert_id, draft(), PLACE)
    with database.session() as session:
        assert session.scalar(select(func.count(Alert.id))) == 1
        assert session.scalar(select(func.count(IncidentChange.id))) == 1


def test_smoke_then_fire_on_one_camera_is_one_incident_and_it_is_a_fire(database):
    ids = raised(database, draft(IncidentKind.SMOKE), draft(IncidentKind.FIRE, at=1_000_030.0))
    assert ids[0] == ids[1]
    with database.session() as session:
        assert session.get(Incident, ids[0]).kind == "fire"


@pytest.mark.parametrize(
    ("why", "second"),
    [
        ("another kind", draft(IncidentKind.CROWD)),
        ("long after", draft(at=1_000_000.0 + JOIN_WITHIN.total_seconds() + 1)),
    ],
)
def test_separate_incidents_for(database, why, second):
    ids = raised(database, draft(), second)
    assert ids[0] != ids[1], why


def test_an_alert_after_the_end_opens_a_new_incident(database):
    [first] = raised(database, draft())
    with database.session() as session:
        apply_action(session, first, "false_alarm", None, Role.OPERATOR, 1)
    assert raised(database, draft(at=1_000_060.0)) != [first]


def test_what_is_seen_after_it_was_resolved_is_new_and_proposed_to_be_the_same(database):
    [first] = raised(database, draft(IncidentKind.CROWD))
    with database.session() as session:
        apply_action(session, first, "confirm", None, Role.OPERATOR, 1)
        apply_action(session, first, "resolve", None, Role.OPERATOR, 2, "gone")
    [second] = raised(database, draft(IncidentKind.CROWD, at=1_000_060.0))
    assert second != first
    with database.reading() as session:
        [proposal] = session.scalars(select(MergeProposal)).all()
        assert (proposal.incident_id, proposal.other_id) == (first, second) and proposal.reason_zh


SIGHTINGS = st.lists(
    st.tuples(
        st.sampled_from([IncidentKind.FIRE, IncidentKind.SMOKE, IncidentKind.CROWD]),
        st.sampled_from(["a", "b", "c", None]),
        st.integers(0, 3000),  # seconds
        st.integers(1, 4),
        st.none() | st.tuples(st.sampled_from([0.40, 0.44, 0.50, 0.62]), st.sampled_from([0.40, 0.43])),
    ),
    min_size=2,
    max_size=14,
    unique_by=lambda seen: seen[2],
)


@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seen=SIGHTINGS)
def test_many_at_once_become_what_they_become_one_by_one(
    sqlite_database: Database, seen: list[tuple[IncidentKind, str | None, int, int, tuple[float, float] | None]]
) -> None:
    several = [
        Sighted(
            new_id(),
            people.draft(kind, people.NOON.timestamp() + at, camera, severity),
            Place(x=spot[0], y=spot[1]) if spot else None,
        )
        for kind, camera, at, severity, spot in seen
    ]

    def state(together: bool) -> list[object]:
        """What there is, told by the alerts' places in the list instead of by ids."""
        with sqlite_database.session() as session:
            for incident in session.scalars(select(Incident).where(Incident.closed_at.is_(None))):
                incident.closed_at = people.NOON
        keyed = [replace(one, alert_id=new_id()) for one in several]
        if together:
            with sqlite_database.session() as session:
                raise_alerts(session, keyed)
        else:
            for one in keyed:
                with sqlite_database.session() as session:
                    raise_alert(session, one.alert_id, one.draft, one.place)
        number = {one.alert_id: n for n, one in enumerate(keyed)}
        with sqlite_database.reading() as session:
            found = session.scalars(select(Incident).where(Incident.closed_at.is_(None))).all()
            members = {i.id: tuple(sorted(number[a.id] for a in i.alerts)) for i in found}
            asked = session.scalars(select(MergeProposal).where(MergeProposal.incident_id.in_(members))).all()
            told = session.scalars(select(OutboxMessage).where(OutboxMessage.subject_id.in_(members))).all()
            rows = [
                (members[i.id], i.kind, i.severity, i.last_alert_at, i.place_x, i.due_at, len(i.changes)) for i in found
            ]
            return [
                sorted(rows, key=repr),
                sorted((members[p.incident_id], members[p.other_id], p.reason_en) for p in asked),
                sorted((members[m.subject_id], m.topic, bool(m.payload.get("graver"))) for m in told),
            ]

    assert state(together=True) == state(together=False)
