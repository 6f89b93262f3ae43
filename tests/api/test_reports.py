"""The open door over HTTP: a citizen's report from the phone to 办结, and what strangers may not do."""

from pathlib import Path

import httpx
import pytest

from configs.village import DEFAULT_VILLAGE, Village, load_village
from models.session import Database
from tests.alerts.media import jpeg, mp4, png_bomb
from tests.api.conftest import Service, StartService

VILLAGE = load_village(DEFAULT_VILLAGE, {})


def photos(*data: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("files", (f"{n}.exe", one, "text/html")) for n, one in enumerate(data)]


def step(client: httpx.Client, incident_id: str, action: str, **more: object) -> httpx.Response:
    version = client.get(f"/api/incidents/{incident_id}").json()["version"]
    return client.post(f"/api/incidents/{incident_id}/transition", json={"action": action, "version": version, **more})


def test_a_villagers_fire_from_the_phone_to_closed_and_rated(
    start_service: StartService, database: Database, tmp_path: Path
) -> None:
    service = start_service(database)
    villager, desk, worker = service.client(), service.client("operator"), service.client("grid_worker")
    form = villager.get("/api/report-form").json()
    assert form["photos"] == 9 and {"fire", "dispute"} <= {k["kind"] for k in form["kinds"]}
    fields = {"sentence": "稻草着火了", "kind": "fire", "phone": "138 0000 0000"}
    answer = villager.post("/api/reports", data=fields, files=photos(jpeg(1, (28.9903, 118.7512)), jpeg(2)))
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert taken["link"] == f"/r/{taken['code']}" and taken["place"]["x"] == pytest.approx(0.46, abs=0.01)
    [item] = desk.get("/api/incidents").json()["items"]
    incident_id = item["id"]
    seen = desk.get(f"/api/incidents/{incident_id}/handling").json()
    assert seen["source"] == "citizen" and seen["area"]["id"] == "centre" and seen["clock"]["step"] == "confirm"
    assert seen["reports"][0]["phone"] == "13800000000" and len(seen["reports"][0]["evidence"]) == 2
    assert service.client("viewer").get(f"/api/incidents/{incident_id}/handling").json()["reports"][0]["phone"] is None
    assert b"Wang" not in desk.get(seen["reports"][0]["evidence"][0]["url"]).content
    assert [c["person"]["username"] for c in desk.get(f"/api/incidents/{incident_id}/candidates").json()]
    assert step(desk, incident_id, "dispatch").status_code == 200
    [mine] = worker.get("/api/me/assignments").json()
    assert mine["incident"]["id"] == incident_id and {"accept", "decline"} <= set(mine["actions"])
    assert step(worker, incident_id, "accept").status_code == 200
    refused = step(worker, incident_id, "resolve", note="灭了")
    assert refused.status_code == 409 and "photo" in refused.json()["detail"]
    added = worker.post(f"/api/incidents/{incident_id}/photos", data={"purpose": "resolution"}, files=photos(jpeg(5)))
    assert added.status_code == 200, added.text
    assert step(worker, incident_id, "arrive").status_code == 200
    assert step(worker, incident_id, "resolve", note="灭了").status_code == 200
    assert villager.post(f"/api/reports/{taken['code']}/rating", json={"stars": 5}).status_code == 409
    assert step(desk, incident_id, "close").status_code == 200
    progress = villager.get(f"/api/reports/{taken['code']}").json()
    assert [s["step"] for s in progress["steps"]][-1] == "closed" and progress["can_rate"] is True
    assert villager.get(progress["media"][0]["url"]).headers["content-type"] == "image/jpeg"
    rated = villager.post(f"/api/reports/{taken['code']}/rating", json={"stars": 5, "sentence": "很快"})
    assert rated.json()["stars"] == 5
    assert villager.post(f"/api/reports/{taken['code']}/rating", json={"stars": 1}).status_code == 409
    points = worker.get("/api/credit/me").json()
    assert points["balance"] == 10
    earned_by = {(e["because"], e["incident_id"]) for e in points["entries"]}
    assert earned_by == {("good_rating", incident_id), ("on_time", incident_id)}
    figures = desk.get("/api/figures/governance").json()
    assert figures["closed"] == 1 and figures["steps"]["whole"]["count"] == 1 and figures["stars"] == 5.0
    assert figures["people"][0]["display_name"] == "grid_worker" and figures["people"][0]["done"] == 1


