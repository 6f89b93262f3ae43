"""What the interface says to citizens and takes of them: the page for reports, a report that was taken, how it stands.

Promises: as `schemas.py`. Not here: a report as staff see it (`schemas_dispatch.py`), routes (`routes/reports.py`).
"""

from datetime import datetime

from pydantic import BaseModel, Field

from alerts.states import IncidentState
from api.schemas import Schema
from api.schemas_dispatch import GridArea, ReportEntry
from api.schemas_incidents import EvidenceItem, Spot
from configs.site import Name
from configs.words import IncidentKind


class Globe(BaseModel):
    """Where the plan lies on the globe: a plain rectangle, north up. Degrees, and metres across and down."""

    north: float
    south: float
    west: float
    east: float
    width_metres: float
    height_metres: float


class Landmark(BaseModel):
    """A named spot that helps people find their way on the plan."""

    name: Name
    place: Spot


class ReportForm(BaseModel):
    """What the page for reports needs to know: the village and its plan, kinds to choose from, limits of what can be
    sent. It is for everybody, so it holds no camera's place."""

    name: Name
    timezone: str
    globe: Globe
    areas: list[GridArea]
    landmarks: list[Landmark]
    plan_url: str | None
    kinds: list["KindChoice"]
    photos: int
    photo_megabytes: float
    video_megabytes: float
    video_seconds: float


class KindChoice(BaseModel):
    """A kind somebody may choose."""

    kind: IncidentKind
    name: Name
    icon: str


class ReportTaken(BaseModel):
    """A report was taken. `code` is shown this once; `link` is the page that shows how it stands."""

    code: str
    link: str
    kind: IncidentKind
    kind_suggested: bool
    place: Spot | None
    joined: bool


class ProgressStep(BaseModel):
    """A step on the way: received, confirmed, dispatched, accepted, on_site, resolved, then closed or another end."""

    step: str
    at: datetime


class ReportProgress(BaseModel):
    """How a report stands. `next`: the step that is awaited. `handler`: who dealt with it. `points`: what it earned the
    reporter, where they can be known again (a phone, this device)."""

    kind: IncidentKind
    place: Spot | None
    handler: str | None
    points: int
    sentence: str
    state: IncidentState
    received_at: datetime
    withdrawn: bool
    steps: list[ProgressStep]
    next: str | None
    entries: list[ReportEntry]
    media: list[EvidenceItem]
    can_add: bool
    can_withdraw: bool
    can_rate: bool
    stars: int | None


class RatingWish(Schema):
    """How well it was handled."""

    stars: int = Field(ge=1, le=5)
    sentence: str = Field(default="", max_length=500)
