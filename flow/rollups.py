"""Rolls minutes up to hours, and hours up to days, wherever something has changed.

Promises: rolling is a pure function of the rows below: doing it again, in any order, after any late row, ends in the
same rows. Whoever writes minute rows calls `mark` in the same transaction, so a change is never committed without the
mark that leads to it, and a mark is never taken before the change it stands for can be seen. A row says how long its
time was observed; what nobody observed has no row. Several processes may roll at once. Minute rows that come after
their time's rows were deleted for age cannot be added to anything: they are refused, and counted.

Not here: minute rows (`store.py`), deleting for age (`retention.py`), where hours and days begin (`local_time.py`).
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, Table, delete, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from flow.local_time import day_of, end_of_hour, hour_of, span_of_day, start_of_day
from flow.profiles import pack
from flow.words import MinuteRows
from models.base import UtcDateTime
from models.footfall import DayCrossing, DayOccupancy, HourCrossing, HourOccupancy, RollupMark, RollupState
from models.session import Database
from models.tables import MinuteCrossing, MinuteOccupancy

HOUR, DAY = "hour", "day"
#: A transaction takes on more marks until it has held the write lock for about this long.
HOLDS_SECONDS = 0.25
_CHUNK = 2000
_HOUR_LONG = timedelta(hours=1)

_MARKS: Any = RollupMark.__table__
_STATE: Any = RollupState.__table__
_MINUTE: dict[str, Any] = {"crossings": MinuteCrossing.__table__, "occupancy": MinuteOccupancy.__table__}
_HOUR: dict[str, Any] = {"crossings": HourCrossing.__table__, "occupancy": HourOccupancy.__table__}
_DAY: dict[str, Any] = {"crossings": DayCrossing.__table__, "occupancy": DayOccupancy.__table__}


@dataclass(slots=True)
class Rolled:
    """What one `roll` did. `refused`: minute rows that came after their time's rows were deleted for age."""

    hours: int = 0
    days: int = 0
    refused: int = 0


def mark(connection: Connection, batch: Iterable[MinuteRows]) -> None:
    """Mark the hours that these minute rows lie in. Call it in the transaction that writes them, after them."""
    batch = list(batch)
    minutes = {row.minute for rows in batch for row in rows.crossings}
    minutes |= {row.minute for rows in batch for row in rows.occupancy}
    put_marks(connection, HOUR, {datetime.fromtimestamp(m - m % 3600, UTC) for m in minutes})


def put_marks(connection: Connection, level: str, starts: Iterable[datetime]) -> None:
    """Mark these hours or days. Always oldest first, so that two writers cannot wait for each other."""
    values = [{"level": level, "start": start, "touched": 1} for start in sorted(set(starts))]
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    for first in range(0, len(values), _CHUNK):
        statement = dialect.insert(_MARKS).values(values[first : first + _CHUNK])
        # Changing a mark that stands already locks it until this transaction ends: nobody rolls meanwhile.
        connection.execute(
            statement.on_conflict_do_update(index_elements=["level", "start"], set_={"touched": _MARKS.c.touched + 1})
        )


