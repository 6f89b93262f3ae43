"""The typed, validated settings of one site: what an operator edits, after it has been read.

Promises: every value here is checked and normalised, and carries the description that editors and messages show. Not
here: what is drawn on a picture (`areas.py`, given on from here), reading YAML and naming the line of a mistake
(`load.py`), the JSON Schema for editors (`schema.py`).
"""

import difflib
import re
from collections.abc import Iterator
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from configs.areas import SLUG_PATTERN, SLUG_WORDS, Fraction, on_one_line
from configs.areas import GroundPoint as GroundPoint
from configs.areas import Line as Line
from configs.areas import Name as Name
from configs.areas import NormalisedPoint as NormalisedPoint
from configs.areas import Slug as Slug
from configs.areas import Zone as Zone
from configs.checks import Mistake, items, part, repeated, with_mistakes
from configs.service import Service
from configs.strict import Strict
from configs.words import CameraId, Watch, is_phone


def _text_only(value: object) -> object:
    """pydantic would take the number 22 for 22 seconds past midnight."""
    if not isinstance(value, str | time):
        raise ValueError('must be a time of day in quotes, like "22:30"')
    return value


TimeOfDay = Annotated[
    time,
    BeforeValidator(_text_only),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"}),
]


class Place(Strict):
    """Where something is: on the village plan (0…1 from its top left), and on the globe where that is known."""

    x: Fraction = Field(description="across the village plan: 0 is its left edge, 1 its right edge")
    y: Fraction = Field(description="down the village plan: 0 is its top edge, 1 its bottom edge")
    latitude: float | None = Field(default=None, ge=-90, le=90, description="degrees north (WGS 84)")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="degrees east (WGS 84)")


class Transport(StrEnum):
    """How RTSP media travels."""

    TCP = "tcp"
    UDP = "udp"


class Streams(Strict):
    """The camera's RTSP addresses. They may hold a password, so they are never shown."""

    main: SecretStr | None = Field(
        default=None, description="the full stream's address, for single view, recording and evidence; none: use sub"
    )
    sub: SecretStr = Field(
        description="the small stream's address, such as rtsp://user:${CAMERA_PASSWORD}@10.0.0.8/sub"
    )
    transport: Transport = Field(default=Transport.TCP, description="tcp loses nothing; udp only where tcp fails")

    @field_validator("main", "sub")
    @classmethod
    def _is_rtsp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        address = value.get_secret_value()
        if not address.startswith(("rtsp://", "rtsps://")):
            raise ValueError("does not begin with rtsp:// or rtsps://")
        try:
            parts = urlsplit(address)
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            # A slash or a # in a password ends the host too early. The value is never shown.
            raise ValueError("has no usable host and port; write @ / # ? : in a password as %40 %2F %23 %3F %3A")
        return value


class Hours(Strict):
    """A daily span of local time; one that ends before it starts runs over midnight."""

    start: TimeOfDay = Field(description='local time, such as "08:00"')
    end: TimeOfDay = Field(description='local time, such as "22:30"')

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.end:
            raise ValueError("starts and ends at the same time; write always for the whole day")
        return self


def _branch(value: object) -> str:
    return "always" if isinstance(value, str) else "hours"


AlwaysOrHours = Annotated[
    Annotated[Literal["always"], Tag("always")] | Annotated[list[Hours], Tag("hours")], Discriminator(_branch)
]


class Schedule(Strict):
    """When a camera is watched by the models. Smoke and fire are watched at all hours unless `smoke_fire` says less."""

    active: AlwaysOrHours = Field(default="always", description="always, or a list of daily hours, start and end")
    smoke_fire: AlwaysOrHours = Field(
        default="always", description="the same for smoke and fire alone: always, or a list of daily hours"
    )


class RecordingMode(StrEnum):
    """When the main stream is written to disk."""

    OFF = "off"
    CONTINUOUS = "continuous"
    MOTION = "motion"
    EVENTS = "events"


class Recording(Strict):
    """Recording and its retention."""

    mode: RecordingMode = Field(
        default=RecordingMode.EVENTS, description="off, continuous, motion (while something moves) or events (alerts)"
    )
    hours: AlwaysOrHours = Field(
        default="always", description="when it is recorded: always, or a list of daily hours, start and end"
    )
    keep_days: float = Field(default=7, gt=0, description="recordings older than this are deleted")
    pre_roll_seconds: float = Field(default=5, ge=0, le=60, description="kept from before the event")
    post_roll_seconds: float = Field(default=10, ge=0, le=120, description="kept from after the event")


