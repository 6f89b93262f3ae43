"""What time does to incidents: who did not answer, what is late.

Promises: `tick(database, now)` may be called as often as one likes, from several processes; each thing happens once. A
step that is late wakes the next people of its chain; who does not answer in time is passed over for the next. Not here:
who calls it (the runtime, every few seconds), how people are told (`notify/`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.assignments import ACTIVE, AssignmentState
from alerts.lifecycle import IllegalTransition, StaleIncident, Wish, apply_action
from alerts.states import IncidentState
from alerts.transitions import Action
from configs.kinds import IncidentKinds
from configs.village import Village, incident_kinds, village
from configs.words import IncidentKind
from models.governance import Assignment
from models.session import Database
from models.tables import Incident

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 200
_BY_CLOCK = "clock"


@dataclass(slots=True)
class Ticked:
    """What was done."""

    timed_out: int = 0
    passed_on: int = 0
    escalated: int = 0


def tick(database: Database, now: datetime, rules: tuple[Village, IncidentKinds] | None = None) -> Ticked:
    """Does all that is due at `now`, one incident a transaction. Raises DatabaseUnavailable."""
    rules = rules or (village(), incident_kinds())
    done = Ticked()
    with database.reading() as session:
        silent, waiting, late = _silent(session, now), _waiting_for_the_next(session), _late(session, now, rules[0])
    for incident_id in silent:
        done.timed_out += _try(database, incident_id, Action.TIME_OUT, now, rules)
    for incident_id in dict.fromkeys([*silent, *waiting]):
        done.passed_on += _try(database, incident_id, Action.DISPATCH, now, rules)
    for incident_id in late:
        done.escalated += _try(database, incident_id, Action.ESCALATE, now, rules)
    return done


def _silent(session: Session, now: datetime) -> list[str]:
    query = select(Assignment.incident_id).where(
        Assignment.state == AssignmentState.ASKED.value, Assignment.due_at <= now
    )
    return list(dict.fromkeys(session.scalars(query.order_by(Assignment.due_at).limit(_MOST_AT_ONCE))))


def _waiting_for_the_next(session: Session) -> list[str]:
    """Confirmed incidents that somebody was asked to go to, and that nobody goes to now."""
    asked = select(Assignment.id).where(
        Assignment.incident_id == Incident.id,
        Assignment.state.in_([AssignmentState.DECLINED.value, AssignmentState.TIMED_OUT.value]),
        Assignment.ended_at >= Incident.confirmed_at,
    )
    on_it = select(Assignment.id).where(
        Assignment.incident_id == Incident.id, Assignment.state.in_([s.value for s in ACTIVE])
    )
    query = select(Incident.id).where(
        Incident.closed_at.is_(None),
        Incident.state == IncidentState.CONFIRMED.value,
        asked.exists(),
        ~on_it.exists(),
    )
    return list(session.scalars(query.limit(_MOST_AT_ONCE)))


def _late(session: Session, now: datetime, place: Village) -> list[str]:
    """Those whose chain has somebody to wake now: one at its end must not take the write lock every few seconds."""
    query = select(Incident).where(Incident.due_at.is_not(None), Incident.due_at <= now)
    found = session.scalars(query.order_by(Incident.due_at))
    return [i.id for i in found if _chain_due(i, now, place) is not None]


def _try(
    database: Database, incident_id: str, action: Action, now: datetime, rules: tuple[Village, IncidentKinds]
) -> bool:
    """Whether the step was taken; somebody quicker, or nobody left to send, is no error."""
    try:
        with database.session() as session:
            incident = session.get(Incident, incident_id, with_for_update=True)
            if incident is None or incident.closed_at is not None:
                return False
            details: dict[str, object] = {}
            if action is Action.ESCALATE:
                wake = _chain_due(incident, now, rules[0])
                if wake is None:
                    return False
                details = wake
            wish = Wish(address=_BY_CLOCK, now=now, details=details)
            apply_action(session, incident_id, action, None, None, incident.version, None, wish, rules)
            return True
    except (IllegalTransition, StaleIncident) as error:
        log.info("%s of %s: %s", action.value, incident_id, error)
        return False


def _chain_due(incident: Incident, now: datetime, place: Village) -> dict[str, object] | None:
    """Whom to wake now, when the next step of the incident's chain has come."""
    chain = place.escalation_for(IncidentKind(incident.kind))
    if incident.due_at is None or incident.escalation_level >= len(chain):
        return None
    step = chain[incident.escalation_level]
    late = (now - incident.due_at).total_seconds()
    if late < step.after_seconds:
        return None
    return {
        "roles": [r.value for r in step.roles],
        "users": list(step.users),
        "late_seconds": round(late),
        "level": incident.escalation_level + 1,
    }
