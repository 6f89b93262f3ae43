"""What the interface says and takes of live pictures: a feed that somebody watches, a phone that is a camera.

Promises: as `schemas.py`. Not here: what is drawn over a picture (`schemas_events.py`), offers and answers (`sdp.py`),
routes (`routes/whep.py`, `routes/whip.py`).
"""

from datetime import datetime

from pydantic import BaseModel, Field

from configs.words import StreamRole


class MediaClock(BaseModel):
    """Ties the RTP timestamps a browser sees (`requestVideoFrameCallback`'s `rtpTimestamp`, 90 kHz, 32 bits, wrapping)
    to the stream's own time, which overlays carry: stream_time + (rtp - rtp_timestamp) / 90000."""

    rtp_timestamp: int
    stream_time: float
    captured_at: float


class FeedSession(BaseModel):
    """One live feed as the service sees it. `clock` is null until the picture has caught up with the present."""

    id: str
    camera_id: str
    stream: StreamRole
    state: str
    codec: str | None
    clock: MediaClock | None
    frames_sent: int
    frames_dropped: int
    keyframe_requests: int


class PhonePlace(BaseModel):
    """Where a phone is, by its own word; what is vaguer than 300 m is not used."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    accuracy: float = Field(ge=0, description="metres")


class PhoneSession(BaseModel):
    """One phone that is a camera, as the service sees it."""

    camera_id: str
    since: datetime
    state: str
    codec: str | None
    is_transcoded: bool
    is_seen: bool = Field(description="whether a picture has come")
    bytes: int
    losses: int
    keyframe_requests: int
    viewers: int
    is_placed: bool
