"""The tables of what citizens and visitors say: reports, ratings, questions.

Promises: as `tables.py` says; a tracking code and whoever reports are kept as hashes, a phone number as it was given.
Not here: rules (`alerts/reports.py`, `alerts/questions.py`).
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from models.append_only import AppendOnly
from models.base import Base, Count, Identified, utc_now


class Reporter(Identified):
    """Somebody who reports, known by a hash of a device, a phone number or a WeChat id. Their record ranks, no more."""

    __tablename__ = "reporters"

    channel: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    verified: Mapped[int] = mapped_column(default=0)
    unfounded: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_report_id: Mapped[str | None] = mapped_column(String(32))
    last_report_at: Mapped[datetime | None]


class Report(Identified):
    """A citizen's report; its pictures are the evidence of its alert. `outcome`: verified, unfounded; null: open."""

    __tablename__ = "reports"

    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), index=True)
    reporter_id: Mapped[str | None] = mapped_column(ForeignKey("reporters.id"), index=True)
    source: Mapped[str] = mapped_column(String(16))
    sentence: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(String(32))
    place_from: Mapped[str | None] = mapped_column(String(16))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    withdrawn_at: Mapped[datetime | None]
    similar_to: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(16))


class ReportEntry(AppendOnly, Base):
    """What was said about a report after it: `by` is reporter or desk."""

    __tablename__ = "report_entries"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    by: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)


class Rating(AppendOnly, Identified):
    """How well an incident was handled, by who reported it; once for each report."""

    __tablename__ = "ratings"

    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), unique=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    worker_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    stars: Mapped[int]
    sentence: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)


class Question(Identified):
    """A visitor's question (智慧便民)."""

    __tablename__ = "questions"
    __table_args__ = (
        Index(
            "ix_questions_open",
            "asked_at",
            sqlite_where=sql("answered_at IS NULL"),
            postgresql_where=sql("answered_at IS NULL"),
        ),
    )

    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    text: Mapped[str] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    due_at: Mapped[datetime]
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    answer: Mapped[str | None] = mapped_column(Text)
    canned_id: Mapped[str | None] = mapped_column(String(48))
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))


class WeChatMessage(Base):
    """A message of the public account that was dealt with, and the answer: WeChat sends each up to three times."""

    __tablename__ = "wechat_messages"

    message_id: Mapped[str] = mapped_column(String(96), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    reply: Mapped[str] = mapped_column(Text)
