"""Minute rows of traffic, as they were observed."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy import select

from api import schemas_flow as shapes
from api.access import StaffCaller
from api.context import InContext
from api.problems import ProblemError
from models.tables import MinuteCrossing, MinuteOccupancy

router = APIRouter(prefix="/api", tags=["flow"])

_MOST_ROWS = 20_000


@router.get("/flow/minutes", operation_id="list_flow_minutes")
def list_minutes(
    caller: StaffCaller,
    context: InContext,
    camera_id: str | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> shapes.FlowMinutes:
    """Crossings and occupancy by minute, from `from` up to but without `to`; the last hour when not said otherwise."""
    until = until or datetime.now(UTC)
    since = since or until - timedelta(hours=1)
    if since >= until:
        raise ProblemError("bad-request", "`from` must lie before `to`")
    with context.database.reading() as session:
        crossings = select(MinuteCrossing).where(MinuteCrossing.minute >= since, MinuteCrossing.minute < until)
        occupancy = select(MinuteOccupancy).where(MinuteOccupancy.minute >= since, MinuteOccupancy.minute < until)
        if camera_id is not None:
            crossings = crossings.where(MinuteCrossing.camera_id == camera_id)
            occupancy = occupancy.where(MinuteOccupancy.camera_id == camera_id)
        crossed = session.scalars(crossings.order_by(MinuteCrossing.minute).limit(_MOST_ROWS + 1)).all()
        stood = session.scalars(occupancy.order_by(MinuteOccupancy.minute).limit(_MOST_ROWS + 1)).all()
        return shapes.FlowMinutes(
            crossings=[shapes.CrossingMinute.model_validate(r, from_attributes=True) for r in crossed[:_MOST_ROWS]],
            occupancy=[shapes.OccupancyMinute.model_validate(r, from_attributes=True) for r in stood[:_MOST_ROWS]],
            truncated=max(len(crossed), len(stood)) > _MOST_ROWS,
        )
