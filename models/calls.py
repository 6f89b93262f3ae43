"""The tables of calls: who spoke with whom about which incident, how long, and what was recorded.

Promises: as `tables.py` says; a household's link is kept as a hash. Not here: the calls under way (`live/calls.py`),
what is written when (`alerts/calls.py`).
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Identified, utc_now


class Call(Identified):
    """A call from an incident. At most one of an incident is under way. `seen_at`: until when the service saw it, so
    that a call that outlived the service has a truthful end."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "uq_calls_under_way",
            "incident_id",
            unique=True,
            sqlite_where=sql("ended_at IS NULL"),
            postgresql_where=sql("ended_at IS NULL"),
        ),
    )

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    started_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(String(16))


class CallPerson(Identified):
    """Somebody who was called: a user, or a household by link (then `link_hash`). `state` is a value of
    `live.calls.Presence`; `seconds` is how long they were in it, before `present_since` if they are in it now."""

    __tablename__ = "call_people"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    asked_as: Mapped[str | None] = mapped_column(String(16))
    invited_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    invited_at: Mapped[datetime] = mapped_column(default=utc_now)
    rings_until: Mapped[datetime]
    joined_at: Mapped[datetime | None]
    present_since: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    link_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    link_expires_at: Mapped[datetime | None]


class CallRecording(Identified):
    """A recording that everybody agreed to, while its pieces arrive. With `evidence_id` it is whole and evidence."""

    __tablename__ = "call_recordings"
    __table_args__ = (
        Index(
            "ix_call_recordings_open",
            "last_piece_at",
            sqlite_where=sql("finished_at IS NULL"),
            postgresql_where=sql("finished_at IS NULL"),
        ),
    )

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"))
    recorded_by: Mapped[str] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    media_type: Mapped[str | None] = mapped_column(String(64))
    pieces: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(default=0)
    last_piece_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    evidence_id: Mapped[str | None] = mapped_column(ForeignKey("evidence.id"))
