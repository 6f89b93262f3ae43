"""Reads day rows into arrays: series × days × 24 hours.

Promises: one read of one range of one table, whose cost is the rows in it. Not here: figures (`footfall.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from flow.local_time import days_between
from flow.profiles import unpack
from models.footfall import DayCrossing, DayOccupancy

_CROSSINGS: Any = DayCrossing.__table__
_OCCUPANCY: Any = DayOccupancy.__table__

#: (camera, line or zone, class)
Series = tuple[str, str, str]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Crossings by the hour: `came`, `went`, `seconds` are series × days × 24."""

    days: list[date]
    series: list[Series]
    came: Floats
    went: Floats
    seconds: Floats


@dataclass(frozen=True, slots=True)
class Stands:
    """Occupancy by the hour: `mean`, `most`, `seconds` are series × days × 24; `arrivals` of each series in all."""

    days: list[date]
    series: list[Series]
    mean: Floats
    most: Floats
    seconds: Floats
    arrivals: list[int]


def read_counts(connection: Connection, first: date, last: date, camera: str | None = None) -> Counts:
    """Crossings of all lines, or of one camera's, from `first` to `last`, both included."""
    days, series, block = _read(connection, _CROSSINGS, "line_id", first, last, camera)
    return Counts(days, series, block[:, :, 0], block[:, :, 1], block[:, :, 2])


def read_stands(connection: Connection, first: date, last: date, camera: str | None = None) -> Stands:
    """Occupancy of all zones, or of one camera's, from `first` to `last`, both included."""
    days, series, block = _read(connection, _OCCUPANCY, "zone_id", first, last, camera)
    c = _OCCUPANCY.c
    key = (c.camera_id, c.zone_id, c.object_class)
    query = select(*key, func.sum(c.arrivals)).where(c.day >= first, c.day <= last).group_by(*key)
    if camera is not None:
        query = query.where(c.camera_id == camera)
    arrivals = {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(query)}
    return Stands(days, series, block[:, :, 0], block[:, :, 1], block[:, :, 2], [arrivals.get(s, 0) for s in series])


def _read(
    connection: Connection, table: Any, part: str, first: date, last: date, camera: str | None
) -> tuple[list[date], list[Series], Floats]:
    days = list(days_between(first, last))
    columns = table.c
    query = select(columns.day, columns.camera_id, columns[part], columns.object_class, columns.profile).where(
        columns.day >= first, columns.day <= last
    )
    if camera is not None:
        query = query.where(columns.camera_id == camera)
    rows = connection.execute(query).all()
    place = {day: n for n, day in enumerate(days)}
    series: dict[Series, int] = {}
    at_series = [series.setdefault((row[1], row[2], row[3]), len(series)) for row in rows]
    block = np.zeros((len(series), len(days), 3, 24))
    if rows:
        block[at_series, [place[row[0]] for row in rows]] = unpack([row[4] for row in rows])
    return days, list(series), block
