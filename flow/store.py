"""Writes minute rows to the record, on SQLite and PostgreSQL alike.

Promises: writing the same rows again changes nothing, and a restart within a minute neither loses nor doubles what the
run before had counted. Both hold because a row's values are one run's totals for its minute: the first time that a run
writes to a minute, what stands there already (an earlier run's) is read and remembered as the base, and the row is
replaced by base plus totals. One camera is written by one process at a time, as a shard owns its cameras. Not here:
when to write (`runtime/`), the tables (`models/tables.py`), reports.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from flow.words import CrossingRow, MinuteRows, OccupancyRow
from models.tables import MinuteCrossing, MinuteOccupancy

#: The base of a minute is remembered for this long after it: no run writes to an older minute twice.
KEEPS_BASES_SECONDS = 1200
#: Rows in one statement: PostgreSQL takes 65,535 parameters, SQLite 32,766.
CHUNK = 2000

_CROSSINGS: Any = MinuteCrossing.__table__
_OCCUPANCY: Any = MinuteOccupancy.__table__

_Key = tuple[str, str, str, str, int]
_Row = TypeVar("_Row", CrossingRow, OccupancyRow)


class MinuteStore:
    """Writes the minute rows of one process's cameras. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._bases: dict[tuple[str, _Key], dict[str, Any]] = {}

    @property
    def held(self) -> int:
        """How many rows' bases are remembered."""
        return len(self._bases)

    def write(self, connection: Connection, batch: Iterable[MinuteRows]) -> int:
        """Write all rows in the connection's transaction, which the caller commits; returns how many there were.

        Raises SQLAlchemy's errors; the same rows may then be written again.
        """
        batch = list(batch)
        crossings = [(rows.run, row) for rows in batch for row in rows.crossings]
        occupancy = [(rows.run, row) for rows in batch for row in rows.occupancy]
        self._write_crossings(connection, crossings)
        self._write_occupancy(connection, occupancy)
        self._forget(batch)
        return len(crossings) + len(occupancy)

    def _forget(self, batch: list[MinuteRows]) -> None:
        minutes = [row.minute for rows in batch for row in rows.crossings]
        minutes += [row.minute for rows in batch for row in rows.occupancy]
        if minutes:
            oldest = min(min(minutes), max(minutes) - KEEPS_BASES_SECONDS)
            self._bases = {k: base for k, base in self._bases.items() if k[1][4] >= oldest}

    def _write_crossings(self, connection: Connection, rows: list[tuple[str, CrossingRow]]) -> None:
        self._read_bases(connection, _CROSSINGS, "line_id", [(run, _crossing_key(row)) for run, row in rows])
        values = []
        for run, row in rows:
            base = self._bases[run, _crossing_key(row)]
            values.append(
                {
                    "camera_id": row.camera_id,
                    "line_id": row.line_id,
                    "object_class": row.object_class.value,
                    "minute": _moment(row.minute),
                    "crossed_in": row.crossed_in + base.get("crossed_in", 0),
                    "crossed_out": row.crossed_out + base.get("crossed_out", 0),
                    "observed_seconds": min(60.0, row.observed_seconds + base.get("observed_seconds", 0.0)),
                }
            )
        _upsert(connection, _CROSSINGS, ("camera_id", "line_id", "object_class", "minute"), values)

    def _write_occupancy(self, connection: Connection, rows: list[tuple[str, OccupancyRow]]) -> None:
        self._read_bases(connection, _OCCUPANCY, "zone_id", [(run, _occupancy_key(row)) for run, row in rows])
        values = []
        for run, row in rows:
            base = self._bases[run, _occupancy_key(row)]
            before = base.get("observed_seconds", 0.0)
            seconds = before + row.observed_seconds
            values.append(
                {
                    "camera_id": row.camera_id,
                    "zone_id": row.zone_id,
                    "object_class": row.object_class.value,
                    "minute": _moment(row.minute),
                    "least": min(row.least, base.get("least", row.least)),
                    "mean": (row.mean * row.observed_seconds + base.get("mean", 0.0) * before) / seconds,
                    "most": max(row.most, base.get("most", 0)),
                    "observed_seconds": min(60.0, seconds),
                    "arrivals": row.arrivals + base.get("arrivals", 0),
                }
            )
        _upsert(connection, _OCCUPANCY, ("camera_id", "zone_id", "object_class", "minute"), values)

    def _read_bases(self, connection: Connection, table: Table, part: str, wanted: list[tuple[str, _Key]]) -> None:
        """Remember what stands in the table for every key that its run writes to for the first time."""
        new = {(run, key) for run, key in wanted if (run, key) not in self._bases}
        if not new:
            return
        cameras = sorted({key[1] for _, key in new})
        minutes = [_moment(minute) for minute in sorted({key[4] for _, key in new})]
        found: dict[_Key, dict[str, Any]] = {}
        for first in range(0, len(cameras), CHUNK):
            query = select(table).where(
                table.c.minute.between(minutes[0], minutes[-1]), table.c.camera_id.in_(cameras[first : first + CHUNK])
            )
            for stored in connection.execute(query).mappings():
                key = (
                    table.name,
                    stored["camera_id"],
                    stored[part],
                    stored["object_class"],
                    int(stored["minute"].timestamp()),
                )
                found[key] = dict(stored)
        for run, key in sorted(new):
            self._bases[run, key] = found.get(key, {})


def _crossing_key(row: CrossingRow) -> _Key:
    return _CROSSINGS.name, row.camera_id, row.line_id, row.object_class.value, row.minute


def _occupancy_key(row: OccupancyRow) -> _Key:
    return _OCCUPANCY.name, row.camera_id, row.zone_id, row.object_class.value, row.minute


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute, UTC)


def _upsert(connection: Connection, table: Table, key: tuple[str, ...], values: list[dict[str, Any]]) -> None:
    dialect: Any = {"sqlite": sqlite, "postgresql": postgresql}.get(connection.dialect.name)
    if dialect is None:
        raise ValueError(f"minute rows are kept on SQLite or PostgreSQL, not on {connection.dialect.name}")
    for first in range(0, len(values), CHUNK):
        chunk = values[first : first + CHUNK]
        statement = dialect.insert(table)
        replaced = {name: statement.excluded[name] for name in chunk[0] if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=replaced), chunk)
