"""Handling incidents: who is sent, clocks, photos from the spot, joining and parting. The rules are in `alerts/`."""

from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from alerts import followup, merging
from alerts.assignments import ACTIVE
from alerts.duty import candidates
from alerts.lifecycle import IllegalTransition, IncidentNotFound, NotAllowed, StaleIncident
from alerts.photos import UnusableMedia
from alerts.reports import Media, ReportError, take_media
from alerts.states import ENDED, IncidentState
from alerts.timeline import record
from api import handling as views
from api import schemas_dispatch as shapes
from api.access import RespondingCaller, StaffCaller, allow
from api.context import Context, InContext
from api.governance import address_of
from api.identity import Caller
from api.problems import ProblemError
from api.rights import sight
from api.schemas_incidents import EvidenceItem
from api.uploads import multipart_schema, read_form
from api.views import incidents
from configs.words import IncidentKind, Role
from models.base import utc_now
from models.citizens import Report
from models.governance import Assignment
from models.tables import AuditEntry, Evidence, Incident

router = APIRouter(prefix="/api", tags=["dispatch"])

DeskCaller = Annotated[Caller, allow(Role.ADMINISTRATOR, Role.OPERATOR)]
WorkingCaller = Annotated[Caller, allow(Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER)]


@router.get("/areas", operation_id="list_areas")
def list_areas(caller: StaffCaller, context: InContext) -> list[shapes.GridArea]:
    """The grid areas of the village."""
    return [views.area(a) for a in context.governance.village.areas]


@router.get("/kinds", operation_id="list_kinds")
def list_kinds(caller: StaffCaller, context: InContext) -> list[shapes.KindInfo]:
    """The kinds of incident: names, urgency, time targets."""
    return [
        shapes.KindInfo(
            kind=k.kind, name=k.name, icon=k.icon, priority=k.priority, targets=k.targets.model_dump(), roles=k.roles,
            photo_to_resolve=k.photo_to_resolve,
        )
        for k in context.governance.kinds.kinds
    ]  # fmt: skip


@router.get("/incidents/{incident_id}/handling", operation_id="get_handling")
def get_handling(incident_id: str, caller: RespondingCaller, context: InContext) -> shapes.Handling:
    """Who is on it, its clock, citizens' reports, what it may be the same as, and what the caller may do."""
    with context.database.reading() as session:
        row = session.get(Incident, incident_id)
        if row is None:
            raise ProblemError("incident-not-found")
        return views.handling(session, row, caller, context.governance, utc_now(), sight(context, caller))


@router.get("/incidents/{incident_id}/candidates", operation_id="list_candidates")
def list_candidates(incident_id: str, caller: DeskCaller, context: InContext) -> list[shapes.Candidate]:
    """Who could be sent, the best first: by place, kind, duty hours and how busy they are."""
    desk = context.governance
    with context.database.reading() as session:
        row = session.get(Incident, incident_id)
        if row is None:
            raise ProblemError("incident-not-found")
        rules = desk.kinds.by_kind[IncidentKind(row.kind)]
        found = candidates(session, desk.village, rules, row.area_id, utc_now(), zone=desk.zone)
        known = views.persons(session, (u.id for u in found))
        busy_query = (
            select(Assignment.user_id, func.count())
            .where(Assignment.user_id.in_(known), Assignment.state.in_([s.value for s in ACTIVE]))
            .group_by(Assignment.user_id)
        )
        busy = {r[0]: r[1] for r in session.execute(busy_query)}
    local = {d.username for d in desk.village.roster if row.area_id in d.areas}
    return [
        shapes.Candidate(person=known[u.id], in_area=u.username in local, busy_with=busy.get(u.id, 0)) for u in found
    ]


@router.get("/me/assignments", operation_id="list_my_assignments")
def list_my_assignments(caller: WorkingCaller, context: InContext) -> list[shapes.MyAssignment]:
    """The incidents the caller is on, the most urgent clock first."""
    now = utc_now()
    with context.database.reading() as session:
        query = (
            select(Assignment, Incident)
            .join(Incident, Incident.id == Assignment.incident_id)
            .where(Assignment.user_id == caller.id, Assignment.state.in_([s.value for s in ACTIVE]))
            .order_by(Incident.due_at)
            .limit(200)
        )
        pairs = session.execute(query).all()
        me = views.persons(session, [caller.id])[caller.id]
        short = {i.id: i for i in incidents(session, [row for _, row in pairs], caller.role, sight(context, caller))}
        return [
            shapes.MyAssignment(
                incident=short[row.id],
                assignment=views.assignment(part, me),
                clock=views.clock(row, context.governance, now),
                actions=views.my_actions(row, caller, [part]),
            )
            for part, row in pairs
        ]


