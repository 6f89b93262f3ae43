"""A whole service for tests: a real shard's publisher, a real database, a real uvicorn on a free port."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher

from api.app import create_app
from api.settings import ApiSettings, LiveSettings
from configs.site import Site
from configs.words import Role, StreamRole
from models.session import Database
from models.tables import User
from tests.live.pictures import TestShard, encode
from tests.live.rtsp_shard import RtspShard

PASSWORD = "correct horse battery"


def small_site() -> Site:
    """Three cameras: `gate` with both streams, `pond` with a sub stream, `barn` disabled."""

    def camera(camera_id: str, **more: object) -> dict[str, object]:
        streams = {"sub": f"rtsp://user:secret-word@{camera_id}/sub"}
        name = {"zh": f"监控{camera_id}", "en": camera_id}
        return {
            "id": camera_id,
            "name": name,
            "place": {"x": 0.5, "y": 0.5},
            "group": "gates",
            "streams": streams,
            **more,
        }

    gate_streams = {"sub": "rtsp://user:secret-word@gate/sub", "main": "rtsp://user:secret-word@gate/main"}
    return Site.model_validate(
        {
            "site": {"name": {"zh": "余东村", "en": "Yudong"}},
            "groups": [
                {"id": "gates", "name": {"zh": "村口", "en": "Gates"}},
                {"id": "water", "name": {"zh": "水边", "en": "Water"}},
            ],
            "cameras": [
                {**camera("gate"), "streams": gate_streams},
                camera("pond", group="water"),
                camera("barn", enabled=False),
            ],
        }
    )


@dataclass
class Service:
    """The running service and a client that follows no cookie jar but its own."""

    url: str
    database: Database
    shard: TestShard | RtspShard
    settings: ApiSettings
    server: "RunningServer | None" = None

    def client(self, username: str | None = None) -> httpx.Client:
        """A browser of its own, logged in when a user is named."""
        client = httpx.Client(base_url=self.url, timeout=10)
        if username:
            answer = client.post("/api/session", json={"username": username, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        return client


class RunningServer:
    """uvicorn in a thread, ready when `start` returns."""

    def __init__(self, settings: ApiSettings, port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(create_app(settings), log_level="warning", timeout_graceful_shutdown=1, lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            self._thread.join(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        assert not self._thread.is_alive(), "the service did not stop"
        self._socket.close()


@cache
def _password_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)


def add_users(database: Database) -> None:
    """One user for each role, named after it. The hash is a cheap one, made once: it is not what is tested."""
    with database.session() as session:
        for role in Role:
            session.add(
                User(username=role.value, display_name=role.value, password_hash=_password_hash(), role=role.value)
            )


@pytest.fixture(scope="session")
def streams() -> list[list[object]]:
    return [  # type: ignore[return-value]
        encode("gate", StreamRole.SUB, gop=40, frames=80),
        encode("gate", StreamRole.MAIN, gop=20, frames=40, size=(640, 384), profile="high"),
        encode("pond", StreamRole.SUB, codec="hevc", frames=40),
    ]


StartService = Callable[..., Service]


@pytest.fixture
def start_service(tmp_path: Path, streams: list[list[object]]) -> Iterator[StartService]:
    """Starts a service on a given database; `live` and other settings can be given, and RTSP addresses to look at."""
    running: list[tuple[RunningServer, TestShard | RtspShard]] = []

    def start(
        database: Database,
        live: LiveSettings | None = None,
        urls: Mapping[str, tuple[str, str | None]] | None = None,
        **more: object,
    ) -> Service:
        endpoint = f"ipc://{tmp_path}/shard-{len(running)}"
        (tmp_path / "evidence").mkdir(exist_ok=True)
        usual = {
            "site": small_site(),
            "data_dir": tmp_path / "data",
            "evidence_dir": tmp_path / "evidence",
            "database_url": database.engine.url.render_as_string(hide_password=False),
            "shard_endpoints": (endpoint,),
            "live": live or LiveSettings(idle_seconds=0.5),
        }
        settings = ApiSettings(**usual | more)  # type: ignore[arg-type]
        add_users(database)
        shard = RtspShard(endpoint, urls) if urls else TestShard(endpoint, streams)  # type: ignore[arg-type]
        shard.start()
        server = RunningServer(settings)
        server.start()
        running.append((server, shard))
        return Service(server.url, database, shard, settings, server)

    yield start
    for server, shard in running:
        server.stop()
        shard.stop()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for a condition; fails when it does not come true in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads
            await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """The same, for tests without an event loop."""
    asyncio.run(until(condition, seconds))
