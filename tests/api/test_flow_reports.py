"""Footfall reports over HTTP: who may, what comes, and long work with its progress."""

import threading
from datetime import date, timedelta

import httpx
import numpy as np
import pytest

from api.report_desk import AT_ONCE, MOST_WAITING, DeskFull, ReportDesk
from api.schemas_flow import ReportFormat
from flow.profiles import pack
from flow.report_words import Words
from models.footfall import DayCrossing
from models.session import Database
from tests.api.conftest import StartService, wait_until

SPAN = {"from": "2026-10-01", "to": "2026-10-07"}


def fill(database: Database) -> None:
    with database.session() as session:
        for n in range(7):
            profile = pack(np.array([np.full(24, 2.0), np.full(24, 1.0), np.full(24, 3600.0)]))
            session.add(
                DayCrossing(
                    day=date(2026, 10, 1) + timedelta(days=n), camera_id="gate", line_id="walk", object_class="person",
                    crossed_in=48, crossed_out=24, observed_seconds=86400.0, profile=profile,
                )
            )  # fmt: skip


def test_a_planner_gets_figures_and_files(start_service: StartService, sqlite_database: Database) -> None:
    fill(sqlite_database)
    service = start_service(sqlite_database)
    client = service.client("planner")
    report = client.get("/api/flow/report", params=SPAN).json()
    assert report["people"]["counted"] == 7 * 72 and report["measure"] == "passages"
    assert report["holidays"][0]["name"] == {"zh": "国庆节", "en": "National Day"}
    for kind, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("html", b"<!doctype html>"), ("json", b"{")):
        answer = client.get("/api/flow/report/file", params={**SPAN, "format": kind, "language": "en"})
        assert answer.status_code == 200 and answer.content.startswith(start)
        assert f"footfall-2026-10-01-2026-10-07.{kind}" in answer.headers["content-disposition"]
    told = client.get("/api/flow/forecast").json()
    assert "历史太短" in told["refusal"]["zh"] and told["days"] == []
    days = client.get("/api/flow/calendar", params={"from": "2026-10-09", "to": "2026-10-10"}).json()
    assert [d["kind"] for d in days] == ["workday", "make_up_workday"]
    for span in ({"from": "2026-10-07", "to": "2026-10-01"}, {"from": "2019-01-01", "to": "2026-10-01"}):
        assert client.get("/api/flow/report", params=span).json()["type"] == "/problems/bad-request"
        assert client.post("/api/flow/report-jobs", json=span).json()["type"] == "/problems/bad-request"

    job = client.post("/api/flow/report-jobs", json={**SPAN, "format": "html", "forecast": False}).json()
    wait_until(lambda: client.get(f"/api/flow/report-jobs/{job['id']}").json()["state"] == "done", 30)
    done = client.get(f"/api/flow/report-jobs/{job['id']}").json()
    assert done["share"] == 1.0
    page = client.get(done["url"])
    assert page.headers["content-type"].startswith("text/html") and "余东村" in page.text
    other = service.client("operator")
    assert other.get(done["url"]).status_code == 404

    grid_worker = service.client("grid_worker")
    for path in ("report", "report/file", "forecast", f"report-jobs/{job['id']}"):
        assert grid_worker.get(f"/api/flow/{path}").status_code == 403
        assert httpx.get(f"{service.url}/api/flow/{path}").status_code == 401


def test_only_so_many_wait_and_an_end_is_an_end() -> None:
    desk, go = ReportDesk(), threading.Event()

    def work(say: object) -> bytes:
        go.wait(20)
        say(0.5, Words("", ""))  # type: ignore[operator]
        return b"x"

    jobs = [desk.start("me", ReportFormat.CSV, "n", work) for _ in range(AT_ONCE + MOST_WAITING)]
    with pytest.raises(DeskFull):
        desk.start("me", ReportFormat.CSV, "n", work)
    desk._stopping.set()
    go.set()
    desk.stop()
    assert {job.state for job in jobs} <= {"failed", "waiting"} and desk.find(jobs[0].id, "you") is None


def test_what_was_made_is_let_go_after_a_while() -> None:
    now = [0.0]
    desk = ReportDesk(clock=lambda: now[0])
    job = desk.start("me", ReportFormat.CSV, "n", lambda say: b"x")
    wait_until(lambda: job.state == "done")
    assert desk.find(job.id, "me") is job
    now[0] = 1801.0
    assert desk.find(job.id, "me") is None