def roll(
    database: Database,
    zone: ZoneInfo,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Rolled:
    """Roll up all that is marked. `progress(done, all)` counts hours and days. Raises the database's errors; what was
    committed until then stands, and the rest is still marked."""
    rolled = Rolled()
    if not _anything(database, zone):
        return rolled
    follow_timezone(database, zone)
    for level in (HOUR, DAY):
        total = _waiting(database, level)
        done = 0
        while starts := _oldest(database, level):
            with database.session() as session:
                connection = session.connection()
                until = clock() + HOLDS_SECONDS
                for start in starts:
                    done += _roll_one(connection, level, start, zone, rolled)
                    if clock() >= until:
                        break
            if progress is not None:
                progress(min(done, total), total)
    return rolled


def mark_range(database: Database, since: datetime, until: datetime) -> int:
    """Mark every hour of [since, until), after minute rows were brought in by other means; returns how many."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [first + n * _HOUR_LONG for n in range(math.ceil((until - first) / _HOUR_LONG))]
    with database.session() as session:
        put_marks(session.connection(), HOUR, hours)
    return len(hours)


def follow_timezone(database: Database, zone: ZoneInfo) -> None:
    """When the site's timezone has changed, every day is made anew from the hours."""
    with database.session() as session:
        connection = session.connection()
        known = read_state(connection, "timezone")
        if known == zone.key:
            return
        write_state(connection, "timezone", zone.key)
        if known is None:
            return
        days: set[datetime] = set()
        for table in _HOUR.values():
            days |= {
                start_of_day(day_of(hour, zone), zone) for hour in connection.scalars(select(table.c.hour).distinct())
            }
        for table in _DAY.values():
            connection.execute(delete(table))
        put_marks(connection, DAY, days)


def read_state(connection: Connection, name: str) -> str | None:
    """What the roll-up remembers under a name."""
    found: str | None = connection.scalar(select(_STATE.c.value).where(_STATE.c.name == name))
    return found


def write_state(connection: Connection, name: str, value: str) -> None:
    """Remember it."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(_STATE).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def deleted_until(connection: Connection, level: str) -> datetime | None:
    """The moment before which rows of this level ("minute", "hour", "day") were deleted for age."""
    value = read_state(connection, f"{level}s_deleted_until")
    return None if value is None else datetime.fromisoformat(value)


def _anything(database: Database, zone: ZoneInfo) -> bool:
    with database.reading() as session:
        connection = session.connection()
        return connection.scalar(select(_MARKS.c.level).limit(1)) is not None or (
            read_state(connection, "timezone") not in (None, zone.key)
        )


def _waiting(database: Database, level: str) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(_MARKS).where(_MARKS.c.level == level)) or 0


def _oldest(database: Database, level: str) -> list[datetime]:
    with database.reading() as session:
        query = select(_MARKS.c.start).where(_MARKS.c.level == level).order_by(_MARKS.c.start).limit(500)
        return list(session.connection().scalars(query))


def _roll_one(connection: Connection, level: str, start: datetime, zone: ZoneInfo, rolled: Rolled) -> int:
    """Take one mark and roll what it marks; 0 when another process took it first."""
    taken = connection.execute(delete(_MARKS).where(_MARKS.c.level == level, _MARKS.c.start == start))
    if taken.rowcount == 0:
        return 0
    if level == HOUR:
        # Marks are hours of UTC; in some timezones they touch two or three local ones.
        hour = hour_of(start, zone)
        while hour < start + _HOUR_LONG:
            end = end_of_hour(hour, zone)
            _roll_hour(connection, hour, end, rolled)
            put_marks(connection, DAY, [start_of_day(day_of(hour, zone), zone)])
            hour = end
        rolled.hours += 1
    else:
        _roll_day(connection, day_of(start, zone), zone)
        rolled.days += 1
    return 1


def _roll_hour(connection: Connection, start: datetime, end: datetime, rolled: Rolled) -> None:
    gone = deleted_until(connection, "minute")
    if gone is not None and start < gone:
        for table in _MINUTE.values():
            late = connection.execute(delete(table).where(table.c.minute >= start, table.c.minute < min(end, gone)))
            rolled.refused += late.rowcount
        return
    for kind, part in (("crossings", "line_id"), ("occupancy", "zone_id")):
        below, above = _MINUTE[kind].c, _HOUR[kind]
        seconds = func.sum(below.observed_seconds)
        sums = (
            [func.sum(below.crossed_in), func.sum(below.crossed_out)]
            if kind == "crossings"
            else [
                func.min(below.least),
                func.sum(below.mean * below.observed_seconds) / func.nullif(seconds, 0),
                func.max(below.most),
                func.sum(below.arrivals),
            ]
        )
        names = ["crossed_in", "crossed_out"] if kind == "crossings" else ["least", "mean", "most", "arrivals"]
        keys = [below.camera_id, below[part], below.object_class]
        rows = (
            select(literal(start, UtcDateTime), *keys, *sums, seconds, func.count())
            .where(below.minute >= start, below.minute < end)
            .group_by(*keys)
        )
        if kind == "occupancy":
            rows = rows.having(seconds > 0)
        connection.execute(delete(above).where(above.c.hour == start))
        columns = ["hour", "camera_id", part, "object_class", *names, "observed_seconds", "minutes"]
        connection.execute(insert(above).from_select(columns, rows))


def _roll_day(connection: Connection, day: date, zone: ZoneInfo) -> None:
    start, end = span_of_day(day, zone)
    gone = deleted_until(connection, "hour")
    if gone is not None and start < gone:
        return
    _replace_day(connection, _DAY["crossings"], day, _crossing_days(connection, day, start, end, zone))
    _replace_day(connection, _DAY["occupancy"], day, _occupancy_days(connection, day, start, end, zone))


def _replace_day(connection: Connection, table: Table, day: date, rows: list[dict[str, Any]]) -> None:
    connection.execute(delete(table).where(table.c.day == day))
    for first in range(0, len(rows), _CHUNK):
        connection.execute(insert(table), rows[first : first + _CHUNK])


def _crossing_days(
    connection: Connection, day: date, start: datetime, end: datetime, zone: ZoneInfo
) -> list[dict[str, Any]]:
    hours = _HOUR["crossings"].c
    held: dict[tuple[str, str, str], tuple[list[float], Any]] = {}
    for row in connection.execute(select(_HOUR["crossings"]).where(hours.hour >= start, hours.hour < end)):
        key = (row.camera_id, row.line_id, row.object_class)
        sums, profile = held.setdefault(key, ([0, 0, 0.0], np.zeros((3, 24))))
        values = (row.crossed_in, row.crossed_out, row.observed_seconds)
        for place, value in enumerate(values):
            sums[place] += value
        profile[:, row.hour.astimezone(zone).hour] += values
    return [
        {"day": day, "camera_id": key[0], "line_id": key[1], "object_class": key[2], "profile": pack(profile)}
        | dict(zip(("crossed_in", "crossed_out", "observed_seconds"), sums, strict=True))
        for key, (sums, profile) in held.items()
    ]


def _occupancy_days(
    connection: Connection, day: date, start: datetime, end: datetime, zone: ZoneInfo
) -> list[dict[str, Any]]:
    hours = _HOUR["occupancy"].c
    held: dict[tuple[str, str, str], list[Any]] = {}
    for row in connection.execute(select(_HOUR["occupancy"]).where(hours.hour >= start, hours.hour < end)):
        held.setdefault((row.camera_id, row.zone_id, row.object_class), []).append(row)
    found = []
    for (camera_id, zone_id, object_class), rows in held.items():
        profile = np.zeros((3, 24))
        for row in rows:
            at = row.hour.astimezone(zone).hour
            profile[0, at] += row.mean * row.observed_seconds
            profile[1, at] = max(profile[1, at], row.most)
            profile[2, at] += row.observed_seconds
        seconds = sum(row.observed_seconds for row in rows)
        mean = sum(row.mean * row.observed_seconds for row in rows) / seconds
        profile[0] = np.divide(profile[0], profile[2], out=np.zeros(24), where=profile[2] > 0)
        found.append(
            {"day": day, "camera_id": camera_id, "zone_id": zone_id, "object_class": object_class}
            | {"least": min(r.least for r in rows), "mean": mean, "most": max(r.most for r in rows)}
            | {"observed_seconds": seconds, "profile": pack(profile), "arrivals": sum(r.arrivals for r in rows)}
        )
    return found
