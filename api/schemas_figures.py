"""What the interface says of a span in figures: how fast each step was, who did what, how questions were answered.

Promises: as `schemas.py`; what was not measured is null, never 0. Not here: how figures come about
(`alerts/figures.py`), routes (`routes/figures.py`).
"""

from datetime import datetime

from pydantic import BaseModel


class SpreadSeen(BaseModel):
    """Of so many durations, in seconds."""

    count: int
    median: float
    p90: float


class QuestionFigures(BaseModel):
    """How fast questions were answered."""

    asked: int
    answered: int
    in_time: int
    waiting: int
    late: int
    seconds: SpreadSeen | None


class PersonSeen(BaseModel):
    """One worker's part in a span."""

    user_id: str
    display_name: str
    done: int
    declined: int
    timed_out: int
    accept: SpreadSeen | None
    arrive: SpreadSeen | None
    resolve: SpreadSeen | None
    stars: float | None


class GovernanceSeen(BaseModel):
    """A span in figures. Steps: confirm, dispatch, accept, arrive, resolve, close, whole (opened to closed),
    until_resolved. The area "" is outside all areas. A step with nothing measured is null."""

    since: datetime
    until: datetime
    total: int
    open: int
    overdue: int
    closed: int
    false_alarms: int
    reports: int
    stars: float | None
    truncated: bool
    by_kind: dict[str, int]
    by_area: dict[str, int]
    by_state: dict[str, int]
    by_day: dict[str, int]
    steps: dict[str, SpreadSeen | None]
    steps_by_kind: dict[str, dict[str, SpreadSeen | None]]
    steps_by_area: dict[str, dict[str, SpreadSeen | None]]
    people: list[PersonSeen]
    questions: QuestionFigures
