"""From rows to what the routes of governance say.

Promises: a handful of queries a page. Not here: the shapes (`schemas_dispatch.py`), rules (`alerts/`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts import assignments as people
from alerts.clocks import AWAITED, overdue_seconds
from alerts.states import IncidentState
from alerts.transitions import Action, actions_for
from api import schemas_dispatch as shapes
from api.governance import Governance
from api.identity import Caller
from api.schemas import Text
from api.schemas_incidents import EvidenceItem
from api.views import Sees, evidence_url, incidents
from configs.village import Area
from configs.words import IncidentKind, Role
from models import citizens, governance, tables

DESK = (Role.ADMINISTRATOR, Role.OPERATOR)


def persons(session: Session, ids: Iterable[str | None]) -> dict[str, shapes.Person]:
    """These users, by id."""
    wanted = {i for i in ids if i}
    rows = session.scalars(select(tables.User).where(tables.User.id.in_(wanted)))
    return {
        u.id: shapes.Person(id=u.id, username=u.username, display_name=u.display_name, role=Role(u.role)) for u in rows
    }


def clock(incident: tables.Incident, desk: Governance, now: datetime) -> shapes.Clock:
    """The clock of the awaited step."""
    step = AWAITED.get(IncidentState(incident.state))
    targets = desk.kinds.by_kind[IncidentKind(incident.kind)].targets
    return shapes.Clock(
        step=step,
        since=incident.state_since,
        due_at=incident.due_at,
        target_seconds=getattr(targets, step) if step else None,
        overdue_seconds=overdue_seconds(incident, now),
        escalation_level=incident.escalation_level,
    )


def area(found: Area) -> shapes.GridArea:
    """A grid area."""
    return shapes.GridArea(id=found.id, name=found.name, polygon=found.polygon)


def assignments(session: Session, rows: Sequence[governance.Assignment]) -> list[shapes.Assignment]:
    """Who was sent."""
    known = persons(session, (a.user_id for a in rows))
    return [assignment(a, known[a.user_id]) for a in rows if a.user_id in known]


def assignment(row: governance.Assignment, person: shapes.Person) -> shapes.Assignment:
    """One who was sent."""
    return shapes.Assignment(
        id=row.id, person=person, state=people.AssignmentState(row.state), asked_at=row.asked_at, due_at=row.due_at,
        answered_at=row.answered_at, arrived_at=row.arrived_at, ended_at=row.ended_at,
    )  # fmt: skip


def item(row: tables.Evidence, url: str | None = None) -> EvidenceItem:
    """A picture or clip; `url` where somebody without a login reads it."""
    return EvidenceItem(
        id=row.id, url=url or evidence_url(row.id), media_type=row.media_type, sha256=row.sha256,
        size_bytes=row.size_bytes, captured_at=row.captured_at,
    )  # fmt: skip


def media_of(session: Session, report: citizens.Report) -> list[tables.Evidence]:
    """What a report shows."""
    query = select(tables.Evidence).where(
        tables.Evidence.alert_id == report.alert_id, tables.Evidence.purpose == "report"
    )
    return list(session.scalars(query.order_by(tables.Evidence.captured_at, tables.Evidence.id)))


def entries_of(session: Session, report: citizens.Report) -> list[shapes.ReportEntry]:
    """What was said afterwards."""
    query = select(citizens.ReportEntry).where(citizens.ReportEntry.report_id == report.id)
    rows = session.scalars(query.order_by(citizens.ReportEntry.id))
    return [shapes.ReportEntry(at=e.at, by=e.by, text=e.text) for e in rows]


def stars_of(session: Session, report: citizens.Report) -> int | None:
    """How it was rated, if it was."""
    return session.scalar(select(citizens.Rating.stars).where(citizens.Rating.report_id == report.id))


def reports_of(session: Session, incident_id: str, with_phone: bool) -> list[shapes.ReportSeen]:
    """The citizens' reports of an incident, the most trusted first."""
    query = (
        select(citizens.Report, tables.Alert)
        .join(tables.Alert, tables.Alert.id == citizens.Report.alert_id)
        .where(tables.Alert.incident_id == incident_id)
        .order_by(citizens.Report.created_at)
        .limit(100)
    )
    seen = [
        shapes.ReportSeen(
            id=report.id,
            created_at=report.created_at,
            source=report.source,
            sentence=report.sentence,
            phone=report.phone if with_phone else None,
            place_from=report.place_from,
            latitude=report.latitude,
            longitude=report.longitude,
            withdrawn_at=report.withdrawn_at,
            similar_to=report.similar_to,
            trust=float(alert.numbers.get("trust", 0.5)),
            evidence=[item(e) for e in media_of(session, report)],
            entries=entries_of(session, report),
            stars=stars_of(session, report),
        )
        for report, alert in session.execute(query)
    ]
    return sorted(seen, key=lambda r: -r.trust)


def proposals(
    session: Session, rows: Sequence[governance.MergeProposal], role: Role, sees: Sees
) -> list[shapes.Proposal]:
    """Proposals with both incidents in short."""
    ids = {i for p in rows for i in (p.incident_id, p.other_id)}
    found = session.scalars(select(tables.Incident).where(tables.Incident.id.in_(ids))).all() if ids else []
    short = {i.id: i for i in incidents(session, found, role, sees)}
    return [
        shapes.Proposal(
            id=p.id,
            incident=short[p.incident_id],
            other=short[p.other_id],
            reason=Text(zh=p.reason_zh, en=p.reason_en),
            created_at=p.created_at,
        )
        for p in rows
    ]


def my_actions(incident: tables.Incident, caller: Caller, crew: Sequence[governance.Assignment]) -> list[Action]:
    """What the caller personally may do now."""
    mine = people.of_user(crew, caller.id)
    actions = actions_for(incident.state, caller.role, mine is not None)
    taken = {
        people.AssignmentState.ACCEPTED.value: {Action.ACCEPT},
        people.AssignmentState.ARRIVED.value: {Action.ACCEPT, Action.ARRIVE},
    }
    return [a for a in actions if a not in taken.get(mine.state if mine else "", set())]


def handling(
    session: Session, row: tables.Incident, caller: Caller, desk: Governance, now: datetime, sees: Sees
) -> shapes.Handling:
    """How an incident is being handled; `sees` says of which cameras the caller may have pictures."""
    crew = people.assignments_of(session, row.id)
    mine = any(a.user_id == caller.id for a in crew)
    asked = select(governance.MergeProposal).where(
        governance.MergeProposal.decision.is_(None),
        (governance.MergeProposal.incident_id == row.id) | (governance.MergeProposal.other_id == row.id),
    )
    merged_from = session.scalars(select(tables.Incident.id).where(tables.Incident.merged_into == row.id))
    where = next((a for a in desk.village.areas if a.id == row.area_id), None)
    return shapes.Handling(
        incident=incidents(session, [row], caller.role, sees)[0],
        area=area(where) if where else None,
        source=row.source,
        clock=clock(row, desk, now),
        lead=persons(session, [row.lead_id]).get(row.lead_id or ""),
        assignments=assignments(session, crew),
        reports=reports_of(session, row.id, with_phone=mine or caller.role in DESK),
        proposals=proposals(session, session.scalars(asked).all(), caller.role, sees),
        merged_into=row.merged_into,
        merged_from=list(merged_from),
        actions=my_actions(row, caller, crew),
        needs_photo=desk.kinds.by_kind[IncidentKind(row.kind)].photo_to_resolve,
    )
