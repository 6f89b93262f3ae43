"""The life of an incident: which step may follow which, and who may take it.

Promises: one table says it all; every change is one appended row of the timeline; who writes on a stale version is told
so. Not here: how an incident begins (`incidents.py`).
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from configs.words import Role
from models.base import utc_now
from models.tables import Incident, IncidentChange, OutboxMessage


class IncidentState(StrEnum):
    """Where an incident stands. 办结 is `CLOSED`."""

    NEW = "new"
    CONFIRMED = "confirmed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"


#: An incident in one of these needs nobody any more.
ENDED = frozenset({IncidentState.CLOSED, IncidentState.FALSE_ALARM, IncidentState.DUPLICATE})
OPEN = frozenset(IncidentState) - ENDED


class Action(StrEnum):
    """What somebody does to an incident."""

    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    DECLINE = "decline"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table."""

    sources: frozenset[IncidentState]
    target: IncidentState
    roles: frozenset[Role]


_S, _R = IncidentState, Role
_DESK = frozenset({_R.ADMINISTRATOR, _R.OPERATOR})
_FIELD = frozenset({_R.GRID_WORKER, _R.ENFORCEMENT_OFFICER})

TRANSITIONS: dict[Action, Transition] = {
    Action.CONFIRM: Transition(frozenset({_S.NEW}), _S.CONFIRMED, _DESK),
    Action.FALSE_ALARM: Transition(frozenset({_S.NEW, _S.CONFIRMED}), _S.FALSE_ALARM, _DESK),
    Action.DISPATCH: Transition(frozenset({_S.NEW, _S.CONFIRMED, _S.DISPATCHED}), _S.DISPATCHED, _DESK),
    Action.ACCEPT: Transition(frozenset({_S.DISPATCHED}), _S.ACCEPTED, _FIELD),
    Action.DECLINE: Transition(frozenset({_S.DISPATCHED}), _S.CONFIRMED, _FIELD),
    Action.ARRIVE: Transition(frozenset({_S.DISPATCHED, _S.ACCEPTED}), _S.ON_SITE, _FIELD),
    Action.RESOLVE: Transition(
        frozenset({_S.CONFIRMED, _S.DISPATCHED, _S.ACCEPTED, _S.ON_SITE}), _S.RESOLVED, _DESK | _FIELD
    ),
    Action.CLOSE: Transition(frozenset({_S.RESOLVED}), _S.CLOSED, _DESK),
    Action.REOPEN: Transition(frozenset({_S.RESOLVED, _S.CLOSED, _S.FALSE_ALARM, _S.DUPLICATE}), _S.CONFIRMED, _DESK),
}


class IncidentNotFound(Exception):
    """There is no such incident."""


class NotAllowed(Exception):
    """This role may not do that."""


class IllegalTransition(Exception):
    """That step does not follow from where the incident stands."""


class StaleIncident(Exception):
    """Somebody else changed the incident since it was read."""


def actions_for(state: str, role: Role) -> list[Action]:
    """What somebody of that role may do to an incident in that state."""
    return [a for a, t in TRANSITIONS.items() if IncidentState(state) in t.sources and role in t.roles]


def apply_action(
    session: Session,
    incident_id: str,
    action: str,
    actor_id: str | None,
    role: Role,
    version: int,
    note: str | None = None,
) -> Incident:
    """Takes one step and flushes it, together with its row of the timeline and what must be told.

    Raises IncidentNotFound, NotAllowed, IllegalTransition or StaleIncident; then nothing was changed.
    """
    incident = session.scalar(select(Incident).where(Incident.id == incident_id))
    if incident is None:
        raise IncidentNotFound(f"there is no incident {incident_id}")
    if incident.version != version:
        raise StaleIncident(f"the incident is now at version {incident.version}, {incident.state}; read it again")
    try:
        transition = TRANSITIONS[Action(action)]
    except ValueError:
        raise IllegalTransition(f"no action {action!r}; actions are {', '.join(Action)}") from None
    if role not in transition.roles:
        raise NotAllowed(f"{action} is for {', '.join(sorted(transition.roles))}")
    if IncidentState(incident.state) not in transition.sources:
        raise IllegalTransition(f"{action} does not follow from {incident.state}")
    previous, now = incident.state, utc_now()
    incident.state = transition.target.value
    incident.closed_at = now if transition.target in ENDED else None
    session.add(
        IncidentChange(
            incident_id=incident.id,
            at=now,
            actor_id=actor_id,
            action=action,
            from_state=previous,
            to_state=incident.state,
            note=note,
        )
    )
    session.add(OutboxMessage(topic="incident.changed", subject_id=incident.id, payload={"action": action}))
    try:
        session.flush()
    except StaleDataError:
        session.rollback()
        raise StaleIncident("somebody else changed the incident at the same moment; read it again") from None
    return incident
