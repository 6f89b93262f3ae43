"""Live feeds end to end: a shard publishes, a browser-like receiver decodes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from pydantic import SecretStr
from sqlalchemy import select

from api.settings import LiveSettings
from configs.words import CameraId, StreamRole
from live.whep import IceServers
from models.session import Database
from models.tables import AuditEntry
from tests.api.conftest import PASSWORD, Service, StartService, until
from tests.api.viewer import WhepViewer

GATE = (CameraId("gate"), StreamRole.SUB)


def run(service: Service, scenario: Callable[[httpx.AsyncClient], Awaitable[None]], user: str = "operator") -> None:
    async def main() -> None:
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
            login = await client.post("/api/session", json={"username": user, "password": PASSWORD})
            assert login.status_code == 200
            await scenario(client)

    asyncio.run(main())


def test_h264_passes_through_and_a_late_viewer_need_not_wait_for_a_key_frame(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database)

    async def scenario(client: httpx.AsyncClient) -> None:
        first = WhepViewer(client, "gate")
        answer = await first.open()
        assert answer.status_code == 201, answer.text
        assert answer.headers["content-type"] == "application/sdp"
        codecs = [line for line in first.answer_sdp.splitlines() if line.startswith("a=rtpmap")]
        assert codecs and "H264/90000" in codecs[0] and not any("VP8" in c for c in codecs)
        await first.wait_frames(8)

        late = WhepViewer(client, "gate")
        await late.open()
        await late.wait_frames(1)
        # A key frame comes every four seconds; whoever had to wait for it would see two on average.
        await late.wait_frames(10)
        assert service.shard.subscribed == [GATE]
        figures = (await client.get(late.location)).json()
        assert figures["codec"].startswith("H264") and figures["state"] == "connected"
        await first.delete()
        await late.delete()
        await until(lambda: service.shard.unsubscribed == [GATE])
        assert (await client.get(late.location)).status_code == 404
        for viewer in (first, late):
            await viewer.close()

    run(service, scenario)
    with service.database.reading() as session:
        viewed = session.scalars(select(AuditEntry).where(AuditEntry.action == "feed.view")).all()
    assert [entry.subject for entry in viewed] == ["gate/sub", "gate/sub"]
    assert all(entry.user_id and entry.address for entry in viewed)


async def no_gathering_offer() -> str:
    """An offer as a browser makes it, from a connection that is thrown away."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    sdp: str = peer.localDescription.sdp
    await peer.close()
    return sdp


async def post(client: httpx.AsyncClient, camera: str, offer: str, **more: str) -> httpx.Response:
    headers = {"content-type": more.pop("media_type", "application/sdp")}
    return await client.post(f"/api/whep/{camera}", params=more, content=offer, headers=headers)


def test_the_main_stream_is_open_only_while_somebody_looks(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database)
    main = (CameraId("gate"), StreamRole.MAIN)

    async def scenario(client: httpx.AsyncClient) -> None:
        viewer = WhepViewer(client, "gate", "main")
        assert (await viewer.open()).status_code == 201
        await viewer.wait_frames(3)
        assert service.shard.subscribed == [main]
        streams = (await client.get("/api/cameras/gate")).json()["streams"]
        assert {s["role"]: s["viewers"] for s in streams} == {"sub": 0, "main": 1}
        # The browser closes the connection without a word to the service, as when a tab is closed.
        await viewer.close()
        await until(lambda: service.shard.unsubscribed == [main])

    run(service, scenario)


def test_a_viewer_that_vanishes_is_gone_within_seconds(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, LiveSettings(idle_seconds=0.1, dead_after_seconds=2.0))

    async def scenario(client: httpx.AsyncClient) -> None:
        viewer, stays = WhepViewer(client, "gate"), WhepViewer(client, "gate")
        for each in (viewer, stays):
            assert (await each.open()).status_code == 201
            await each.wait_frames(3)
        await viewer.vanish()
        async with asyncio.timeout(15):
            while (await client.get(viewer.location)).status_code == 200:
                pass
        assert (await client.get(stays.location)).status_code == 200
        await viewer.close()
        await stays.close()

    run(service, scenario, "administrator")


def test_what_cannot_be_given_is_a_clear_problem(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, LiveSettings(viewers_total=2, viewers_per_camera=1, idle_seconds=0.1))

    async def scenario(client: httpx.AsyncClient) -> None:
        offer = await no_gathering_offer()

        async def problem(camera: str, sdp: str, **more: str) -> tuple[int, str]:
            answer = await post(client, camera, sdp, **more)
            return answer.status_code, answer.json()["type"].removeprefix("/problems/")

        assert await problem("nowhere", offer) == (404, "camera-not-found")
        assert await problem("gate", offer, media_type="text/plain") == (415, "bad-media-type")
        assert await problem("gate", "v=0 nonsense") == (400, "bad-offer")
        assert await problem("gate", offer.replace("H264", "H263")) == (400, "bad-offer")
        assert await problem("gate", offer, stream="huge") == (422, "invalid")
        first = WhepViewer(client, "gate")
        assert (await first.open()).status_code == 201
        assert await problem("gate", offer) == (503, "too-many-viewers")
        await first.delete()
        await first.close()
        again = WhepViewer(client, "gate")
        assert (await again.open()).status_code == 201
        await again.close()

    run(service, scenario)


