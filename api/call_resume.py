"""Calls that outlived the service, taken up again when it starts.

Promises: whoever was in one is waited for under the same name; a call that was last seen long ago ended then. Not here:
what becomes of them (`live/calls.py`).
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from alerts import calls
from alerts.call_rules import DESK
from configs.words import IncidentKind, Role
from live.call_people import CallLimits, Person, Presence
from live.calls import Room
from models.calls import CallPerson
from models.session import Database
from models.tables import Incident, User

#: A service that was away for longer takes up nothing: the call is long over.
_TOO_LONG_AWAY = 600.0


def rooms_under_way(
    database: Database, clock: Callable[[], float], limits: CallLimits
) -> list[tuple[Room, IncidentKind]]:  # fmt: skip
    """The calls that have no end yet, each with the kind of its incident."""
    found = []
    with database.reading() as session:
        for call, people in calls.under_way(session):
            users = session.scalars(select(User).where(User.id.in_([p.user_id for p in people if p.user_id])))
            roles = {user.id: Role(user.role) for user in users}
            host = next((p.id for p in people if p.user_id == call.started_by), "")
            everybody = [_person(row, roles) for row in people]
            room = Room(call.id, call.incident_id, host, everybody, clock, limits, call.started_at.timestamp())
            seen_at = call.seen_at.timestamp()
            if clock() - seen_at > _TOO_LONG_AWAY:
                room.end("lost", seen_at)
            else:
                room.resume(seen_at)
            found.append((room, IncidentKind(session.get_one(Incident, call.incident_id).kind)))
    return found


def _person(row: CallPerson, roles: dict[str, Role]) -> Person:
    role = roles.get(row.user_id or "")
    return Person(
        row.id, row.name, row.user_id, role.value if role else None, may_record=role in DESK, asked_as=row.asked_as,
        state=Presence(row.state), invited_at=row.invited_at.timestamp(), rings_until=row.rings_until.timestamp(),
        joined_at=_seconds(row.joined_at), present_since=_seconds(row.present_since), left_at=_seconds(row.left_at),
        seconds=row.seconds,
    )  # fmt: skip


def _seconds(when: datetime | None) -> float | None:
    return when.timestamp() if when is not None else None
