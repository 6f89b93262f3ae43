"""A phone becomes a camera end to end: aiortc sends, a real shard takes it in, viewers see it, and it goes again."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import select

from alerts.evidence import EvidenceStore
from api.settings import LiveSettings
from configs.phones import phone_points
from models.session import Database
from models.tables import AuditEntry
from runtime.engines import Engines
from runtime.shard import Shard
from tests.api.conftest import PASSWORD, Service, StartService, small_site
from tests.api.viewer import WhepViewer
from tests.live.test_phone import Sender

_SDP = {"content-type": "application/sdp"}


class PhoneShard:
    """A shard that has the phones' monitoring points and nothing else."""

    def __init__(self, endpoint: str, database: Database, folder: Path) -> None:
        site = small_site()
        self.shard = Shard(
            site, phone_points(site), Engines({}, {}), database, EvidenceStore(folder), endpoint, folder, folder
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.shard.run, args=(self._stop,))

    def start(self) -> None:
        self.shard.start()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.shard.stop()


async def log_in(service: Service, user: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=service.url, timeout=20)
    login = await client.post("/api/session", json={"username": user, "password": PASSWORD})
    assert login.status_code == 200
    return client


def run(service: Service, scenario: Callable[[httpx.AsyncClient, httpx.AsyncClient], Awaitable[None]]) -> None:
    """`scenario(worker, operator)`, both logged in."""

    async def main() -> None:
        worker, operator = await log_in(service, "grid_worker"), await log_in(service, "operator")
        try:
            await scenario(worker, operator)
        finally:
            await worker.aclose()
            await operator.aclose()

    asyncio.run(main())


async def phones(client: httpx.AsyncClient) -> list[dict[str, object]]:
    return [c for c in (await client.get("/api/cameras")).json() if c["phone"]]