def test_all_feeds_together_stay_within_their_bit_rate(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, LiveSettings(idle_seconds=0.1, megabits=0.004))

    async def scenario(client: httpx.AsyncClient) -> None:
        first = WhepViewer(client, "gate")
        assert (await first.open()).status_code == 201, "what was not measured yet is let in"
        await first.wait_frames(12)
        for answer in (
            await post(client, "gate", await no_gathering_offer()),
            await client.get("/api/cameras/gate/live.mp4"),
        ):
            assert answer.status_code == 503 and answer.json()["type"] == "/problems/too-many-bits"
            assert "Mbit/s" in answer.json()["detail"] and int(answer.headers["retry-after"]) > 0
        metrics = (await client.get("/metrics")).text
        assert 'vbrain_live_refused_total{limit="bits"} 2.0' in metrics
        assert "vbrain_live_bits_per_second_limit 4000.0" in metrics
        await first.wait_frames(len(first.frames) + 3)
        await first.delete()
        await first.close()

    run(service, scenario, "administrator")


def test_a_camera_without_pictures_is_a_clear_problem(
    start_service: StartService, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.playable._FIRST_PICTURE_SECONDS", 0.2)
    service = start_service(sqlite_database)
    service.shard.stop()

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await post(client, "gate", await no_gathering_offer())
        assert answer.status_code == 503 and answer.json()["type"] == "/problems/no-picture"
        assert int(answer.headers["retry-after"]) > 0

    run(service, scenario)


def test_sessions_take_candidates_but_no_restart_and_belong_to_who_opened_them(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database)

    async def scenario(client: httpx.AsyncClient) -> None:
        viewer = WhepViewer(client, "gate")
        await viewer.open()
        ufrag = next(line for line in viewer.peer.localDescription.sdp.splitlines() if line.startswith("a=ice-ufrag:"))

        async def patch(fragment: str, by: httpx.AsyncClient = client, kind: str = "trickle-ice-sdpfrag") -> int:
            headers = {"content-type": f"application/{kind}"}
            return (await by.patch(viewer.location, content=fragment, headers=headers)).status_code

        candidate = "a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host"
        assert await patch(f"{ufrag}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{candidate}\r\n") == 204
        assert await patch(f"{ufrag}\r\na=mid:0\r\na=candidate:what\r\n") == 400
        assert await patch("a=ice-ufrag:other\r\na=ice-pwd:otherotherotherotherother\r\n") == 422
        assert await patch(candidate, kind="sdp") == 415
        async with httpx.AsyncClient(base_url=service.url) as other:
            await other.post("/api/session", json={"username": "viewer", "password": PASSWORD})
            assert await patch(candidate, by=other) == 404
            assert (await other.get(viewer.location)).status_code == 404
            assert (await other.delete(viewer.location)).status_code == 404
        await viewer.wait_frames(2)
        await viewer.delete()
        assert await patch(candidate) == 404
        await viewer.close()

    run(service, scenario)


def test_ice_servers_are_told_to_the_player(start_service: StartService, sqlite_database: Database) -> None:
    live = LiveSettings(
        ice_servers=("turn:127.0.0.1:9?transport=udp",), turn_username="u", turn_password=SecretStr("turn-secret")
    )
    assert "turn-secret" not in repr(live)
    links = IceServers(live.ice_servers, live.turn_username, "turn-secret").links()
    assert links == [
        '<turn:127.0.0.1:9?transport=udp>; rel="ice-server"; username="u"; credential="turn-secret"; '
        'credential-type="password"'
    ]
    assert IceServers(("stun:stun.example:3478",)).links() == ['<stun:stun.example:3478>; rel="ice-server"']
    assert IceServers().configuration().iceServers == []


def test_a_stun_server_that_does_not_answer_is_left_out_for_a_while() -> None:
    now = [0.0]
    servers = IceServers(("stun:stun.example:3478",), clock=lambda: now[0])
    servers.took(0.3)
    assert len(servers.configuration().iceServers) == 1
    servers.took(5.1)
    assert servers.configuration().iceServers == [] and len(servers.links()) == 1
    now[0] = 61.0
    assert len(servers.configuration().iceServers) == 1


def test_an_offer_whose_address_is_a_name_is_answered_without_looking_for_it(
    start_service: StartService, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("aioice.mdns.MDnsProtocol.resolve", never)
    service = start_service(sqlite_database)

    async def scenario(client: httpx.AsyncClient) -> None:
        offer = await no_gathering_offer()
        name = "cfce8841-d4d2-488e-90fa-abbbda513c6b.local"
        lines = [
            line.replace(line.split()[4], name) if line.startswith("a=candidate") else line
            for line in offer.splitlines()
        ]
        answer = await post(client, "gate", "\r\n".join([*lines, ""]))
        assert answer.status_code == 201, answer.text
        assert (await client.delete(answer.headers["location"])).status_code == 200

    run(service, scenario)


def test_many_joins_and_leaves_leave_nothing_behind(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, LiveSettings(idle_seconds=0.1))

    async def scenario(client: httpx.AsyncClient) -> None:
        before = threading.active_count()
        for _ in range(6):
            viewers = [WhepViewer(client, "gate") for _ in range(4)]
            for viewer in viewers:
                assert (await viewer.open()).status_code == 201
            await viewers[0].wait_frames(1)
            for viewer in viewers:
                await viewer.delete()
                await viewer.close()
        metrics = (await client.get("/metrics")).text
        assert "vbrain_live_sessions 0.0" in metrics and "vbrain_live_sessions_opened_total 24.0" in metrics
        assert threading.active_count() - before < 45, "the thread pool's own forty, and no thread a viewer"
        await until(lambda: len(service.shard.unsubscribed) >= 1)

    run(service, scenario, "administrator")
