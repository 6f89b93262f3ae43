"""What changes, as it changes: server-sent events, and overlays over a WebSocket."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.access import StaffCaller, WatchingCaller, logged_in, token_of
from api.bulletin import TooManyListeners
from api.context import Context, InContext
from api.overlays import OverlayDesk
from api.problems import ProblemError
from api.rights import groups_of, sees
from api.schemas_events import OverlayWish

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api", tags=["events"])

_KEEPALIVE_SECONDS = 15.0
_RETRY = "retry: 2000\n\n"


@router.get(
    "/events",
    operation_id="listen_to_events",
    response_class=StreamingResponse,
    responses={200: {"description": "server-sent events", "content": {"text/event-stream": {}}}},
)
async def listen_to_events(
    caller: StaffCaller,
    context: InContext,
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StreamingResponse:
    """Events `incident.opened`, `incident.changed`, `camera.state` and `resync`; their data are `IncidentEvent`,
    `CameraStateEvent` and `ResyncEvent`. Comments keep the connection alive."""
    if context.bulletin.is_full:
        raise ProblemError("too-many-listeners")

    async def stream() -> AsyncIterator[str]:
        yield _RETRY
        try:
            async with context.bulletin.listen(caller.role, last_event_id, groups_of(caller)) as listener:
                checked_at = time.monotonic()
                while True:
                    text = await context.bulletin.next_text(listener, _KEEPALIVE_SECONDS)
                    # Also where one event follows the other and there is never a silence.
                    if text is None or time.monotonic() - checked_at > _KEEPALIVE_SECONDS:
                        if not await run_in_threadpool(_still_logged_in, context, request):
                            return
                        checked_at = time.monotonic()
                    yield text or ": still here\n\n"
        except TooManyListeners:
            return

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


@router.websocket("/overlays")
async def overlays(socket: WebSocket, caller: WatchingCaller, context: InContext) -> None:
    """Boxes, counts and occupancy of the cameras the client names; see `OverlayWish` and `Overlay`."""
    await socket.accept()
    try:
        desk = context.overlays.enter(caller.login)
    except TooManyListeners:
        await socket.close(1013, "too many open connections")
        return
    sender = asyncio.create_task(_send_overlays(socket, desk))
    try:
        while True:
            wish = OverlayWish.model_validate_json(await socket.receive_text())
            seen = {c for c in wish.cameras if c in context.board and sees(context, caller, c)}
            desk.want(seen)
    except ValidationError:
        await socket.close(1003, 'send {"cameras": [...]} with at most 64 ids')
    except (WebSocketDisconnect, KeyError):
        pass
    finally:
        desk.leave()
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _send_overlays(socket: WebSocket, desk: OverlayDesk) -> None:
    while (messages := await desk.next()) is not None:
        for message in messages:
            await socket.send_text(msgspec.json.encode(message).decode())
    await socket.close(1008, "the login has ended")


def _still_logged_in(context: Context, request: Request) -> bool:
    token = token_of(request)
    return token is not None and logged_in(context, token) is not None
