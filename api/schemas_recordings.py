"""What the interface says of recordings. Not here: what it says of the rest (`schemas_*.py`)."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from configs.site import RecordingMode
from configs.words import IncidentKind, StreamRole


class RecordingStatus(BaseModel):
    """What a camera's recording does now. `state` waiting: nothing to record at the moment; disk_full and failed: it
    should record and cannot. `dropped`: packets that were lost to it since the start, for lack of room or disk."""

    state: Literal["off", "waiting", "recording", "disk_full", "failed"]
    written_bytes: int
    dropped: int


class RecordingItem(BaseModel):
    """One recorded file. `url` plays it; its first picture was taken at `started_at`."""

    id: str
    camera_id: str
    role: StreamRole
    reason: Literal["continuous", "motion", "event"]
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    codec: str
    width: int
    height: int
    sha256: str
    url: str
    playable: bool = Field(description="whether browsers play this codec; H.265 and MJPEG are for download")


class Filming(BaseModel):
    """Who carried a phone while it was a camera. `ended_at` null: it has not ended, or nobody knows when."""

    person_id: str
    person: str
    began_at: datetime
    ended_at: datetime | None


class RecordingSpan(BaseModel):
    """A time without a gap for which there are pictures."""

    started_at: datetime
    ended_at: datetime
    has_event: bool


class RecordingTimeline(BaseModel):
    """What there is of one camera between two moments, oldest first. `truncated`: there is more; ask again from the
    last item's `ended_at`."""

    camera_id: str
    spans: list[RecordingSpan]
    items: list[RecordingItem]
    truncated: bool


class RecordingMark(BaseModel):
    """An alert, as a mark on the timeline of its camera."""

    id: str
    incident_id: str
    incident_state: str
    camera_id: str
    kind: IncidentKind
    first_seen_at: datetime
    raised_at: datetime


class RecordedDay(BaseModel):
    """A day, in the site's time zone, of which there is something; `seconds` adds up all files."""

    day: date
    files: int
    size_bytes: int
    seconds: float


class ClipReceipt(BaseModel):
    """A clip that is ready to be fetched: what it covers, and the SHA-256 of its file. `is_complete`: nothing that is
    there of the wished time is missing from it."""

    url: str
    begins_at: datetime
    ends_at: datetime
    size_bytes: int
    sha256: str
    is_complete: bool


class CameraStorage(BaseModel):
    """How a camera is recorded, and what there is of it."""

    camera_id: str
    mode: RecordingMode
    keep_days: float
    files: int
    size_bytes: int
    oldest_at: datetime | None
    newest_at: datetime | None


class Storage(BaseModel):
    """What recordings take. `limit_bytes`: all of them together; then the oldest go."""

    used_bytes: int
    limit_bytes: int
    disk_free_bytes: int
    cameras: list[CameraStorage]
