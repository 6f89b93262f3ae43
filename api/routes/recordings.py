"""What was recorded: a timeline, playback, and clips to take away.

Promises: only who may look at recordings gets in, and who looked at what is written down (once in ten minutes for one
person and thing, since a player asks for a file in many parts). Not here: recording itself.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import AwareDatetime
from sqlalchemy import select

from api.access import allow, write_audit
from api.clip_cache import ClipCache, TooBusy
from api.context import Context, InContext
from api.identity import Caller
from api.problems import ProblemError
from api.rights import camera_for, sees
from api.routes.evidence import confined
from api.schemas_recordings import ClipReceipt, RecordingItem, RecordingSpan, RecordingTimeline
from configs.words import Role, StreamRole
from ingest.cut import Cut, NothingToCut, Piece
from models.recordings import Recording, RecordingRowState
from models.tables import AuditEntry

router = APIRouter(prefix="/api/recordings", tags=["recordings"])

#: Looking back at what people did is more than looking at the street now.
LOOKING_BACK = (Role.ADMINISTRATOR, Role.OPERATOR, Role.ENFORCEMENT_OFFICER)
LookingBack = Annotated[Caller, allow(*LOOKING_BACK)]

LONGEST_CLIP = timedelta(minutes=15)
LONGEST_TIMELINE = timedelta(days=31)
#: Segments follow each other without a gap; what is shorter than this is none.
_NO_GAP = timedelta(seconds=1.5)
#: No segment is longer than this, so none that began earlier reaches into a wished time.
_LONGEST_SEGMENT = timedelta(minutes=15)
_AUDIT_AGAIN = timedelta(minutes=10)
_VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "a part, as asked"},
}

CameraName = Annotated[str, Query(max_length=48)]
From = Annotated[AwareDatetime, Query(alias="from", description="with a time zone, like 2026-05-01T08:00:00Z")]
To = Annotated[AwareDatetime, Query(alias="to", description="with a time zone")]


@router.get("", operation_id="list_recordings")
def list_recordings(
    camera_id: CameraName, begin: From, end: To, caller: LookingBack, context: InContext,
    limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> RecordingTimeline:  # fmt: skip
    """What was recorded of a camera between two moments."""
    camera_for(context, caller, camera_id)
    check_span(begin, end, LONGEST_TIMELINE)
    rows = _between(context, camera_id, begin, end, limit + 1)
    shown = rows[:limit]
    return RecordingTimeline(
        camera_id=camera_id,
        spans=_spans(shown),
        items=[_item(row) for row in shown],
        truncated=len(rows) > limit,
    )


@router.get("/clip.mp4", operation_id="get_recorded_clip", response_class=Response, responses=_VIDEO)
def get_clip(
    camera_id: CameraName, begin: From, end: To, caller: LookingBack, context: InContext, request: Request,
    role: Annotated[StreamRole | None, Query(description="which stream; the one with more pictures if unsaid")] = None,
    download: Annotated[bool, Query(description="as a file to keep")] = False,
) -> Response:  # fmt: skip
    """One file of what was recorded between two moments, at most 15 minutes, cut at key frames and not encoded again.

    The headers `Clip-From` and `Clip-To` say what it really covers; it ends early where the picture's format changes.
    """
    camera_for(context, caller, camera_id)
    path, made = _cut(context, request, camera_id, begin, end, role)
    _audit(context, caller, "recording.export", f"{camera_id} {begin.isoformat()} {end.isoformat()}", request)
    headers = {
        "Clip-From": datetime.fromtimestamp(made.begins, UTC).isoformat(),
        "Clip-To": datetime.fromtimestamp(made.ends, UTC).isoformat(),
        "Cache-Control": "private, no-store",
    }
    name = f"{camera_id}-{begin:%Y%m%dT%H%M%S}.mp4" if download else None
    return FileResponse(path, media_type="video/mp4", headers=headers, filename=name)


@router.get("/clip", operation_id="prepare_recorded_clip")
def prepare_clip(
    camera_id: CameraName, begin: From, end: To, caller: LookingBack, context: InContext, request: Request,
    role: StreamRole | None = None,
) -> ClipReceipt:  # fmt: skip
    """Cuts the clip that `clip.mp4` gives, and says what it holds, with the SHA-256 of the file."""
    camera_for(context, caller, camera_id)
    path, made = _cut(context, request, camera_id, begin, end, role)
    _audit(context, caller, "recording.export", f"{camera_id} {begin.isoformat()} {end.isoformat()}", request)
    wish = {"camera_id": camera_id, "from": begin.isoformat(), "to": end.isoformat(), "download": "true"}
    if role is not None:
        wish["role"] = role.value
    return ClipReceipt(
        url=f"/api/recordings/clip.mp4?{urlencode(wish)}",
        begins_at=datetime.fromtimestamp(made.begins, UTC),
        ends_at=datetime.fromtimestamp(made.ends, UTC),
        size_bytes=path.stat().st_size,
        sha256=_cache(context, request).digest(path),
        is_complete=made.is_complete,
    )


@router.get("/{recording_id}/video", operation_id="get_recording_video", response_class=Response, responses=_VIDEO)
def get_video(recording_id: str, caller: LookingBack, context: InContext, request: Request) -> Response:
    """One recorded file, fragmented MP4. Its SHA-256 is the entity tag; parts can be asked for."""
    with context.database.reading() as session:
        row = session.get(Recording, recording_id)
    if row is None or row.state != RecordingRowState.KEPT or not sees(context, caller, row.camera_id):
        raise ProblemError("not-found", "there is no such recording (any more)")
    file = confined(context.settings.data_dir / "recordings", row.path)
    if file is None:
        raise ProblemError("not-found", "the file of this recording is not on disk; run vbrain store check")
    _audit(context, caller, "recording.view", recording_id, request)
    headers = {"ETag": f'"{row.sha256}"', "Cache-Control": "private, max-age=86400, immutable"}
    return FileResponse(file, media_type="video/mp4", headers=headers)


def _cut(
    context: Context, request: Request, camera_id: str, begin: datetime, end: datetime, role: StreamRole | None
) -> tuple[Path, Cut]:
    check_span(begin, end, LONGEST_CLIP)
    rows = _of_one_role(_between(context, camera_id, begin, end, 5000), role)
    folder = context.settings.data_dir / "recordings"
    pieces = [
        Piece(file, row.started_at.timestamp()) for row in rows if (file := confined(folder, row.path)) is not None
    ]
    try:
        return _cache(context, request).get(pieces, begin.timestamp(), end.timestamp())
    except NothingToCut:
        raise ProblemError("not-found", "nothing was recorded of this camera at that time") from None
    except TooBusy:
        raise ProblemError("too-many-viewers", "other clips are being cut") from None


def check_span(begin: datetime, end: datetime, longest: timedelta) -> None:
    """Raises ProblemError unless `end` comes after `begin` by at most `longest`."""
    if not timedelta(0) < end - begin <= longest:
        hours = longest.total_seconds() / 3600
        raise ProblemError("invalid", f"`to` must come after `from`, by at most {hours:g} hours")


def _between(context: Context, camera_id: str, begin: datetime, end: datetime, limit: int) -> list[Recording]:
    with context.database.reading() as session:
        query = (
            select(Recording)
            .where(
                Recording.camera_id == camera_id,
                Recording.started_at >= begin - _LONGEST_SEGMENT,
                Recording.started_at < end,
                Recording.ended_at > begin,
                Recording.state == RecordingRowState.KEPT.value,
            )
            .order_by(Recording.started_at, Recording.id)
            .limit(limit)
        )
        return list(session.scalars(query))


def _of_one_role(rows: Sequence[Recording], role: StreamRole | None) -> list[Recording]:
    if role is None:
        seconds = {
            r: sum((row.ended_at - row.started_at).total_seconds() for row in rows if row.role == r) for r in StreamRole
        }
        role = max(StreamRole, key=lambda r: seconds[r])
    return [row for row in rows if row.role == role]


def _spans(rows: Sequence[Recording]) -> list[RecordingSpan]:
    spans: list[RecordingSpan] = []
    for row in rows:
        is_event = row.reason == "event"
        if spans and row.started_at - spans[-1].ended_at <= _NO_GAP:
            spans[-1].ended_at = max(spans[-1].ended_at, row.ended_at)
            spans[-1].has_event = spans[-1].has_event or is_event
        else:
            spans.append(RecordingSpan(started_at=row.started_at, ended_at=row.ended_at, has_event=is_event))
    return spans


def _item(row: Recording) -> RecordingItem:
    return RecordingItem.model_validate(
        {
            "id": row.id,
            "camera_id": row.camera_id,
            "role": row.role,
            "reason": row.reason,
            "started_at": row.started_at,
            "ended_at": row.ended_at,
            "size_bytes": row.size_bytes,
            "codec": row.codec,
            "width": row.width,
            "height": row.height,
            "sha256": row.sha256,
            "url": f"/api/recordings/{row.id}/video",
            "playable": row.codec == "h264",
        }
    )


def _cache(context: Context, request: Request) -> ClipCache:
    """One for the application."""
    state = request.app.state
    if not hasattr(state, "clip_cache"):
        state.clip_cache = ClipCache(context.settings.data_dir / "cache" / "clips")
    cache: ClipCache = state.clip_cache
    return cache


def _audit(context: Context, caller: Caller, action: str, subject: str, request: Request) -> None:
    since = datetime.now(UTC) - _AUDIT_AGAIN
    with context.database.reading() as session:
        known = session.scalar(
            select(AuditEntry.id)
            .where(
                AuditEntry.user_id == caller.id,
                AuditEntry.at >= since,
                AuditEntry.action == action,
                AuditEntry.subject == subject,
            )
            .limit(1)
        )
    if known is None:
        write_audit(context, caller, action, subject, request)
