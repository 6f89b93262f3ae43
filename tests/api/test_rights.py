"""Whoever is limited to groups of cameras gets no picture of another one, by whatever route."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from websockets.asyncio.client import connect

from configs.words import IncidentKind, StreamRole
from live.wire import OverlayBox, OverlayMessage, StateMessage
from models.base import utc_now
from models.recordings import Recording
from models.session import Database
from tests.api.conftest import PASSWORD, Service, StartService, wait_until
from tests.api.test_access import guards, routes
from tests.api.test_incidents import JPEG, raise_one

#: Routes that name a camera and give no picture of it: counts, and lists of incidents that can be narrowed to one.
NO_PICTURES = {
    ("GET", "/api/flow/minutes"),
    ("GET", "/api/flow/heat"),
    ("GET", "/api/incidents"),
}


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database) -> Service:
    """The operator is limited to the group `water`: the pond, and not the gate."""
    running = start_service(sqlite_database)
    admin = running.client("administrator")
    operator = next(u for u in admin.get("/api/users").json() if u["username"] == "operator")
    assert operator["camera_groups"] == []
    changed = admin.patch(f"/api/users/{operator['id']}", json={"camera_groups": ["water", "water"]})
    assert changed.status_code == 200 and changed.json()["camera_groups"] == ["water"]
    return running


def naming_a_camera() -> list[tuple[str, str]]:
    """(method, path with the camera filled in as {camera_id}) of each route that takes a camera's id from outside."""
    found = []
    for route in routes():
        if not isinstance(route, APIRoute) or not guards(route.dependant):
            continue
        names = {p.alias for p in (*route.dependant.query_params, *route.dependant.path_params)}
        if "camera_id" in names:
            path = route.path if "{camera_id}" in route.path else f"{route.path}?camera_id={{camera_id}}"
            found += [(method, path) for method in sorted(route.methods)]
    return found


def test_every_route_that_names_a_camera_hides_those_of_other_groups(service: Service) -> None:
    named = [(m, p) for m, p in naming_a_camera() if (m, p.partition("?")[0]) not in NO_PICTURES]
    assert {p.partition("?")[0] for _, p in named} >= {
        "/api/cameras/{camera_id}", "/api/cameras/{camera_id}/live.mp4", "/api/cameras/{camera_id}/snapshot.jpg",
        "/api/whep/{camera_id}", "/api/recordings", "/api/recordings/clip.mp4", "/api/recordings/days",
    }  # fmt: skip
    limited, free = service.client("operator"), service.client("administrator")
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(minutes=2)).isoformat(), "to": now.isoformat()}
    days = {"from": now.date().isoformat(), "to": now.date().isoformat()}

    def kind(client: httpx.Client, method: str, path: str, camera_id: str) -> str | None:
        """The problem that the answer is, if it is one; only its head is read, as a film has no end."""
        query = days if path.startswith("/api/recordings/days") else span
        url = httpx.URL(path.format(camera_id=camera_id)).copy_merge_params(query)
        with client.stream(method, url, headers={"content-type": "application/sdp"}) as answer:
            if answer.headers.get("content-type") != "application/problem+json":
                return None
            return str(json.loads(answer.read())["type"]).removeprefix("/problems/")

    for method, path in named:
        assert kind(limited, method, path, "gate") == "camera-not-found", (method, path)
        assert kind(limited, method, path, "nowhere") == "camera-not-found", (method, path)
        assert kind(limited, method, path, "pond") != "camera-not-found", (method, path)
        assert kind(free, method, path, "gate") != "camera-not-found", (method, path)


def test_lists_hold_only_what_is_theirs(service: Service) -> None:
    limited, free = service.client("operator"), service.client("viewer")
    assert [c["id"] for c in limited.get("/api/cameras").json()] == ["pond"]
    assert [c["id"] for c in free.get("/api/cameras").json()] == ["gate", "pond", "barn"]
    site = limited.get("/api/site").json()
    assert [g["id"] for g in site["groups"]] == ["water"] and site["camera_count"] == 1
    assert [c["camera_id"] for c in limited.get("/api/recordings/storage").json()["cameras"]] == ["pond"]
    assert limited.get("/api/me").json()["user"]["camera_groups"] == ["water"]


