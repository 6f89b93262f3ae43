"""Where alerts came from, when incidents are joined and parted.

Promises: an alert knows the incident it first belonged to, so whatever was joined can be parted again; nothing is
deleted. Not here: who may do so (`transitions.py`, `merging.py`).
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.tables import Alert, Incident


def give_over(session: Session, incident: Incident, other: Incident) -> list[str]:
    """Moves all alerts of `incident` to `other`, which takes on what is graver; the moved alerts' ids."""
    moved = move(session, list(session.scalars(select(Alert).where(Alert.incident_id == incident.id))), other)
    incident.merged_into = other.id
    # Whoever was merged into this one is now part of the other, too.
    for earlier in session.scalars(select(Incident).where(Incident.merged_into == incident.id)):
        earlier.merged_into = other.id
    other.severity = max(other.severity, incident.severity)
    other.last_alert_at = max(other.last_alert_at, incident.last_alert_at)
    if other.place_x is None:
        other.place_x, other.place_y, other.area_id = incident.place_x, incident.place_y, incident.area_id
    return moved


def take_back(session: Session, incident: Incident) -> list[str]:
    """Returns to a merged incident the alerts that were its own; their ids."""
    query = select(Alert).where(Alert.origin_incident_id == incident.id, Alert.incident_id == incident.merged_into)
    moved = move(session, list(session.scalars(query)), incident)
    incident.merged_into = None
    return moved


def move(session: Session, alerts: list[Alert], to: Incident) -> list[str]:
    """Moves these alerts; their ids."""
    for alert in alerts:
        alert.incident_id = to.id
    session.flush()
    session.expire(to, ["alerts"])
    return [alert.id for alert in alerts]