class MonitoringPoint(Strict):
    """A camera with a place."""

    id: Slug = Field(description=f"the camera's id, unique in this file; never change it: {SLUG_WORDS}")
    name: Name = Field(description="what people call it, zh and en")
    enabled: bool = Field(default=True, description="false: keep it in this file, but do not connect")
    place: Place = Field(description="where it is: x and y on the village plan, latitude and longitude where known")
    group: Slug = Field(description="the id of one of the groups above")
    streams: Streams = Field(description="its RTSP addresses, main and sub")
    watch: list[Watch] = Field(
        default_factory=list,
        description="what to look for; nothing: live view only, unless a line is one_way or a zone forbids something",
    )
    zones: list[Zone] = Field(default_factory=list, description="areas of the picture")
    lines: list[Line] = Field(default_factory=list, description="lines across which people or vehicles are counted")
    ground: list[GroundPoint] = Field(
        default_factory=list,
        max_length=4,
        description="four points on the ground, measured out once (the corners of a crossing, say): gives speeds",
    )
    schedule: Schedule = Field(default=Schedule(), description="when the models watch")
    recording: Recording = Field(default=Recording(), description="what is written to disk, and for how long")
    looks_per_second: float = Field(
        default=4.0, gt=0, le=30, description="how often the models look while something happens; less when still"
    )

    @property
    def camera_id(self) -> CameraId:
        return CameraId(self.id)

    @field_validator("ground")
    @classmethod
    def _fixes_a_plane(cls, points: list[GroundPoint]) -> list[GroundPoint]:
        if points and len(points) != 4:
            raise ValueError("needs four points, or none")
        if points and (on_one_line([p.at for p in points]) or on_one_line([p.metres for p in points])):
            raise ValueError("has three points on one line; take the corners of a rectangle on the ground")
        return points

    @model_validator(mode="wrap")
    @classmethod
    def _ids_are_unique(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return with_mistakes(data, handler, [*repeated(data, "zones"), *repeated(data, "lines")])


class Group(Strict):
    """Cameras that belong together, for rights and for the wall."""

    id: Slug = Field(description=f"the group's id: {SLUG_WORDS}")
    name: Name = Field(description="what people call it, zh and en")


class SmokeFire(Strict):
    """When sightings of smoke and fire become an alert."""

    sensitivity: Literal["low", "normal", "high"] = Field(
        default="normal", description="high alerts sooner and errs more often; low the other way round"
    )


class Settings(Strict):
    """What holds for the whole site."""

    name: Name = Field(description="the village's name, zh and en")
    timezone: str = Field(
        default="Asia/Shanghai", description="for display and for where a day begins in reports, such as Asia/Shanghai"
    )
    smoke_fire: SmokeFire = Field(default=SmokeFire(), description="when smoke and fire become an alert")
    crowd_persists_seconds: float = Field(default=5, ge=0, description="a crowd must last this long to be an alert")
    ring_seconds: float = Field(
        default=10, gt=0, le=120, description="how much of each stream is kept in memory, for clips and instant view"
    )

    recordings_gigabytes: float = Field(
        default=100, gt=0, description="the most that recordings of all cameras take on disk; then the oldest go"
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("is not a known timezone") from None
        return value

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Site(Strict):
    """The whole of cameras.yaml."""

    site: Settings = Field(description="what holds for the whole site")
    service: Service = Field(default=Service(), description="how the service is reached, and by whom")
    groups: list[Group] = Field(min_length=1, description="cameras that belong together, for rights and for the wall")
    cameras: list[MonitoringPoint] = Field(min_length=1, description="the monitoring points")

    def camera(self, camera_id: str) -> MonitoringPoint:
        """The camera of that id. Raises KeyError."""
        for camera in self.cameras:
            if camera.id == camera_id:
                return camera
        raise KeyError(camera_id)

    @model_validator(mode="wrap")
    @classmethod
    def _refers_to_what_exists(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = [*repeated(data, "groups"), *repeated(data, "cameras"), *_unknown_groups(data), *_kept_for_phones(data)]
        return with_mistakes(data, handler, found)


def _unknown_groups(data: object) -> Iterator[Mistake]:
    written = [part(group, "id") for group in items(data, "groups")]
    groups = [g for g in written if isinstance(g, str) and re.fullmatch(SLUG_PATTERN, g)]
    for index, camera in enumerate(items(data, "cameras")):
        group = part(camera, "group")
        if groups and isinstance(group, str) and group not in written:
            near = difflib.get_close_matches(group, groups, n=1)
            start = f"Did you mean {near[0]}? " if near else ""
            right = f"{start}Groups are {', '.join(groups)}"
            yield Mistake(("cameras", index, "group"), "is not one of the groups", right)


def _kept_for_phones(data: object) -> Iterator[Mistake]:
    for index, group in enumerate(items(data, "groups")):
        if part(group, "id") == "phones":
            yield Mistake(("groups", index, "id"), "is kept for phones that are cameras for a while", "Take another")
    for index, camera in enumerate(items(data, "cameras")):
        identity = part(camera, "id")
        if isinstance(identity, str) and is_phone(identity):
            yield Mistake(("cameras", index, "id"), "is kept for phones that are cameras for a while", "Take another")
