"""Live feeds by WHEP: POST an offer, PATCH candidates, DELETE. What a session is lives in `live/whep.py`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api import schemas
from api.access import WatchingCaller, write_audit
from api.context import Context, InContext
from api.problems import ProblemError
from api.rights import camera_for
from configs.words import CameraId, Role, StreamRole
from live.playable import Served
from live.whep import (
    CannotRestart,
    NoPicture,
    OfferRefused,
    SessionNotFound,
    TooManyBits,
    TooManyTranscoders,
    TooManyViewers,
    Unplayable,
)

router = APIRouter(prefix="/api/whep", tags=["live"])

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
_OFFER = {"requestBody": {"required": True, "content": {_SDP: {"schema": {"type": "string"}}}}}
_PATCH = {"requestBody": {"required": True, "content": {_FRAGMENT: {"schema": {"type": "string"}}}}}
_ANSWER: dict[int | str, dict[str, Any]] = {
    201: {"description": "the SDP answer", "content": {_SDP: {"schema": {"type": "string"}}}}
}


async def _body(request: Request, media_type: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise ProblemError("bad-media-type", f"send {media_type}")
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise ProblemError("bad-request", "the body is not UTF-8 text") from None
    except ClientDisconnect:
        raise ProblemError("bad-request", "the client left, or sent too much") from None


@router.options("/{camera_id}", operation_id="get_feed_ways", status_code=204, response_class=Response)
def feed_ways(camera_id: str, caller: WatchingCaller, context: InContext) -> Response:
    """What a player must know before it makes its offer: the STUN and TURN servers, as `Link` headers."""
    camera_for(context, caller, camera_id)
    return Response(status_code=204, headers={"Accept-Post": _SDP, "Allow": "OPTIONS, POST"} | _links(context))


@router.post(
    "/{camera_id}",
    operation_id="open_feed",
    status_code=201,
    response_class=Response,
    responses=_ANSWER,
    openapi_extra=_OFFER,
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
    offer = await _body(request, _SDP)
    try:
        with live_problems():
            answer = await context.whep.open(CameraId(camera_id), stream, offer, caller.id, caller.login)
    except OfferRefused as error:
        raise ProblemError("bad-offer", str(error)) from None
    await run_in_threadpool(
        write_audit, context, caller, "feed.view", f"{camera_id}/{answer.served.feed.role}", request
    )
    headers = {
        "Location": f"/api/whep/sessions/{answer.session_id}",
        "Accept-Patch": _FRAGMENT,
        "ETag": _tag(answer.session_id),
    }
    headers |= serving_headers(answer.served) | _links(context)
    return Response(answer.sdp, 201, headers, _SDP)


@router.get("/sessions/{session_id}", operation_id="get_feed_session")
async def get_session(session_id: str, caller: WatchingCaller, context: InContext) -> schemas.FeedSession:
    """What the service knows of a live session; with the clock that overlays are drawn by."""
    try:
        figures = context.whep.figures(session_id, _owner(caller.id, caller.role))
    except SessionNotFound:
        raise ProblemError("session-not-found") from None
    return schemas.FeedSession.model_validate(figures, from_attributes=True)


@router.patch("/sessions/{session_id}", operation_id="patch_feed_session", status_code=204, openapi_extra=_PATCH)
async def patch_session(session_id: str, caller: WatchingCaller, context: InContext, request: Request) -> None:
    """Takes further ICE candidates. `If-Match` may name the session's `ETag`; players that do not send it are taken
    all the same. A restart of ICE is answered 422, as RFC 9725 (4.3.1) has it: start a new session instead."""
    fragment = await _body(request, _FRAGMENT)
    if request.headers.get("if-match", "*") not in ("*", '"*"', _tag(session_id)):
        raise ProblemError("stale-session")
    try:
        await context.whep.trickle(session_id, _owner(caller.id, caller.role), fragment)
    except SessionNotFound:
        raise ProblemError("session-not-found") from None
    except CannotRestart as error:
        raise ProblemError("cannot-restart", str(error)) from None
    except OfferRefused as error:
        raise ProblemError("bad-request", str(error)) from None


@router.delete("/sessions/{session_id}", operation_id="close_feed", status_code=200)
async def close_session(session_id: str, caller: WatchingCaller, context: InContext) -> None:
    """Ends a live session."""
    try:
        await context.whep.end(session_id, _owner(caller.id, caller.role))
    except SessionNotFound:
        raise ProblemError("session-not-found") from None


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


def _tag(session_id: str) -> str:
    """Names the session's one and only ICE session; it may not tell the session's own name."""
    return f'"{hashlib.sha256(session_id.encode()).hexdigest()[:16]}"'


def _links(context: Context) -> dict[str, str]:
    links = context.whep.ice.links()
    return {"Link": ", ".join(links)} if links else {}


def _owner(user_id: str, role: Role) -> str | None:
    """Whose sessions may be touched: one's own; any, for the administrator."""
    return None if role is Role.ADMINISTRATOR else user_id
