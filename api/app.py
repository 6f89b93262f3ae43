"""The application: everything put together.

Promises: `create_app` opens nothing; the database, the shards and the feeds are opened when the application starts and
closed when it stops. Not here: listening on a port (`server.py`).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.bulletin import Bulletin
from api.cameras import CameraBoard
from api.console import console_router
from api.context import Context
from api.cors import allow_origins
from api.governance import make_governance
from api.guard import Guard
from api.logins import LoginWatch
from api.overlays import OverlayPool
from api.phone_log import PhoneLog
from api.problems import MEDIA_TYPE, install
from api.routes import (
    call_lines,
    calls,
    credit,
    dispatch,
    events,
    evidence,
    figures,
    films,
    flow,
    flow_reports,
    health,
    incidents,
    notifications,
    questions,
    recording_facts,
    recordings,
    reports,
    session,
    site,
    users,
    wechat,
    whep,
    whip,
)
from api.schemas import Problem
from api.schemas_calls import CallBell, CallWelcome
from api.schemas_events import CameraStateEvent, IncidentEvent, Overlay, OverlayWish, ResyncEvent
from api.settings import ApiSettings
from api.switchboard import Switchboard
from api.throttle import LoginThrottle
from configs.phones import phone_points
from configs.words import StreamRole
from live.feed import FeedPool
from live.films import FilmDesk
from live.phones import PhoneDesk
from live.playable import PlayableFeeds
from live.seats import Seats
from live.subscriber import ShardLink
from live.transcoders import Transcoders
from live.whep import IceServers, WhepDesk
from live.wire import EVENT, STATE
from models.session import open_database

log = logging.getLogger(__name__)

#: What does not travel as JSON of a route, but that a client needs types for.
_FURTHER_SCHEMAS = (
    Problem,
    IncidentEvent,
    CameraStateEvent,
    ResyncEvent,
    OverlayWish,
    Overlay,
    CallWelcome,
    CallBell,
)


def create_app(settings: ApiSettings) -> FastAPI:
    """The service, ready to be started by an ASGI server."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context = _make_context(settings)
        app.state.context = context
        context.shards.start()
        await context.bulletin.start()
        context.whep.start()
        context.phones.start()
        await context.switchboard.start()
        context.logins.start()
        try:
            yield
        finally:
            await context.logins.stop()
            await context.switchboard.stop()
            context.films.stop()
            await context.whep.stop()
            await context.phones.stop()
            await context.phone_log.stop()
            await context.playable.stop()
            await context.bulletin.stop()
            await context.shards.stop()
            context.database.close()

    app = FastAPI(
        title="Village brain",
        version="1",
        summary="Monitoring points, incidents and live pictures of one village",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    install(app)
    app.add_middleware(Guard, allowed_origins=settings.allowed_origins)
    allow_origins(app, settings.allowed_origins)
    governance = (dispatch, reports, notifications, credit, questions, figures, wechat)
    counts = (flow, flow_reports)
    for module in (
        session,
        users,
        site,
        incidents,
        *governance,
        evidence,
        recordings,
        recording_facts,
        *counts,
        events,
        whep,
        films,
        whip,
        calls,
        call_lines,
        health,
    ):
        app.include_router(module.router)
    if settings.web_dist is not None:
        app.include_router(console_router(settings.web_dist))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _make_context(settings: ApiSettings) -> Context:
    live = settings.live
    database = open_database(settings.database_url, settings.data_dir)
    shards = ShardLink(settings.shard_endpoints)
    feeds = FeedPool(shards, idle_seconds=live.idle_seconds)
    transcoders = Transcoders(feeds, live.transcoders, live.transcoder_idle_seconds)

    def watching(camera_id: str, role: StreamRole) -> int:
        return desk.viewers(camera_id, role) + film_desk.viewers(camera_id, role)

    def transcode_cores(camera_id: str, role: StreamRole) -> float | None:
        transcoder = transcoders.of(camera_id, role)
        return transcoder.cpu_share if transcoder else None

    ice = IceServers(
        live.ice_servers,
        live.turn_username,
        live.turn_password.get_secret_value() if live.turn_password else None,
        live.public_addresses,
    )
    phone_ids = [point.camera_id for point in phone_points(settings.site)]
    phones, phone_log = PhoneDesk(phone_ids, shards.hand_over, ice, live.dead_after_seconds), PhoneLog(database)
    phones.on_end = phone_log.ended
    board = CameraBoard(settings.site, watching, transcode_cores=transcode_cores, phones=phones.live)
    playable = PlayableFeeds(feeds, transcoders, board.roles)
    seats = Seats(live.viewers_total, live.viewers_per_camera, live.megabits)
    desk, film_desk = WhepDesk(playable, seats, ice, live.dead_after_seconds), FilmDesk(playable, seats)
    bulletin = Bulletin(database, board, settings.listeners_total)
    overlays = OverlayPool(shards, settings.listeners_total)
    shards.on_state, shards.on_overlay = board.hear, overlays.hear
    shards.on_event = lambda message: bulletin.nudge()
    shards.subscribe(STATE)
    shards.subscribe(EVENT)
    governance = make_governance(settings, database)
    switchboard = Switchboard(database, board, governance.evidence, settings.listeners_total, bulletin.nudge)
    logins = LoginWatch(database, (desk, film_desk, switchboard, overlays, phones))
    return Context(
        settings, database, shards, board, bulletin, overlays, playable, desk, film_desk, switchboard, phones,
        phone_log, seats, logins, LoginThrottle(), governance,
    )  # fmt: skip


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The schema, with every error as a problem and the types of what travels otherwise."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    components: dict[str, Any] = document["components"]["schemas"]
    for model in _FURTHER_SCHEMAS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        components.update(schema.pop("$defs", {}))
        components[model.__name__] = schema
    problem = {
        "description": "a problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
    components.pop("HTTPValidationError", None)
    components.pop("ValidationError", None)
    app.openapi_schema = document
    return document
