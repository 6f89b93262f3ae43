"""Recordings of calls as evidence: pieces as they arrive, then one file with its SHA-256.

Promises: a piece that was answered is on disk; pieces come in order, one that comes twice is written once; what is no
WebM or MP4 by content is refused at the first piece; what had arrived when a browser or the service died becomes
evidence all the same. Not here: who agreed (`live/call_consent.py`), who may send pieces (`api/`).
"""

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.evidence import EvidenceStore
from alerts.timeline import record
from models.calls import CallRecording
from models.session import Database
from models.tables import Evidence, Incident

MOST_PIECE_BYTES = 900_000
MOST_BYTES = 600_000_000
#: Nothing came for so long: whoever recorded is gone.
SILENT = timedelta(seconds=90)
_PARTS = "call-parts"


class RecordingRefused(Exception):
    """A piece that is not taken. `kind` is one of: not-found, over, order, media, large."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def container_of(head: bytes) -> tuple[str, str] | None:
    """(media type, suffix) of a file that begins so; None when it is neither WebM nor MP4."""
    if head.startswith(b"\x1a\x45\xdf\xa3") and (b"webm" in head[:64] or b"matroska" in head[:64]):
        return "video/webm", ".webm"
    if head[4:8] == b"ftyp":
        return "video/mp4", ".mp4"
    return None


class CallRecordings:
    """Over the folder of evidence."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store

    def begin(self, session: Session, call_id: str, incident_id: str, user_id: str, now: datetime) -> str:
        """A recording begins; its id."""
        row = CallRecording(
            call_id=call_id, incident_id=incident_id, recorded_by=user_id, started_at=now, last_piece_at=now
        )
        session.add(row)
        session.flush()
        return row.id

    def add(self, session: Session, recording_id: str, user_id: str, number: int, data: bytes, now: datetime) -> int:
        """Takes the piece of that number, from 0; how many there are now. Raises RecordingRefused, OSError."""
        row = session.get(CallRecording, recording_id, with_for_update=True)
        if row is None or row.recorded_by != user_id:
            raise RecordingRefused("not-found", "there is no such recording of yours")
        if number < row.pieces:
            return row.pieces
        if row.finished_at is not None:
            raise RecordingRefused("over", "this recording is finished")
        if number > row.pieces:
            raise RecordingRefused("order", f"piece {row.pieces} comes next")
        if not 0 < len(data) <= MOST_PIECE_BYTES:
            raise RecordingRefused("large", f"a piece has 1 to {MOST_PIECE_BYTES} bytes")
        if row.size_bytes + len(data) > MOST_BYTES:
            raise RecordingRefused("large", f"a recording has at most {MOST_BYTES // 1_000_000} MB; begin another")
        if number == 0:
            found = container_of(data)
            if found is None:
                raise RecordingRefused("media", "this is neither WebM nor MP4")
            row.media_type = found[0]
        self._append(row, data)
        row.pieces, row.size_bytes, row.last_piece_at = row.pieces + 1, row.size_bytes + len(data), now
        return row.pieces

    def finish(self, session: Session, recording_id: str, user_id: str | None, now: datetime) -> Evidence | None:
        """Makes evidence of what arrived; None when nothing did. `user_id` None: the service itself. Again is no harm.
        Raises RecordingRefused, OSError."""
        row = session.get(CallRecording, recording_id, with_for_update=True)
        if row is None or (user_id is not None and row.recorded_by != user_id):
            raise RecordingRefused("not-found", "there is no such recording of yours")
        if row.finished_at is not None:
            return session.get(Evidence, row.evidence_id) if row.evidence_id else None
        row.finished_at = now
        incident = session.get(Incident, row.incident_id)
        if row.media_type is None or incident is None:
            self._part(row).unlink(missing_ok=True)
            return None
        path, sha256 = self._settle(row)
        evidence = Evidence(
            incident_id=row.incident_id, purpose="call", added_by=row.recorded_by, media_type=row.media_type,
            path=path, sha256=sha256, size_bytes=row.size_bytes, captured_at=row.started_at,
        )  # fmt: skip
        session.add(evidence)
        session.flush()
        row.evidence_id = evidence.id
        seconds = round((row.last_piece_at - row.started_at).total_seconds())
        details = {"call": row.call_id, "evidence": [evidence.id], "seconds": seconds, "sha256": sha256}
        record(
            session, incident, "call_recorded", now, was=incident.state, actor_id=row.recorded_by, details=details
        )  # fmt: skip
        return evidence

    def finish_silent(self, database: Database, now: datetime) -> int:
        """Finishes those that nothing came for; how many. Raises DatabaseUnavailable, OSError."""
        query = select(CallRecording.id).where(
            CallRecording.finished_at.is_(None), CallRecording.last_piece_at < now - SILENT
        )
        with database.reading() as session:
            silent = session.scalars(query.limit(20)).all()
        for recording_id in silent:
            with database.session() as session:
                self.finish(session, recording_id, None, now)
        return len(silent)

    def _part(self, row: CallRecording) -> Path:
        return self._store.folder / _PARTS / f"{row.id}.part"

    def _append(self, row: CallRecording, data: bytes) -> None:
        """Writes after what the row says is there: a piece whose row was not committed is overwritten."""
        part = self._part(row)
        part.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(row.size_bytes)
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    def _settle(self, row: CallRecording) -> tuple[str, str]:
        """The whole file in its place: (path, SHA-256). Its name follows from the row, so twice is no harm."""
        suffix = ".mp4" if row.media_type == "video/mp4" else ".webm"
        path = f"{row.started_at:%Y-%m-%d}/{row.id}{suffix}"
        part, whole = self._part(row), self._store.folder / path
        source = part if part.exists() else whole
        hashed = hashlib.sha256()
        with source.open("rb") as file:
            left = row.size_bytes
            while left > 0 and (data := file.read(min(1 << 20, left))):
                hashed.update(data)
                left -= len(data)
        if left > 0:
            raise OSError(f"{source.name} is shorter than what was taken")
        if source is part:
            os.truncate(part, row.size_bytes)
            whole.parent.mkdir(parents=True, exist_ok=True)
            part.rename(whole)
            self._store.sync(whole.parent)
        return path, hashed.hexdigest()
