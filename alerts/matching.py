"""Which open incident an alert belongs to.

Promises: the same camera and kind within half an hour is the same event; across cameras and reports, distance on the
plan and time decide, by village.yaml: sure cases join by themselves, likely ones are only proposed, with the reason.
What is seen after an incident was resolved is a new one, proposed to be the same, so that a fire that starts again is
told. Two alerts that arrive at the same moment cannot open two incidents. Not here: joining by hand (`merging.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from alerts.states import OPEN, IncidentState
from alerts.words import AlertDraft, Reason
from configs.village import Village
from configs.words import IncidentKind, Point
from models.governance import MergeProposal
from models.tables import Incident

#: Smoke and fire are one event: where there is smoke there is fire.
_FAMILIES: tuple[frozenset[IncidentKind], ...] = (frozenset({IncidentKind.FIRE, IncidentKind.SMOKE}),)
#: An alert of the same camera this long after the last one of an open incident is a new event.
JOIN_WITHIN = timedelta(minutes=30)
#: Any number that no other user of the same PostgreSQL database locks.
_LOCK = 0x76624F50
_MOST_PROPOSALS = 5
_AGAIN = Reason(zh="同一监控点刚处置完，又出现同类情况", en="the same camera saw it again after it was resolved")
_MOST_LOOKED_AT = 200


@dataclass(slots=True)
class Match:
    """The incident an alert surely belongs to, if any; those it may belong to; why."""

    sure: Incident | None = None
    reason: Reason | None = None
    likely: list[tuple[Incident, Reason]] = field(default_factory=list)


def family(kind: IncidentKind) -> frozenset[IncidentKind]:
    """The kinds that are one event with this one."""
    return next((f for f in _FAMILIES if kind in f), frozenset({kind}))


def opening_lock(session: Session) -> None:
    """Lets alerts in one after the other. SQLite does so by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def find_match(session: Session, draft: AlertDraft, spot: Point | None, raised_at: datetime, village: Village) -> Match:
    """Where an alert belongs. The incident it joins is locked against other writers."""
    rule = village.joining_for(draft.kind)
    longest = max(JOIN_WITHIN, timedelta(seconds=max(rule.sure_seconds, rule.likely_seconds)))
    candidates = session.scalars(
        select(Incident)
        .where(
            Incident.closed_at.is_(None),
            Incident.state.in_([s.value for s in OPEN]),
            Incident.kind.in_([k.value for k in family(draft.kind)]),
            Incident.last_alert_at >= raised_at - longest,
        )
        .order_by(Incident.last_alert_at.desc(), Incident.id)
        .limit(_MOST_LOOKED_AT)
    ).all()
    match = Match()
    nearest = float("inf")
    for incident in candidates:
        gap = abs((raised_at - incident.last_alert_at).total_seconds())
        resolved = incident.state == IncidentState.RESOLVED.value
        if draft.camera_id and incident.camera_id == draft.camera_id and gap <= JOIN_WITHIN.total_seconds():
            if resolved:
                match.likely.append((incident, _AGAIN))
                continue
            match.sure, match.reason = incident, None
            break
        if spot is None or incident.place_x is None or incident.place_y is None:
            continue
        metres = village.plan.metres(spot, (incident.place_x, incident.place_y))
        if metres <= rule.sure_metres and gap <= rule.sure_seconds and not resolved:
            if metres < nearest:
                nearest, match.sure, match.reason = metres, incident, _near(metres, gap)
        elif metres <= rule.likely_metres and gap <= rule.likely_seconds:
            match.likely.append((incident, _near(metres, gap)))
    if match.sure is not None:
        session.refresh(match.sure, with_for_update=True)
        match.likely = [pair for pair in match.likely if pair[0] is not match.sure]
    match.likely = match.likely[:_MOST_PROPOSALS]
    return match


def propose(session: Session, one: Incident, other: Incident, reason: Reason) -> MergeProposal | None:
    """Asks an operator whether the two are one event; None when that was asked before. The older one would stay."""
    if one.id == other.id:
        return None
    first, second = sorted((one, other), key=lambda i: (i.opened_at, i.id))
    asked = select(MergeProposal).where(
        MergeProposal.incident_id.in_([first.id, second.id]), MergeProposal.other_id.in_([first.id, second.id])
    )
    if session.scalar(asked.limit(1)) is not None:
        return None
    proposal = MergeProposal(incident_id=first.id, other_id=second.id, reason_zh=reason.zh, reason_en=reason.en)
    session.add(proposal)
    session.flush()
    return proposal


def _near(metres: float, seconds: float) -> Reason:
    minutes = max(1, round(seconds / 60))
    return Reason(
        zh=f"同类事件，相距约 {metres:.0f} 米，间隔约 {minutes} 分钟",
        en=f"the same kind, about {metres:.0f} m apart and {minutes} min from each other",
    )
