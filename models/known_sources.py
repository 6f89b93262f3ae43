"""What operators said is harmless: one row for each place on one camera that looked like smoke or fire and was not.

Promises: a row names the alert it was learned from; it is never deleted, only `forgotten_at`. Not here: when a row is
written and what it does (`alerts/known_sources.py`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Identified, utc_now


class KnownSourceRow(Identified):
    """A look-alike. The box is normalised to the picture; `look` is a histogram of its colours, empty when unknown."""

    __tablename__ = "known_sources"
    __table_args__ = (Index("ix_known_sources_camera_id", "camera_id"),)

    camera_id: Mapped[str] = mapped_column(String(48))
    object_class: Mapped[str] = mapped_column(String(16))
    left: Mapped[float]
    top: Mapped[float]
    right: Mapped[float]
    bottom: Mapped[float]
    look: Mapped[list[Any]] = mapped_column(default=list)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), unique=True)
    learned_at: Mapped[datetime] = mapped_column(default=utc_now)
    forgotten_at: Mapped[datetime | None]
