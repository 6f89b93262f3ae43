"""Incidents under load: the list of open ones beside a million closed, and a hundred alerts a second.

    python benchmarks/incidents.py [--closed 1000000] [--seconds 60] [--rate 100] [--databases sqlite,postgres]

- `list`: the console's page of 50 open incidents among so many closed ones, as the interface makes it, p50 and p95 in
  ms. The baseline reads the bare rows of those 50, without counts, pictures or JSON: what the index alone costs.
- `alerts`: so many alerts a second from 37 cameras handed to a shard's writer, while the desk's process plans what must
  be told. Afterwards every alert must be in the database once, every message in the outbox be planned, and the
  longest anything waited is reported. The baseline is bare inserts of one row, each committed, on the same database.

Ends with one line of JSON. Needs PostgreSQL's server programs for the second database.
"""

import argparse
import json
import logging
import multiprocessing as mp
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, insert, select, text

from alerts.evidence import EvidenceStore
from alerts.notify.courier import Courier
from alerts.numbers import spread_of
from alerts.states import OPEN
from alerts.words import AlertDraft, Reason
from api.views import incident_page
from configs.site import Place
from configs.words import CameraId, IncidentKind, Instant, Role
from models.base import new_id, utc_now
from models.errors import DatabaseUnavailable
from models.migrate import migrate
from models.session import Database, open_database
from models.tables import Alert, AuditEntry, Incident, OutboxMessage
from runtime.scribe import Scribe
from tests.support.postgres import PostgresMissing, start_cluster

CAMERAS = [f"camera-{n}" for n in range(37)]
KINDS = list(IncidentKind)
BATCH = 1000
OPEN_INCIDENTS = 300


def fill(database: Database, closed: int) -> None:
    """So many closed incidents over three years, and a few hundred open ones among the newest."""
    chance, now = random.Random(1), datetime.now(UTC)
    states = ("closed", "closed", "closed", "false_alarm", "duplicate")

    def row(number: int, is_open: bool) -> dict[str, Any]:
        opened = now - timedelta(seconds=chance.uniform(0, 86_400 if is_open else 3 * 365 * 86_400))
        camera = chance.choice(CAMERAS)
        return {
            "id": f"{number:032x}", "kind": chance.choice(KINDS).value, "severity": chance.randint(1, 4),
            "state": chance.choice(sorted(OPEN)) if is_open else chance.choice(states), "camera_id": camera,
            "place_x": chance.random(), "place_y": chance.random(), "summary_zh": "监控点看到明火。",
            "summary_en": f"Something is seen by {camera}.", "opened_at": opened, "last_alert_at": opened,
            "closed_at": None if is_open else opened + timedelta(minutes=chance.randint(5, 500)), "version": 1,
            "source": "camera", "escalation_level": 0, "due_at": opened + timedelta(minutes=5) if is_open else None,
        }  # fmt: skip

    total = closed + OPEN_INCIDENTS
    for start in range(0, total, BATCH):
        rows = [row(n, n >= closed) for n in range(start, min(total, start + BATCH))]
        for attempt in range(5):
            try:
                with database.session() as session:
                    session.execute(insert(Incident.__table__), rows)  # type: ignore[arg-type]
                break
            except DatabaseUnavailable as error:  # nothing of this batch is there
                if attempt == 4:
                    raise
                print(f"filling goes on: {error}", file=sys.stderr, flush=True)
                time.sleep(5)
    with database.engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not database.is_sqlite:
            plain.execute(text("SET statement_timeout = 0"))
        plain.execute(text("ANALYZE"))


