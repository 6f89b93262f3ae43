"""What is written down of calls: their rows, and the timeline of the incident they were made from.

Promises: who called whom, who answered, declined or missed it, who came and went and how long, and what everybody said
to being recorded: each is an append-only row of the incident's timeline, added with the rows of the call. A call that
outlived the service is ended by when it was last seen. Not here: the calls under way (`live/`), the pieces of a
recording (`call_recordings.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts.timeline import record
from models.calls import Call, CallPerson
from models.tables import Incident, User

#: Facts that the timeline tells; the others only change rows.
_TOLD = {
    "joined": "call_joined",
    "declined": "call_declined",
    "missed": "call_missed",
    "called_off": "call_called_off",
    "left": "call_left",
    "ended": "call_ended",
    "record_asked": "call_record_asked",
    "record_agreed": "call_record_agreed",
    "record_refused": "call_record_refused",
    "record_on": "call_record_on",
    "record_paused": "call_record_paused",
    "record_off": "call_record_off",
}


class PersonLike(Protocol):
    """Somebody in a call, as `live.call_people.Person` has it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def asked_as(self) -> str | None: ...
    @property
    def invited_at(self) -> float: ...
    @property
    def rings_until(self) -> float: ...
    @property
    def joined_at(self) -> float | None: ...
    @property
    def present_since(self) -> float | None: ...
    @property
    def left_at(self) -> float | None: ...
    @property
    def seconds(self) -> float: ...


class FactLike(Protocol):
    """Something that happened in a call, as `live.call_people.Fact` has it."""

    @property
    def call_id(self) -> str: ...
    @property
    def incident_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def person(self) -> PersonLike | None: ...
    @property
    def details(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Link:
    """A household's way in: the hash of its link, and until when it holds."""

    hashed: str
    expires_at: datetime


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a moment."""
    return datetime.fromtimestamp(seconds, UTC)


def begin(session: Session, incident: Incident, call_id: str, host: PersonLike, now: datetime) -> None:
    """A call begins; flushed, so that a second one of the incident fails here (IntegrityError)."""
    session.add(
        Call(id=call_id, incident_id=incident.id, started_by=host.user_id, started_at=now, seen_at=now)
    )  # fmt: skip
    session.flush()
    session.add(
        CallPerson(
            id=host.id, call_id=call_id, user_id=host.user_id, name=host.name, state="joined", invited_at=now,
            rings_until=now, joined_at=now, present_since=now,
        )
    )  # fmt: skip


def ask(
    session: Session,
    incident: Incident,
    call_id: str,
    asked: Sequence[PersonLike],
    links: dict[str, Link],
    asker: User,
    now: datetime,
    address: str | None,
) -> None:
    """These are asked, one row of the timeline for all of them; their browsers are told through the outbox."""
    for person in asked:
        row = session.get(CallPerson, person.id)
        link = links.get(person.id)
        if row is None:
            row = CallPerson(id=person.id, call_id=call_id, user_id=person.user_id, name=person.name)
            session.add(row)
        row.state, row.asked_as, row.invited_by = "invited", person.asked_as, asker.id
        row.invited_at, row.rings_until = now, moment(person.rings_until)
        if link is not None:
            row.link_hash, row.link_expires_at = link.hashed, link.expires_at
    details = {
        "call": call_id,
        "people": [person.name for person in asked],
        "by_name": asker.display_name,
        "until": max(moment(p.rings_until) for p in asked).isoformat(),
        "assigned": [p.user_id for p in asked if p.user_id],
    }
    record(
        session, incident, "call_asked", now, was=incident.state, actor_id=asker.id, address=address, details=details
    )  # fmt: skip


def write(session: Session, facts: Iterable[FactLike]) -> None:
    """Writes down what happened, in order."""
    for fact in facts:
        _write(session, fact)


def _row_of(session: Session, call_id: str, person: PersonLike) -> CallPerson:
    """Somebody's row; whoever joined unasked has none yet."""
    row = session.get(CallPerson, person.id)
    if row is None:
        row = CallPerson(
            id=person.id, call_id=call_id, user_id=person.user_id, name=person.name, state=str(person.state),
            invited_at=moment(person.invited_at), rings_until=moment(person.rings_until),
        )  # fmt: skip
        session.add(row)
    return row


def _write(session: Session, fact: FactLike) -> None:
    at, person = moment(fact.at), fact.person
    row = _row_of(session, fact.call_id, person) if person is not None else None
    if row is not None and person is not None:
        row.state, row.seconds = str(person.state), person.seconds
        row.joined_at, row.present_since, row.left_at = (
            None if when is None else moment(when) for when in (person.joined_at, person.present_since, person.left_at)
        )
    if row is not None and (fact.kind == "called_off" or fact.details.get("why") == "removed"):
        row.link_hash = row.link_expires_at = None
    call = session.get(Call, fact.call_id)
    if call is not None and fact.kind == "ended" and call.ended_at is None:
        why = str(fact.details.get("why", "ended"))
        call.ended_at, call.ended_why = at, why
        for other in session.scalars(select(CallPerson).where(CallPerson.call_id == call.id)):
            other.link_hash = other.link_expires_at = None
    action = _TOLD.get(fact.kind)
    incident = session.get(Incident, fact.incident_id)
    if action is not None and incident is not None:
        details = {"call": fact.call_id, **fact.details}
        if person is not None and person.user_id is None:
            details["person"] = person.name
        elif row is not None and fact.kind in ("missed", "called_off"):
            details["person"] = row.name
        actor = person.user_id if person is not None and "person" not in details else None
        record(session, incident, action, at, was=incident.state, actor_id=actor, details=details)


def seen(session: Session, call_ids: Sequence[str], now: datetime) -> None:
    """These calls are under way at this moment."""
    session.execute(update(Call).where(Call.id.in_(call_ids), Call.ended_at.is_(None)).values(seen_at=now))


def under_way(session: Session) -> list[tuple[Call, list[CallPerson]]]:
    """The calls that have no end yet, with everybody."""
    calls = session.scalars(select(Call).where(Call.ended_at.is_(None)).order_by(Call.started_at)).all()
    return [(call, people_of(session, call.id)) for call in calls]


def people_of(session: Session, call_id: str) -> list[CallPerson]:
    """Everybody who was asked, in that order."""
    query = select(CallPerson).where(CallPerson.call_id == call_id)
    return list(session.scalars(query.order_by(CallPerson.invited_at, CallPerson.id)))


def of_incident(session: Session, incident_id: str, most: int = 50) -> list[tuple[Call, list[CallPerson]]]:
    """The calls of an incident, the newest first."""
    query = select(Call).where(Call.incident_id == incident_id).order_by(Call.started_at.desc(), Call.id)
    return [(call, people_of(session, call.id)) for call in session.scalars(query.limit(most))]


def of_link(session: Session, hashed: str, now: datetime) -> CallPerson | None:
    """Whose link it is, while it holds."""
    row = session.scalar(select(CallPerson).where(CallPerson.link_hash == hashed))
    return row if row is not None and row.link_expires_at is not None and row.link_expires_at > now else None