def test_evidence_and_recordings_of_other_cameras_are_not_given(service: Service, tmp_path: Path) -> None:
    hidden = raise_one(service.database, "a1", folder=tmp_path / "evidence")
    theirs = raise_one(service.database, "a2", IncidentKind.CROWD, "pond", folder=tmp_path / "evidence")
    limited, free = service.client("operator"), service.client("viewer")
    shown = {i["id"]: i["picture_url"] for i in limited.get("/api/incidents").json()["items"]}
    assert shown[hidden] is None and limited.get(shown[theirs]).content == JPEG
    detail = limited.get(f"/api/incidents/{hidden}").json()
    assert detail["picture_url"] is None and [a["evidence"] for a in detail["alerts"]] == [[]]
    assert limited.get(f"/api/incidents/{hidden}/handling").json()["incident"]["picture_url"] is None
    url = free.get(f"/api/incidents/{hidden}").json()["picture_url"]
    assert free.get(url).status_code == 200 and limited.get(url).status_code == 404

    with service.database.session() as session:
        row = Recording(
            camera_id="gate", role="main", reason="event", path="gate/a.mp4", started_at=utc_now(), ended_at=utc_now(),
            size_bytes=4, sha256="0" * 64, codec="h264", width=64, height=64, state="kept",
        )  # fmt: skip
        session.add(row)
        session.flush()
        recording_id = row.id
    (service.settings.data_dir / "recordings" / "gate").mkdir(parents=True)
    (service.settings.data_dir / "recordings" / "gate" / "a.mp4").write_bytes(b"film")
    url = f"/api/recordings/{recording_id}/video"
    assert service.client("administrator").get(url).content == b"film"
    assert limited.get(url).status_code == 404


def test_boxes_and_states_of_other_cameras_are_not_told(service: Service) -> None:
    def look(camera_id: str) -> OverlayMessage:
        return OverlayMessage(camera_id, 1.0, 1.0, [OverlayBox((0.1, 0.1, 0.2, 0.2), "person", 0.9, 1)])

    async def scenario() -> None:
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
            await client.post("/api/session", json={"username": "operator", "password": PASSWORD})
            url = service.url.replace("http", "ws") + "/api/overlays"
            cookie = {"Cookie": f"vbrain_session={client.cookies['vbrain_session']}"}
            async with connect(url, additional_headers=cookie) as boxes, client.stream("GET", "/api/events") as events:
                await boxes.send(json.dumps({"cameras": ["gate", "pond"]}))
                heard: list[str] = []
                async with asyncio.timeout(20):
                    while not heard:
                        for camera_id in ("gate", "pond"):
                            service.shard.publisher.publish_overlay(look(camera_id))
                        try:
                            heard.append(json.loads(await asyncio.wait_for(boxes.recv(), 0.3))["camera_id"])
                        except TimeoutError:
                            continue
                    for _ in range(3):
                        for camera_id in ("gate", "pond"):
                            service.shard.publisher.publish_overlay(look(camera_id))
                        heard.append(json.loads(await boxes.recv())["camera_id"])
                assert set(heard) == {"pond"}
                for number in range(2):
                    for camera_id in ("gate", "pond"):
                        state = StateMessage(
                            camera_id, StreamRole.SUB, "offline", float(number), f"cause-{number}", "no answer"
                        )
                        service.shard.publisher.publish_state(state)
                async with asyncio.timeout(20):
                    async for line in events.aiter_lines():
                        if line.startswith("data:"):
                            assert json.loads(line[5:])["camera"]["id"] == "pond"
                            break

    asyncio.run(scenario())


def test_only_groups_that_there_are_can_be_given_and_an_administrator_sees_all(service: Service) -> None:
    admin = service.client("administrator")
    users = {u["username"]: u["id"] for u in admin.get("/api/users").json()}
    wrong = admin.patch(f"/api/users/{users['viewer']}", json={"camera_groups": ["moon"]})
    assert wrong.status_code == 422 and "moon" in wrong.json()["detail"] and "water" in wrong.json()["detail"]
    new = {"username": "xu", "role": "viewer", "password": PASSWORD, "camera_groups": ["gates"]}
    assert admin.post("/api/users", json=new).json()["camera_groups"] == ["gates"]
    assert [c["id"] for c in service.client("xu").get("/api/cameras").json()] == ["gate", "barn"]
    assert admin.patch(f"/api/users/{users['administrator']}", json={"camera_groups": ["water"]}).status_code == 200
    wait_until(lambda: service.client("administrator").get("/api/cameras").status_code == 200)
    assert len(service.client("administrator").get("/api/cameras").json()) == 3
