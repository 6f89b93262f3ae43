"""What arrives by itself: events and overlays."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import websockets

from api.bulletin import Bulletin
from api.cameras import CameraBoard
from configs.words import Role, StreamRole
from live.wire import OverlayBox, OverlayMessage, StateMessage
from models.session import Database
from tests.api.conftest import PASSWORD, Service, StartService, small_site, until
from tests.api.test_incidents import raise_one


async def logged_in(service: Service, user: str = "operator") -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=service.url, timeout=20)
    assert (await client.post("/api/session", json={"username": user, "password": PASSWORD})).status_code == 200
    return client


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, str, dict[str, object]]]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "data" in fields:
                yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


async def first(heard: AsyncIterator[tuple[str, str, dict[str, object]]], wanted: str) -> tuple[str, dict[str, object]]:
    """Id and data of the first event of that kind."""
    async for event_id, kind, data in heard:
        if kind == wanted:
            return event_id, data
    raise AssertionError(f"the stream ended without {wanted}")


def test_an_incident_is_told_and_told_again_to_who_comes_back(start_service: StartService, database: Database) -> None:
    service = start_service(database)

    async def scenario() -> None:
        client = await logged_in(service)
        async with asyncio.timeout(20), client.stream("GET", "/api/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            heard = events(answer)
            incident_id = await asyncio.to_thread(raise_one, database, "a1")
            event_id, data = await first(heard, "incident.opened")
            assert data["incident"]["id"] == incident_id  # type: ignore[index]
            assert "confirm" in data["incident"]["actions"]  # type: ignore[index]
            step = {"action": "confirm", "version": data["incident"]["version"]}  # type: ignore[index]
            await client.post(f"/api/incidents/{incident_id}/transition", json=step)
            _, data = await first(heard, "incident.changed")
            assert data["incident"]["state"] == "confirmed"  # type: ignore[index]
        async with (
            asyncio.timeout(10),
            client.stream("GET", "/api/events", headers={"Last-Event-ID": event_id}) as answer,
        ):
            kinds = []
            async for _, kind, _ in events(answer):
                kinds.append(kind)
                if kind == "incident.changed":
                    break
            assert "incident.opened" not in kinds
        async with (
            asyncio.timeout(10),
            client.stream("GET", "/api/events", headers={"Last-Event-ID": "other-7"}) as answer,
        ):
            async for _, kind, _ in events(answer):
                assert kind == "resync"
                break
        await client.aclose()

    asyncio.run(scenario())


def test_a_camera_whose_shard_falls_silent_is_told_as_unknown() -> None:
    now = [0.0]
    board = CameraBoard(small_site(), clock=lambda: now[0])
    message = StateMessage(
        "gate", StreamRole.SUB, "online", 1.0, "online", "Pictures are arriving.", last_picture_at=5.0
    )
    board.changed()
    board.hear(message)
    assert board.changed() == ["gate"]
    assert board.view("gate").state == "online" and board.view("gate").reason.zh == "画面正常。"
    now[0] = 4.9
    assert board.changed() == []
    now[0] = 5.1
    assert board.changed() == ["gate"]
    shown = board.view("gate")
    assert shown.state == "unknown" and shown.frames_per_second == 0 and "silent" in shown.reason.en
    assert shown.last_picture_at is not None and shown.last_picture_at.timestamp() == 5.0
    assert board.view("barn").state == "disabled"
    board.hear(StateMessage("stranger", StreamRole.SUB, "online", 1.0, "online", ""))
    assert "stranger" not in board


def test_a_listener_that_falls_behind_is_told_to_read_again(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bulletin._QUEUE", 3)

    async def scenario() -> None:
        board = CameraBoard(small_site())
        bulletin = Bulletin(sqlite_database, board, listeners_total=1)
        async with bulletin.listen(Role.VIEWER) as slow:
            from models.base import utc_now

            for _ in range(5):
                bulletin._tell("camera.state", "gate", utc_now())
            text = await bulletin.next_text(slow, 0.1)
            assert text is not None and "event: resync" in text
            assert await bulletin.next_text(slow, 0.01) is None
            assert bulletin.dropped == 2 and bulletin.is_full
        assert not bulletin.is_full

    asyncio.run(scenario())


def test_planners_hear_of_cameras_but_not_of_incidents(sqlite_database: Database) -> None:
    async def scenario() -> None:
        from models.base import utc_now

        bulletin = Bulletin(sqlite_database, CameraBoard(small_site()), listeners_total=5)
        async with bulletin.listen(Role.PLANNER) as planner:
            bulletin._tell("incident.opened", "x", utc_now())
            bulletin._tell("camera.state", "gate", utc_now())
            text = await bulletin.next_text(planner, 1)
            assert text is not None and "camera.state" in text
            assert await bulletin.next_text(planner, 0.01) is None

    asyncio.run(scenario())


def test_overlays_come_for_the_cameras_asked_for(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    publisher = service.shard.publisher

    async def scenario() -> None:
        client = await logged_in(service)
        cookie = {"Cookie": f"vbrain_session={client.cookies['vbrain_session']}"}
        url = service.url.replace("http", "ws") + "/api/overlays"
        async with asyncio.timeout(15), websockets.connect(url, additional_headers=cookie) as socket:
            await socket.send(json.dumps({"cameras": ["gate", "no-such-camera"]}))
            await until(lambda: "overlay/gate/" in publisher.subscriptions)
            assert "overlay/no-such-camera/" not in publisher.subscriptions
            box = OverlayBox((0.1, 0.2, 0.3, 0.4), "person", 0.5, 3)
            publisher.publish_overlay(OverlayMessage("gate", 1.5, 2.5, [box], {"line": (2, 1)}, {"zone": 4}))
            assert json.loads(await socket.recv()) == {
                "camera_id": "gate", "stream_time": 1.5, "captured_at": 2.5, "counts": {"line": [2, 1]},
                "occupancy": {"zone": 4},
                "boxes": [{"box": [0.1, 0.2, 0.3, 0.4], "object_class": "person", "confidence": 0.5, "track_id": 3}],
            }  # fmt: skip
            await socket.send(json.dumps({"cameras": ["pond"]}))
            await until(lambda: "overlay/gate/" not in publisher.subscriptions)
            assert "overlay/pond/" in publisher.subscriptions
        await until(lambda: "overlay/pond/" not in publisher.subscriptions)
        async with asyncio.timeout(10), websockets.connect(url, additional_headers=cookie) as socket:
            await socket.send("nonsense")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1003
        for headers in ({}, {**cookie, "Origin": "https://elsewhere.example"}):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(url, additional_headers=headers)
        await client.aclose()

    asyncio.run(scenario())


def test_a_full_house_is_said_so(start_service: StartService, sqlite_database: Database, tmp_path: Path) -> None:
    service = start_service(sqlite_database, listeners_total=1)

    async def scenario() -> None:
        client = await logged_in(service)
        async with client.stream("GET", "/api/events"):
            await asyncio.sleep(0)
            async with asyncio.timeout(5):
                while (await client.get("/api/events", timeout=2)).status_code != 503:
                    pass
        await client.aclose()

    asyncio.run(scenario())
