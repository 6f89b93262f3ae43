"""Incidents: lists, one, and the steps of its life. The rules are in `alerts/transitions.py`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from alerts.lifecycle import IllegalTransition, IncidentNotFound, NotAllowed, StaleIncident, Wish, apply_action
from api import schemas_incidents as shapes
from api.access import RespondingCaller
from api.context import InContext
from api.problems import ProblemError
from api.rights import sight
from api.views import BadCursor, incident_detail, incident_page
from configs.words import IncidentKind
from models.tables import AuditEntry

router = APIRouter(prefix="/api", tags=["incidents"])


@router.get("/incidents", operation_id="list_incidents")
def list_incidents(
    caller: RespondingCaller,
    context: InContext,
    state: Literal["open", "closed", "all"] = "open",
    kind: IncidentKind | None = None,
    camera_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=200)] = None,
) -> shapes.IncidentPage:
    """Incidents, the newest first. `before` is the `next` of the page before."""
    try:
        with context.database.reading() as session:
            return incident_page(session, caller.role, state, kind, camera_id, limit, before, sight(context, caller))
    except BadCursor as error:
        raise ProblemError("bad-request", str(error)) from None


@router.get("/incidents/{incident_id}", operation_id="get_incident")
def get_incident(incident_id: str, caller: RespondingCaller, context: InContext) -> shapes.IncidentDetail:
    """One incident with its alerts, evidence and timeline."""
    with context.database.reading() as session:
        found = incident_detail(session, incident_id, caller.role, sight(context, caller))
    if found is None:
        raise ProblemError("incident-not-found")
    return found


@router.post("/incidents/{incident_id}/transition", operation_id="take_step")
def take_step(
    incident_id: str, step: shapes.Step, caller: RespondingCaller, context: InContext, request: Request
) -> shapes.IncidentDetail:
    """Takes one step of the incident's life. 409 when it does not follow, or when somebody else was quicker."""
    address = request.client.host if request.client else None
    wish = Wish(
        assignees=tuple(step.assignees),
        other_id=step.other_id,
        place=(step.place.x, step.place.y) if step.place else None,
        address=address,
    )
    try:
        with context.database.session() as session:
            incident = apply_action(
                session, incident_id, step.action.value, caller.id, caller.role, step.version, step.note, wish
            )
            session.add(
                AuditEntry(user_id=caller.id, action=f"incident.{step.action}", subject=incident.id, address=address)
            )
    except IncidentNotFound:
        raise ProblemError("incident-not-found") from None
    except NotAllowed as error:
        raise ProblemError("not-allowed", str(error)) from None
    except StaleIncident as error:
        raise ProblemError("stale-incident", str(error)) from None
    except IllegalTransition as error:
        raise ProblemError("illegal-transition", str(error)) from None
    context.bulletin.nudge()
    return get_incident(incident_id, caller, context)
