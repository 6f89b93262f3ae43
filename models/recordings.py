"""What was recorded: one row a file.

Promises: a row is written after its file and the file's folder were synced. Not here: files (`ingest/segment.py`),
retention and the audit (the runtime).
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Count, Identified


class RecordingRowState(StrEnum):
    """`deleting`: its file is about to be, or was just, removed. `lost`: an audit found its file gone or damaged."""

    KEPT = "kept"
    DELETING = "deleting"
    LOST = "lost"


class Recording(Identified):
    """One recorded file: fragmented MP4, copied from the camera. `path` is relative to the recordings' folder, `reason`
    is continuous, motion or event; `sha256` is of the whole file."""

    __tablename__ = "recordings"
    __table_args__ = (
        Index("ix_recordings_camera_id_started_at", "camera_id", "started_at"),
        Index("ix_recordings_state_started_at", "state", "started_at"),
    )

    camera_id: Mapped[str] = mapped_column(String(48))
    role: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    path: Mapped[str] = mapped_column(String(255), unique=True)
    size_bytes: Mapped[int] = mapped_column(Count)
    sha256: Mapped[str] = mapped_column(String(64))
    codec: Mapped[str] = mapped_column(String(16))
    width: Mapped[int]
    height: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), default=RecordingRowState.KEPT.value)
