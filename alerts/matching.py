"""Which open incident an alert belongs to.

Promises: the same camera and kind within half an hour is the same event; across cameras and reports, distance on the
plan and time decide, by village.yaml: sure cases join by themselves, likely ones are only proposed, with the reason.
What is seen after an incident was resolved is a new one, proposed to be the same, so that a fire that starts again is
told. Two alerts that arrive at the same moment cannot open two incidents. Not here: joining by hand (`merging.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from alerts.states import IncidentState
from alerts.words import AlertDraft, Reason
from configs.village import Village
from configs.words import IncidentKind, Point, is_phone
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
_MOST_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Likely:
    """An incident that may be the same event, and why."""

    incident_id: str
    opened_at: datetime
    reason: Reason


@dataclass(slots=True)
class Match:
    """The incident an alert surely belongs to, if any, and why; those that it may belong to."""

    sure: Incident | None = None
    reason: Reason | None = None
    likely: list[Likely] = field(default_factory=list)


@dataclass(slots=True)
class Held:
    """What one transaction has at hand and may not have written yet: incidents it locked or made, and for each of those
    the others of which an operator was asked whether they are the same."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    asked: dict[str, set[str]] = field(default_factory=dict)
    #: All that is open and recent enough, asked for once; none: each alert asks for what is near it.
    open: list[Any] | None = None


_SEEN = (
    Incident.id,
    Incident.kind,
    Incident.state,
    Incident.camera_id,
    Incident.place_x,
    Incident.place_y,
    Incident.last_alert_at,
    Incident.opened_at,
)
#: Open incidents of some kinds, of the same camera or within a square around the spot; the newest first. Built once: it
#: is asked for every alert. What is not known is null, which equals nothing.
_NEARBY = (
    select(*_SEEN)
    .where(
        Incident.closed_at.is_(None),
        Incident.kind.in_(bindparam("kinds", expanding=True)),
        Incident.last_alert_at >= bindparam("since"),
        (Incident.camera_id == bindparam("camera"))
        | (
            Incident.place_x.between(bindparam("left"), bindparam("right"))
            & Incident.place_y.between(bindparam("top"), bindparam("bottom"))
        ),
    )
    .order_by(Incident.last_alert_at.desc(), Incident.id)
    .limit(_MOST_LOOKED_AT)
)
_ALL = select(*_SEEN).where(Incident.closed_at.is_(None), Incident.last_alert_at >= bindparam("since"))
_ASKED = select(MergeProposal.incident_id, MergeProposal.other_id).where(
    (MergeProposal.incident_id == bindparam("it")) | (MergeProposal.other_id == bindparam("it"))
)


def family(kind: IncidentKind) -> frozenset[IncidentKind]:
    """The kinds that are one event with this one."""
    return next((f for f in _FAMILIES if kind in f), frozenset({kind}))


def opening_lock(session: Session) -> None:
    """Lets alerts in one after the other. SQLite does so by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def find_match(
    session: Session,
    draft: AlertDraft,
    spot: Point | None,
    raised_at: datetime,
    village: Village,
    held: Held,
) -> Match:
    """Where an alert belongs. The incident it joins is locked against other writers, and then among `held`."""
    rule = village.joining_for(draft.kind)
    longest = max(JOIN_WITHIN, timedelta(seconds=max(rule.sure_seconds, rule.likely_seconds)))
    farthest = max(rule.sure_metres, rule.likely_metres)
    match, sure_id, nearest = Match(), None, float("inf")
    for row in _nearby(session, _bounds(draft, spot, raised_at - longest, farthest, village), held):
        gap = abs((raised_at - row.last_alert_at).total_seconds())
        resolved = row.state == IncidentState.RESOLVED.value
        same = draft.camera_id and row.camera_id == draft.camera_id and gap <= JOIN_WITHIN.total_seconds()
        # A phone goes elsewhere, and may be somebody else's by now: where it was counts, if that is known.
        carried = is_phone(draft.camera_id or "") and spot is not None and row.place_x is not None
        if same and not carried:
            if resolved:
                match.likely.append(Likely(row.id, row.opened_at, _AGAIN))
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
            match.likely.append(Likely(row.id, row.opened_at, _near(metres, gap)))
    if sure_id is not None:
        # Read again it would lose what was not written yet.
        match.sure = held.incidents.get(sure_id) or session.get_one(Incident, sure_id, with_for_update=True)
        if match.sure.closed_at is None:
            held.incidents[sure_id] = match.sure
        else:  # somebody ended it between the question and the lock
            match.sure = match.reason = None
    match.likely = [one for one in match.likely if one.incident_id != sure_id][:_MOST_PROPOSALS]
    return match


def _nearby(session: Session, bounds: dict[str, Any], held: Held) -> Iterable[Any]:
    """What is within the bounds, the newest first. Of incidents at hand their present state counts, not the row's."""
    rows: Iterable[Any]
    if held.open is not None:
        rows = (row for row in held.open if _within(row, bounds))
    else:
        rows = session.execute(_NEARBY, bounds)
        if not held.incidents:
            return rows
    mine = [i for i in held.incidents.values() if _within(i, bounds)]
    found = [*mine, *(row for row in rows if row.id not in held.incidents)]
    return sorted(found, key=lambda one: (-one.last_alert_at.timestamp(), one.id))[:_MOST_LOOKED_AT]


