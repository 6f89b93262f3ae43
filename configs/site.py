"""The typed, validated settings of one site: what an operator edits, after it has been read.

Promises: every value here is checked and normalised. Not here: reading YAML and naming the line of a mistake
(`load.py`), the JSON Schema for editors (`schema.py`).
"""

from datetime import time
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from configs.words import PEOPLE, CameraId, LineId, ObjectClass, Point, Watch, ZoneId

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$", description="lower-case letters, digits and dashes")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NormalisedPoint = tuple[Fraction, Fraction]


class Strict(BaseModel):
    """Unknown keys are errors; values do not change after they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Name(Strict):
    """A name in both languages."""

    zh: str = Field(min_length=1, max_length=80)
    en: str = Field(min_length=1, max_length=80)


class Place(Strict):
    """Where something is: on the village plan (0…1 from its top left), and on the globe where that is known."""

    x: Fraction
    y: Fraction
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)


class Transport(StrEnum):
    """How RTSP media travels."""

    TCP = "tcp"
    UDP = "udp"


class Streams(Strict):
    """The camera's RTSP addresses. They may hold a password, so they are never shown."""

    main: SecretStr | None = None
    sub: SecretStr
    transport: Transport = Transport.TCP

    @field_validator("main", "sub")
    @classmethod
    def _is_rtsp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("rtsp://", "rtsps://")):
            raise ValueError("must begin with rtsp:// or rtsps://")
        return value


class Zone(Strict):
    """An area of the picture. With `crowd_at`, more people than that, for a while, is a crowd."""

    id: Slug
    name: Name
    polygon: list[NormalisedPoint] = Field(min_length=3, max_length=64)
    crowd_at: int | None = Field(default=None, ge=1)
    no_parking_after_seconds: float | None = Field(default=None, gt=0)
    ignore: list[ObjectClass] = Field(default_factory=list)

    @property
    def zone_id(self) -> ZoneId:
        return ZoneId(self.id)


class Line(Strict):
    """A directed line: who crosses it from its left to its right (seen walking from `start` to `end`) goes `in`."""

    id: Slug
    name: Name
    start: NormalisedPoint
    end: NormalisedPoint
    counts: list[ObjectClass] = Field(default_factory=lambda: sorted(PEOPLE), min_length=1)

    @property
    def line_id(self) -> LineId:
        return LineId(self.id)

    @property
    def ends(self) -> tuple[Point, Point]:
        return self.start, self.end

    @model_validator(mode="after")
    def _has_length(self) -> "Line":
        if self.start == self.end:
            raise ValueError("start and end must differ")
        return self


class Hours(Strict):
    """A daily span of local time; one that ends before it starts runs over midnight."""

    start: time
    end: time


class Schedule(Strict):
    """When a camera is watched by the models. Smoke and fire are watched at all hours unless `smoke_fire` says less."""

    active: Literal["always"] | list[Hours] = "always"
    smoke_fire: Literal["always"] | list[Hours] = "always"


class RecordingMode(StrEnum):
    """When the main stream is written to disk."""

    OFF = "off"
    CONTINUOUS = "continuous"
    MOTION = "motion"
    EVENTS = "events"


class Recording(Strict):
    """Recording and its retention."""

    mode: RecordingMode = RecordingMode.EVENTS
    keep_days: float = Field(default=7, gt=0)
    pre_roll_seconds: float = Field(default=5, ge=0, le=60)
    post_roll_seconds: float = Field(default=10, ge=0, le=120)


class MonitoringPoint(Strict):
    """A camera with a place."""

    id: Slug
    name: Name
    enabled: bool = True
    place: Place
    group: Slug
    streams: Streams
    watch: list[Watch] = Field(default_factory=list)
    zones: list[Zone] = Field(default_factory=list)
    lines: list[Line] = Field(default_factory=list)
    schedule: Schedule = Schedule()
    recording: Recording = Recording()
    looks_per_second: float = Field(default=4.0, gt=0, le=30)

    @property
    def camera_id(self) -> CameraId:
        return CameraId(self.id)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "MonitoringPoint":
        for what, ids in (("zones", [z.id for z in self.zones]), ("lines", [n.id for n in self.lines])):
            if twice := sorted({i for i in ids if ids.count(i) > 1}):
                raise ValueError(f"{what} share the id {', '.join(twice)}; each needs its own")
        return self


class Group(Strict):
    """Cameras that belong together, for rights and for the wall."""

    id: Slug
    name: Name


class SmokeFire(Strict):
    """When sightings of smoke and fire become an alert."""

    sensitivity: Literal["low", "normal", "high"] = "normal"


class Settings(Strict):
    """What holds for the whole site."""

    name: Name
    timezone: str = "Asia/Shanghai"
    smoke_fire: SmokeFire = SmokeFire()
    crowd_persists_seconds: float = Field(default=5, ge=0)
    ring_seconds: float = Field(default=10, gt=0, le=120)

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such timezone: {value!r}; use a name like Asia/Shanghai") from None
        return value

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Site(Strict):
    """The whole of cameras.yaml."""

    site: Settings
    groups: list[Group] = Field(min_length=1)
    cameras: list[MonitoringPoint] = Field(min_length=1)

    def camera(self, camera_id: str) -> MonitoringPoint:
        """The camera of that id. Raises KeyError."""
        for camera in self.cameras:
            if camera.id == camera_id:
                return camera
        raise KeyError(camera_id)

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> "Site":
        ids = [c.id for c in self.cameras]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"cameras share the id {', '.join(twice)}; each needs its own")
        groups = {g.id for g in self.groups}
        for camera in self.cameras:
            if camera.group not in groups:
                raise ValueError(
                    f"camera {camera.id}: no group {camera.group!r}; groups are {', '.join(sorted(groups))}"
                )
        return self
