"""Which step of an incident's life may follow which, and who may take it.

Promises: one table says it all, and everybody reads that one: whoever takes a step, the buttons that are shown, the
documentation. Not here: taking a step (`lifecycle.py`), the states themselves (`states.py`), how long a step may take
(`clocks.py`).
"""

from dataclasses import dataclass
from enum import StrEnum

from alerts.states import ENDED, OPEN, IncidentState
from configs.words import Role


class Action(StrEnum):
    """What somebody does to an incident."""

    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    DISPATCH = "dispatch"
    CALL_IN = "call_in"
    REASSIGN = "reassign"
    ACCEPT = "accept"
    DECLINE = "decline"
    TIME_OUT = "time_out"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table. No `target`: the state stays, or follows from the people who are on it (`by_people`).
    `assigned`: of the field roles, only somebody who was sent. `by_system`: the clock may do it, too."""

    sources: frozenset[IncidentState]
    target: IncidentState | None
    roles: frozenset[Role]
    by_people: bool = False
    assigned: bool = False
    needs_note: bool = False
    needs_photo: bool = False
    by_system: bool = False


_S, _R = IncidentState, Role
_DESK = frozenset({_R.ADMINISTRATOR, _R.OPERATOR})
#: Those who are sent.
FIELD = frozenset({_R.GRID_WORKER, _R.ENFORCEMENT_OFFICER})
_PEOPLE = frozenset({_S.DISPATCHED, _S.ACCEPTED, _S.ON_SITE})
_NOBODY: frozenset[Role] = frozenset()

TRANSITIONS: dict[Action, Transition] = {
    Action.CONFIRM: Transition(frozenset({_S.NEW}), _S.CONFIRMED, _DESK),
    Action.FALSE_ALARM: Transition(frozenset({_S.NEW, _S.CONFIRMED}) | _PEOPLE, _S.FALSE_ALARM, _DESK),
    Action.DUPLICATE: Transition(OPEN, _S.DUPLICATE, _DESK),
    Action.DISPATCH: Transition(
        frozenset({_S.NEW, _S.CONFIRMED, _S.DISPATCHED}), None, _DESK, by_people=True, by_system=True
    ),
    Action.CALL_IN: Transition(_PEOPLE, None, _DESK | FIELD, by_people=True, assigned=True),
    Action.REASSIGN: Transition(_PEOPLE, None, _DESK, by_people=True),
    Action.ACCEPT: Transition(_PEOPLE, None, FIELD, by_people=True, assigned=True),
    Action.DECLINE: Transition(_PEOPLE, None, FIELD, by_people=True, assigned=True),
    Action.TIME_OUT: Transition(_PEOPLE, None, _NOBODY, by_people=True, by_system=True),
    Action.ARRIVE: Transition(_PEOPLE, None, FIELD, by_people=True, assigned=True),
    Action.RESOLVE: Transition(
        _PEOPLE | {_S.CONFIRMED}, _S.RESOLVED, _DESK | FIELD, assigned=True, needs_note=True, needs_photo=True
    ),
    Action.CLOSE: Transition(frozenset({_S.RESOLVED}), _S.CLOSED, _DESK),
    Action.REOPEN: Transition(frozenset({_S.RESOLVED}) | ENDED, _S.CONFIRMED, _DESK),
    Action.ESCALATE: Transition(OPEN, None, _DESK | FIELD, assigned=True, by_system=True),
    Action.NOTE: Transition(OPEN, None, _DESK | FIELD, needs_note=True),
}


def actions_for(state: str, role: Role, is_assigned: bool = True) -> list[Action]:
    """What somebody of that role may do to an incident in that state; `is_assigned`: they were sent to it."""
    return [
        action
        for action, t in TRANSITIONS.items()
        if IncidentState(state) in t.sources and role in t.roles and (is_assigned or role in _DESK or not t.assigned)
    ]
