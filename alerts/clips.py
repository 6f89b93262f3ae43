"""A clip joins an alert that is already written: its post-roll is over only seconds later.

Promises: saying it twice adds one row; whoever shows the incident is told in the same transaction. Not here: making the
clip (the runtime), its file (`evidence.py`).
"""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.evidence import EvidenceFile
from models.base import utc_now
from models.tables import Alert, Evidence, OutboxMessage


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
