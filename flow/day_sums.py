"""What is summed by local day alone: where in the picture things stood, headways and speeds at lines.

Promises: sums merge in any order and are added to what stands in the database, in the transaction that the caller
commits; whoever writes the same sums twice counts them twice. What waits is bounded by cameras and days, however long
the database is away. Not here: how they come about (`heat.py`, `passing.py`, `ground.py`), figures of them
(`passage_figures.py`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from configs.words import CameraId, Instant
from flow.heat import COLUMNS, ROWS, Grid
from flow.histograms import HEADWAYS, SPEEDS, Boxes, pack
from flow.local_time import day_of
from flow.passing import Passed
from models.footfall import DayHeat, DayPassage

_HEAT: Any = DayHeat.__table__
_PASSAGES: Any = DayPassage.__table__
_CHUNK = 500
#: Days that may wait to be written; older ones go first.
MOST_DAYS = 40

_HeatKey = tuple[date, str, str]
_PassageKey = tuple[date, str, str, str]


@dataclass(slots=True)
class HeatSum:
    """One camera's and family's grid of seconds stood, and the seconds observed."""

    grid: Grid = field(default_factory=lambda: np.zeros((ROWS, COLUMNS)))
    observed: float = 0.0


@dataclass(slots=True)
class PassageSum:
    """One line's and class's headways and speeds."""

    headways: Boxes = field(default_factory=HEADWAYS.none)
    speeds: Boxes = field(default_factory=SPEEDS.none)
    headway_sum: float = 0.0
    speed_sum: float = 0.0
    fastest: float = 0.0


@dataclass(slots=True)
class DaySums:
    """Sums that wait to be written. Not safe for several threads at once."""

    heat: dict[_HeatKey, HeatSum] = field(default_factory=dict)
    passages: dict[_PassageKey, PassageSum] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.heat or self.passages)

    def add_heat(self, day: date, camera_id: CameraId, grids: Mapping[str, Grid], observed: float) -> None:
        """Add a camera's grids; a family that was not seen is still one that was looked for."""
        for family, grid in grids.items():
            held = self.heat.setdefault((day, camera_id, family), HeatSum())
            held.grid += grid
            held.observed += observed

    def add_passed(self, day: date, passed: Passed) -> None:
        """Add one crossing."""
        crossing = passed.crossing
        if passed.headway is None and crossing.speed is None:
            return
        key = (day, str(crossing.camera_id), str(crossing.line_id), crossing.object_class.value)
        held = self.passages.setdefault(key, PassageSum())
        if passed.headway is not None:
            HEADWAYS.add(held.headways, passed.headway)
            held.headway_sum += passed.headway
        if crossing.speed is not None:
            SPEEDS.add(held.speeds, crossing.speed)
            held.speed_sum += crossing.speed
            held.fastest = max(held.fastest, crossing.speed)

    def merge(self, other: "DaySums") -> None:
        """Add another's sums to these, and let go of what has waited for too many days."""
        for at, heat in other.heat.items():
            mine = self.heat.setdefault(at, HeatSum())
            mine.grid += heat.grid
            mine.observed += heat.observed
        for key, passage in other.passages.items():
            _add(self.passages.setdefault(key, PassageSum()), passage)
        days = sorted({key[0] for key in self.heat} | {key[0] for key in self.passages})[:-MOST_DAYS]
        for day in days:
            self.heat = {key: value for key, value in self.heat.items() if key[0] != day}
            self.passages = {key: value for key, value in self.passages.items() if key[0] != day}

    def write(self, connection: Connection) -> None:
        """Add them to what is stored. Raises SQLAlchemy's errors; nothing was added then."""
        _write_heat(connection, self.heat)
        _write_passages(connection, self.passages)


def local_day(at: Instant, zone: ZoneInfo) -> date:
    """The local date of an instant."""
    return day_of(datetime.fromtimestamp(at, UTC), zone)


def squeeze(grid: Grid) -> bytes:
    """A grid as it is stored."""
    return zlib.compress(grid.astype("<f4").tobytes(), 6)


def unsqueeze(stored: bytes) -> Grid:
    """What `squeeze` gave."""
    return np.frombuffer(zlib.decompress(stored), "<f4").reshape(ROWS, COLUMNS).astype(np.float64)


def read_passage(row: Any) -> PassageSum:
    """The sums of a stored row."""
    return PassageSum(
        HEADWAYS.unpack(row.headways), SPEEDS.unpack(row.speeds), row.headway_sum, row.speed_sum, row.fastest
    )


def _add(mine: PassageSum, other: PassageSum) -> None:
    mine.headways = mine.headways + other.headways
    mine.speeds = mine.speeds + other.speeds
    mine.headway_sum += other.headway_sum
    mine.speed_sum += other.speed_sum
    mine.fastest = max(mine.fastest, other.fastest)


def _stored(connection: Connection, table: Table, keys: list[Any]) -> Any:
    """The rows of these days and cameras, locked until the transaction ends."""
    days, cameras = sorted({key[0] for key in keys}), sorted({key[1] for key in keys})
    order = [column for column in table.c if column.primary_key]
    query = select(table).where(table.c.day.in_(days), table.c.camera_id.in_(cameras)).order_by(*order)
    return connection.execute(query.with_for_update())


def _write_heat(connection: Connection, sums: Mapping[_HeatKey, HeatSum]) -> None:
    if not sums:
        return
    grids = {key: (held.grid, held.observed) for key, held in sums.items()}
    for row in _stored(connection, _HEAT, list(sums)):
        key = (row.day, row.camera_id, row.family)
        if key in grids:
            grids[key] = (grids[key][0] + unsqueeze(row.grid), grids[key][1] + row.observed_seconds)
    values = [
        {"day": key[0], "camera_id": key[1], "family": key[2], "observed_seconds": seen, "grid": squeeze(grid)}
        for key, (grid, seen) in sorted(grids.items(), key=lambda item: item[0])
    ]
    _upsert(connection, _HEAT, values)


def _write_passages(connection: Connection, sums: Mapping[_PassageKey, PassageSum]) -> None:
    if not sums:
        return
    held = {key: PassageSum() for key in sums}
    for key, passage in sums.items():
        _add(held[key], passage)
    for row in _stored(connection, _PASSAGES, list(sums)):
        key = (row.day, row.camera_id, row.line_id, row.object_class)
        if key in held:
            _add(held[key], read_passage(row))
    values = [
        {"day": key[0], "camera_id": key[1], "line_id": key[2], "object_class": key[3]}
        | {"headway_sum": passage.headway_sum, "speed_sum": passage.speed_sum, "fastest": passage.fastest}
        | {"headways": pack(passage.headways), "speeds": pack(passage.speeds)}
        for key, passage in sorted(held.items(), key=lambda item: item[0])
    ]
    _upsert(connection, _PASSAGES, values)


def _upsert(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    key = [column.name for column in table.c if column.primary_key]
    for first in range(0, len(values), _CHUNK):
        chunk = values[first : first + _CHUNK]
        statement = dialect.insert(table).values(chunk)
        changed = {name: statement.excluded[name] for name in chunk[0] if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
