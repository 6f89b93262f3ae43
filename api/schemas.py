"""What the HTTP interface says and takes: one pydantic model a thing.

Promises: snake_case JSON, times as ISO 8601 in UTC, geometry 0…1 of the picture, every text for a person in Chinese
and English. Not here: where the values come from (`views.py`), which route gives which (`routes/`).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from alerts.lifecycle import Action, IncidentState
from api.schemas_recordings import RecordingStatus
from configs.site import Name, Place
from configs.words import Box, IncidentKind, ObjectClass, Point, Role, StreamRole, Watch


class Schema(BaseModel):
    """Unknown keys in what a client sends are errors."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """A problem as RFC 9457 has it (`application/problem+json`); `titles` says it in both languages."""

    type: str = Field(description="a stable name of the problem, like /problems/stale-incident")
    title: str
    titles: Name
    status: int
    detail: str | None = None
    errors: list[str] | None = Field(default=None, description="each mistake in the request, when there are several")


class Text(BaseModel):
    """One sentence in both languages."""

    zh: str
    en: str


# Who is there ---------------------------------------------------------------------------------------------------------


class Login(Schema):
    """What somebody gives to log in."""

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class User(BaseModel):
    """Somebody who may log in."""

    id: str
    username: str
    display_name: str
    role: Role
    camera_groups: list[str] = Field(description="the groups of cameras whose pictures they may see; empty: all")


class Session(BaseModel):
    """A login in force."""

    user: User
    expires_at: datetime


# The site and its cameras ---------------------------------------------------------------------------------------------


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


# Incidents ------------------------------------------------------------------------------------------------------------


class EvidenceItem(BaseModel):
    """A picture or a clip."""

    id: str
    url: str
    media_type: str
    sha256: str
    size_bytes: int
    captured_at: datetime


class Spot(BaseModel):
    """A place on the plan."""

    x: float
    y: float


class Incident(BaseModel):
    """One event in the world, in short. `actions` is what the caller may do to it now; give `version` back with it."""

    id: str
    kind: IncidentKind
    state: IncidentState
    severity: int = Field(ge=1, le=4)
    camera_id: str | None
    place: Spot | None
    summary: Text
    opened_at: datetime
    last_alert_at: datetime
    closed_at: datetime | None
    version: int
    alert_count: int
    picture_url: str | None
    actions: list[Action]


class Alert(BaseModel):
    """A confirmed sighting or an accepted report, with what convinced us."""

    id: str
    kind: IncidentKind
    camera_id: str | None
    raised_at: datetime
    first_seen_at: datetime
    confidence: float
    reason: Text
    numbers: dict[str, Any]
    evidence: list[EvidenceItem]


class Actor(BaseModel):
    """Who did something."""

    id: str
    display_name: str


class Change(BaseModel):
    """One row of an incident's timeline. No actor: the system."""

    id: int
    at: datetime
    actor: Actor | None
    action: str
    from_state: IncidentState | None
    to_state: IncidentState | None
    note: str | None
    person: str | None = Field(description="whom it is about, where not the actor: a household, who missed a call")
    people: list[str] = Field(description="who was called, by name")
    seconds: int | None = Field(description="how long it took: a call, a stay in it, a recording")


class IncidentDetail(Incident):
    """One incident with all that is known of it."""

    alerts: list[Alert]
    photos: list[EvidenceItem] = Field(description="what people added, on the spot or to show that it is done")
    timeline: list[Change]


class IncidentPage(BaseModel):
    """Incidents, the newest first. Give `next` back as `before` for the older ones; null: there are none."""

    items: list[Incident]
    next: str | None


class Step(Schema):
    """One step of an incident's life. `version` is that of the incident as the caller saw it. `assignees` are users to
    be sent (none named: the best on duty), `other_id` the incident this one is a duplicate of, `place` where the caller
    stands on the plan."""

    action: Action
    version: int = Field(ge=1)
    note: str | None = Field(default=None, max_length=2000)
    assignees: list[str] = Field(default_factory=list, max_length=20)
    other_id: str | None = Field(default=None, max_length=32)
    place: Spot | None = None


# Flow -----------------------------------------------------------------------------------------------------------------


class CrossingMinute(BaseModel):
    """Crossings of one line in one minute."""

    camera_id: str
    line_id: str
    object_class: ObjectClass
    minute: datetime
    crossed_in: int
    crossed_out: int
    observed_seconds: float


class OccupancyMinute(BaseModel):
    """How many stood in one zone in one minute."""

    camera_id: str
    zone_id: str
    object_class: ObjectClass
    minute: datetime
    least: int
    mean: float
    most: int
    observed_seconds: float


class FlowMinutes(BaseModel):
    """Minute rows. A minute that was not observed has no row. `truncated`: ask for a shorter span."""

    crossings: list[CrossingMinute]
    occupancy: list[OccupancyMinute]
    truncated: bool


# Live -----------------------------------------------------------------------------------------------------------------


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


# What arrives by itself -----------------------------------------------------------------------------------------------


class IncidentEvent(BaseModel):
    """SSE `incident.opened` and `incident.changed`: the incident as the caller may see it."""

    kind: Literal["incident.opened", "incident.changed"]
    at: datetime
    incident: Incident


class CameraStateEvent(BaseModel):
    """SSE `camera.state`: the camera as it stands now. Sent when its state changes, not for every figure."""

    kind: Literal["camera.state"]
    at: datetime
    camera: Camera


class ResyncEvent(BaseModel):
    """SSE `resync`: something was missed; read the lists again."""

    kind: Literal["resync"]
    at: datetime


class OverlayWish(Schema):
    """WS `/api/overlays`, client to server: the cameras whose overlays are wanted from now on, in place of those asked
    for before."""

    cameras: list[str] = Field(max_length=64)


class OverlayBox(BaseModel):
    """One box to draw."""

    box: Box
    object_class: ObjectClass
    confidence: float
    track_id: int | None


class Overlay(BaseModel):
    """WS `/api/overlays`, server to client: what one look saw. `counts` maps a line to (in, out) since the analysis
    started, `occupancy` a zone to the people in it now."""

    camera_id: str
    stream_time: float
    captured_at: float
    boxes: list[OverlayBox]
    counts: dict[str, tuple[int, int]]
    occupancy: dict[str, int]


# The service itself ---------------------------------------------------------------------------------------------------


class ModelInUse(BaseModel):
    """Which model does which task; no model: `problem` says why and what to do. `details` is what else the shard
    says."""

    shard: str
    task: str
    model: str | None
    input_size: tuple[int, int] | None
    problem: str | None
    details: dict[str, Any]


class Models(BaseModel):
    """The models in use; `silent_shards` did not answer."""

    models: list[ModelInUse]
    silent_shards: list[str]


class Health(BaseModel):
    """Whether the service works. `degraded`: it answers, but the database or a shard does not."""

    status: Literal["ok", "degraded"]
