"""What an operator draws on a camera's picture: zones, directed lines, points on the ground; names in two languages.

Promises: every value is checked by itself and beside its neighbours in the same zone or line, and carries the
description that editors and messages show. Not here: cameras and the site (`site.py`), reading YAML (`load.py`).
"""

import itertools
import math
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator, model_validator

from configs.strict import Strict
from configs.words import PEOPLE, LineId, ObjectClass, Point, ZoneId

SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,47}$"
SLUG_WORDS = "lower-case letters, digits and dashes, at most 48, such as north-gate"

Slug = Annotated[str, Field(pattern=SLUG_PATTERN, description=SLUG_WORDS)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0, description="0 is the left or top edge, 1 the right or bottom edge")]
NormalisedPoint = Annotated[
    tuple[Fraction, Fraction], Field(description="[x, y] as fractions of the picture from its top left, each 0 to 1")
]


class Name(Strict):
    """A name in both languages."""

    zh: str = Field(min_length=1, max_length=80, description="the name in Chinese")
    en: str = Field(min_length=1, max_length=80, description="the name in English")


class Zone(Strict):
    """An area of the picture. With `crowd_at`, so many people, for a while, are a crowd."""

    id: Slug = Field(description=f"the zone's id, unique within its camera: {SLUG_WORDS}")
    name: Name = Field(description="what people call it, zh and en")
    polygon: list[NormalisedPoint] = Field(
        min_length=3, max_length=64, description="its corners in order, each [x, y] as fractions of the picture"
    )
    crowd_at: int | None = Field(
        default=None, ge=1, description="this many people or more, for a while, are a crowd: the place is filling"
    )
    crowd_dangerous_at: int | None = Field(
        default=None, ge=2, description="this many people or more, for a while, are dangerous: it is told once more"
    )
    no_parking_after_seconds: float | None = Field(
        default=None, gt=0, description="a vehicle that stands here for longer is an alert"
    )
    no_vehicles: bool = Field(
        default=False, description="true: only people walk here, and a motor vehicle that comes in is an alert"
    )
    ignore: list[ObjectClass] = Field(default_factory=list, description="classes that are not looked for in this zone")

    @property
    def zone_id(self) -> ZoneId:
        return ZoneId(self.id)

    @field_validator("polygon")
    @classmethod
    def _has_an_area(cls, corners: list[NormalisedPoint]) -> list[NormalisedPoint]:
        following = [*corners[1:], *corners[:1]]
        if abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, following, strict=True))) < 1e-6:
            raise ValueError("encloses nothing; its corners lie on one line or cancel out")
        return corners

    @field_validator("crowd_dangerous_at")
    @classmethod
    def _is_more_than_a_crowd(cls, people: int | None, info: ValidationInfo) -> int | None:
        if people is None or "crowd_at" not in info.data:
            return people
        filling = info.data["crowd_at"]
        if filling is None:
            raise ValueError("needs a crowd_at beside it: the number of people from which the place is filling")
        if people <= filling:
            raise ValueError("must be more people than crowd_at")
        return people


class OneWay(StrEnum):
    """Which way vehicles may cross a line."""

    ANY = "any"
    IN = "in"
    OUT = "out"


class Line(Strict):
    """A directed line: who crosses it from its left to its right (seen walking from `start` to `end`) goes `in`."""

    id: Slug = Field(description=f"the line's id, unique within its camera: {SLUG_WORDS}")
    name: Name = Field(description="what people call it, zh and en")
    start: NormalisedPoint = Field(description="one end, [x, y] as fractions of the picture")
    end: NormalisedPoint = Field(description="the other end, [x, y] as fractions of the picture")
    counts: list[ObjectClass] = Field(
        default_factory=lambda: sorted(PEOPLE), min_length=1, description="the classes that are counted here"
    )
    one_way: OneWay = Field(
        default=OneWay.ANY,
        description="the way that motor vehicles may cross, in or out: one that goes against it is an alert, counted"
        " here or not; any: both ways",
    )
    one_way_bicycles: bool = Field(default=False, description="true: bicycles must keep to one_way too")

    @property
    def line_id(self) -> LineId:
        return LineId(self.id)

    @property
    def ends(self) -> tuple[Point, Point]:
        return self.start, self.end

    @model_validator(mode="after")
    def _has_length(self) -> "Line":
        if self.start == self.end:
            raise ValueError("has no length: start and end are the same point")
        return self


class GroundPoint(Strict):
    """A point on the ground whose place is known both in the picture and on the ground."""

    at: NormalisedPoint = Field(description="where it is in the picture, [x, y] as fractions of it")
    metres: tuple[float, float] = Field(
        description="where it is on the ground, [east, north] or any two square axes, in metres from anywhere"
    )


def on_one_line(points: list[tuple[float, float]]) -> bool:
    """Whether three of four points lie on a line, so that they fix no plane."""
    for a, b, c in itertools.combinations(points, 3):
        sides = [math.dist(a, b), math.dist(b, c), math.dist(a, c)]
        twice = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
        if twice <= 0.01 * max(sides) ** 2:
            return True
    return False