@pytest.mark.parametrize(
    ("why", "data", "files", "status", "word"),
    [
        ("nothing at all", {"sentence": " "}, [], 400, "sentence"),
        ("a page for a photo", {"sentence": "a"}, photos(b"<html>"), 415, "JPEG"),
        ("a bomb", {"sentence": "a"}, photos(png_bomb()), 415, "megapixels"),
        ("ten photos", {"sentence": "a"}, photos(*[jpeg(1)] * 10), 400, "9"),
        ("a video and a photo", {"sentence": "a"}, photos(mp4(), jpeg(1)), 400, "not both"),
        ("a long video", {"sentence": "a"}, photos(mp4(300)), 415, "longer"),
        ("an unknown kind", {"sentence": "a", "kind": "ufo"}, photos(jpeg(1)), 400, "kind"),
        ("a place in the sea", {"sentence": "a", "x": "7", "y": "1"}, photos(jpeg(1)), 400, "range"),
        ("a place of words", {"sentence": "a", "x": "nan", "y": "b"}, photos(jpeg(1)), 400, "numbers"),
    ],
)
def test_refused_with_a_sentence(
    one_service: Service, why: str, data: dict[str, str], files: list[object], status: int, word: str
) -> None:
    answer = one_service.client().post("/api/reports", data=data, files=files or photos())  # type: ignore[arg-type]
    if not files:
        answer = one_service.client().post("/api/reports", data=data)
    assert answer.status_code == status, (why, answer.text)
    assert word in answer.json()["detail"], why


@pytest.fixture(scope="module")
def patient() -> Village:
    limits = VILLAGE.reports.model_copy(update={"per_device_hour": 1000, "per_network_hour": 1000})
    return VILLAGE.model_copy(update={"reports": limits})


@pytest.fixture
def one_service(start_service: StartService, sqlite_database: Database, patient: Village) -> Service:
    return start_service(sqlite_database, village=patient)


def test_codes_open_one_report_and_cannot_be_guessed(one_service: Service) -> None:
    stranger = one_service.client()
    first, second = (
        stranger.post("/api/reports", data={"sentence": "a"}, files=photos(jpeg(n))).json()["code"] for n in (1, 2)
    )
    url = stranger.get(f"/api/reports/{first}").json()["media"][0]["url"]
    assert stranger.get(url).status_code == 200
    assert stranger.get(url.replace(first, second)).status_code == 404
    assert stranger.get("/api/reports/AAAA-AAAA-AAAA-AAAA").json()["type"] == "/problems/report-not-found"
    assert stranger.get(f"/api/incidents/{first}").status_code == 401


def test_adding_and_withdrawing(one_service: Service) -> None:
    villager = one_service.client()
    code = villager.post("/api/reports", data={"sentence": "路灯坏了", "kind": "facility"}).json()["code"]
    added = villager.post(f"/api/reports/{code}/additions", data={"sentence": "在桥边"}, files=photos(jpeg(7)))
    assert added.status_code == 200 and added.json()["entries"][0]["text"] == "在桥边" and added.json()["media"]
    gone = villager.delete(f"/api/reports/{code}")
    assert gone.json()["withdrawn"] is True and gone.json()["state"] == "new"
    assert villager.post(f"/api/reports/{code}/additions", data={"sentence": "b"}).status_code == 409


def test_a_flood_is_slowed_down(start_service: StartService, sqlite_database: Database) -> None:
    stranger = start_service(sqlite_database).client()
    answers = [stranger.post("/api/questions", json={"text": f"q{n}"}) for n in range(14)]
    assert [a.status_code for a in answers] == [201] * 12 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 3601


def test_large_bodies_are_taken_only_where_photos_are(one_service: Service) -> None:
    client = one_service.client("operator")
    headers = {"Content-Length": "2000000", "Content-Type": "application/json"}
    assert client.post("/api/questions", content=b"x" * 2_000_000, headers=headers).status_code == 413
    too_large = client.post("/api/reports", data={"sentence": "a"}, files=photos(jpeg(1) + bytes(16_000_000)))
    assert too_large.status_code == 413
