"""Live feeds as fragmented MP4 over one HTTP response, for Media Source Extensions. The films are `live/films.py`."""

import asyncio
import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.access import WatchingCaller, write_audit
from api.context import InContext
from api.rights import camera_for
from api.routes.whep import live_problems, serving_headers
from configs.words import CameraId, StreamRole
from live.films import FilmDesk, FilmReader

router = APIRouter(prefix="/api/cameras", tags=["live"])

_FILM: dict[int | str, dict[str, Any]] = {
    200: {"description": "the film: its header, then a fragment a picture", "content": {"video/mp4": {}}}
}


class FilmResponse(Response):
    """Sends a film until its end, until the reader leaves, or until he takes nothing for `dead_after_seconds`."""

    def __init__(self, desk: FilmDesk, reader: FilmReader, headers: dict[str, str], dead_after_seconds: float) -> None:
        super().__init__(headers=headers, media_type=reader.film.content_type)
        # Its length is not known.
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._desk, self._reader, self._dead_after_seconds = desk, reader, dead_after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_left(receive))
        is_dead = False
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                is_dead = isinstance(sending.exception(), TimeoutError)
        finally:
            self._desk.close(self._reader, is_dead)
            for task in (sending, leaving):
                task.cancel()
            with contextlib.suppress(Exception):
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        data: bytes | None = self._reader.header
        while data is not None:
            async with asyncio.timeout(self._dead_after_seconds):
                await send({"type": "http.response.body", "body": data, "more_body": True})
            data = await self._reader.read()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("/{camera_id}/live.mp4", operation_id="watch_film", response_class=Response, responses=_FILM)
async def watch_film(
    camera_id: str,
    caller: WatchingCaller,
    context: InContext,
    request: Request,
    role: Annotated[StreamRole, Query()] = StreamRole.SUB,
) -> Response:
    """The live feed where WebRTC cannot get through. `Content-Type` names the codec for `addSourceBuffer`;
    `X-Media-Zero` the stream's time and the moment of capture (seconds) at the film's time 0; `X-Live-Serving` is as
    with WHEP. It ends when the camera sends something else: ask again."""
    camera_for(context, caller, camera_id)
    if role not in context.board.roles(camera_id):
        role = StreamRole.SUB
    with live_problems():
        reader = await context.films.open(CameraId(camera_id), role, caller.login)
    try:
        subject = f"{camera_id}/{reader.served.feed.role}"
        await run_in_threadpool(write_audit, context, caller, "feed.view", subject, request)
    except BaseException:
        context.films.close(reader)
        raise
    zero = reader.film.zero
    headers = {"X-Media-Zero": f"{zero.stream_time:.6f} {zero.captured_at:.6f}", "X-Accel-Buffering": "no"}
    headers |= serving_headers(reader.served)
    return FilmResponse(context.films, reader, headers, context.settings.live.dead_after_seconds)
