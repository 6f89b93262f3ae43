"""What is open ends with the login that opened it, within seconds, and nobody else's does."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.identity import set_password
from api.settings import LiveSettings
from models.session import Database
from tests.api.conftest import PASSWORD, Service, StartService
from tests.api.viewer import WhepViewer

Ending = Callable[[Service, httpx.AsyncClient, httpx.AsyncClient], Awaitable[None]]


async def logs_out(service: Service, client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    assert (await client.delete("/api/session")).status_code == 204


async def changed(service: Service, admin: httpx.AsyncClient, **change: object) -> None:
    users = (await admin.get("/api/users")).json()
    viewer = next(u for u in users if u["username"] == "viewer")
    assert (await admin.patch(f"/api/users/{viewer['id']}", json=change)).status_code == 200


async def is_disabled(service: Service, client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await changed(service, admin, disabled=True)


async def gets_another_role(service: Service, client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await changed(service, admin, role="planner")


async def gets_other_cameras(service: Service, client: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    await changed(service, admin, camera_groups=["water"])


async def gets_a_password_from_another_process(
    service: Service, client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    with service.database.session() as session:
        set_password(session, "viewer", "another long one")


@pytest.mark.parametrize(
    "ending",
    [logs_out, is_disabled, gets_another_role, gets_other_cameras, gets_a_password_from_another_process],
    ids=lambda f: f.__name__,
)
def test_live_sessions_films_and_boxes_end_with_the_login(
    start_service: StartService, sqlite_database: Database, ending: Ending
) -> None:
    service = start_service(sqlite_database, LiveSettings(idle_seconds=0.1))

    async def scenario() -> None:
        async with AsyncExitStack() as stack:

            async def client(username: str) -> httpx.AsyncClient:
                made = await stack.enter_async_context(httpx.AsyncClient(base_url=service.url, timeout=20))
                await made.post("/api/session", json={"username": username, "password": PASSWORD})
                return made

            watching, same_user, admin = await client("viewer"), await client("viewer"), await client("administrator")
            session = WhepViewer(watching, "gate")
            assert (await session.open()).status_code == 201
            await session.wait_frames(2)
            film = await stack.enter_async_context(watching.stream("GET", "/api/cameras/gate/live.mp4"))
            assert film.status_code == 200
            chunks = film.aiter_raw()
            await anext(chunks)
            cookie = f"vbrain_session={watching.cookies['vbrain_session']}"
            url = service.url.replace("http", "ws") + "/api/overlays"
            boxes = await stack.enter_async_context(connect(url, additional_headers={"Cookie": cookie}))
            await boxes.send(json.dumps({"cameras": ["gate"]}))

            # The same person at another desk, who stays: a logout is that of one login only.
            other = WhepViewer(same_user if ending is logs_out else admin, "gate")
            assert (await other.open()).status_code == 201
            await other.wait_frames(2)

            await ending(service, watching, admin)
            async with asyncio.timeout(10):
                while (await admin.get(session.location)).status_code == 200:
                    pass
                async for _ in chunks:
                    pass
                with pytest.raises(ConnectionClosed) as closed:
                    await boxes.recv()
                assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
            assert "vbrain_live_sessions 1.0" in (await admin.get("/metrics")).text
            seen = len(other.frames)
            await other.wait_frames(seen + 3)
            assert "vbrain_live_films 0.0" in (await admin.get("/metrics")).text
            await session.close()
            await other.delete()
            await other.close()

    asyncio.run(scenario())
