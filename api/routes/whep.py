"""Live feeds by WHEP: POST an offer, PATCH candidates, DELETE. What a session is lives in `live/whep.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import WatchingCaller, write_audit
from api.context import InContext
from api.problems import ProblemError
from api.rights import camera_for
from api.schemas_live import FeedSession
from api.sdp import ANSWER, FRAGMENT, OFFER, PATCH, SDP, check_tag, opened, owner_of, read_body, session_problems, ways
from configs.words import CameraId, StreamRole
from live.playable import Served
from live.whep import (
    NoPicture,
    OfferRefused,
    TooManyBits,
    TooManyTranscoders,
    TooManyViewers,
    Unplayable,
)

router = APIRouter(prefix="/api/whep", tags=["live"])


@router.options("/{camera_id}", operation_id="get_feed_ways", status_code=204, response_class=Response)
def feed_ways(camera_id: str, caller: WatchingCaller, context: InContext) -> Response:
    """What a player must know before it makes its offer: the STUN and TURN servers, as `Link` headers."""
    camera_for(context, caller, camera_id)
    return Response(status_code=204, headers=ways(context.whep.ice))


@router.post(
    "/{camera_id}",
    operation_id="open_feed",
    status_code=201,
    response_class=Response,
    responses=ANSWER,
    openapi_extra=OFFER,
)
async def open_feed(
    camera_id: str,
    caller: WatchingCaller,
    context: InContext,
    request: Request,
    stream: Annotated[StreamRole, Query()] = StreamRole.SUB,
) -> Response:
    """Answers an SDP offer with a live feed of the camera: the sub stream for a wall, the main stream for one view.
    `Location` names the session. What a browser cannot play comes from the camera's other stream, or transcoded; then
    `X-Live-Serving` says which, and why."""
    point = camera_for(context, caller, camera_id)
    if stream is StreamRole.MAIN and point.streams.main is None:
        stream = StreamRole.SUB
    offer = await read_body(request, SDP)
    try:
        with live_problems():
            answer = await context.whep.open(CameraId(camera_id), stream, offer, caller.id, caller.login)
    except OfferRefused as error:
        raise ProblemError("bad-offer", str(error)) from None
    await run_in_threadpool(
        write_audit, context, caller, "feed.view", f"{camera_id}/{answer.served.feed.role}", request
    )
    headers = opened(f"/api/whep/sessions/{answer.session_id}", answer.session_id, context.whep.ice)
    headers |= serving_headers(answer.served)
    return Response(answer.sdp, 201, headers, SDP)


@router.get("/sessions/{session_id}", operation_id="get_feed_session")
async def get_session(session_id: str, caller: WatchingCaller, context: InContext) -> FeedSession:
    """What the service knows of a live session; with the clock that overlays are drawn by."""
    with session_problems():
        figures = context.whep.figures(session_id, owner_of(caller))
    return FeedSession.model_validate(figures, from_attributes=True)


@router.patch("/sessions/{session_id}", operation_id="patch_feed_session", status_code=204, openapi_extra=PATCH)
async def patch_session(session_id: str, caller: WatchingCaller, context: InContext, request: Request) -> None:
    """Takes further ICE candidates. `If-Match` may name the session's `ETag`; players that do not send it are taken
    all the same. A restart of ICE is answered 422, as RFC 9725 (4.3.1) has it: start a new session instead."""
    fragment = await read_body(request, FRAGMENT)
    check_tag(request, session_id)
    with session_problems():
        await context.whep.trickle(session_id, owner_of(caller), fragment)


@router.delete("/sessions/{session_id}", operation_id="close_feed", status_code=200)
async def close_session(session_id: str, caller: WatchingCaller, context: InContext) -> None:
    """Ends a live session."""
    with session_problems():
        await context.whep.end(session_id, owner_of(caller))


@contextmanager
def live_problems() -> Iterator[None]:
    """Why a feed cannot be watched, as problems."""
    try:
        yield
    except Unplayable as error:
        raise ProblemError("unplayable", str(error)) from None
    except TooManyTranscoders as error:
        raise ProblemError("too-many-transcoders", str(error), {"Retry-After": "10"}) from None
    except TooManyViewers as error:
        raise ProblemError("too-many-viewers", str(error), {"Retry-After": "5"}) from None
    except TooManyBits as error:
        raise ProblemError("too-many-bits", str(error), {"Retry-After": "10"}) from None
    except NoPicture as error:
        raise ProblemError("no-picture", str(error), {"Retry-After": "2"}) from None


def serving_headers(served: Served) -> dict[str, str]:
    """How the feed is served, for the player: `as_is`, or `transcoded; why=hevc; stream=sub`."""
    words = [served.how.value]
    if served.why is not None:
        words += [f"why={served.why.value}", f"stream={served.feed.role.value}"]
    return {"X-Live-Serving": "; ".join(words)}
