"""Incidents over HTTP: pages, one with all there is, steps, and writers that came too late."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from alerts.evidence import EvidenceStore
from alerts.incidents import raise_alert
from alerts.words import AlertDraft, Reason
from configs.site import Place
from configs.words import CameraId, IncidentKind, Instant
from models.base import utc_now
from models.session import Database
from models.tables import AuditEntry, Incident
from tests.api.conftest import Service, StartService

JPEG = b"\xff\xd8\xff\xe0 a burning field \xff\xd9"


def raise_one(
    database: Database, alert_id: str, kind: IncidentKind = IncidentKind.FIRE, camera: str = "gate", ago: float = 0.0,
    folder: Path | None = None,
) -> str:  # fmt: skip
    """A real alert, as a shard raises it; the id of its incident."""
    moment = Instant((utc_now() - timedelta(seconds=ago)).timestamp())
    files = (EvidenceStore(folder).save(JPEG, "image/jpeg", ".jpg", moment),) if folder else ()
    reason = Reason("监控点看到明火。", "Open fire is seen.")
    draft = AlertDraft(kind, CameraId(camera), moment, moment, 0.8, 4, reason, numbers={"looks": 5})
    with database.session() as session:
        return raise_alert(session, alert_id, draft, Place(x=0.2, y=0.3), files).incident.id


def test_pages_follow_one_another_without_gap_or_repeat(start_service: StartService, database: Database) -> None:
    service = start_service(database)
    moment = utc_now()
    with database.session() as session:
        for number in range(25):
            session.add(
                Incident(
                    id=f"{number:032x}", kind="fire" if number % 2 else "crowd", camera_id="gate", severity=1,
                    summary_zh="火", summary_en="fire", last_alert_at=moment,
                    # Several of the same moment, so that the id has to decide.
                    opened_at=moment - timedelta(seconds=number // 4),
                )
            )  # fmt: skip
    client = service.client("operator")
    seen: list[str] = []
    before: str | None = None
    for _ in range(20):
        page = client.get("/api/incidents", params={"limit": 4, **({"before": before} if before else {})}).json()
        seen += [item["id"] for item in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert len(seen) == 25 == len(set(seen))
    fires = client.get("/api/incidents", params={"kind": "fire", "limit": 100}).json()["items"]
    assert len(fires) == 12 and {f["kind"] for f in fires} == {"fire"}
    assert client.get("/api/incidents", params={"camera_id": "pond"}).json()["items"] == []
    assert client.get("/api/incidents", params={"before": "nonsense"}).status_code == 400
    assert client.get("/api/incidents", params={"limit": 0}).status_code == 422


def test_an_incident_shows_what_convinced_us_and_who_did_what(
    start_service: StartService, database: Database, tmp_path: Path
) -> None:
    service = start_service(database)
    incident_id = raise_one(database, "a1", folder=tmp_path / "evidence")
    assert raise_one(database, "a2") == incident_id
    client = service.client("operator")
    item = client.get("/api/incidents").json()["items"][0]
    assert item["alert_count"] == 2 and item["summary"] == {"zh": "监控点看到明火。", "en": "Open fire is seen."}
    assert item["place"] == {"x": 0.2, "y": 0.3} and "confirm" in item["actions"] and "accept" not in item["actions"]
    assert client.get(item["picture_url"]).content == JPEG
    step = {"action": "confirm", "version": item["version"], "note": "看到火光"}
    after = client.post(f"/api/incidents/{incident_id}/transition", json=step)
    assert after.status_code == 200, after.text
    detail = after.json()
    assert detail["state"] == "confirmed" and detail["version"] > item["version"]
    assert detail["alerts"][0]["numbers"] == {"looks": 5} and len(detail["alerts"][0]["evidence"]) == 1
    last = detail["timeline"][-1]
    assert (last["action"], last["note"], last["actor"]["display_name"]) == ("confirm", "看到火光", "operator")
    assert last["at"].endswith("Z") and detail["timeline"][0]["actor"] is None
    assert client.get(f"/api/incidents/{incident_id}").json() == detail
    with database.reading() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "incident.confirm")).one().subject


def test_steps_that_come_too_late_or_do_not_follow_are_refused(start_service: StartService, database: Database) -> None:
    service = start_service(database)
    incident_id = raise_one(database, "a1")
    client, worker = service.client("operator"), service.client("grid_worker")
    url = f"/api/incidents/{incident_id}/transition"
    version = client.get(f"/api/incidents/{incident_id}").json()["version"]

    def refused(by: object, action: str, at: int) -> tuple[int, str]:
        answer = by.post(url, json={"action": action, "version": at})  # type: ignore[attr-defined]
        return answer.status_code, answer.json()["type"]

    assert refused(client, "close", version) == (409, "/problems/illegal-transition")
    assert refused(worker, "confirm", version) == (403, "/problems/not-allowed")
    assert client.post(url, json={"action": "confirm", "version": version}).status_code == 200
    assert refused(client, "false_alarm", version) == (409, "/problems/stale-incident")
    assert refused(client, "explode", version)[0] == 422
    missing = client.post("/api/incidents/none/transition", json={"action": "confirm", "version": 1})
    assert missing.status_code == 404
    assert client.get("/api/incidents/none").json()["type"] == "/problems/incident-not-found"


def test_closed_incidents_are_on_another_list(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    incident_id = raise_one(sqlite_database, "a1", IncidentKind.CROWD)
    client = service.client("operator")
    for action in ("confirm", "resolve", "close"):
        version = client.get(f"/api/incidents/{incident_id}").json()["version"]
        step = {"action": action, "version": version, "note": "人群已散"}
        answer = client.post(f"/api/incidents/{incident_id}/transition", json=step)
        assert answer.status_code == 200, answer.text
    assert answer.json()["closed_at"] is not None and "reopen" in answer.json()["actions"]

    def listed(state: str) -> list[str]:
        return [i["id"] for i in client.get("/api/incidents", params={"state": state}).json()["items"]]

    assert listed("open") == [] and listed("closed") == listed("all") == [incident_id]


def evidence_of(service: Service) -> str:
    url: str = service.client("operator").get("/api/incidents").json()["items"][0]["picture_url"]
    return url


def test_evidence_is_served_by_id_in_parts_and_only_from_its_folder(
    start_service: StartService, sqlite_database: Database, tmp_path: Path
) -> None:
    service = start_service(sqlite_database)
    raise_one(sqlite_database, "a1", folder=tmp_path / "evidence")
    url, client = evidence_of(service), service.client("operator")
    whole = client.get(url)
    assert whole.headers["content-type"] == "image/jpeg" and "immutable" in whole.headers["cache-control"]
    assert client.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    part = client.get(url, headers={"Range": "bytes=2-5"})
    assert part.status_code == 206 and part.content == JPEG[2:6]
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "evidence" / "link").symlink_to(tmp_path / "secret.txt")
    from models.tables import Alert, Evidence

    with sqlite_database.session() as session:
        alert = session.scalars(select(Alert)).one()
        for number, path in enumerate(("../secret.txt", str(tmp_path / "secret.txt"), "link", "gone.jpg")):
            session.add(
                Evidence(
                    id=f"e{number}", alert_id=alert.id, media_type="image/jpeg", path=path, sha256="0" * 64,
                    size_bytes=6, captured_at=utc_now(),
                )
            )  # fmt: skip
    for number in range(4):
        answer = client.get(f"/api/evidence/e{number}")
        assert answer.status_code == 404 and "secret" not in answer.text
    assert client.get("/api/evidence/..%2Fsecret.txt").status_code == 404


def test_somebody_is_sent_and_only_they_may_accept(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    incident_id = raise_one(sqlite_database, "a1")
    desk, worker = service.client("operator"), service.client("grid_worker")
    url = f"/api/incidents/{incident_id}/transition"

    def version() -> int:
        number: int = desk.get(f"/api/incidents/{incident_id}").json()["version"]
        return number

    early = worker.post(url, json={"action": "accept", "version": version()})
    assert early.status_code in (403, 409)
    worker_id = worker.get("/api/me").json()["user"]["id"]
    sent = desk.post(url, json={"action": "dispatch", "version": version(), "assignees": [worker_id]})
    assert sent.status_code == 200 and sent.json()["state"] == "dispatched", sent.text
    accepted = worker.post(url, json={"action": "accept", "version": version()})
    assert accepted.status_code == 200 and accepted.json()["state"] == "accepted", accepted.text
    there = worker.post(url, json={"action": "arrive", "version": version(), "place": {"x": 0.2, "y": 0.3}})
    assert there.status_code == 200 and there.json()["state"] == "on_site" and there.json()["photos"] == []
