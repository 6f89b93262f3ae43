"""The timeline of an incident, and what must be told of it.

Promises: a row of the timeline and the message that tells it are added together, to be committed with the change
itself. Not here: what may happen (`transitions.py`), who is told (`notify/`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.tables import Incident, IncidentChange, OutboxMessage


def record(
    session: Session,
    incident: Incident,
    action: str,
    now: datetime,
    *,
    was: str | None = None,
    actor_id: str | None = None,
    note: str | None = None,
    address: str | None = None,
    details: dict[str, Any] | None = None,
    topic: str = "incident.changed",
) -> None:
    """Appends who did what, when and from where. `was` is the state before; no actor is the system itself."""
    session.add(
        IncidentChange(
            incident_id=incident.id,
            at=now,
            actor_id=actor_id,
            action=action,
            from_state=was,
            to_state=incident.state,
            note=note,
            address=address,
            details=details or {},
        )
    )
    payload = {"action": action, "severity": incident.severity, "kind": incident.kind, **(details or {})}
    session.add(OutboxMessage(topic=topic, subject_id=incident.id, payload=payload, created_at=now))
