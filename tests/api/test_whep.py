"""Live feeds end to end: a shard publishes, a browser-like receiver decodes."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from sqlalchemy import select

from configs.words import CameraId, StreamRole
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
        print("first frame", late.frames[0][0] - late.posted_at)
        await late.wait_frames(10)
        assert service.shard.subscribed == [GATE]
        figures = (await client.get(late.location)).json()
        print(figures)
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
