"""The rows of what was recorded: written after their files, removed around them.

Promises: a segment is written down once, however often it is said; deleting is marked first, then the file goes, then
the row, so that a kill in between leaves nothing that a check (or the next round) does not finish; what an open
incident may need is never deleted. Not here: files (`ingest/segment.py`), when (`recording.py`), the audit
(`recording_check.py`).
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from alerts.states import OPEN
from ingest.segment import FinishedSegment, sync_folder
from models.recordings import Recording, RecordingRowState
from models.session import Database
from models.tables import Alert, Incident

KEPT, DELETING = RecordingRowState.KEPT.value, RecordingRowState.DELETING.value
#: Around an alert of an open incident, so much is kept from before it was first seen and after it was raised.
EXEMPT_BEFORE = timedelta(seconds=90)
EXEMPT_AFTER = timedelta(seconds=210)
_AT_ONCE = 500
#: None is longer, so none that began earlier reaches into a wished time.
_LONGEST_SEGMENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. `keep_days` by camera; `most_bytes` for all together; `free_bytes` stay free on the disk."""

    keep_days: Mapping[str, float]
    most_bytes: int
    free_bytes: int


def write_down(session: Session, segment: FinishedSegment) -> None:
    """The row of a sealed segment, unless it is there."""
    if session.get(Recording, segment.id) is None:
        session.add(row_of(segment))


def row_of(segment: FinishedSegment) -> Recording:
    """A segment as a row."""
    return Recording(
        id=segment.id,
        camera_id=segment.camera_id,
        role=segment.role.value,
        reason=segment.reason,
        started_at=datetime.fromtimestamp(segment.started_at, UTC),
        ended_at=datetime.fromtimestamp(segment.ended_at, UTC),
        path=segment.path,
        size_bytes=segment.size_bytes,
        sha256=segment.sha256,
        codec=segment.codec,
        width=segment.width,
        height=segment.height,
        state=KEPT,
    )


def kept_between(session: Session, camera_id: str, begin: datetime, end: datetime) -> list[Recording]:
    """What there is of a camera between two moments, in order."""
    query = (
        select(Recording)
        .where(
            Recording.camera_id == camera_id,
            Recording.started_at >= begin - _LONGEST_SEGMENT,
            Recording.started_at < end,
            Recording.ended_at > begin,
            Recording.state == KEPT,
        )
        .order_by(Recording.started_at, Recording.id)
    )
    return list(session.scalars(query))


def sweep(database: Database, store: Path, limits: Limits, now: datetime) -> int:
    """Deletes what is too old, and the oldest while there is too much; how many were deleted. Raises OSError and the
    database's errors; what was begun is finished by the next sweep."""
    with database.session() as session:
        exempt = _exempt(session)
        doomed = _too_old(session, limits, now, exempt) + _too_much(session, store, limits, exempt)
        ids = list(dict.fromkeys(doomed))
        for part in _parts(ids):
            session.execute(update(Recording).where(Recording.id.in_(part)).values(state=DELETING))
    return finish_deleting(database, store)


def finish_deleting(database: Database, store: Path, cameras: set[str] | None = None) -> int:
    """Removes the files, then the rows, of what is marked; how many. Raises OSError, and the database's errors."""
    with database.reading() as session:
        query = select(Recording.id, Recording.path).where(Recording.state == DELETING)
        if cameras is not None:
            query = query.where(Recording.camera_id.in_(cameras))
        marked = [(row.id, row.path) for row in session.execute(query)]
    folders = set()
    for _, path in marked:
        (store / path).unlink(missing_ok=True)
        folders.add((store / path).parent)
    for folder in folders:
        if folder.is_dir():
            sync_folder(folder)
            with suppress(OSError):  # there is more in it
                folder.rmdir()
    for part in _parts([recording_id for recording_id, _ in marked]):
        with database.session() as session:
            session.execute(delete(Recording).where(Recording.id.in_(part)))
    return len(marked)


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]


def _exempt(session: Session) -> dict[str, list[tuple[datetime, datetime]]]:
    """By camera, the spans that open incidents may need."""
    query = (
        select(Alert.camera_id, Alert.first_seen_at, Alert.raised_at)
        .join(Incident, Alert.incident_id == Incident.id)
        .where(Incident.state.in_([s.value for s in OPEN]), Alert.camera_id.is_not(None))
    )
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for camera_id, first_seen_at, raised_at in session.execute(query):
        spans.setdefault(str(camera_id), []).append((first_seen_at - EXEMPT_BEFORE, raised_at + EXEMPT_AFTER))
    return spans


def _is_exempt(row: Recording, exempt: Mapping[str, Sequence[tuple[datetime, datetime]]]) -> bool:
    return any(row.started_at <= end and row.ended_at >= begin for begin, end in exempt.get(row.camera_id, ()))


def _too_old(
    session: Session, limits: Limits, now: datetime, exempt: Mapping[str, Sequence[tuple[datetime, datetime]]]
) -> list[str]:
    found = []
    for camera_id, days in limits.keep_days.items():
        rows = session.scalars(
            select(Recording)
            .where(
                Recording.camera_id == camera_id,
                Recording.started_at < now - timedelta(days=days),
                Recording.ended_at < now - timedelta(days=days),
            )
            .order_by(Recording.started_at)
            .limit(_AT_ONCE)
        )
        found += [row.id for row in rows if not _is_exempt(row, exempt)]
    return found


def _too_much(
    session: Session, store: Path, limits: Limits, exempt: Mapping[str, Sequence[tuple[datetime, datetime]]]
) -> list[str]:
    """The oldest of all cameras, until the rest is within the limits."""
    total = session.scalar(select(func.sum(Recording.size_bytes)).where(Recording.state == KEPT)) or 0
    over = max(int(total) - limits.most_bytes, limits.free_bytes - shutil.disk_usage(store).free)
    found: list[str] = []
    if over <= 0:
        return found
    oldest = session.scalars(
        select(Recording).where(Recording.state == KEPT).order_by(Recording.started_at).execution_options(yield_per=200)
    )
    for row in oldest:
        if over <= 0:
            break
        if not _is_exempt(row, exempt):
            found.append(row.id)
            over -= row.size_bytes
    return found