def test_a_phone_is_on_the_wall_while_it_films_and_gone_after(
    start_service: StartService, sqlite_database: Database, tmp_path: Path
) -> None:
    endpoint = f"ipc://{tmp_path}/phones-shard"
    shard = PhoneShard(endpoint, sqlite_database, tmp_path / "recordings")
    shard.start()
    try:
        service = start_service(sqlite_database, LiveSettings(idle_seconds=0.5), shard_endpoints=(endpoint,))

        async def scenario(worker: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
            assert (await worker.get("/api/site")).json()["phones"] == 2
            assert not await phones(operator)
            assert (await operator.get("/api/cameras/phone-1")).json()["phone"]["is_live"] is False
            sender = Sender()
            answer = await worker.post("/api/whip", content=await sender.offer(), headers=_SDP)
            assert answer.status_code == 201, answer.text
            assert answer.headers["content-type"] == "application/sdp" and "b=AS:2000" in answer.text
            assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag" and answer.headers["etag"]
            session = answer.headers["location"]
            await sender.take(answer.text)

            shown: list[dict[str, object]] = []
            async with asyncio.timeout(20):
                while not shown or shown[0]["state"] != "online":
                    shown = await phones(operator)
                    await asyncio.sleep(0.1)
            (phone,) = shown
            assert phone["name"] == {"zh": "grid_worker的手机", "en": "grid_worker's phone"}
            assert phone["place"] is None and phone["group"] == "phones"

            viewer = WhepViewer(operator, "phone-1")
            assert (await viewer.open()).status_code == 201
            await viewer.wait_frames(10)
            seen = (await worker.get(session)).json()
            assert (seen["codec"], seen["is_transcoded"], seen["viewers"], seen["is_seen"]) == ("H264", False, 1, True)

            fragment = {"content-type": "application/trickle-ice-sdpfrag"}
            assert (await worker.patch(session, content="a=end-of-candidates\r\n", headers=fragment)).status_code == 204
            restart = "a=ice-ufrag:fresh\r\na=ice-pwd:freshfreshfreshfreshfresh\r\n"
            assert (await worker.patch(session, content=restart, headers=fragment)).status_code == 422
            assert (await worker.patch(session, content="", headers=fragment | {"if-match": '"x"'})).status_code == 412
            assert (await operator.get(session)).status_code == 404, "it is not theirs"

            # In the middle of the plan that comes with the project; then somewhere vague.
            here = {"latitude": 28.98895, "longitude": 118.752025, "accuracy": 20}
            assert (await worker.put(f"{session}/place", json=here)).status_code == 204
            placed = (await phones(operator))[0]["place"]
            assert placed and abs(placed["x"] - 0.5) < 0.01 and abs(placed["y"] - 0.5) < 0.01  # type: ignore[index]
            assert (await worker.put(f"{session}/place", json={**here, "accuracy": 2000})).status_code == 204
            assert (await phones(operator))[0]["place"] == placed
            assert (await worker.put(f"{session}/place", json={"latitude": 91, "longitude": 0})).status_code == 422

            now = datetime.now(UTC)
            span = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
            asked = {"camera_id": "phone-1", **span}
            (filming,) = (await operator.get("/api/recordings/filmed", params=asked)).json()
            assert (filming["person"], filming["ended_at"]) == ("grid_worker", None)

            assert (await worker.delete(session)).status_code == 200
            assert not await phones(operator)
            async with asyncio.timeout(10):
                while filming["ended_at"] is None:
                    (filming,) = (await operator.get("/api/recordings/filmed", params=asked)).json()
            assert (await worker.get("/api/recordings/filmed", params=asked)).status_code == 403
            earlier = {"from": (now - timedelta(hours=3)).isoformat(), "to": (now - timedelta(hours=2)).isoformat()}
            others = ({"camera_id": "gate", **span}, {"camera_id": "phone-1", **earlier})
            assert [(await operator.get("/api/recordings/filmed", params=other)).json() for other in others] == [[], []]
            assert (await worker.get(session)).status_code == 404
            await viewer.close()
            await sender.peer.close()

        run(service, scenario)
    finally:
        shard.stop()
    with sqlite_database.reading() as database:
        log = database.scalars(select(AuditEntry).where(AuditEntry.action.startswith("phone."))).all()
    assert [(entry.action, entry.subject) for entry in log] == [("phone.begin", "phone-1"), ("phone.end", "phone-1")]
    assert all(entry.user_id for entry in log) and log[0].address


def test_who_may_film_what_is_refused_and_how_many(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, LiveSettings(idle_seconds=0.5))

    async def scenario(worker: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
        senders = [Sender() for _ in range(4)]
        offers = [await sender.offer() for sender in senders]
        for user in ("viewer", "planner", "citizen"):
            client = await log_in(service, user)
            assert (await client.post("/api/whip", content=offers[0], headers=_SDP)).status_code == 403
            await client.aclose()
        assert (await worker.options("/api/whip")).headers["accept-post"] == "application/sdp"
        assert (await worker.post("/api/whip", content=offers[0])).status_code == 415
        assert (await worker.post("/api/whip", content="v=0", headers=_SDP)).status_code == 400
        elsewhere = _SDP | {"origin": "https://evil.example"}
        assert (await worker.post("/api/whip", content=offers[0], headers=elsewhere)).status_code == 403

        officer = await log_in(service, "enforcement_officer")
        for client, offer in ((worker, offers[0]), (operator, offers[1]), (worker, offers[2])):
            answer = await client.post("/api/whip", content=offer, headers=_SDP)
            assert answer.status_code == 201, answer.text
        full = await officer.post("/api/whip", content=offers[3], headers=_SDP)
        assert full.status_code == 503 and full.json()["type"] == "/problems/too-many-phones"
        assert full.headers["retry-after"]
        assert (await worker.delete("/api/session")).status_code == 204

        async with asyncio.timeout(10):
            while full.status_code != 201:
                await asyncio.sleep(0.2)
                full = await officer.post("/api/whip", content=offers[3], headers=_SDP)
        await officer.aclose()
        for sender in senders:
            await sender.peer.close()

    run(service, scenario)


def test_a_village_without_phones_says_so(start_service: StartService, sqlite_database: Database) -> None:
    site = small_site()
    service = start_service(
        sqlite_database, site=site.model_copy(update={"service": site.service.model_copy(update={"phones": 0})})
    )

    async def scenario(worker: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
        sender = Sender()
        answer = await worker.post("/api/whip", content=await sender.offer(), headers=_SDP)
        assert answer.status_code == 409 and answer.json()["type"] == "/problems/no-phones"
        assert (await worker.get("/api/site")).json()["phones"] == 0
        assert "phones" not in {group["id"] for group in (await worker.get("/api/site")).json()["groups"]}
        await sender.peer.close()

    run(service, scenario)
