"""What the interface says of recordings. Not here: the rest of its words (`schemas.py`)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from configs.words import StreamRole


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
