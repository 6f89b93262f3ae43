"""The site and its cameras."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from api import schemas_site as shapes
from api.access import StaffCaller, WatchingCaller
from api.context import InContext
from api.problems import ProblemError
from api.rights import camera_for, cameras_for, groups_of
from configs.phones import groups_of as all_groups
from configs.words import CameraId
from live.subscriber import ShardError
from live.wire import Request as ShardRequest

router = APIRouter(prefix="/api", tags=["site"])

_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/site", operation_id="get_site")
def get_site(caller: StaffCaller, context: InContext) -> shapes.Site:
    """Names, time zone and groups."""
    site, groups = context.settings.site, groups_of(caller)
    return shapes.Site(
        name=site.site.name,
        timezone=site.site.timezone,
        groups=[shapes.Group(id=g.id, name=g.name) for g in all_groups(site) if groups is None or g.id in groups],
        plan=shapes.Plan(image_url="/api/site/plan" if context.settings.plan_image else None),
        camera_count=len(site.cameras) if groups is None else len(cameras_for(context, caller)),
        phones=site.service.phones,
    )


@router.get("/site/plan", operation_id="get_plan_image", response_class=FileResponse)
def get_plan(caller: StaffCaller, context: InContext) -> FileResponse:
    """The picture of the village plan."""
    image = context.settings.plan_image
    if image is None or not image.is_file():
        raise ProblemError("not-found", "no plan image is configured")
    return FileResponse(image)


@router.get("/cameras", operation_id="list_cameras")
def list_cameras(caller: StaffCaller, context: InContext) -> list[shapes.Camera]:
    """Every camera that the caller may see with its true state now, in the order of the configuration."""
    return [context.board.view(camera_id) for camera_id in cameras_for(context, caller)]


@router.get("/cameras/{camera_id}", operation_id="get_camera")
def get_camera(camera_id: str, caller: StaffCaller, context: InContext) -> shapes.Camera:
    """One camera."""
    return context.board.view(camera_for(context, caller, camera_id).id)


@router.get("/cameras/{camera_id}/snapshot.jpg", operation_id="get_snapshot", response_class=Response, responses=_JPEG)
async def get_snapshot(
    camera_id: str, caller: WatchingCaller, context: InContext, _: Annotated[str | None, Query(alias="t")] = None
) -> Response:
    """The newest picture of the camera. `t` is ignored: put anything there to get past a cache."""
    camera_for(context, caller, camera_id)
    try:
        reply = await context.shards.ask(ShardRequest("snapshot", CameraId(camera_id)))
    except ShardError as error:
        raise ProblemError("no-picture", str(error)) from None
    return Response(reply, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
