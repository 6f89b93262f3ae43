"""Which open incident an alert belongs to.

Promises: the same camera and kind within half an hour is the same event; across cameras and reports, distance on the
plan and time decide, by village.yaml: sure cases join by themselves, likely ones are only proposed, with the reason.
What is seen after an incident was resolved is a new one, proposed to be the same, so that a fire that starts again is
told. Two alerts that arrive at the same moment cannot open two incidents. Not here: joining by hand (`merging.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import false, or_, select, text
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
    """The incident an alert surely belongs to, if any; the ids of those it may belong to; why."""

    sure: Incident | None = None
    reason: Reason | None = None
    likely: list[tuple[str, Reason]] = field(default_factory=list)


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
    farthest = max(rule.sure_metres, rule.likely_metres)
    match, sure_id, nearest = Match(), None, float("inf")
    likely: list[tuple[str, Reason]] = []
    for row in session.execute(_nearby(draft, spot, raised_at - longest, farthest, village)):
        gap = abs((raised_at - row.last_alert_at).total_seconds())
        resolved = row.state == IncidentState.RESOLVED.value
        if draft.camera_id and row.camera_id == draft.camera_id and gap <= JOIN_WITHIN.total_seconds():
            if resolved:
                likely.append((row.id, _AGAIN))
                continue
            sure_id, match.reason = row.id, None
            break
        if spot is None or row.place_x is None or row.place_y is None:
            continue
        metres = village.plan.metres(spot, (row.place_x, row.place_y))
        if metres <= rule.sure_metres and gap <= rule.sure_seconds and not resolved:
            if metres < nearest:
                nearest, sure_id, match.reason = metres, row.id, _near(metres, gap)
        elif metres <= rule.likely_metres and gap <= rule.likely_seconds:
            likely.append((row.id, _near(metres, gap)))
    if sure_id is not None:
        match.sure = session.get_one(Incident, sure_id, with_for_update=True)
    match.likely = [pair for pair in likely if pair[0] != sure_id][:_MOST_PROPOSALS]
    return match


def _nearby(draft: AlertDraft, spot: Point | None, since: datetime, metres: float, village: Village) -> Any:
    """Open incidents of the kind's family, of the same camera or within a square around the spot; the newest first."""
    near = [Incident.camera_id == draft.camera_id] if draft.camera_id else []
    if spot is not None:
        across, down = metres / village.plan.width_metres, metres / village.plan.height_metres
        near.append(
            Incident.place_x.between(spot[0] - across, spot[0] + across)
            & Incident.place_y.between(spot[1] - down, spot[1] + down)
        )
    return (
        select(
            Incident.id, Incident.state, Incident.camera_id, Incident.place_x, Incident.place_y, Incident.last_alert_at
        )
        .where(
            Incident.closed_at.is_(None),
            Incident.state.in_([s.value for s in OPEN]),
            Incident.kind.in_([k.value for k in family(draft.kind)]),
            Incident.last_alert_at >= since,
            or_(false(), *near),
        )
        .order_by(Incident.last_alert_at.desc(), Incident.id)
        .limit(_MOST_LOOKED_AT)
    )


def propose(session: Session, incident: Incident, likely: list[tuple[str, Reason]]) -> list[MergeProposal]:
    """Asks an operator whether `incident` is one event with each of these (by id), unless that was asked before. The
    older one would stay."""
    if not likely:
        return []
    asked = select(MergeProposal.incident_id, MergeProposal.other_id).where(
        (MergeProposal.incident_id == incident.id) | (MergeProposal.other_id == incident.id)
    )
    known = {one for pair in session.execute(asked) for one in pair}
    others = {i.id: i for i in session.scalars(select(Incident).where(Incident.id.in_([i for i, _ in likely])))}
    made = []
    for other_id, reason in likely:
        if other_id in known or other_id == incident.id:
            continue
        first, second = sorted((incident, others[other_id]), key=lambda i: (i.opened_at, i.id))
        made.append(MergeProposal(incident_id=first.id, other_id=second.id, reason_zh=reason.zh, reason_en=reason.en))
    session.add_all(made)
    return made


def _near(metres: float, seconds: float) -> Reason:
    minutes = max(1, round(seconds / 60))
    return Reason(
        zh=f"同类事件，相距约 {metres:.0f} 米，间隔约 {minutes} 分钟",
        en=f"the same kind, about {metres:.0f} m apart and {minutes} min from each other",
    )
