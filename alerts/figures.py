"""Governance in figures: how many incidents, how long each step took, by kind, place and person.

Promises: a span is measured in two queries whatever it holds, up to a limit that is said; a step nobody took has no
duration. Not here: footfall (`flow/`), questions (`questions.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.numbers import Spread, spread_of
from alerts.states import IncidentState
from models.citizens import Rating, Report
from models.governance import Assignment
from models.tables import Incident, User

MOST_INCIDENTS = 50_000

#: Step → (from, to) as columns of an incident.
STEPS: dict[str, tuple[str, str]] = {
    "confirm": ("opened_at", "confirmed_at"),
    "dispatch": ("confirmed_at", "dispatched_at"),
    "accept": ("dispatched_at", "accepted_at"),
    "arrive": ("accepted_at", "arrived_at"),
    "resolve": ("arrived_at", "resolved_at"),
    "close": ("resolved_at", "closed_at"),
    "whole": ("opened_at", "closed_at"),
    "until_resolved": ("opened_at", "resolved_at"),
}


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """One worker's part."""

    user_id: str
    display_name: str
    done: int
    declined: int
    timed_out: int
    accept: Spread | None
    arrive: Spread | None
    resolve: Spread | None
    stars: float | None


@dataclass(slots=True)
class GovernanceFigures:
    """A span in figures. `truncated`: only the newest so many incidents were measured."""

    total: int = 0
    open: int = 0
    overdue: int = 0
    closed: int = 0
    false_alarms: int = 0
    reports: int = 0
    stars: float | None = None
    truncated: bool = False
    by_kind: dict[str, int] = field(default_factory=dict)
    by_area: dict[str, int] = field(default_factory=dict)
    by_state: dict[str, int] = field(default_factory=dict)
    by_day: dict[str, int] = field(default_factory=dict)
    steps: dict[str, Spread | None] = field(default_factory=dict)
    steps_by_kind: dict[str, dict[str, Spread | None]] = field(default_factory=dict)
    steps_by_area: dict[str, dict[str, Spread | None]] = field(default_factory=dict)
    people: list[PersonFigures] = field(default_factory=list)


def governance(
    session: Session, since: datetime, until: datetime, now: datetime, day_of: Callable[[datetime], str]
) -> GovernanceFigures:
    """The figures of what was opened from `since` until `until`; `day_of` gives the day a moment belongs to."""
    columns = [
        Incident.kind, Incident.area_id, Incident.state, Incident.due_at, Incident.opened_at, Incident.confirmed_at,
        Incident.dispatched_at, Incident.accepted_at, Incident.arrived_at, Incident.resolved_at, Incident.closed_at,
    ]  # fmt: skip
    query = select(*columns).where(
        Incident.opened_at >= since, Incident.opened_at < until, Incident.state != IncidentState.DUPLICATE.value
    )
    rows = session.execute(query.order_by(Incident.opened_at.desc()).limit(MOST_INCIDENTS + 1)).all()
    found = GovernanceFigures(truncated=len(rows) > MOST_INCIDENTS)
    rows = rows[:MOST_INCIDENTS]
    found.total = len(rows)
    found.open = sum(r.closed_at is None for r in rows)
    found.overdue = sum(r.due_at is not None and r.due_at < now for r in rows)
    found.by_state = dict(Counter(r.state for r in rows))
    found.closed = found.by_state.get(IncidentState.CLOSED.value, 0)
    found.false_alarms = found.by_state.get(IncidentState.FALSE_ALARM.value, 0)
    found.by_kind = dict(Counter(r.kind for r in rows))
    found.by_area = dict(Counter(r.area_id or "" for r in rows))
    found.by_day = dict(sorted(Counter(day_of(r.opened_at) for r in rows).items()))
    true = [r for r in rows if r.state != IncidentState.FALSE_ALARM.value]
    found.steps = _steps(true)
    found.steps_by_kind = _grouped(true, lambda r: r.kind)
    found.steps_by_area = _grouped(true, lambda r: r.area_id or "")
    found.reports = (
        session.scalar(
            select(func.count()).select_from(Report).where(Report.created_at >= since, Report.created_at < until)
        )
        or 0
    )
    stars = session.scalar(select(func.avg(Rating.stars)).where(Rating.at >= since, Rating.at < until))
    found.stars = round(float(stars), 2) if stars is not None else None
    found.people = _people(session, since, until)
    return found


def _steps(rows: Iterable[Any]) -> dict[str, Spread | None]:
    rows = list(rows)
    return {
        name: spread_of(
            [
                (getattr(r, end) - getattr(r, start)).total_seconds()
                for r in rows
                if getattr(r, start) is not None and getattr(r, end) is not None
            ]
        )
        for name, (start, end) in STEPS.items()
    }


def _grouped(rows: Iterable[Any], key: Callable[[Any], str]) -> dict[str, dict[str, Spread | None]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: _steps(group) for name, group in sorted(groups.items())}


def _people(session: Session, since: datetime, until: datetime) -> list[PersonFigures]:
    query = select(Assignment).where(Assignment.asked_at >= since, Assignment.asked_at < until)
    parts: dict[str, list[Assignment]] = defaultdict(list)
    for part in session.scalars(query.order_by(Assignment.asked_at.desc()).limit(MOST_INCIDENTS)):
        parts[part.user_id].append(part)
    names = {u.id: u.display_name for u in session.scalars(select(User).where(User.id.in_(parts)))}
    rated = select(Rating.worker_id, func.avg(Rating.stars)).where(Rating.at >= since, Rating.at < until)
    stars = {row[0]: float(row[1]) for row in session.execute(rated.group_by(Rating.worker_id))}

    def between(mine: list[Assignment], start: str, end: str) -> Spread | None:
        return spread_of(
            [
                (getattr(a, end) - getattr(a, start)).total_seconds()
                for a in mine
                if getattr(a, start) is not None and getattr(a, end) is not None and a.state != "declined"
            ]
        )

    people = [
        PersonFigures(
            user_id=user_id,
            display_name=names.get(user_id, ""),
            done=sum(a.state == "done" for a in mine),
            declined=sum(a.state == "declined" for a in mine),
            timed_out=sum(a.state == "timed_out" for a in mine),
            accept=between(mine, "asked_at", "answered_at"),
            arrive=between(mine, "answered_at", "arrived_at"),
            resolve=between(mine, "arrived_at", "ended_at"),
            stars=round(stars[user_id], 2) if user_id in stars else None,
        )
        for user_id, mine in parts.items()
    ]
    return sorted(people, key=lambda p: (-p.done, p.display_name))
