"""A clip joins an alert that is already written: its post-roll is over only seconds later.

Promises: saying it twice adds one row; whoever shows the incident is told in the same transaction; a clip that is
missing or cut short is said in the timeline. Not here: making the clip (the runtime), its file (`evidence.py`).
"""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.evidence import EvidenceFile
from alerts.timeline import record
from alerts.words import Reason
from models.base import utc_now
from models.tables import Alert, Evidence, IncidentChange, OutboxMessage


def attach_evidence(session: Session, alert_id: str, file: EvidenceFile) -> str | None:
    """Adds a file to an alert; the incident it is of now, or None when it was there already. Raises LookupError while
    the alert is not written yet."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise LookupError(f"there is no alert {alert_id}")
    if session.scalar(select(Evidence.id).where(Evidence.alert_id == alert_id, Evidence.path == file.path)):
        return None
    session.add(
        Evidence(
            alert_id=alert_id,
            media_type=file.media_type,
            path=file.path,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            captured_at=datetime.fromtimestamp(file.captured_at, UTC),
        )
    )
    incident = alert.incident
    payload = {"action": "clip_added", "severity": incident.severity, "kind": incident.kind, "alert_id": alert_id}
    session.add(OutboxMessage(topic="incident.changed", subject_id=incident.id, payload=payload, created_at=utc_now()))
    return incident.id


class ClipFault(StrEnum):
    """What an incident's timeline says of a clip that is not what it should be."""

    MISSING = "clip_missing"
    PARTIAL = "clip_partial"


def say_of_clip(session: Session, alert_id: str, fault: ClipFault, reason: Reason) -> str | None:
    """Writes into the incident's timeline that an alert's clip is missing or cut short, once; the incident, or None
    when it is said already. Raises LookupError while the alert is not written yet."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise LookupError(f"there is no alert {alert_id}")
    incident = alert.incident
    if alert_id in _said_of(session, {incident.id}):
        return None
    note = f"{reason.zh} {reason.en}"
    record(session, incident, fault.value, utc_now(), was=incident.state, note=note, details={"alert_id": alert_id})
    return incident.id


def alerts_without_clip(session: Session, cameras: set[str], since: datetime, before: datetime) -> list[Alert]:
    """The alerts of these cameras, raised in that time, without a clip and of which nothing is said; oldest first."""
    with_clip = select(Evidence.alert_id).where(Evidence.media_type == "video/mp4", Evidence.alert_id.is_not(None))
    query = (
        select(Alert)
        .where(
            Alert.camera_id.in_(cameras),
            Alert.raised_at >= since,
            Alert.raised_at < before,
            Alert.id.not_in(with_clip),
        )
        .order_by(Alert.raised_at)
    )
    found = list(session.scalars(query))
    said = _said_of(session, {alert.incident_id for alert in found})
    return [alert for alert in found if alert.id not in said]


def _said_of(session: Session, incidents: set[str]) -> set[str]:
    """The alerts of these incidents of whose clips something is said."""
    faults = [fault.value for fault in ClipFault]
    query = select(IncidentChange.details).where(
        IncidentChange.incident_id.in_(incidents), IncidentChange.action.in_(faults)
    )
    return {str(details.get("alert_id")) for details in session.scalars(query)}
