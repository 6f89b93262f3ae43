"""The tables of handling incidents: who was sent, what may be one event, what was told to whom.

Promises: as `tables.py` says. Not here: incidents themselves (`tables.py`), citizens (`citizens.py`), credit
(`credit.py`); rules (`alerts/`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, utc_now


class Assignment(Identified):
    """Somebody was asked to go. `state`: asked, accepted, arrived, done, declined, timed_out, released."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index("ix_assignments_user_id_state", "user_id", "state"),
        Index(
            "ix_assignments_waiting",
            "due_at",
            sqlite_where=sql("state = 'asked'"),
            postgresql_where=sql("state = 'asked'"),
        ),
    )

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(16), default="asked")
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    due_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class MergeProposal(Identified):
    """Two open incidents that may be one event, and why. `decision`: merged, kept_apart; null: nobody has decided."""

    __tablename__ = "merge_proposals"
    __table_args__ = (UniqueConstraint("incident_id", "other_id"),)

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"))
    other_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    reason_zh: Mapped[str] = mapped_column(Text)
    reason_en: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    decision: Mapped[str | None] = mapped_column(String(16))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))


class Delivery(Base):
    """One message on its way through one channel to one target. `id` is the same however often it is sent.

    `state`: waiting, sent, failed (given up), grouped (told by `grouped_into`).
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_waiting",
            "next_at",
            sqlite_where=sql("state = 'waiting'"),
            postgresql_where=sql("state = 'waiting'"),
        ),
        Index("ix_deliveries_group_key_created_at", "group_key", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), index=True)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"), index=True)
    rule_id: Mapped[str] = mapped_column(String(48))
    channel_id: Mapped[str] = mapped_column(String(48))
    target: Mapped[str] = mapped_column(String(64), default="")
    event: Mapped[str] = mapped_column(String(32))
    severity: Mapped[int] = mapped_column(default=1)
    group_key: Mapped[str] = mapped_column(String(200), default="")
    digest: Mapped[bool] = mapped_column(default=False)
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    grouped_into: Mapped[str | None] = mapped_column(String(32))


class PushSubscription(Identified):
    """One browser that takes messages for somebody."""

    __tablename__ = "push_subscriptions"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    endpoint: Mapped[str] = mapped_column(Text)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)
    p256dh: Mapped[str] = mapped_column(Text)
    auth: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    gone_at: Mapped[datetime | None]
