"""What follows from a step of an incident: reporters' records, and points.

Promises: in the same transaction as the step; taken twice (closed, reopened, closed again) nothing is given twice. Not
here: the steps (`lifecycle.py`), the ledger (`credit.py`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.credit import award, reporter_account, user_account
from alerts.states import IncidentState
from configs.kinds import IncidentKinds
from configs.village import Award, CreditRule, Village
from configs.words import IncidentKind
from models.citizens import Rating, Report, Reporter
from models.tables import Alert, Incident


def after_step(
    session: Session, incident: Incident, action: str, now: datetime, village: Village, kinds: IncidentKinds
) -> dict[str, Any]:
    """Does what follows, and says what to add to the timeline."""
    if incident.state == IncidentState.CLOSED.value and action == "close":
        judge_reports(session, incident.id, "verified")
        points = _award_reports(session, incident, village, now) + _award_on_time(
            session, incident, village, kinds, now
        )
        return {"points": points} if points else {}
    if incident.state == IncidentState.FALSE_ALARM.value:
        judge_reports(session, incident.id, "unfounded")
    return {}


def judge_reports(session: Session, incident_id: str, outcome: str) -> None:
    """Writes down whether the incident's reports were true, and keeps the reporters' records in line."""
    for report in _reports(session, incident_id):
        if report.outcome == outcome or report.withdrawn_at is not None:
            continue
        reporter = session.get(Reporter, report.reporter_id, with_for_update=True) if report.reporter_id else None
        if reporter is not None:
            for name, change in ((report.outcome, -1), (outcome, 1)):
                if name is not None:
                    setattr(reporter, name, max(0, getattr(reporter, name) + change))
        report.outcome = outcome


def _reports(session: Session, incident_id: str) -> list[Report]:
    query = select(Report).join(Alert, Alert.id == Report.alert_id).where(Alert.incident_id == incident_id)
    return list(session.scalars(query.order_by(Report.created_at)))


def _rules(village: Village, kind: IncidentKind, what: Award) -> list[CreditRule]:
    return [r for r in village.credit.rules if r.award is what and (not r.kinds or kind in r.kinds)]


def _award_reports(session: Session, incident: Incident, village: Village, now: datetime) -> int:
    """Points for each reporter once: ten reports of one fire by one person are one."""
    given = 0
    for reporter_id in dict.fromkeys(r.reporter_id for r in _reports(session, incident.id) if not r.withdrawn_at):
        if reporter_id is None:
            continue
        for rule in _rules(village, IncidentKind(incident.kind), Award.VERIFIED_REPORT):
            key = f"{rule.id}:{incident.id}:{reporter_id}"
            if award(session, reporter_account(reporter_id), rule.points, key, incident.id, now):
                given += rule.points
    return given


def _award_on_time(
    session: Session, incident: Incident, village: Village, kinds: IncidentKinds, now: datetime
) -> int:  # fmt: skip
    """Points for whoever dealt with it, when it took no longer from being sent to resolved than the targets allow."""
    if incident.lead_id is None or incident.dispatched_at is None or incident.resolved_at is None:
        return 0
    targets = kinds.by_kind[IncidentKind(incident.kind)].targets
    allowed = targets.accept + targets.arrive + targets.resolve
    if (incident.resolved_at - incident.dispatched_at).total_seconds() > allowed:
        return 0
    given = 0
    for rule in _rules(village, IncidentKind(incident.kind), Award.ON_TIME):
        key = f"{rule.id}:{incident.id}"
        if award(session, user_account(incident.lead_id), rule.points, key, incident.id, now):
            given += rule.points
    return given


def award_rating(session: Session, rating: Rating, kind: IncidentKind, village: Village, now: datetime) -> int:
    """Points for a well rated worker."""
    if rating.worker_id is None:
        return 0
    given = 0
    for rule in _rules(village, kind, Award.GOOD_RATING):
        if rating.stars >= rule.at_least_stars:
            key = f"{rule.id}:{rating.id}"
            given += rule.points * award(session, user_account(rating.worker_id), rule.points, key, rating.id, now)
    return given
