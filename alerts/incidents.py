"""From alert to incident: one event in the world is one incident.

Promises: an alert, its evidence rows, the timeline and what must be told commit in one transaction, and saying the same
draft twice (after a crash, say) changes nothing. Not here: the steps that follow (`lifecycle.py`), files
(`evidence.py`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.evidence import EvidenceFile
from alerts.lifecycle import OPEN
from alerts.words import AlertDraft
from configs.site import Place
from configs.words import IncidentKind
from models.base import utc_now
from models.tables import Alert, Evidence, Incident, IncidentChange, OutboxMessage

#: Smoke and fire are one event: where there is smoke there is fire.
_FAMILIES: tuple[frozenset[IncidentKind], ...] = (frozenset({IncidentKind.FIRE, IncidentKind.SMOKE}),)
#: An alert this long after the last one of an open incident is a new event.
JOIN_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of a draft."""

    incident: Incident
    alert: Alert
    opened: bool


def raise_alert(
    session: Session, alert_id: str, draft: AlertDraft, place: Place | None, files: tuple[EvidenceFile, ...] = ()
) -> Raised:
    """Adds the alert to the open incident it belongs to, or opens one. `alert_id` makes the call idempotent."""
    known = session.get(Alert, alert_id)
    if known is not None:
        return Raised(known.incident, known, opened=False)
    raised_at = datetime.fromtimestamp(draft.raised_at, UTC)
    incident = _open_incident_for(session, draft, raised_at)
    opened = incident is None
    if incident is None:
        incident = Incident(
            kind=draft.kind.value,
            camera_id=draft.camera_id,
            severity=draft.severity,
            place_x=place.x if place else None,
            place_y=place.y if place else None,
            summary_zh=draft.reason.zh,
            summary_en=draft.reason.en,
            opened_at=raised_at,
            last_alert_at=raised_at,
        )
        session.add(incident)
        session.flush()
    else:
        _take_in(incident, draft, raised_at)
    alert = Alert(
        id=alert_id,
        incident_id=incident.id,
        kind=draft.kind.value,
        camera_id=draft.camera_id,
        raised_at=raised_at,
        first_seen_at=datetime.fromtimestamp(draft.first_seen_at, UTC),
        confidence=draft.confidence,
        reason_zh=draft.reason.zh,
        reason_en=draft.reason.en,
        numbers=draft.numbers,
    )
    session.add(alert)
    for file in files:
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
    action = "opened" if opened else "alert_joined"
    session.add(
        IncidentChange(
            incident_id=incident.id, at=utc_now(), action=action, to_state=incident.state, note=draft.reason.en
        )
    )
    topic = "incident.opened" if opened else "incident.changed"
    session.add(OutboxMessage(topic=topic, subject_id=incident.id, payload={"alert_id": alert_id}))
    session.flush()
    return Raised(incident, alert, opened)


def _open_incident_for(session: Session, draft: AlertDraft, raised_at: datetime) -> Incident | None:
    kinds = next((f for f in _FAMILIES if draft.kind in f), frozenset({draft.kind}))
    return session.scalar(
        select(Incident)
        .where(
            Incident.camera_id == draft.camera_id,
            Incident.kind.in_([k.value for k in kinds]),
            Incident.state.in_([s.value for s in OPEN]),
            Incident.last_alert_at >= raised_at - JOIN_WITHIN,
        )
        .order_by(Incident.last_alert_at.desc())
        .limit(1)
        .with_for_update()
    )


def _take_in(incident: Incident, draft: AlertDraft, raised_at: datetime) -> None:
    incident.last_alert_at = max(incident.last_alert_at, raised_at)
    incident.severity = max(incident.severity, draft.severity)
    if incident.kind == IncidentKind.SMOKE.value and draft.kind is IncidentKind.FIRE:
        incident.kind = IncidentKind.FIRE.value
        incident.summary_zh, incident.summary_en = draft.reason.zh, draft.reason.en
