"""Who was sent to an incident, and how far each of them is.

Promises: somebody is asked at most once at a time for one incident; while people are on it, its state is that of
whoever is furthest. Not here: who should be sent (`duty.py`), who may say so (`transitions.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.governance import Assignment


class AssignmentState(StrEnum):
    """How far somebody is who was sent."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    DONE = "done"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    RELEASED = "released"


#: Whoever is in one of these is on it.
ACTIVE = frozenset({AssignmentState.ASKED, AssignmentState.ACCEPTED, AssignmentState.ARRIVED})


def assignments_of(session: Session, incident_id: str) -> list[Assignment]:
    """Everybody who was ever sent, in the order of asking."""
    query = select(Assignment).where(Assignment.incident_id == incident_id)
    return list(session.scalars(query.order_by(Assignment.asked_at, Assignment.id)))


def active(assignments: Iterable[Assignment]) -> list[Assignment]:
    """Those who are still on it."""
    return [a for a in assignments if AssignmentState(a.state) in ACTIVE]


def of_user(assignments: Iterable[Assignment], user_id: str | None) -> Assignment | None:
    """That person's part, while they are on it."""
    return next((a for a in active(assignments) if a.user_id == user_id), None)


def ask(
    session: Session,
    incident_id: str,
    user_ids: Sequence[str],
    asked_by: str | None,
    now: datetime,
    due_at: datetime,
    current: list[Assignment],
) -> list[Assignment]:
    """Asks those who are not on it yet, and appends them to `current`."""
    there = {a.user_id for a in active(current)}
    asked = [
        Assignment(incident_id=incident_id, user_id=user_id, asked_by=asked_by, asked_at=now, due_at=due_at)
        for user_id in dict.fromkeys(user_ids)
        if user_id not in there
    ]
    for assignment in asked:
        assignment.state = AssignmentState.ASKED.value
        session.add(assignment)
    current.extend(asked)
    return asked


def furthest(assignments: Iterable[Assignment]) -> AssignmentState | None:
    """How far whoever is furthest has come; None when nobody is on it."""
    states = {AssignmentState(a.state) for a in active(assignments)}
    order = (AssignmentState.ARRIVED, AssignmentState.ACCEPTED, AssignmentState.ASKED)
    return next((s for s in order if s in states), None)


def end(assignments: Iterable[Assignment], state: AssignmentState, now: datetime) -> None:
    """Ends these parts."""
    for assignment in assignments:
        assignment.state = state.value
        assignment.ended_at = now


def finish(assignments: Iterable[Assignment], now: datetime) -> None:
    """The thing is dealt with: who took part is done, who never answered is released."""
    for assignment in active(assignments):
        asked_only = assignment.state == AssignmentState.ASKED.value
        end([assignment], AssignmentState.RELEASED if asked_only else AssignmentState.DONE, now)
