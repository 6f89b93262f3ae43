"""What a footfall report says, as plain values; the JSON of the API and the command is these, field by field.

Promises: a figure that nobody observed is None, never zero; what is estimated stands beside what was counted, never in
it; every text for a person is there in Chinese and English. Not here: how figures come about (`reports.py` and what it
calls), how they look (`report_html.py`, `report_files.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from flow.holidays import DayKind

#: arrivals: inward at the gates. passages: both ways at all lines, for want of gates (a visitor counts several times).
Measure = Literal["arrivals", "passages"]


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str

    def said(self, language: str) -> str:
        """In `zh` or `en`."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Total:
    """`counted` is what was seen; `estimated` what the gaps would have added; `observed_share` 0…1 of what was to be
    observed, None when nothing was."""

    counted: int
    estimated: int
    observed_share: float | None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One local day. `people` is by the report's measure; `vehicles` are passages both ways. None: not observed."""

    day: date
    kind: DayKind
    festival: Words | None
    provisional: bool
    people: int | None
    people_out: int | None
    people_estimated: int
    vehicles: int | None
    observed_share: float | None


@dataclass(frozen=True, slots=True)
class HourFigures:
    """Mean people an hour by hour of the day 0…23: on workdays, on days off, and for each weekday from Monday on."""

    workday: list[float | None]
    day_off: list[float | None]
    week: list[list[float | None]]


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """One gate (`line_id` given), or one node (all lines of a camera, both ways). `came` is inward at a gate."""

    camera_id: str
    line_id: str | None
    name: Words
    people_came: int
    people_went: int
    vehicles_came: int
    vehicles_went: int
    people_estimated: int
    observed_share: float | None
    busiest_day: date | None


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """People in one span of days. `per_day` is over the days that were observed at all; `partial_days` of them were
    observed for clearly less than is usual around them, so that their counts are too low."""

    name: Words
    first: date
    last: date
    days: int
    observed_days: int
    total: int
    per_day: float | None
    daily: list[int | None]
    partial_days: int


@dataclass(frozen=True, slots=True)
class HolidayFigures:
    """One holiday beside the one before it, and beside the same one a year ago."""

    name: Words
    provisional: bool
    this: SpanFigures
    last: SpanFigures | None
    year_before: SpanFigures | None


@dataclass(frozen=True, slots=True)
class Peak:
    """The most there was, and when. `hour` is the hour of the day that it began in; None: the whole day."""

    day: date
    hour: int | None
    people: int


@dataclass(frozen=True, slots=True)
class ZoneFigures:
    """How full one zone was. `share` is the most against the capacity; `hours_over` hours in which it was exceeded;
    `arrivals` people who came to be in it, over its edge or out of a door inside it: a count where there is no gate."""

    camera_id: str
    zone_id: str
    name: Words
    capacity: int | None
    mean: float
    most: int
    most_day: date
    most_hour: int
    share: float | None
    hours_over: int | None
    observed_hours: float
    by_hour: list[float | None]
    arrivals: int


@dataclass(frozen=True, slots=True)
class PassageFigures:
    """How people, or vehicles, passed one line. `flow` is passages in an hour that was observed, `busiest_flow` in the
    busiest whole hour. A headway is the seconds between one and the next the same way: the mean, the median, and the
    share below two seconds. Speeds, in metres a second, are known where the ground was measured out: the mean, that
    which 85 of 100 do not exceed, the fastest."""

    camera_id: str
    line_id: str
    family: Literal["people", "vehicles"]
    name: Words
    passages: int
    flow: float | None
    busiest_flow: int | None
    headways: int
    headway_mean: float | None
    headway_median: float | None
    headway_close: float | None
    speeds: int
    speed_mean: float | None
    speed_85: float | None
    speed_most: float | None


@dataclass(frozen=True, slots=True)
class HeatFigures:
    """Where in one camera's picture people, or vehicles, stood: 18 rows of 32 cells, each the mean number that stood in
    it while somebody looked. `zones` and `lines` are the camera's, normalised, for orientation."""

    camera_id: str
    family: Literal["people", "vehicles"]
    name: Words
    first: date
    last: date
    observed_hours: float
    grid: list[list[float]]
    zones: list[list[tuple[float, float]]]
    lines: list[tuple[tuple[float, float], tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class VehicleFigures:
    """One class of vehicle: passages at gates, or at all lines where no gate counts vehicles."""

    object_class: str
    name: Words
    came: int
    went: int
    local_hours: int
    tourist_hours: int


@dataclass(frozen=True, slots=True)
class StayFigures:
    """How long people stayed in one zone, from visits that ended: seconds. A visit is as long as its track was kept,
    so these are rather too short than too long."""

    camera_id: str
    zone_id: str
    name: Words
    visits: int
    mean_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """One day to come: the expectation, and the interval that holds four of five days."""

    day: date
    kind: DayKind
    festival: Words | None
    provisional: bool
    people: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class TriedDay:
    """A past day: what was foretold of it before its cut-off, and what came (None: not wholly observed)."""

    day: date
    told: int
    low: int
    high: int
    people: int | None


@dataclass(frozen=True, slots=True)
class BackTest:
    """How the same method would have done on the past. `error` is the sum of the errors over the sum of the counts;
    `naive_error` that of saying "as a week before"; `inside` the share of days inside the interval; `latest` the days
    of the latest cut-offs, to be drawn over the history."""

    days: int
    origins: int
    error: float
    naive_error: float
    inside: float
    latest: list[TriedDay]


@dataclass(frozen=True, slots=True)
class FootfallForecast:
    """The days to come, or `refusal`: why there is no forecast. `history` are the last weeks that it continues."""

    method: Words
    refusal: Words | None
    days: list[ForecastDay]
    history: list[tuple[date, int | None]]
    history_days: int
    back_test: BackTest | None


@dataclass(frozen=True, slots=True)
class FootfallReport:
    """A footfall report of [first, last], both included, in local days of `timezone`. `place` is what the report is
    about: `name` None for the whole village. `vehicle_hours` are passages of vehicles, both ways."""

    village: Words
    place: str
    place_name: Words | None
    first: date
    last: date
    timezone: str
    made_at: datetime
    measure: Measure
    people: Total
    people_out: int
    vehicles: Total
    observed_days: int
    previous: SpanFigures
    year_before: SpanFigures
    days: list[DayFigures]
    hours: HourFigures
    vehicle_hours: HourFigures
    gates: list[PlaceFigures]
    nodes: list[PlaceFigures]
    holidays: list[HolidayFigures]
    peak_days: list[Peak]
    peak_hours: list[Peak]
    zones: list[ZoneFigures]
    vehicles_by_class: list[VehicleFigures]
    tourist_hours: Words
    tourist_workday: tuple[int, int]
    tourist_day_off: tuple[int, int]
    passing: list[PassageFigures]
    heat: list[HeatFigures]
    stay: list[StayFigures] | None
    forecast: FootfallForecast | None
    notes: list[Words]