def timed(work: Callable[[], object], times: int) -> dict[str, float]:
    """p50 and p95 of `work` in ms, and its CPU: what it would take on a machine that does nothing else."""
    took, cpu = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    spent = round((time.process_time() - cpu) * 1000 / times, 2)
    return {"cpu_ms": spent, "p50_ms": round(took[len(took) // 2], 2), "p95_ms": round(took[int(len(took) * 0.95)], 2)}


def measure_list(database: Database, times: int) -> tuple[dict[str, float], dict[str, float]]:
    """(the page as the interface makes it, the bare rows of its newest 50)."""

    def ours() -> None:
        with database.reading() as session:
            assert (
                len(incident_page(session, Role.OPERATOR, "open", None, None, 50, None, lambda camera_id: True).items)
                == 50
            )

    def baseline() -> None:
        with database.reading() as session:
            query = select(Incident.__table__).where(Incident.closed_at.is_(None))
            assert len(session.execute(query.order_by(Incident.opened_at.desc()).limit(50)).all()) == 50

    ours()
    baseline()
    return timed(ours, times), timed(baseline, times)


def keep_courier(url: str, stop: Event) -> None:
    """The desk's part: plans what must be told, in a process of its own."""
    database = open_database(url, Path())
    Courier(database).run(stop, 1.0)  # type: ignore[arg-type]
    database.close()


def measure_alerts(database: Database, rate: float, seconds: float, folder: Path) -> dict[str, Any]:
    """So many alerts a second, handed over as shards do."""
    before, total = count(database, Alert), round(rate * seconds)
    handed: deque[float] = deque()
    waits: list[float] = []
    # The scribe tells of alerts in the order in which they were handed over, once each is committed.
    scribe = Scribe(database, EvidenceStore(folder), lambda kind, _: waits.append(time.monotonic() - handed.popleft()))
    context = mp.get_context("spawn")
    stop = context.Event()
    url = database.engine.url.render_as_string(hide_password=False)
    courier = context.Process(target=keep_courier, args=(url, stop), daemon=True)
    courier.start()
    scribe.start()
    cpu, chance, began, blocked = time.process_time(), random.Random(2), time.monotonic(), 0.0
    for number in range(total):
        if (wait := began + number / rate - time.monotonic()) > 0:
            time.sleep(wait)
        now = time.time()
        draft = AlertDraft(
            chance.choice(KINDS), CameraId(chance.choice(CAMERAS)), Instant(now), Instant(now), 0.8,
            chance.randint(1, 4), Reason("看到", "seen"), (), {"n": number},
        )  # fmt: skip
        at = time.monotonic()
        handed.append(at)
        scribe.alert(draft, Place(x=chance.random(), y=chance.random()), lambda: None)
        blocked = max(blocked, time.monotonic() - at)
    offered = time.monotonic() - began
    scribe.stop(600.0)
    written, cpu = time.monotonic() - began, time.process_time() - cpu
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and unplanned(database):
        time.sleep(0.2)
    stop.set()
    courier.join(60)
    kept, spread = count(database, Alert) - before, spread_of(waits)
    return {
        "handed_over": total, "in_the_database": kept, "lost": total - kept, "unplanned": unplanned(database),
        "seconds": round(written, 1), "alerts_per_second": round(kept / written, 1),
        "kept_up": written < offered + 2.0, "longest_block_s": round(blocked, 2),
        "wait_p50_s": round(spread.median, 3) if spread else None,
        "wait_p90_s": round(spread.p90, 3) if spread else None,
        "cpu_ms_per_alert": round(cpu * 1000 / total, 2),
    }  # fmt: skip


def measure_bare(database: Database, seconds: float) -> float:
    """Bare inserts of one row, each committed, per second."""
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        with database.session() as session:
            session.add(AuditEntry(action="bench", subject=new_id(), at=utc_now()))
        done += 1
    return round(done / (time.monotonic() - began), 1)


def count(database: Database, table: Any) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def unplanned(database: Database) -> int:
    with database.reading() as session:
        query = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.delivered_at.is_(None))
        return session.scalar(query) or 0


def measure(database: Database, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    migrate(database)
    began = time.monotonic()
    fill(database, options.closed)
    filled = round(time.monotonic() - began, 1)
    print(f"filled in {filled} s", file=sys.stderr, flush=True)
    ours, baseline = measure_list(database, options.times)
    alerts = measure_alerts(database, options.rate, options.seconds, folder)
    after, _ = measure_list(database, options.times)
    found = {
        "closed": options.closed, "filled_s": filled, "list": ours, "list_baseline": baseline,
        "list_after_alerts": after, "alerts": alerts, "bare_commits_per_second": measure_bare(database, 3.0),
    }  # fmt: skip
    print(json.dumps(found), file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Incidents under load.")
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--databases", default="sqlite,postgres")
    options = parser.parse_args()
    logging.getLogger("runtime.scribe").setLevel(logging.ERROR)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vbrain-bench-") as name:
        folder = Path(name)
        if "sqlite" in options.databases:
            database = open_database(None, folder)
            results["sqlite"] = measure(database, options, folder)
            database.close()
        if "postgres" in options.databases:
            try:
                cluster = start_cluster()
            except PostgresMissing as reason:
                results["postgres"] = {"skipped": str(reason)}
            else:
                try:
                    cluster.execute("CREATE DATABASE bench")
                    database = open_database(cluster.url("bench"), folder)
                    results["postgres"] = measure(database, options, folder)
                    database.close()
                finally:
                    cluster.stop()
    show(results)
    print(json.dumps({"benchmark": "incidents", **results}))


def show(results: dict[str, Any]) -> None:
    table = Table(title="Incidents under load")
    for column in ("database", "figure", "ours", "baseline"):
        table.add_column(column)
    for name, found in results.items():
        if "skipped" in found:
            table.add_row(name, "skipped", found["skipped"], "")
            continue
        ours, baseline, alerts = found["list"], found["list_baseline"], found["alerts"]
        table.add_row(
            name, f"open incidents among {found['closed']:,}, p50 / p95 ms", f"{ours['p50_ms']} / {ours['p95_ms']}",
            f"{baseline['p50_ms']} / {baseline['p95_ms']}",
        )  # fmt: skip
        table.add_row(
            name, "alerts a second; lost", f"{alerts['alerts_per_second']}; {alerts['lost']}",
            f"{found['bare_commits_per_second']} bare commits",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
