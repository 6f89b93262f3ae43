"""What the interface says of footfall besides the fields of a report, which are `flow/report_words.py`.

Promises: as in `schemas.py`. Not here: how figures come about (`flow/`).
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Schema, Text
from configs.words import ObjectClass
from flow.holidays import DayKind


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


class ReportFormat(StrEnum):
    """How a report is taken away."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"
    PDF = "pdf"


class ReportWish(Schema):
    """A report to be made in the background: of local days, both included."""

    since: date = Field(alias="from", description="the first day")
    until: date = Field(alias="to", description="the last day")
    format: ReportFormat = ReportFormat.PDF
    language: Literal["zh", "en"] = "zh"
    forecast: bool = Field(default=True, description="with the next 14 days")
    place: str | None = Field(
        default=None, max_length=100, description="a camera's id, or id/line; left out: the whole village"
    )


class ReportJob(BaseModel):
    """A report that is being made. `share` is 0…1; `url` is where it lies once it is done."""

    id: str
    state: Literal["waiting", "working", "done", "failed"]
    share: float
    doing: Text
    problem: Text | None
    url: str | None
    format: ReportFormat
    made_at: datetime


class CalendarDaySeen(BaseModel):
    """A day by the calendar of holidays and make-up workdays. `provisional`: its year is not arranged yet."""

    day: date
    kind: DayKind
    festival: Text | None
    provisional: bool


class FootfallPlace(BaseModel):
    """A place that a report can be about. `place` is what to ask for."""

    place: str
    name: Text


class FootfallPlaces(BaseModel):
    """Gates (lines at which one comes into the village), and nodes (cameras that count something)."""

    gates: list[FootfallPlace]
    nodes: list[FootfallPlace]
