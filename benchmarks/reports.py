"""Footfall reports at full size: 37 cameras, three years of minute rows, on SQLite and on PostgreSQL.

    python benchmarks/reports.py [--years 3] [--databases sqlite,postgresql] [--keep FOLDER]

Minute rows are made inside the database, by the minute, with hours, weekdays, holidays and outages in them. Hours are
made from them by a statement a day, days by the code that rolls them in service, and so are the hours of the last week,
which is timed. Measured, each the median of several runs after the first:
- a month's and a year's report of the whole village (every figure but the forecast), for the newest and for the oldest
  month, so that growth with the history would show, and of one gate; beside it the month's daily sums straight from
  minute rows;
- the page, the spreadsheet, the forecast with its back-test, each by itself;
- writing one minute of 1,000 cameras (a line and a zone each) into that database, with its marks, in one transaction.
The PostgreSQL server is a throw-away one with fsync off; SQLite runs as in service, synced at each commit. Ends with
one line of JSON.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import Connection, text

from configs.footfall import load_footfall
from configs.load import load_site
from configs.site import Site
from configs.words import CameraId, LineId, ObjectClass, ZoneId
from flow.day_sums import DaySums, HeatSum, PassageSum
from flow.heat import COLUMNS, ROWS
from flow.histograms import HEADWAYS, SPEEDS
from flow.holidays import DayKind, calendar_day
from flow.local_time import start_of_day
from flow.report_files import to_xlsx
from flow.report_html import to_html
from flow.reports import make_forecast, make_report
from flow.rollups import DAY, mark, mark_range, put_marks, roll
from flow.store import MinuteStore
from flow.words import CrossingRow, MinuteRows, OccupancyRow
from models.migrate import migrate
from models.session import Database, open_database
from tests.support.postgres import PostgresMissing, start_cluster

PROJECT = Path(__file__).resolve().parents[1]
LAST = date(2026, 10, 31)
NOW = datetime(2026, 10, 31, 15, 59, tzinfo=UTC)  # the last minute of the 31st in Shanghai
TARGETS = {"month_ms": 300, "year_ms": 1000, "ingest_ms": 1000}
#: How busy the hours of a local day are.
_HOURS = (0, 0, 0, 0, 0, 0.1, 0.3, 0.6, 0.9, 1.3, 1.7, 1.5, 1.1, 1.2, 1.6, 1.7, 1.4, 1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0)
_RUNS = 7


def the_site() -> Site:
    """The project's own 37 cameras; one that counts nothing gets a line, so that all of them have rows."""
    site = load_site(PROJECT / "configs" / "cameras.yaml")
    line = {"id": "walk", "name": {"zh": "步道", "en": "Walkway"}, "start": [0.5, 0.1], "end": [0.5, 0.9]}
    plain = site.model_dump()
    for camera, known in zip(plain["cameras"], site.cameras, strict=True):
        camera["streams"] = {"sub": known.streams.sub.get_secret_value()}
        camera["lines"] = camera["lines"] or [line]
    return Site.model_validate(plain)


def busy(day: date) -> float:
    """How busy a day is: the calendar, a season, a slow growth, and some weather."""
    known = calendar_day(day)
    kind = {DayKind.WORKDAY: 1.0, DayKind.MAKE_UP_WORKDAY: 0.95, DayKind.WEEKEND: 1.9, DayKind.HOLIDAY: 3.1}[known.kind]
    season = 1.0 + 0.25 * (day.month in (3, 4, 5, 9, 10)) - 0.2 * (day.month in (1, 7, 8))
    weather = 0.75 + 0.5 * ((day.toordinal() * 2654435761 % 1000) / 1000)
    return kind * season * weather * (1 + 0.0003 * (day - date(2023, 11, 1)).days)


