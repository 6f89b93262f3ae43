"""What there is of recordings, without looking at any: days, marks of alerts, what they take on disk.

Promises: days and marks are for whoever may look back, the use of the disk for all staff. Not here: timeline,
playback and clips (`recordings.py`).
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.access import StaffCaller
from api.context import Context, InContext
from api.problems import ProblemError
from api.rights import camera_for, cameras_for, sees
from api.routes.recordings import LONGEST_TIMELINE, CameraName, From, LookingBack, To, check_span
from api.schemas_recordings import CameraStorage, Filming, RecordedDay, RecordingMark, Storage
from configs.words import is_phone
from models.recordings import Recording, RecordingRowState
from models.tables import Alert, AuditEntry, Incident, User

router = APIRouter(prefix="/api/recordings", tags=["recordings"])

_KEPT = Recording.state == RecordingRowState.KEPT.value
_MOST_MARKS = 2000
#: Nobody films for longer without a break.
_LONGEST_FILMING = timedelta(days=1)


@router.get("/days", operation_id="list_recorded_days")
def list_days(
    camera_id: CameraName,
    caller: LookingBack,
    context: InContext,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to", description="included; at most 62 days after `from`")],
) -> list[RecordedDay]:
    """The days of which there is something of a camera. A file belongs to the day it began in."""
    camera_for(context, caller, camera_id)
    if not timedelta(0) <= last - first <= timedelta(days=62):
        raise ProblemError("invalid", "`to` must not be before `from`, nor more than 62 days after it")
    zone = ZoneInfo(context.settings.site.site.timezone)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    with context.database.reading() as session:
        found = [_day(session, camera_id, day, zone) for day in days]
    return [day for day in found if day is not None]


@router.get("/marks", operation_id="list_recording_marks")
def list_marks(
    camera_id: CameraName, begin: From, end: To, caller: LookingBack, context: InContext
) -> list[RecordingMark]:
    """The alerts of a camera between two moments, oldest first; the newest 2000 if there are more."""
    check_span(begin, end, LONGEST_TIMELINE)
    camera_for(context, caller, camera_id)
    query = (
        select(Alert, Incident.state)
        .join(Incident, Alert.incident_id == Incident.id)
        .where(Alert.camera_id == camera_id, Alert.raised_at >= begin, Alert.raised_at < end)
        .order_by(Alert.raised_at.desc(), Alert.id)
        .limit(_MOST_MARKS)
    )
    with context.database.reading() as session:
        rows = session.execute(query).all()
    return [
        RecordingMark.model_validate(
            {
                "id": alert.id,
                "incident_id": alert.incident_id,
                "incident_state": state,
                "camera_id": camera_id,
                "kind": alert.kind,
                "first_seen_at": alert.first_seen_at,
                "raised_at": alert.raised_at,
            }
        )
        for alert, state in reversed(rows)
    ]


@router.get("/filmed", operation_id="list_filmed")
def list_filmed(camera_id: CameraName, begin: From, end: To, caller: LookingBack, context: InContext) -> list[Filming]:
    """Who filmed with a phone between two moments, oldest first; nobody for other cameras."""
    check_span(begin, end, LONGEST_TIMELINE)
    camera_for(context, caller, camera_id)
    query = (
        select(AuditEntry.action, AuditEntry.at, User.id, User.display_name)
        .join(User, User.id == AuditEntry.user_id)
        .where(
            AuditEntry.at >= begin - _LONGEST_FILMING,
            AuditEntry.at < end,
            AuditEntry.action.in_(("phone.begin", "phone.end")),
            AuditEntry.subject == camera_id,
        )
        .order_by(AuditEntry.at, AuditEntry.id)
        .limit(_MOST_MARKS)
    )
    filmed: list[Filming] = []
    with context.database.reading() as session:
        for action, at, person_id, person in session.execute(query):
            under_way = filmed[-1] if filmed and filmed[-1].ended_at is None else None
            if action == "phone.end":
                if under_way is not None and under_way.person_id == person_id:
                    under_way.ended_at = at
            elif under_way is None or under_way.person_id != person_id:  # else it came back over another network
                if under_way is not None:
                    under_way.ended_at = at
                filmed.append(Filming(person_id=person_id, person=person, began_at=at, ended_at=None))
    return [one for one in filmed if one.ended_at is None or one.ended_at >= begin]


@router.get("/storage", operation_id="get_recording_storage")
def get_storage(caller: StaffCaller, context: InContext) -> Storage:
    """What the recordings of each camera that the caller may see take, what all take, and what is left."""
    query = (
        select(
            Recording.camera_id,
            func.count(),
            func.sum(Recording.size_bytes),
            func.min(Recording.started_at),
            func.max(Recording.ended_at),
        )
        .where(_KEPT)
        .group_by(Recording.camera_id)
    )
    with context.database.reading() as session:
        rows = {row[0]: row for row in session.execute(query)}
    # Phones that film no more are no cameras, but what they recorded takes room, and can be looked at.
    ids = cameras_for(context, caller)
    ids += [c for c in sorted(rows) if is_phone(c) and c not in ids and c in context.board and sees(context, caller, c)]
    cameras = [_camera(context, camera_id, rows.get(camera_id)) for camera_id in ids]
    return Storage(
        used_bytes=sum(int(row[2]) for row in rows.values()),
        limit_bytes=round(context.settings.site.site.recordings_gigabytes * 1e9),
        disk_free_bytes=shutil.disk_usage(context.settings.data_dir).free,
        cameras=cameras,
    )


def _day(session: Session, camera_id: str, day: date, zone: ZoneInfo) -> RecordedDay | None:
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    query = select(Recording.started_at, Recording.ended_at, Recording.size_bytes).where(
        Recording.camera_id == camera_id, Recording.started_at >= begin, Recording.started_at < end, _KEPT
    )
    rows = session.execute(query).all()
    if not rows:
        return None
    return RecordedDay(
        day=day,
        files=len(rows),
        size_bytes=sum(row.size_bytes for row in rows),
        seconds=sum((row.ended_at - row.started_at).total_seconds() for row in rows),
    )


def _camera(context: Context, camera_id: str, row: Sequence[Any] | None) -> CameraStorage:
    recording = context.board.point(camera_id).recording
    _, files, size, oldest, newest = row or (camera_id, 0, 0, None, None)
    return CameraStorage(
        camera_id=camera_id,
        mode=recording.mode,
        keep_days=recording.keep_days,
        files=files,
        size_bytes=int(size),
        oldest_at=oldest,
        newest_at=newest,
    )
