"""What alerts give: a draft of an alert, and why we believe it.

Promises: plain values. Not here: who decides (`smoke_fire.py`, `crowd.py`), how a draft becomes an incident
(`incidents.py`).
"""

from dataclasses import dataclass, field
from typing import Any

from configs.words import Box, CameraId, IncidentKind, Instant, ObjectClass


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for a person, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A box worth drawing on the evidence."""

    object_class: ObjectClass
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """A confirmed sighting or an accepted report, not yet in the database. A report has no camera.

    `confidence` is 0…1, `severity` 1 (low) to 4 (act now); `numbers` must be JSON: it is what convinced us.
    """

    kind: IncidentKind
    camera_id: CameraId | None
    first_seen_at: Instant
    raised_at: Instant
    confidence: float
    severity: int
    reason: Reason
    marked: tuple[Marked, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
