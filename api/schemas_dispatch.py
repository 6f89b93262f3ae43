"""What the interface says and takes of how an incident is handled: who was sent, what is awaited, what was reported of
it, what may be the same event.

Promises: as `schemas.py`. Not here: where the values come from (`handling.py`), routes (`routes/dispatch.py`).
"""

from datetime import datetime

from pydantic import BaseModel, Field

from alerts.assignments import AssignmentState
from alerts.transitions import Action
from api.schemas import Schema, Text
from api.schemas_incidents import EvidenceItem, Incident
from configs.site import Name
from configs.words import IncidentKind, Point, Role


class Person(BaseModel):
    """Somebody of the village's staff."""

    id: str
    username: str
    display_name: str
    role: Role


class GridArea(BaseModel):
    """A grid area on the village plan."""

    id: str
    name: Name
    polygon: list[Point]


class KindInfo(BaseModel):
    """What a kind of incident is called and how urgent it is. `targets`: seconds for each step."""

    kind: IncidentKind
    name: Name
    icon: str
    priority: int
    targets: dict[str, int]
    roles: list[Role]
    photo_to_resolve: bool


class Assignment(BaseModel):
    """Somebody who was sent."""

    id: str
    person: Person
    state: AssignmentState
    asked_at: datetime
    due_at: datetime
    answered_at: datetime | None
    arrived_at: datetime | None
    ended_at: datetime | None


class Clock(BaseModel):
    """The step that is awaited. `overdue_seconds` is 0 while there is time; no `due_at`: nothing is awaited."""

    step: str | None
    since: datetime | None
    due_at: datetime | None
    target_seconds: int | None
    overdue_seconds: float
    escalation_level: int


class Proposal(BaseModel):
    """Two incidents that may be one event."""

    id: str
    incident: Incident
    other: Incident
    reason: Text
    created_at: datetime


class ReportSeen(BaseModel):
    """A citizen's report as staff see it. `phone` is shown to those who deal with it."""

    id: str
    created_at: datetime
    source: str
    sentence: str
    phone: str | None
    place_from: str | None
    latitude: float | None
    longitude: float | None
    withdrawn_at: datetime | None
    similar_to: str | None
    trust: float
    evidence: list[EvidenceItem]
    entries: list["ReportEntry"]
    stars: int | None


class ReportEntry(BaseModel):
    """Something said afterwards."""

    at: datetime
    by: str
    text: str


class Handling(BaseModel):
    """How an incident is being handled. `actions` is what the caller personally may do now."""

    incident: Incident
    area: GridArea | None
    source: str
    clock: Clock
    lead: Person | None
    assignments: list[Assignment]
    reports: list[ReportSeen]
    proposals: list[Proposal]
    merged_into: str | None
    merged_from: list[str]
    actions: list[Action]
    needs_photo: bool


class Candidate(BaseModel):
    """Somebody who could be sent, the best first. `in_area`: the incident's place is theirs."""

    person: Person
    in_area: bool
    busy_with: int


class MyAssignment(BaseModel):
    """An incident the caller was sent to."""

    incident: Incident
    assignment: Assignment
    clock: Clock
    actions: list[Action]


class Decision(Schema):
    """Whether two incidents are one event."""

    merge: bool


class SplitWish(Schema):
    """Which alerts to take out of an incident."""

    alert_ids: list[str] = Field(min_length=1, max_length=200)
    version: int = Field(ge=1)
    note: str | None = Field(default=None, max_length=2000)


class ReplyWish(Schema):
    """What to tell a reporter."""

    text: str = Field(min_length=1, max_length=1000)
