"""From rows to what the interface says.

Promises: no query beyond what is needed for a page, however many rows it has. Not here: the shapes
(`schemas_incidents.py`), rules.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from alerts.states import ENDED, OPEN, IncidentState
from alerts.transitions import actions_for
from api import schemas_incidents as shapes
from api.schemas import Text
from configs.words import IncidentKind, Role
from models import tables

#: Whether what is of a camera is for whoever reads (`rights.sees`).
Sees = Callable[[str | None], bool]


class BadCursor(ValueError):
    """A page was asked for with a cursor that we did not give."""


def incident_page(
    session: Session,
    role: Role,
    state: str,
    kind: IncidentKind | None,
    camera_id: str | None,
    limit: int,
    before: str | None,
    sees: Sees,
) -> shapes.IncidentPage:
    """The newest incidents, or those older than the cursor. Raises BadCursor."""
    query = select(tables.Incident)
    if state == "open":
        # An open incident has no end: that is what the index of open ones is by, however many have ended.
        query = query.where(tables.Incident.closed_at.is_(None), tables.Incident.state.in_([s.value for s in OPEN]))
    elif state == "closed":
        query = query.where(tables.Incident.state.in_([s.value for s in ENDED]))
    if kind is not None:
        query = query.where(tables.Incident.kind == kind.value)
    if camera_id is not None:
        query = query.where(tables.Incident.camera_id == camera_id)
    if before is not None:
        opened_at, incident_id = _parse_cursor(before)
        query = query.where(
            or_(
                tables.Incident.opened_at < opened_at,
                and_(tables.Incident.opened_at == opened_at, tables.Incident.id < incident_id),
            )
        )
    query = query.order_by(tables.Incident.opened_at.desc(), tables.Incident.id.desc()).limit(limit + 1)
    rows = session.scalars(query).all()
    page = rows[:limit]
    more = _cursor(page[-1]) if len(rows) > limit else None
    return shapes.IncidentPage(items=incidents(session, page, role, sees), next=more)


def incidents(session: Session, rows: Sequence[tables.Incident], role: Role, sees: Sees) -> list[shapes.Incident]:
    """These incidents in short, in two queries; with no picture of a camera that is not for them."""
    ids = [row.id for row in rows]
    counts: dict[str, int] = {}
    pictures: dict[str, str] = {}
    if ids:
        counted = select(tables.Alert.incident_id, func.count()).where(tables.Alert.incident_id.in_(ids))
        counts = {row[0]: row[1] for row in session.execute(counted.group_by(tables.Alert.incident_id))}
        found = session.execute(
            select(tables.Alert.incident_id, tables.Evidence.id, tables.Alert.camera_id)
            .join(tables.Evidence, tables.Evidence.alert_id == tables.Alert.id)
            .where(tables.Alert.incident_id.in_(ids), tables.Evidence.media_type.like("image/%"))
            .order_by(tables.Evidence.captured_at, tables.Evidence.id)
        )
        for incident_id, evidence_id, camera_id in found:
            if sees(camera_id):
                pictures.setdefault(incident_id, evidence_id)
    return [_incident(row, role, counts.get(row.id, 0), pictures.get(row.id)) for row in rows]


def incident_detail(session: Session, incident_id: str, role: Role, sees: Sees) -> shapes.IncidentDetail | None:
    """One incident with its alerts, the evidence that is for them and its timeline; None when there is none of that
    id."""
    row = session.scalar(
        select(tables.Incident)
        .where(tables.Incident.id == incident_id)
        .options(
            selectinload(tables.Incident.alerts).selectinload(tables.Alert.evidence),
            selectinload(tables.Incident.changes),
        )
    )
    if row is None:
        return None
    evidence = sorted(
        (e for a in row.alerts if sees(a.camera_id) for e in a.evidence), key=lambda e: (e.captured_at, e.id)
    )
    picture = next((e.id for e in evidence if e.media_type.startswith("image/")), None)
    short = _incident(row, role, len(row.alerts), picture)
    actor_ids = {c.actor_id for c in row.changes if c.actor_id}
    actors = {u.id: u for u in session.scalars(select(tables.User).where(tables.User.id.in_(actor_ids)))}
    photos = (
        select(tables.Evidence)
        .where(tables.Evidence.incident_id == incident_id, tables.Evidence.alert_id.is_(None))
        .order_by(tables.Evidence.captured_at, tables.Evidence.id)
    )
    return shapes.IncidentDetail(
        **short.model_dump(),
        alerts=[_alert(alert, sees(alert.camera_id)) for alert in row.alerts],
        photos=[_evidence(photo) for photo in session.scalars(photos)],
        timeline=[_change(change, actors) for change in row.changes],
    )


def evidence_url(evidence_id: str) -> str:
    """Where a piece of evidence is read."""
    return f"/api/evidence/{evidence_id}"


def _incident(row: tables.Incident, role: Role, alert_count: int, picture: str | None) -> shapes.Incident:
    placed = row.place_x is not None and row.place_y is not None
    return shapes.Incident(
        id=row.id,
        kind=IncidentKind(row.kind),
        state=IncidentState(row.state),
        severity=row.severity,
        camera_id=row.camera_id,
        place=shapes.Spot(x=row.place_x, y=row.place_y) if placed else None,  # type: ignore[arg-type]
        summary=Text(zh=row.summary_zh, en=row.summary_en),
        opened_at=row.opened_at,
        last_alert_at=row.last_alert_at,
        closed_at=row.closed_at,
        version=row.version,
        alert_count=alert_count,
        picture_url=evidence_url(picture) if picture else None,
        actions=actions_for(row.state, role),
    )


def _alert(row: tables.Alert, with_evidence: bool) -> shapes.Alert:
    evidence = sorted(row.evidence, key=lambda e: (e.captured_at, e.id)) if with_evidence else []
    return shapes.Alert(
        id=row.id,
        kind=IncidentKind(row.kind),
        camera_id=row.camera_id,
        raised_at=row.raised_at,
        first_seen_at=row.first_seen_at,
        confidence=row.confidence,
        reason=Text(zh=row.reason_zh, en=row.reason_en),
        numbers=row.numbers,
        evidence=[_evidence(item) for item in evidence],
    )


def _evidence(row: tables.Evidence) -> shapes.EvidenceItem:
    return shapes.EvidenceItem(
        id=row.id,
        url=evidence_url(row.id),
        media_type=row.media_type,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        captured_at=row.captured_at,
    )


def _change(row: tables.IncidentChange, actors: dict[str, tables.User]) -> shapes.Change:
    actor = actors.get(row.actor_id) if row.actor_id else None
    about_call = row.action.startswith("call_")
    return shapes.Change(
        id=row.id,
        at=row.at,
        actor=shapes.Actor(id=actor.id, display_name=actor.display_name) if actor else None,
        action=row.action,
        from_state=IncidentState(row.from_state) if row.from_state else None,
        to_state=IncidentState(row.to_state) if row.to_state else None,
        note=row.note,
        person=row.details.get("person") if about_call else None,
        people=row.details.get("people", []) if about_call else [],
        seconds=row.details.get("seconds") if about_call else None,
    )


def _cursor(row: tables.Incident) -> str:
    text = f"{row.opened_at.isoformat()}|{row.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, incident_id = text.partition("|")
        return datetime.fromisoformat(moment).astimezone(UTC), incident_id
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadCursor("this is not a cursor that was given; start again without `before`") from None
