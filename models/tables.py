"""The record of it all: one class a table.

Promises: every table is here, or in `governance.py`, `calls.py`, `citizens.py`, `credit.py`, `footfall.py`,
`recordings.py`; SQLite and PostgreSQL accept the same values (text that a stranger chooses has no length limit, which
PostgreSQL alone would enforce). Not here: rules (`alerts/`, `flow/`), the session (`session.py`), changes of shape
(`migrations/`, which says what to do after a change here).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

# Imported so that the one metadata knows every table, whichever module a process imports first.
from models import calls as calls
from models import citizens as citizens
from models import credit as credit
from models import footfall as footfall
from models import governance as governance
from models import known_sources as known_sources
from models import recordings as recordings
from models.append_only import AppendOnly
from models.base import Base, Count, Identified, Json, utc_now

#: Every table, of the modules imported above too.
metadata = Base.metadata

#: SQLite would give the id of a deleted newest row to the next one; a receiver that knows the id would drop the new.
_NEVER_REUSED = {"sqlite_autoincrement": True}


def _index_where(name: str, column: str, condition: str) -> Index:
    """An index of the few rows that are asked for among the many."""
    return Index(name, column, sqlite_where=sql(condition), postgresql_where=sql(condition))


class User(Identified):
    """Somebody who may log in. `role` is a value of `configs.words.Role`. `camera_groups` are the groups of cameras
    whose pictures they may see; empty: all. Never deleted, only disabled."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(32))
    disabled: Mapped[bool] = mapped_column(default=False)
    camera_groups: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LoginSession(Base):
    """One login. Only the SHA-256 of its token is kept."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class Incident(Identified):
    """One event in the world, made of one or more alerts. `version` grows with each change, against stale writers.

    `due_at` is when the step that is awaited is late; the `…_at` are when each step was taken, and go back to null when
    the incident is reopened. `merged_into`: it turned out to be the same event as that one.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_opened_at", "opened_at"),
        Index("ix_incidents_state_opened_at", "state", "opened_at"),
        _index_where("ix_incidents_open", "opened_at", "closed_at IS NULL"),
        Index("ix_incidents_camera_id_kind_state", "camera_id", "kind", "state"),
        _index_where("ix_incidents_due_at", "due_at", "due_at IS NOT NULL"),
    )

    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(32), default="new")
    severity: Mapped[int] = mapped_column(default=1)
    camera_id: Mapped[str | None] = mapped_column(String(48))
    place_x: Mapped[float | None]
    place_y: Mapped[float | None]
    summary_zh: Mapped[str] = mapped_column(Text)
    summary_en: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    last_alert_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    area_id: Mapped[str | None] = mapped_column(String(48))
    source: Mapped[str] = mapped_column(String(16), default="camera")
    state_since: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    escalation_level: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    lead_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    alerts: Mapped[list["Alert"]] = relationship(
        back_populates="incident", order_by="Alert.raised_at", foreign_keys="Alert.incident_id"
    )
    changes: Mapped[list["IncidentChange"]] = relationship(order_by="IncidentChange.id")


class Alert(Identified):
    """A confirmed sighting or an accepted report. `numbers` holds what convinced us."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_camera_id_raised_at", "camera_id", "raised_at"),)

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    camera_id: Mapped[str | None] = mapped_column(String(48))
    #: The incident it first belonged to, and stays known by when incidents are merged or split.
    origin_incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"))
    place_x: Mapped[float | None]
    place_y: Mapped[float | None]
    raised_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]
    confidence: Mapped[float]
    reason_zh: Mapped[str] = mapped_column(Text)
    reason_en: Mapped[str] = mapped_column(Text)
    numbers: Mapped[dict[str, Any]] = mapped_column(default=dict)

    incident: Mapped[Incident] = relationship(back_populates="alerts", foreign_keys=[incident_id])
    evidence: Mapped[list["Evidence"]] = relationship(back_populates="alert")


class Evidence(Identified):
    """A picture or a clip. `path` is relative to the evidence folder. It belongs to an alert, or (`purpose` on_site or
    resolution) was added to an incident by somebody. `phash` is a picture's perceptual hash, 16 hex digits."""

    __tablename__ = "evidence"

    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alerts.id"), index=True)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(16), default="sighting")
    added_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    phash: Mapped[str | None] = mapped_column(String(16))
    media_type: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int]
    captured_at: Mapped[datetime]

    alert: Mapped[Alert | None] = relationship(back_populates="evidence")


class IncidentChange(AppendOnly, Base):
    """An append-only row of an incident's timeline: who did what, when, from where. `details` names what it concerns:
    alerts, people, another incident."""

    __tablename__ = "incident_changes"
    __table_args__ = _NEVER_REUSED

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    actor_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str | None] = mapped_column(String(32))
    to_state: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class OutboxMessage(Base):
    """What must be told to somebody, committed together with what it tells. Delivered at least once, with this id.

    On PostgreSQL a lower id may be committed after a higher one: look for what is not delivered, never past an id.
    """

    __tablename__ = "outbox"
    __table_args__ = (_index_where("ix_outbox_waiting", "id", "delivered_at IS NULL"), _NEVER_REUSED)

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    topic: Mapped[str] = mapped_column(String(48))
    subject_id: Mapped[str] = mapped_column(String(48))
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    delivered_at: Mapped[datetime | None]


class MinuteCrossing(Base):
    """Crossings of one line in one minute by class. A row exists only for a minute that was observed."""

    __tablename__ = "minute_crossings"
    __table_args__ = (UniqueConstraint("camera_id", "line_id", "object_class", "minute"),)

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48))
    line_id: Mapped[str] = mapped_column(String(48))
    object_class: Mapped[str] = mapped_column(String(16))
    minute: Mapped[datetime] = mapped_column(index=True)
    crossed_in: Mapped[int]
    crossed_out: Mapped[int]
    observed_seconds: Mapped[float]


class MinuteOccupancy(Base):
    """How many stood in one zone in one minute by class."""

    __tablename__ = "minute_occupancy"
    __table_args__ = (UniqueConstraint("camera_id", "zone_id", "object_class", "minute"),)

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    camera_id: Mapped[str] = mapped_column(String(48))
    zone_id: Mapped[str] = mapped_column(String(48))
    object_class: Mapped[str] = mapped_column(String(16))
    minute: Mapped[datetime] = mapped_column(index=True)
    least: Mapped[int]
    mean: Mapped[float]
    most: Mapped[int]
    observed_seconds: Mapped[float]
    arrivals: Mapped[int] = mapped_column(default=0, server_default=sql("0"))


class AuditEntry(AppendOnly, Base):
    """An append-only record of what somebody looked at or changed."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_user_id_at", "user_id", "at"), _NEVER_REUSED)

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    user_id: Mapped[str | None] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(48))
    subject: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)


class Secret(Base):
    """A key the service made for itself on first start."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