@router.post(
    "/incidents/{incident_id}/photos",
    operation_id="add_photos",
    openapi_extra=multipart_schema({"purpose": {"type": "string", "enum": ["on_site", "resolution"]}}, "files"),
)
async def add_photos(
    incident_id: str, caller: WorkingCaller, context: InContext, request: Request
) -> list[EvidenceItem]:
    """Photos from the spot (multipart: `files`, `purpose` on_site or resolution). They are cleaned like citizens'."""
    form = await read_form(request, context.governance.village.reports)
    purpose = form.fields.get("purpose", "on_site")
    if purpose not in ("on_site", "resolution") or not form.files:
        raise ProblemError("bad-request", "send photos as `files`, with the purpose on_site or resolution")
    media = await run_in_threadpool(clean, context, form.files)
    added = await run_in_threadpool(_add, incident_id, purpose, media, caller, context, address_of(request))
    context.bulletin.nudge()
    return added


def clean(context: Context, files: list[bytes]) -> Media:
    """The files cleaned and stored. Raises ProblemError."""
    desk = context.governance
    try:
        return take_media(files, desk.village.reports, desk.evidence, desk.judge, utc_now())
    except UnusableMedia as error:
        raise ProblemError("unusable-media", f"{error.zh} / {error.en}") from None
    except OSError:
        raise ProblemError("disk-full") from None


def _add(
    incident_id: str, purpose: str, media: Media, caller: Caller, context: Context, address: str | None
) -> list[EvidenceItem]:
    now = utc_now()
    with context.database.session() as session:
        incident = session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise ProblemError("incident-not-found")
        if IncidentState(incident.state) in ENDED:
            raise ProblemError("illegal-transition", "the incident has ended; reopen it first")
        rows = [
            Evidence(
                incident_id=incident.id, purpose=purpose, added_by=caller.id, media_type=f.media_type, path=f.path,
                sha256=f.sha256, size_bytes=f.size_bytes, captured_at=now, phash=f.phash,
            )
            for f in media.files
        ]  # fmt: skip
        session.add_all(rows)
        record(
            session, incident, "photo_added", now, was=incident.state, actor_id=caller.id, address=address,
            details={"purpose": purpose, "evidence": [r.id for r in rows]},
        )  # fmt: skip
        session.add(AuditEntry(user_id=caller.id, action="incident.photo_added", subject=incident.id, address=address))
        session.flush()
        return [views.item(row) for row in rows]


@router.get("/merge-proposals", operation_id="list_merge_proposals")
def list_merge_proposals(caller: DeskCaller, context: InContext) -> list[shapes.Proposal]:
    """Open incidents that may be one event, the newest first."""
    with context.database.reading() as session:
        return views.proposals(session, merging.open_proposals(session), caller.role, sight(context, caller))


@router.post("/merge-proposals/{proposal_id}", operation_id="decide_merge", status_code=204)
def decide_merge(
    proposal_id: str, decision: shapes.Decision, caller: DeskCaller, context: InContext, request: Request
) -> None:
    """Joins the two, or keeps them apart for good."""
    address = address_of(request)
    try:
        with context.database.session() as session:
            merging.decide(session, proposal_id, decision.merge, caller.id, caller.role, address)
            session.add(
                AuditEntry(user_id=caller.id, action="incident.merge_decided", subject=proposal_id, address=address)
            )
    except merging.ProposalNotFound:
        raise ProblemError("proposal-not-found") from None
    except (StaleIncident, IncidentNotFound) as error:
        raise ProblemError("stale-incident", str(error)) from None
    except IllegalTransition as error:
        raise ProblemError("illegal-transition", str(error)) from None
    context.bulletin.nudge()


@router.post("/incidents/{incident_id}/split", operation_id="split_incident")
def split_incident(
    incident_id: str, wish: shapes.SplitWish, caller: DeskCaller, context: InContext, request: Request
) -> shapes.Handling:
    """Takes alerts out into an incident of their own, which is returned."""
    address = address_of(request)
    try:
        with context.database.session() as session:
            other = merging.split(
                session, incident_id, wish.alert_ids, caller.id, caller.role, wish.version, wish.note, address
            )
            session.add(AuditEntry(user_id=caller.id, action="incident.split", subject=incident_id, address=address))
            other_id = other.id
    except NotAllowed as error:
        raise ProblemError("not-allowed", str(error)) from None
    except StaleIncident as error:
        raise ProblemError("stale-incident", str(error)) from None
    except IllegalTransition as error:
        raise ProblemError("illegal-transition", str(error)) from None
    context.bulletin.nudge()
    return get_handling(other_id, caller, context)


@router.post("/incidents/{incident_id}/reports/{report_id}/reply", operation_id="reply_to_report", status_code=204)
def reply_to_report(
    incident_id: str, report_id: str, wish: shapes.ReplyWish, caller: DeskCaller, context: InContext, request: Request
) -> None:
    """Tells a reporter something; they read it on the page of their code."""
    address = address_of(request)
    try:
        with context.database.session() as session:
            report = session.get(Report, report_id)
            if report is None or followup.incident_of(session, report).id != incident_id:
                raise ProblemError("not-found", "this incident has no such report")
            followup.reply(session, report, wish.text, caller.id, address)
            session.add(AuditEntry(user_id=caller.id, action="report.reply", subject=report_id, address=address))
    except ReportError as error:
        raise ProblemError("bad-request", f"{error.zh} / {error.en}") from None
    context.bulletin.nudge()
