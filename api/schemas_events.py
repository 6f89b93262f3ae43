"""What arrives by itself: server-sent events of incidents and cameras, and the overlays that are asked for over a
WebSocket.

Promises: as `schemas.py`; an event holds the whole incident or camera, so none needs the one before. Not here: who is
told (`bulletin.py`, `overlays.py`), routes (`routes/events.py`).
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Schema
from api.schemas_incidents import Incident
from api.schemas_site import Camera
from configs.words import Box, ObjectClass


class IncidentEvent(BaseModel):
    """SSE `incident.opened` and `incident.changed`: the incident as the caller may see it."""

    kind: Literal["incident.opened", "incident.changed"]
    at: datetime
    incident: Incident


class CameraStateEvent(BaseModel):
    """SSE `camera.state`: the camera as it stands now. Sent when its state changes, not for every figure."""

    kind: Literal["camera.state"]
    at: datetime
    camera: Camera


class ResyncEvent(BaseModel):
    """SSE `resync`: something was missed; read the lists again."""

    kind: Literal["resync"]
    at: datetime


class OverlayWish(Schema):
    """WS `/api/overlays`, client to server: the cameras whose overlays are wanted from now on, in place of those asked
    for before."""

    cameras: list[str] = Field(max_length=64)


class OverlayBox(BaseModel):
    """One box to draw."""

    box: Box
    object_class: ObjectClass
    confidence: float
    track_id: int | None


class Overlay(BaseModel):
    """WS `/api/overlays`, server to client: what one look saw. `counts` maps a line to (in, out) since the analysis
    started, `occupancy` a zone to the people in it now."""

    camera_id: str
    stream_time: float
    captured_at: float
    boxes: list[OverlayBox]
    counts: dict[str, tuple[int, int]]
    occupancy: dict[str, int]
