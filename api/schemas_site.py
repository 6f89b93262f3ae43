"""What the interface says of the site and its cameras: groups, the plan, and each camera with the true state of its
streams.

Promises: as `schemas.py`. Not here: where the values come from (`cameras.py`), recordings (`schemas_recordings.py`),
routes (`routes/site.py`).
"""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from api.schemas import Text
from api.schemas_recordings import RecordingStatus
from configs.site import Name, Place
from configs.words import ObjectClass, Point, StreamRole, Watch


class Group(BaseModel):
    """Cameras that belong together."""

    id: str
    name: Name


class Plan(BaseModel):
    """The village plan on which places are marked: 0…1 from its top left. No image: draw the places alone."""

    image_url: str | None


class Site(BaseModel):
    """What holds for the whole site."""

    name: Name
    timezone: str
    groups: list[Group]
    plan: Plan
    camera_count: int
    phones: int = Field(description="the most phones that may be cameras at a time")


class ShownState(StrEnum):
    """The state of a stream as it is shown. `unknown`: the process that owns the camera is silent."""

    DISABLED = "disabled"
    CONNECTING = "connecting"
    ONLINE = "online"
    DEGRADED = "degraded"
    STALLED = "stalled"
    OFFLINE = "offline"
    UNAUTHORISED = "unauthorised"
    UNKNOWN = "unknown"


class Stream(BaseModel):
    """The true state of one stream."""

    role: StreamRole
    state: ShownState
    since: datetime | None
    cause: str
    reason: Text
    codec: str | None
    width: int | None
    height: int | None
    frames_per_second: float
    bits_per_second: float
    gop_seconds: float | None
    last_picture_at: datetime | None
    reconnects: int
    failures: dict[str, int] = Field(description="how often the connection failed since the start, by cause")
    frames_shed: int
    ring_bytes: int
    viewers: int
    #: The share of one core that transcoding it for browsers takes; null when it is not transcoded.
    transcode_cores: float | None


class Zone(BaseModel):
    """An area of the picture."""

    id: str
    name: Name
    polygon: list[Point]
    crowd_at: int | None


class Line(BaseModel):
    """A directed line that is counted."""

    id: str
    name: Name
    start: Point
    end: Point
    counts: list[ObjectClass]


class CarriedPhone(BaseModel):
    """A monitoring point that is somebody's phone. `is_live` false: it is over; the point is to be shown no more."""

    is_live: bool
    person: str
    person_id: str
    since: datetime | None


class Camera(BaseModel):
    """One monitoring point. `state` is that of the stream which is analysed (the sub stream)."""

    id: str
    name: Name
    place: Place | None = Field(description="null: a phone that does not say where it is")
    phone: CarriedPhone | None = Field(description="null: a camera that stays where it is")
    group: str
    enabled: bool
    watch: list[Watch]
    zones: list[Zone]
    lines: list[Line]
    state: ShownState
    reason: Text
    streams: list[Stream]
    last_picture_at: datetime | None
    frames_per_second: float
    looks_per_second: float
    moving: bool
    recording: RecordingStatus | None = Field(description="null while its process is silent")
