"""What footfall reports need to know of the village, as data: gates, capacities, tourist hours, how long rows are kept.

Promises: footfall.yaml is checked as strictly as cameras.yaml. Names of cameras, lines and zones in it are looked up
when a report is made, and one that does not exist is said there. Not here: the counting, the reports (`flow/`).
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from configs.load import load_model
from configs.site import Slug
from configs.strict import Strict

#: The file that comes with the project; `VBRAIN_FOOTFALL` names another.
DEFAULT_FOOTFALL = Path(__file__).with_name("footfall.yaml")

Hour = Annotated[int, Field(ge=0, le=24, description="a full hour of local time, 0 to 24")]


class Gate(Strict):
    """A line at which people and vehicles come into the village."""

    camera: Slug = Field(description="the camera's id")
    line: Slug = Field(description="the line's id there")
    inward: Literal["in", "out"] = Field(default="in", description="which of the line's directions leads in")


class Capacity(Strict):
    """How many people a zone holds in comfort."""

    camera: Slug = Field(description="the camera's id")
    zone: Slug = Field(description="the zone's id there")
    people: int = Field(ge=1, le=1_000_000, description="more than this is too full")


class Span(Strict):
    """From one full hour to another, the same day."""

    start: Hour = Field(description="its first hour")
    end: Hour = Field(description="the hour at which it ends")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start >= self.end:
            raise ValueError("must start before it ends")
        return self

    def covers(self, hour: int) -> bool:
        """Whether the hour that begins then lies in it."""
        return self.start <= hour < self.end


class TouristHours(Strict):
    """When vehicles are mostly visitors'. All other hours are local ones."""

    workday: Span = Field(default=Span(start=10, end=16), description="on days of work")
    day_off: Span = Field(default=Span(start=8, end=18), description="on weekends and holidays")


class Keep(Strict):
    """How many days rows are kept. Days are kept longest: a year of them is small."""

    minutes_days: int = Field(default=400, ge=8, description="minute rows")
    hours_days: int = Field(default=1100, ge=16, description="hour rows")
    days_days: int | None = Field(default=None, ge=32, description="day rows; left out: for ever")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.hours_days < self.minutes_days + 7:
            raise ValueError("needs hours_days at least 7 above minutes_days: days are made of hours")
        if self.days_days is not None and self.days_days < self.hours_days:
            raise ValueError("needs days_days not below hours_days")
        return self


class Footfall(Strict):
    """The whole of footfall.yaml."""

    gates: list[Gate] = Field(default_factory=list, description="none: reports count passages at all lines instead")
    capacities: list[Capacity] = Field(default_factory=list)
    tourist_hours: TouristHours = Field(default=TouristHours())
    keep: Keep = Field(default=Keep())


def load_footfall(path: str | os.PathLike[str], environment: Mapping[str, str] | None = None) -> Footfall:
    """What a file says. Raises ConfigError with all mistakes of the file."""
    return load_model(path, Footfall, environment)


@lru_cache(maxsize=1)
def footfall() -> Footfall:
    """The footfall settings of this process: the file that `VBRAIN_FOOTFALL` names, else the one that comes along."""
    return load_footfall(os.environ.get("VBRAIN_FOOTFALL") or DEFAULT_FOOTFALL)