def prepare(connection: Connection, site: Site) -> None:
    """Temporary tables: one row a series, one a zone, one a minute of the day with how busy its local hour is."""
    connection.execute(text("CREATE TEMPORARY TABLE bench_series (camera text, line text, kind text, scale float)"))
    connection.execute(text("CREATE TEMPORARY TABLE bench_zones (camera text, zone text, scale float)"))
    connection.execute(text("CREATE TEMPORARY TABLE bench_minutes (n int, clock text, rate float)"))
    series = [
        {
            "c": c.id,
            "l": c.lines[0].id,
            "k": c.lines[0].counts[-1 if c.id == "gate-2" else 0].value,
            "s": 0.15 + 0.11 * (n * 7 % 13),
        }
        for n, c in enumerate(site.cameras)
    ]
    for row in series:
        if row["c"] in ("gate-2", "north-gate"):
            row["k"] = "car"
    connection.execute(text("INSERT INTO bench_series VALUES (:c, :l, :k, :s)"), series)
    zones = [
        {"c": c.camera, "z": c.zone, "s": c.people * 0.09}
        for c in load_footfall(PROJECT / "configs" / "footfall.yaml").capacities
    ]
    connection.execute(text("INSERT INTO bench_zones VALUES (:c, :z, :s)"), zones)
    minutes = [
        {"n": n, "t": f"{n // 60:02}:{n % 60:02}:00.000000", "r": _HOURS[(n // 60 + 8) % 24]} for n in range(1440)
    ]
    connection.execute(text("INSERT INTO bench_minutes VALUES (:n, :t, :r)"), minutes)


def take_off_keys(connection: Connection) -> list[str]:
    """Drop the keys of minute rows while they are made in bulk; returns the statements that put them back, the same.
    (SQLite cannot part with a table's own key, and does without.)"""
    back = []
    for table in ("minute_crossings", "minute_occupancy"):
        if connection.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :t AND sql IS NOT NULL"
            for name, made in connection.execute(text(query), {"t": table}).all():
                connection.execute(text(f"DROP INDEX {name}"))
                back.append(made)
            continue
        connection.execute(text("SET maintenance_work_mem = '2GB'"))
        query = (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = CAST(:t AS regclass) AND contype IN ('p', 'u')"
        )
        for name, made in connection.execute(text(query), {"t": table}).all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
            back.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {made}")
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :t"
        for name, made in connection.execute(text(query), {"t": table}).all():
            connection.execute(text(f"DROP INDEX {name}"))
            back.append(made)
    return back


def fill(database: Database, site: Site, days: list[date], say: Callable[[int], None]) -> int:
    """One day of minute rows for all cameras in a statement; returns how many rows there are."""
    lite = database.is_sqlite
    chance = "((random() & 1048575) / 1048576.0)" if lite else "random()"
    moment = ":day || ' ' || m.clock" if lite else "CAST(:day || ' ' || m.clock || '+00' AS timestamptz)"
    whole = "CAST({} AS integer)" if lite else "CAST(floor({}) AS integer)"
    count = whole.format(f"s.scale * m.rate * :busy * 2 * {chance} + {chance}")
    crossings = text(
        "INSERT INTO minute_crossings (camera_id, line_id, object_class, minute, crossed_in, crossed_out, "
        f"observed_seconds) SELECT s.camera, s.line, s.kind, {moment}, {count}, {count}, 60.0 "
        "FROM bench_minutes m CROSS JOIN bench_series s WHERE NOT (s.camera = :out AND m.n BETWEEN 60 AND 400)"
    )
    stood = f"s.scale * m.rate * :busy * (0.6 + 0.8 * {chance})"
    occupancy = text(
        "INSERT INTO minute_occupancy (camera_id, zone_id, object_class, minute, least, mean, most, observed_seconds, "
        f"arrivals) SELECT camera, zone, 'person', at, {whole.format('mean * 0.7')}, mean, "
        f"{whole.format('mean * 1.4 + 0.5')}, 60.0, {whole.format('mean / 12')} "
        f"FROM (SELECT s.camera, s.zone, {moment} AS at, {stood} AS mean "
        "FROM bench_minutes m CROSS JOIN bench_zones s) AS x"
    )
    with database.engine.connect() as connection:
        if not lite:
            connection.execute(text("SET statement_timeout = 0"))  # a busy box may take long over a day of rows
            connection.commit()
        if lite:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA synchronous = OFF")
            raw.execute("PRAGMA temp_store = MEMORY")
            raw.execute("PRAGMA cache_size = -200000")
        connection.detach()
        prepare(connection, site)
        keys = take_off_keys(connection)
        connection.commit()
        names = [camera.id for camera in site.cameras]
        for n, day in enumerate(days):
            values = {"day": day.isoformat(), "busy": busy(day), "out": names[n * 5 % 37] if n % 6 == 0 else ""}
            connection.execute(crossings, values)
            connection.execute(occupancy, values)
            connection.commit()
            say(n + 1)
        for statement in keys:
            connection.execute(text(statement))
            connection.commit()
        connection.execute(text("ANALYZE"))
        connection.commit()
        total = connection.scalar(text("SELECT count(*) FROM minute_crossings"))
        connection.close()
    return int(total or 0)


def make_hours(database: Database, days: list[date], zone: ZoneInfo, say: Callable[[int], None]) -> None:
    """Hours from minutes, a day of UTC at a time, as rolling leaves them where an hour of UTC is one on the clock; and
    the marks of all days."""
    lite = database.is_sqlite
    hour = "substr(minute, 1, 14) || '00:00.000000'" if lite else "date_trunc('hour', minute, 'UTC')"
    keys = "camera_id, {part}, object_class"
    crossings = (
        "crossed_in, crossed_out, observed_seconds, minutes",
        "sum(crossed_in), sum(crossed_out), sum(observed_seconds), count(*)",
    )
    occupancy = (
        "least, mean, most, arrivals, observed_seconds, minutes",
        "min(least), sum(mean * observed_seconds) / sum(observed_seconds), max(most), sum(arrivals), "
        "sum(observed_seconds), count(*)",
    )
    statements = [
        text(
            f"INSERT INTO hour_{kind} (hour, {keys.format(part=part)}, {names}) SELECT {hour}, "
            f"{keys.format(part=part)}, {sums} FROM minute_{kind} WHERE minute >= {_moment(lite, 'since')} "
            f"AND minute < {_moment(lite, 'until')} GROUP BY 1, {keys.format(part=part)}"
        )
        for kind, part, (names, sums) in (("crossings", "line_id", crossings), ("occupancy", "zone_id", occupancy))
    ]
    for n, day in enumerate(days):
        span = {"since": f"{day} 00:00:00.000000", "until": f"{day + timedelta(days=1)} 00:00:00.000000"}
        with database.session() as session:
            for statement in statements:
                session.execute(statement, span)
        say(n + 1)
    with database.session() as session:
        put_marks(session.connection(), DAY, [start_of_day(day, zone) for day in [*days, LAST + timedelta(days=1)]])


def _moment(lite: bool, name: str) -> str:
    return f":{name}" if lite else f"CAST(:{name} || '+00' AS timestamptz)"


def fill_days(database: Database, site: Site, days: list[date]) -> None:
    """What is summed by day alone: headways and speeds at every line, a grid of where people stood on every camera."""
    chance = np.random.default_rng(7)
    for first in range(0, len(days), 60):
        sums = DaySums()
        for day in days[first : first + 60]:
            for camera in site.cameras:
                key = (day, camera.id, camera.lines[0].id, camera.lines[0].counts[0].value)
                headways = chance.poisson(40, len(HEADWAYS.none())).astype(np.int64)
                speeds = chance.poisson(8, len(SPEEDS.none())).astype(np.int64)
                sums.passages[key] = PassageSum(headways, speeds, 9000.0, 5000.0, 21.0)
                sums.heat[day, camera.id, "people"] = HeatSum(chance.gamma(0.3, 200.0, (ROWS, COLUMNS)), 80000.0)
        with database.session() as session:
            sums.write(session.connection())


def measured(name: str, work: Callable[[], object], runs: int = _RUNS) -> dict[str, float]:
    """The first run, the median and the best of the others, in ms; and this process's own CPU in the best, since the
    box may be shared."""
    taken = []
    for _ in range(runs + 1):
        cpu, started = time.process_time(), time.perf_counter()
        work()
        taken.append(((time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000))
    walls, cpus = [w for w, _ in taken[1:]], [c for _, c in taken[1:]]
    found = {"first_ms": taken[0][0], "ms": statistics.median(walls), "best_ms": min(walls), "cpu_ms": min(cpus)}
    return {f"{name}_{part}": value for part, value in found.items()}


class Told(dict[str, float]):
    """Figures that are said as soon as they are known, as the next may take long."""

    def __ior__(self, more: Any) -> "Told":  # type: ignore[override,misc]
        self.update(more)
        print({name: round(value, 1) for name, value in more.items()}, file=sys.stderr, flush=True)
        return self


def a_minute(at: datetime, cameras: int = 1000) -> list[MinuteRows]:
    """One minute of many cameras: a line and a zone each."""
    minute, person = int(at.timestamp()), ObjectClass.PERSON
    batch = []
    for n in range(cameras):
        name = CameraId(f"camera-{n:04}")
        line = CrossingRow(name, LineId("door"), person, minute, n % 7, n % 5, 60.0)
        zone = OccupancyRow(name, ZoneId("yard"), person, minute, 0, 1.5, 3, 60.0)
        batch.append(MinuteRows(name, "bench", (line,), (zone,)))
    return batch


def measure(database: Database, site: Site, days: list[date]) -> dict[str, Any]:
    settings = load_footfall(PROJECT / "configs" / "footfall.yaml")
    oldest = days[0].replace(day=1) + timedelta(days=31)
    oldest = min(oldest.replace(day=1), LAST.replace(day=1))
    year = max(days[0] + timedelta(days=1), LAST - timedelta(days=364))

    def report(first: date, last: date, place: str | None = None) -> Callable[[], Any]:
        return lambda: make_report(database, site, settings, first, last, NOW, place=place)

    def straight() -> None:
        lite = database.is_sqlite
        day = "date(minute, '+8 hours')" if lite else "CAST(minute AT TIME ZONE 'Asia/Shanghai' AS date)"
        zone = "" if lite else "+00"
        query = (
            f"SELECT camera_id, line_id, object_class, {day} AS d, sum(crossed_in), sum(crossed_out), "
            "sum(observed_seconds) FROM minute_crossings WHERE minute >= :since AND minute < :until "
            "GROUP BY camera_id, line_id, object_class, d"
        )
        span = {"since": f"2026-09-30 16:00:00.000000{zone}", "until": f"2026-10-31 16:00:00.000000{zone}"}
        with database.reading() as session:
            if not lite:
                session.execute(text("SET LOCAL statement_timeout = 0"))  # the slow way, for comparison
            session.execute(text(query), span).all()

    figures: dict[str, Any] = Told()
    end = min(oldest + timedelta(days=30), LAST)
    figures |= measured("month", report(LAST.replace(day=1), LAST))
    figures |= measured("oldest_month", report(oldest, end))
    figures |= measured("month_of_a_gate", report(LAST.replace(day=1), LAST, "gate-1/walk"))
    figures |= measured("year", report(year, LAST)) | {"year_days": (LAST - year).days + 1}
    made = report(LAST.replace(day=1), LAST)()
    figures |= measured("page", lambda: to_html(made, "zh"), 3)
    figures |= measured("xlsx", lambda: to_xlsx(made, "zh"), 3)
    figures |= measured("forecast", lambda: make_forecast(database, site, settings, NOW), 1)
    store, at = MinuteStore(), [NOW + timedelta(minutes=1)]

    def ingest() -> None:
        batch = a_minute(at[0])
        at[0] += timedelta(minutes=1)
        with database.session() as session:
            store.write(session.connection(), batch)
            mark(session.connection(), batch)

    figures |= measured("ingest", ingest, 15)
    started = time.perf_counter()
    roll(database, site.site.zone_info)
    figures |= {"roll_after_ingest_ms": (time.perf_counter() - started) * 1000}
    figures |= measured("month_from_minutes", straight, 1)
    return {name: round(value, 1) for name, value in figures.items()}


def run(database: Database, years: float, out: Console) -> dict[str, Any]:
    site = the_site()
    migrate(database)
    count = max(70, round(365.25 * years))
    days = [LAST - timedelta(days=n) for n in range(count)][::-1]
    zone = site.site.zone_info
    with Progress(console=out, transient=True) as bar:
        task = bar.add_task(f"{database.engine.dialect.name}: making minute rows", total=count)
        started = time.perf_counter()
        rows = fill(database, site, days, lambda done: bar.update(task, completed=done))
        made = time.perf_counter() - started
        rolling = bar.add_task("making hours and days", total=count)
        started = time.perf_counter()
        make_hours(database, days, zone, lambda done: bar.update(rolling, completed=done))
        roll(database, zone)
        rolled = time.perf_counter() - started
        fill_days(database, site, days)
        hours = mark_range(database, NOW + timedelta(minutes=1) - timedelta(days=7), NOW + timedelta(minutes=1))
        started = time.perf_counter()
        roll(database, zone)
        hour = (time.perf_counter() - started) / hours
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    figures = {"minute_rows": rows, "made_s": round(made, 1), "rolled_s": round(rolled, 1)}
    figures["roll_an_hour_ms"] = round(hour * 1000, 1)
    print(figures, file=sys.stderr, flush=True)
    return figures | measure(database, site, days)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=3.0)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--keep", type=Path, help="leave the SQLite database in this folder")
    given = parser.parse_args()
    out = Console(stderr=True)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vbrain-reports-") as folder:
        if "sqlite" in given.databases:
            database = open_database(None, given.keep or Path(folder))
            results["sqlite"] = run(database, given.years, out)
            database.close()
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(exist_ok=True)
        if "postgres" in given.databases:
            try:
                cluster = start_cluster()
            except PostgresMissing as reason:
                out.print(f"[yellow]PostgreSQL left out: {reason}[/yellow]")
            else:
                try:
                    cluster.execute("CREATE DATABASE bench")
                    database = open_database(cluster.url("bench"), Path(folder))
                    results["postgresql"] = run(database, given.years, out)
                    database.close()
                finally:
                    cluster.stop()
    table = Table("", *results, title=f"37 cameras, {given.years:g} years of minute rows")
    for name in next(iter(results.values()), {}):
        target = f" (< {TARGETS[name]})" if name in TARGETS else ""
        table.add_row(name + target, *(f"{r[name]:,}" for r in results.values()))
    out.print(table)
    met = {n: all(r[n] < limit for r in results.values()) for n, limit in TARGETS.items()}
    print(json.dumps({"benchmark": "reports", "years": given.years, "results": results, "met": met}))


if __name__ == "__main__":
    main()
