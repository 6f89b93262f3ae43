"""From alert to incident: one event in the world is one incident.

Promises: an alert, its evidence rows, the timeline and what must be told commit in one transaction, and saying the same
draft twice (after a crash, say) changes nothing. Many at once cost a fraction of one at a time: their rows go out
together. Not here: which incident an alert belongs to (`matching.py`), the
steps that follow (`lifecycle.py`), files (`evidence.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.clocks import restate_clock, start_clock
from alerts.duty import area_of
from alerts.evidence import EvidenceFile
from alerts.matching import JOIN_WITHIN, Held, Match, find_match, look_ahead, opening_lock, propose
from alerts.states import IncidentState
from alerts.timeline import record
from alerts.words import AlertDraft
from configs.kinds import IncidentKinds
from configs.site import Place
from configs.village import Village, incident_kinds, village
from configs.words import IncidentKind
from models.base import utc_now
from models.tables import Alert, Evidence, Incident

__all__ = ["JOIN_WITHIN", "Raised", "Sighted", "raise_alert", "raise_alerts"]

#: From so many alerts on, what is open is asked for once for all of them.
_WORTH_LOOKING_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of a draft."""

    incident: Incident
    alert: Alert
    opened: bool


def raise_alert(
    session: Session,
    alert_id: str,
    draft: AlertDraft,
    place: Place | None,
    files: tuple[EvidenceFile, ...] = (),
    *,
    source: str = "camera",
    rules: tuple[Village, IncidentKinds] | None = None,
) -> Raised:
    """Adds the alert to the open incident it belongs to, or opens one. `alert_id` makes the call idempotent. `source`
    is camera, citizen or desk."""
    opening_lock(session)
    known = session.get(Alert, alert_id)
    if known is not None:
        return Raised(known.incident, known, opened=False)
    one = Sighted(alert_id, draft, place, files)
    raised = _raise(session, one, source, rules or (village(), incident_kinds()), Held())
    session.flush()
    return raised


@dataclass(frozen=True, slots=True)
class Sighted:
    """A draft with what belongs to it, ready to be raised."""

    alert_id: str
    draft: AlertDraft
    place: Place | None
    files: tuple[EvidenceFile, ...] = ()


def raise_alerts(
    session: Session, several: Sequence[Sighted], rules: tuple[Village, IncidentKinds] | None = None
) -> list[Raised]:
    """As `raise_alert` for each in turn; only incidents that open are written one by one, all else together."""
    rules = rules or (village(), incident_kinds())
    opening_lock(session)
    ids = [one.alert_id for one in several]
    known = {a.id: Raised(a.incident, a, opened=False) for a in session.scalars(select(Alert).where(Alert.id.in_(ids)))}
    held = Held()
    if len(several) >= _WORTH_LOOKING_AHEAD:
        earliest = datetime.fromtimestamp(min(one.draft.raised_at for one in several), UTC)
        held.open = look_ahead(session, earliest, rules[0])
    with session.no_autoflush:
        found = [known.get(one.alert_id) or _raise(session, one, "camera", rules, held) for one in several]
    session.flush()
    return found


def _raise(
    session: Session,
    one: Sighted,
    source: str,
    rules: tuple[Village, IncidentKinds],
    held: Held,
) -> Raised:
    (settings, kinds), draft, place = rules, one.draft, one.place
    raised_at = datetime.fromtimestamp(draft.raised_at, UTC)
    spot = (place.x, place.y) if place else None
    match = find_match(session, draft, spot, raised_at, settings, held)
    opened = match.sure is None
    incident = match.sure or _open(session, draft, spot, raised_at, source, settings, kinds)
    held.incidents[incident.id] = incident
    graver = False if opened else _take_in(incident, draft, spot, raised_at, settings, kinds)
    alert = Alert(
        id=one.alert_id,
        incident_id=incident.id,
        origin_incident_id=incident.id,
        kind=draft.kind.value,
        camera_id=draft.camera_id or None,
        place_x=spot[0] if spot else None,
        place_y=spot[1] if spot else None,
        raised_at=raised_at,
        first_seen_at=datetime.fromtimestamp(draft.first_seen_at, UTC),
        confidence=draft.confidence,
        reason_zh=draft.reason.zh,
        reason_en=draft.reason.en,
        numbers=draft.numbers,
    )
    session.add(alert)
    for file in one.files:
        session.add(
            Evidence(
                alert_id=one.alert_id,
                media_type=file.media_type,
                path=file.path,
                sha256=file.sha256,
                size_bytes=file.size_bytes,
                captured_at=datetime.fromtimestamp(file.captured_at, UTC),
                phash=file.phash,
                purpose="report" if source == "citizen" else "sighting",
            )
        )
    _write_down(session, incident, alert, draft, match, opened, graver, held)
    return Raised(incident, alert, opened)


def _open(
    session: Session,
    draft: AlertDraft,
    spot: tuple[float, float] | None,
    raised_at: datetime,
    source: str,
    settings: Village,
    kinds: IncidentKinds,
) -> Incident:
    area = area_of(settings, spot)
    incident = Incident(
        kind=draft.kind.value,
        state=IncidentState.NEW.value,
        camera_id=draft.camera_id or None,
        severity=draft.severity,
        place_x=spot[0] if spot else None,
        place_y=spot[1] if spot else None,
        area_id=area.id if area else None,
        source=source,
        summary_zh=draft.reason.zh,
        summary_en=draft.reason.en,
        opened_at=raised_at,
        last_alert_at=raised_at,
    )
    start_clock(incident, raised_at, kinds)
    session.add(incident)
    session.flush()
    return incident


def _take_in(
    incident: Incident,
    draft: AlertDraft,
    spot: tuple[float, float] | None,
    raised_at: datetime,
    settings: Village,
    kinds: IncidentKinds,
) -> bool:
    """Whether the incident became graver: people who were told of it must be told again."""
    graver = draft.severity > incident.severity
    incident.last_alert_at = max(incident.last_alert_at, raised_at)
    incident.severity = max(incident.severity, draft.severity)
    if incident.place_x is None and spot is not None:
        incident.place_x, incident.place_y = spot
        area = area_of(settings, spot)
        incident.area_id = area.id if area else None
    if incident.camera_id is None and draft.camera_id:
        incident.camera_id = draft.camera_id
    if incident.kind == IncidentKind.SMOKE.value and draft.kind is IncidentKind.FIRE:
        incident.kind = IncidentKind.FIRE.value
        incident.summary_zh, incident.summary_en = draft.reason.zh, draft.reason.en
        restate_clock(incident, kinds)
        graver = True
    return graver


def _write_down(
    session: Session,
    incident: Incident,
    alert: Alert,
    draft: AlertDraft,
    match: Match,
    opened: bool,
    graver: bool,
    held: Held,
) -> None:
    details: dict[str, object] = {"alert_id": alert.id}
    if graver:
        details["graver"] = True
    if match.reason is not None:
        details["because"] = {"zh": match.reason.zh, "en": match.reason.en}
    record(
        session,
        incident,
        "opened" if opened else "alert_joined",
        utc_now(),
        was=None if opened else incident.state,
        note=draft.reason.en,
        address=f"camera:{draft.camera_id}" if draft.camera_id else None,
        details=details,
        topic="incident.opened" if opened else "incident.changed",
    )
    propose(session, incident, match.likely, opened, held)
