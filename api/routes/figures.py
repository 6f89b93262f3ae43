"""Governance in figures, for the big screen. How they are made is in `alerts/figures.py`."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from alerts import questions
from alerts.figures import governance
from api import schemas_figures as shapes
from api.access import StaffCaller
from api.context import InContext
from api.problems import ProblemError
from models.base import utc_now

router = APIRouter(prefix="/api/figures", tags=["figures"])

_LONGEST = timedelta(days=400)


@router.get("/governance", operation_id="get_governance_figures")
def get_governance(
    caller: StaffCaller,
    context: InContext,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    since: datetime | None = None,
    until: datetime | None = None,
) -> shapes.GovernanceSeen:
    """How many incidents, and the median and p90 of each step, by kind, area and person: of the last `days`, or of a
    span."""
    now = utc_now()
    end = (until.replace(tzinfo=until.tzinfo or UTC) if until else now).astimezone(UTC)
    start = (since.replace(tzinfo=since.tzinfo or UTC) if since else end - timedelta(days=days)).astimezone(UTC)
    if not start < end or end - start > _LONGEST:
        raise ProblemError("bad-range", "since is before until, and at most 400 days")
    with context.database.reading() as session:
        found = governance(session, start, end, now, context.governance.day_of)
        asked = questions.figures(session, start, end, now)
    return shapes.GovernanceSeen.model_validate(
        {**asdict(found), "since": start, "until": end, "questions": asdict(asked)}
    )
