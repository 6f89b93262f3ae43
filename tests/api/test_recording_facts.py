"""What there is of recordings: days of the site, marks of alerts, the use of the disk, and a clip's SHA-256."""

import hashlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.roles import STAFF
from api.routes.recordings import LOOKING_BACK
from configs.words import Role, StreamRole
from live.wire import StateMessage
from models.session import Database
from models.tables import Alert, Incident
from tests.api.conftest import Service, StartService, wait_until
from tests.support.clips import make_clip
from tests.support.recordings import packets_of, record

#: 23:59:30 in Shanghai, so that the second of two segments of a minute begins on the next day there.
LATE = datetime(2026, 5, 1, 15, 59, 30, tzinfo=UTC)


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database, tmp_path: Path) -> Service:
    running = start_service(sqlite_database)
    clip = make_clip(tmp_path / "a.mp4")
    store = running.settings.data_dir / "recordings"
    assert record(store, sqlite_database, packets_of(clip, "gate"), LATE, 90) == 2
    assert record(store, sqlite_database, packets_of(clip, "pond", StreamRole.SUB), LATE, 4, "event") == 1
    with sqlite_database.session() as session:
        incident = Incident(
            kind="fire", state="confirmed", severity=4, camera_id="gate", place_x=0.5, place_y=0.5,
            summary_zh="火", summary_en="Fire", opened_at=LATE, last_alert_at=LATE,
        )  # fmt: skip
        session.add(incident)
        session.flush()
        for seconds in (40, 10, -4000):
            raised = LATE + timedelta(seconds=seconds)
            session.add(
                Alert(
                    incident_id=incident.id, kind="fire", camera_id="gate", raised_at=raised,
                    first_seen_at=raised - timedelta(seconds=4), confidence=0.9, reason_zh="火",
                    reason_en="Fire", numbers={},
                )
            )  # fmt: skip
    return running


def test_days_are_those_of_the_site(service: Service) -> None:
    with closing(service.client("operator")) as client:
        query = {"camera_id": "gate", "from": "2026-04-29", "to": "2026-05-05"}
        days = client.get("/api/recordings/days", params=query).json()
        assert [(d["day"], d["files"], round(d["seconds"])) for d in days] == [
            ("2026-05-01", 1, 60),
            ("2026-05-02", 1, 30),
        ]
        assert sum(d["size_bytes"] for d in days) > 1000
        assert client.get("/api/recordings/days", params={**query, "camera_id": "nowhere"}).status_code == 404
        assert client.get("/api/recordings/days", params={**query, "to": "2026-04-28"}).status_code == 422
        assert client.get("/api/recordings/days", params={**query, "to": "2026-07-05"}).status_code == 422


def test_marks_are_the_alerts_of_that_time(service: Service) -> None:
    def marks(camera: str, seconds: int) -> list[dict[str, str]]:
        query = {
            "camera_id": camera, "from": LATE.isoformat(), "to": (LATE + timedelta(seconds=seconds)).isoformat(),
        }  # fmt: skip
        found: list[dict[str, str]] = client.get("/api/recordings/marks", params=query).json()
        return found

    with closing(service.client("operator")) as client:
        found = marks("gate", 90)
        assert [m["raised_at"] for m in found] == ["2026-05-01T15:59:40Z", "2026-05-01T16:00:10Z"]
        assert {(m["kind"], m["incident_state"]) for m in found} == {("fire", "confirmed")}
        assert found[0]["first_seen_at"] == "2026-05-01T15:59:36Z"
        assert client.get(f"/api/incidents/{found[0]['incident_id']}").status_code == 200
        assert len(marks("gate", 20)) == 1 and marks("pond", 90) == []


def test_the_use_of_the_disk_by_camera(service: Service) -> None:
    with closing(service.client("planner")) as client:
        body = client.get("/api/recordings/storage").json()
        by_camera = {c["camera_id"]: c for c in body["cameras"]}
        files = list((service.settings.data_dir / "recordings").rglob("*.mp4"))
        assert (
            body["used_bytes"] == sum(f.stat().st_size for f in files) == sum(c["size_bytes"] for c in body["cameras"])
        )
        assert body["limit_bytes"] == 100_000_000_000 and body["disk_free_bytes"] > 0
        assert {c: by_camera[c]["files"] for c in by_camera} == {"gate": 2, "pond": 1, "barn": 0}
        assert by_camera["gate"]["oldest_at"] == "2026-05-01T15:59:30Z" and by_camera["gate"]["mode"] == "events"
        assert by_camera["barn"]["newest_at"] is None


def test_a_clip_says_its_sha256_before_it_is_fetched(service: Service) -> None:
    query = {
        "camera_id": "gate", "from": (LATE + timedelta(seconds=58)).isoformat(),
        "to": (LATE + timedelta(seconds=63)).isoformat(),
    }  # fmt: skip
    with closing(service.client("operator")) as client:
        receipt = client.get("/api/recordings/clip", params=query).json()
        fetched = client.get(receipt["url"])
        assert fetched.status_code == 200 and "attachment" in fetched.headers["content-disposition"]
        assert hashlib.sha256(fetched.content).hexdigest() == receipt["sha256"]
        assert len(fetched.content) == receipt["size_bytes"] and receipt["is_complete"]
        begins = datetime.fromisoformat(receipt["begins_at"])
        assert datetime.fromisoformat(fetched.headers["clip-from"]) == begins
        assert timedelta(0) <= LATE + timedelta(seconds=58) - begins < timedelta(seconds=0.6), "the key frame before"
        assert client.get("/api/recordings/clip", params=query).json() == receipt
        nothing = {**query, "from": "2026-05-01T20:00:00Z", "to": "2026-05-01T20:01:00Z"}
        assert client.get("/api/recordings/clip", params=nothing).status_code == 404


def test_who_gets_what(service: Service) -> None:
    span = {"camera_id": "gate", "from": "2026-05-01T20:00:00Z", "to": "2026-05-01T20:01:00Z"}
    for role in Role:
        with closing(service.client(role.value)) as client:
            for path in ("/api/recordings/marks", "/api/recordings/clip"):
                refused = client.get(path, params=span).status_code == 403
                assert refused is (role not in LOOKING_BACK), (role, path)
            days = client.get(
                "/api/recordings/days", params={"camera_id": "gate", "from": "2026-05-01", "to": "2026-05-01"}
            )
            assert (days.status_code == 403) is (role not in LOOKING_BACK), role
            assert (client.get("/api/recordings/storage").status_code == 403) is (role not in STAFF), role


def test_failures_are_told_by_cause(service: Service) -> None:
    message = StateMessage(
        camera_id="gate", role=StreamRole.MAIN, state="online", since=1.0, cause="online", reason="fine",
        ring_bytes=77, reconnects=3, failures={"refused": 2, "silent": 1},
    )  # fmt: skip
    with closing(service.client("viewer")) as client:

        def is_told() -> bool:
            service.shard.publisher.publish_state(message)
            (main,) = (s for s in client.get("/api/cameras/gate").json()["streams"] if s["role"] == "main")
            return (main["failures"], main["ring_bytes"]) == ({"refused": 2, "silent": 1}, 77)

        wait_until(is_told, 30)
