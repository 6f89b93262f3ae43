"""Whom somebody may call from an incident.

Promises: the desk calls anybody who works on incidents, and households; whoever was sent to an incident calls the desk
and the others who were sent; nobody calls themselves, or somebody who is in the call. Not here: rooms (`live/`), what
is written down (`calls.py`).
"""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts import assignments
from alerts.states import ENDED, IncidentState
from configs.words import Role
from models.tables import Incident, User

#: The control room.
DESK = (Role.ADMINISTRATOR, Role.OPERATOR)
CALLERS = (*DESK, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER)


class CallNotAllowed(Exception):
    """A call that may not be made. `kind`: not-allowed, bad-request, illegal-transition; the sentence says why."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def may_call_from(incident: Incident) -> None:
    """Whether calls are made from this incident at all. Raises CallNotAllowed."""
    if IncidentState(incident.state) in ENDED:
        raise CallNotAllowed("illegal-transition", "the incident has ended; reopen it first")


def whom(
    session: Session,
    incident: Incident,
    caller: tuple[str, Role],
    users: Sequence[str],
    *,
    desk: bool,
    households: int,
    there: Collection[str],
    listening: Collection[str],
    most: int,
) -> list[tuple[User, bool]]:
    """The users to ask, each with whether one of their group is enough. `caller`: id and role; `users`: the ids they
    named; `desk`: they want the control room, at most `most` in all, who has a page open (`listening`) first; `there`:
    who is in the call or asked. Raises CallNotAllowed."""
    caller_id, role = caller
    crew = {a.user_id for a in assignments.active(assignments.assignments_of(session, incident.id))}
    if role not in DESK and caller_id not in crew:
        raise CallNotAllowed("not-allowed", "you are not sent to this incident")
    if role not in DESK and households:
        raise CallNotAllowed("not-allowed", "the desk alone calls households")
    query = select(User).where(User.disabled.is_(False), User.role.in_([r.value for r in CALLERS]))
    by_id = {user.id: user for user in session.scalars(query)}
    named = list(dict.fromkeys(users))
    for user_id in named:
        if user_id not in by_id:
            raise CallNotAllowed("bad-request", "one of those you named cannot be called")
        if role not in DESK and user_id not in crew and Role(by_id[user_id].role) not in DESK:
            raise CallNotAllowed("not-allowed", "you may call the desk, and who is sent to this incident")
    asked = [(by_id[i], False) for i in named if i != caller_id and i not in there]
    if desk:
        group = [u for u in by_id.values() if Role(u.role) in DESK and u.id not in {*named, *there, caller_id}]
        group.sort(key=lambda u: (u.id not in listening, u.role != Role.OPERATOR.value, u.username))
        asked += [(user, True) for user in group[: max(0, most - len(asked) - households)]]
    return asked
