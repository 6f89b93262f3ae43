"""Reads day rows into arrays: series × days × 24 hours.

Promises: one read of one range of one table, whose cost is the rows in it. Not here: figures (`footfall.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

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
    """Occupancy by the hour: `mean`, `most`, `seconds` are series × days × 24."""

    days: list[date]
    series: list[Series]
    mean: Floats
    most: Floats
    seconds: Floats


def read_counts(connection: Connection, first: date, last: date) -> Counts:
    """Crossings of all lines from `first` to `last`, both included."""
    days, series, block = _read(connection, _CROSSINGS, "line_id", first, last)
    return Counts(days, series, block[:, :, 0], block[:, :, 1], block[:, :, 2])


def read_stands(connection: Connection, first: date, last: date) -> Stands:
    """Occupancy of all zones from `first` to `last`, both included."""
    days, series, block = _read(connection, _OCCUPANCY, "zone_id", first, last)
    return Stands(days, series, block[:, :, 0], block[:, :, 1], block[:, :, 2])


def _read(
    connection: Connection, table: Any, part: str, first: date, last: date
) -> tuple[list[date], list[Series], Floats]:
    days = list(days_between(first, last))
    columns = table.c
    query = select(columns.day, columns.camera_id, columns[part], columns.object_class, columns.profile).where(
        columns.day >= first, columns.day <= last
    )
    rows = connection.execute(query).all()
    place = {day: n for n, day in enumerate(days)}
    series: dict[Series, int] = {}
    at_series = [series.setdefault((row[1], row[2], row[3]), len(series)) for row in rows]
    block = np.zeros((len(series), len(days), 3, 24))
    if rows:
        block[at_series, [place[row[0]] for row in rows]] = unpack([row[4] for row in rows])
    return days, list(series), block
