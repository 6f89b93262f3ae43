"""A phone becomes a camera, by WHIP (RFC 9725): POST an offer that sends video, PATCH candidates, DELETE. What a
broadcast is lives in `live/phones.py`."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import FilmingCaller, write_audit
from api.context import Context, InContext
from api.problems import ProblemError
from api.schemas_live import PhonePlace, PhoneSession
from api.sdp import ANSWER, FRAGMENT, OFFER, PATCH, SDP, check_tag, opened, owner_of, read_body, session_problems, ways
from configs.words import StreamRole
from live.phones import OfferRefused, Person, TakenOver, TooManyPhones, Whereabouts

router = APIRouter(prefix="/api/whip", tags=["live"])

#: A place that is vaguer would send people to the wrong end of the village.
_VAGUE_METRES = 300.0


@router.options("", operation_id="get_phone_ways", status_code=204, response_class=Response)
def phone_ways(caller: FilmingCaller, context: InContext) -> Response:
    """What a phone must know before it makes its offer: the STUN and TURN servers, as `Link` headers."""
    return Response(status_code=204, headers=ways(context.phones.ice))


@router.post(
    "", operation_id="begin_broadcast", status_code=201, response_class=Response, responses=ANSWER, openapi_extra=OFFER
)
async def begin_broadcast(
    caller: FilmingCaller,
    context: InContext,
    request: Request,
    latitude: Annotated[float | None, Query(ge=-90, le=90)] = None,
    longitude: Annotated[float | None, Query(ge=-180, le=180)] = None,
    accuracy: Annotated[float, Query(ge=0, description="metres")] = 0.0,
    phone: Annotated[
        str | None, Query(max_length=64, description="any word that is this phone's or page's own")
    ] = None,
) -> Response:
    """Answers an SDP offer that sends video: from the first picture on, the caller's phone is a monitoring point. Who
    broadcasts already takes their own place over. `Location` names the session, `X-Camera` the monitoring point."""
    if not context.settings.site.service.phones:
        raise ProblemError("no-phones")
    offer = await read_body(request, SDP)
    where = None
    if latitude is not None and longitude is not None:
        where = _whereabouts(context, latitude, longitude, accuracy)
    try:
        begun = await context.phones.open(Person(caller.id, caller.display_name, caller.login, phone), offer, where)
    except OfferRefused as error:
        raise ProblemError("bad-offer", str(error)) from None
    except TooManyPhones as error:
        raise ProblemError("too-many-phones", str(error), {"Retry-After": "30"}) from None
    await run_in_threadpool(write_audit, context, caller, "phone.begin", begun.camera_id, request)
    headers = opened(f"/api/whip/sessions/{begun.session_id}", begun.session_id, context.phones.ice)
    return Response(begun.sdp, 201, headers | {"X-Camera": begun.camera_id}, SDP)


@router.get("/sessions/{session_id}", operation_id="get_broadcast")
async def get_broadcast(session_id: str, caller: FilmingCaller, context: InContext) -> PhoneSession:
    """What the service knows of a broadcast, for whose it is; 410 once they film with another phone or page."""
    try:
        with session_problems():
            broadcast, figures = context.phones.figures(session_id, owner_of(caller))
    except TakenOver:
        raise ProblemError("taken-over") from None
    camera_id = broadcast.camera_id
    watching = context.whep.viewers(camera_id, StreamRole.SUB) + context.films.viewers(camera_id, StreamRole.SUB)
    return PhoneSession(
        camera_id=camera_id,
        since=datetime.fromtimestamp(broadcast.since, UTC),
        state=figures.state,
        codec=figures.codec,
        is_transcoded=figures.is_transcoded,
        is_seen=broadcast.is_seen,
        bytes=figures.bytes,
        losses=figures.losses,
        keyframe_requests=figures.keyframe_requests,
        viewers=watching,
        is_placed=broadcast.whereabouts is not None and broadcast.whereabouts.spot is not None,
    )


@router.patch("/sessions/{session_id}", operation_id="patch_broadcast", status_code=204, openapi_extra=PATCH)
async def patch_broadcast(session_id: str, caller: FilmingCaller, context: InContext, request: Request) -> None:
    """Takes further ICE candidates. A restart of ICE is answered 422, as RFC 9725 (4.3.1) has it: begin anew."""
    fragment = await read_body(request, FRAGMENT)
    check_tag(request, session_id)
    with session_problems():
        await context.phones.trickle(session_id, owner_of(caller), fragment)


@router.put("/sessions/{session_id}/place", operation_id="place_broadcast", status_code=204)
async def place_broadcast(session_id: str, place: PhonePlace, caller: FilmingCaller, context: InContext) -> None:
    """The phone is somewhere else now."""
    where = _whereabouts(context, place.latitude, place.longitude, place.accuracy)
    if where is None:
        return
    with session_problems():
        context.phones.move(session_id, owner_of(caller), where)


@router.delete("/sessions/{session_id}", operation_id="end_broadcast", status_code=200)
async def end_broadcast(session_id: str, caller: FilmingCaller, context: InContext) -> None:
    """Ends a broadcast: the phone is no monitoring point any more; what it recorded stays."""
    with session_problems():
        await context.phones.end(session_id, owner_of(caller))


def _whereabouts(context: Context, latitude: float, longitude: float, accuracy: float) -> Whereabouts | None:
    if accuracy > _VAGUE_METRES:
        return None
    return Whereabouts(latitude, longitude, context.governance.village.plan.on_plan(latitude, longitude))
