"""What the interface says and takes of incidents: in short, in full with alerts and timeline, and a step that somebody
takes.

Promises: as `schemas.py`. Not here: how an incident is handled (`schemas_dispatch.py`), where the values come from
(`views.py`), routes (`routes/incidents.py`).
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from alerts.states import IncidentState
from alerts.transitions import Action
from api.schemas import Schema, Text
from configs.words import IncidentKind


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