def look_ahead(session: Session, earliest: datetime, village: Village) -> list[Any] | None:
    """Every open incident that an alert raised at `earliest` or later may belong to, in one question; none when there
    are so many that asking for each alert is cheaper."""
    seconds = max(max(rule.sure_seconds, rule.likely_seconds) for rule in village.joining)
    since = earliest - max(JOIN_WITHIN, timedelta(seconds=seconds))
    rows = session.execute(_ALL.limit(_MOST_AHEAD + 1), {"since": since}).all()
    return list(rows) if len(rows) <= _MOST_AHEAD else None


def _within(incident: Any, bounds: dict[str, Any]) -> bool:
    """As the query says it."""
    if incident.kind not in bounds["kinds"] or incident.last_alert_at < bounds["since"]:
        return False
    if bounds["camera"] is not None and incident.camera_id == bounds["camera"]:
        return True
    x, y = incident.place_x, incident.place_y
    if bounds["left"] is None or x is None or y is None:
        return False
    return bool(bounds["left"] <= x <= bounds["right"] and bounds["top"] <= y <= bounds["bottom"])


def _bounds(draft: AlertDraft, spot: Point | None, since: datetime, metres: float, village: Village) -> dict[str, Any]:
    bounds: dict[str, Any] = dict.fromkeys(("left", "right", "top", "bottom"))
    if spot is not None:
        across, down = metres / village.plan.width_metres, metres / village.plan.height_metres
        bounds = {
            "left": spot[0] - across,
            "right": spot[0] + across,
            "top": spot[1] - down,
            "bottom": spot[1] + down,
        }
    kinds = [k.value for k in family(draft.kind)]
    return {**bounds, "kinds": kinds, "since": since, "camera": draft.camera_id or None}


def propose(
    session: Session, incident: Incident, likely: list[Likely], is_new: bool, held: Held
) -> list[MergeProposal]:  # fmt: skip
    """Asks an operator whether `incident` is one event with each of these, unless that was asked before (of a new one
    nothing was). The older one would stay."""
    if not likely:
        return []
    if incident.id not in held.asked:
        told = set() if is_new else {one for pair in session.execute(_ASKED, {"it": incident.id}) for one in pair}
        unwritten = {one for one, others in held.asked.items() if incident.id in others}
        held.asked[incident.id] = told | unwritten | {incident.id}
    asked = held.asked[incident.id]
    made = []
    for other in likely:
        if other.incident_id in asked:
            continue
        asked.add(other.incident_id)
        if other.incident_id in held.asked:
            held.asked[other.incident_id].add(incident.id)
        pair = sorted([(incident.opened_at, incident.id), (other.opened_at, other.incident_id)])
        made.append(
            MergeProposal(
                incident_id=pair[0][1],
                other_id=pair[1][1],
                reason_zh=other.reason.zh,
                reason_en=other.reason.en,
            )
        )
    session.add_all(made)
    return made


def _near(metres: float, seconds: float) -> Reason:
    minutes = max(1, round(seconds / 60))
    return Reason(
        zh=f"同类事件，相距约 {metres:.0f} 米，间隔约 {minutes} 分钟",
        en=f"the same kind, about {metres:.0f} m apart and {minutes} min from each other",
    )
