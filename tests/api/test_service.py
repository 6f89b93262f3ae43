"""The service itself: the site and its cameras, the door, the console, health and figures."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from api.guard import MOST_BODY_BYTES, is_foreign
from api.server import CannotListen, _listen
from models.session import Database
from tests.api.conftest import PASSWORD, StartService, wait_until


def test_cameras_are_shown_as_they_are(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    client = service.client("planner")
    wait_until(lambda: client.get("/api/cameras/gate").json()["state"] == "online")
    cameras = {c["id"]: c for c in client.get("/api/cameras").json()}
    assert list(cameras) == ["gate", "pond", "barn"]
    assert [s["role"] for s in cameras["gate"]["streams"]] == ["sub", "main"]
    assert cameras["gate"]["reason"] == {"zh": "画面正常。", "en": "Pictures are arriving."}
    assert cameras["gate"]["looks_per_second"] == 4.0 and cameras["gate"]["last_picture_at"].endswith("Z")
    assert cameras["pond"]["streams"][0]["codec"] == "hevc"
    assert cameras["barn"]["state"] == "disabled"
    assert "secret-word" not in client.get("/api/cameras").text and "rtsp" not in client.get("/api/cameras").text
    assert client.get("/api/site").json()["groups"][0] == {"id": "gates", "name": {"zh": "村口", "en": "Gates"}}
    assert client.get("/api/cameras/nowhere").json()["titles"]["zh"] == "没有这个监控点"
    service.shard.silent = True
    wait_until(lambda: client.get("/api/cameras/gate").json()["state"] == "unknown", 15)
    assert client.get("/api/health").json() == {"status": "degraded"}


def test_a_snapshot_comes_from_the_shard(start_service: StartService, sqlite_database: Database) -> None:
    client = start_service(sqlite_database).client("viewer")
    answer = client.get("/api/cameras/gate/snapshot.jpg?t=5")
    assert answer.content == b"\xff\xd8 a picture \xff\xd9" and answer.headers["content-type"] == "image/jpeg"
    assert client.get("/api/cameras/nowhere/snapshot.jpg").status_code == 404


def test_models_are_what_the_shards_say(start_service: StartService, sqlite_database: Database) -> None:
    said = start_service(sqlite_database).client("operator").get("/api/models").json()
    assert said["silent_shards"] == []
    assert [(m["task"], m["model"], m["input_size"]) for m in said["models"]] == [("objects", "yolo11n", [416, 256])]


def test_figures_are_for_the_administrator_and_the_scraper(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database, metrics_token=SecretStr("scrape-me"))
    text = service.client("administrator").get("/metrics").text
    assert 'vbrain_stream_online{camera="gate",stream="sub"}' in text and "vbrain_live_sessions 0.0" in text
    assert "vbrain_phones 0.0" in text and "vbrain_phones_units_dropped_total 0.0" in text
    scraper = service.client()
    assert scraper.get("/metrics", headers={"Authorization": "Bearer scrape-me"}).status_code == 200
    assert scraper.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert scraper.get("/api/me", headers={"Authorization": "Bearer scrape-me"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"host": "brain:8080", "origin": "http://brain:8080"}, False),
        ({"host": "brain", "origin": "https://brain"}, False),
        ({"host": "brain", "origin": "https://evil"}, True),
        ({"host": "brain", "origin": "https://brain.evil"}, True),
        ({"host": "brain", "origin": "null"}, True),
        ({"host": "brain", "origin": "http://localhost:5173"}, False),
        ({"host": "brain", "sec-fetch-site": "cross-site"}, True),
        ({"host": "brain", "sec-fetch-site": "same-site"}, True),
        ({"host": "brain", "sec-fetch-site": "same-origin"}, False),
        ({"host": "brain"}, False),
    ],
)
def test_requests_of_other_sites_are_known(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(Headers(headers), ("http://localhost:5173",)) is foreign


def test_the_door_keeps_out_other_sites_and_large_bodies(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database)
    client = service.client("operator")
    foreign = client.delete("/api/session", headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403 and foreign.json()["type"] == "/problems/foreign-origin"
    assert client.get("/api/me").status_code == 200
    large = client.post("/api/session", content=b"x" * (MOST_BODY_BYTES + 1))
    assert large.status_code == 413

    def endless() -> object:
        for _ in range(20):
            yield b"x" * 100_000

    assert client.post("/api/session", content=endless()).status_code >= 400  # type: ignore[arg-type]
    answer = client.get("/api/me")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    assert client.get("/api/nothing").json()["type"] in ("/problems/not-found",)


def test_the_console_is_served_and_knows_its_own_routes(
    start_service: StartService, sqlite_database: Database, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>page</title>")
    (dist / "assets" / "app-1a2b.js").write_text("code()")
    (tmp_path / "secret.html").write_text("secret")
    client = start_service(sqlite_database, web_dist=dist).client()
    for path in ("/", "/incidents/abc", "/login"):
        answer = client.get(path)
        assert answer.text == "<title>page</title>" and answer.headers["cache-control"] == "no-cache", path
        assert "content-security-policy" in answer.headers
    assert "immutable" in client.get("/assets/app-1a2b.js").headers["cache-control"]
    assert client.get("/assets/gone.js").status_code == 404
    for path in ("/..%2fsecret.html", "/%2e%2e/secret.html", "/api/unknown", "/api"):
        answer = client.get(path)
        assert "secret" not in answer.text, path
        assert not path.startswith("/api") or answer.status_code == 404


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 127\.0\.0\.1:\d+ \(Address already in use\); stop what"):
        first = _listen("127.0.0.1", 0)
        try:
            _listen("127.0.0.1", first.getsockname()[1])
        finally:
            first.close()


def test_the_password_is_not_in_what_settings_print(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database, metrics_token=SecretStr("scrape-me"))
    assert "secret-word" not in repr(service.settings) and "scrape-me" not in repr(service.settings)
    assert PASSWORD not in repr(service.settings)
