"""How long people stayed in a zone: visits summed by local day.

Promises: a visit counts on the day it began. Rows are added to what stands there, in the transaction that the caller
commits; whoever hands a visit over twice counts it twice. A visit is as long as its track was kept, so a mean is rather
too short than too long. Not here: when a visit begins and ends (`zones.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from configs.words import PEOPLE
from flow.local_time import day_of
from flow.report_scope import Scope
from flow.report_words import StayFigures
from flow.words import Visit
from models.footfall import DayStay

_STAYS: Any = DayStay.__table__
_KEY = ("day", "camera_id", "zone_id", "object_class")
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class StayRow:
    """Visits of one class to one zone on one local day."""

    day: date
    camera_id: str
    zone_id: str
    object_class: str
    visits: int
    seconds: float
    longest_seconds: float


def stays_of(visits: Iterable[Visit], zone: ZoneInfo) -> list[StayRow]:
    """Visits that have ended, summed."""
    lengths: dict[tuple[date, str, str, str], list[float]] = {}
    for visit in visits:
        day = day_of(datetime.fromtimestamp(visit.entered_at, UTC), zone)
        key = (day, str(visit.camera_id), str(visit.zone_id), visit.object_class.value)
        lengths.setdefault(key, []).append(max(0.0, visit.left_at - visit.entered_at))
    return [StayRow(*key, len(found), sum(found), max(found)) for key, found in lengths.items()]


def add_stays(connection: Connection, rows: Iterable[StayRow]) -> None:
    """Add to what is there. Raises SQLAlchemy's errors; nothing was added then."""
    summed: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        held = summed.setdefault((row.day, row.camera_id, row.zone_id, row.object_class), [0, 0.0, 0.0])
        held[0] += row.visits
        held[1] += row.seconds
        held[2] = max(held[2], row.longest_seconds)
    # In the order of the key, so that two writers cannot wait for each other.
    values = [
        dict(zip((*_KEY, "visits", "seconds", "longest_seconds"), (*key, *held), strict=True))
        for key, held in sorted(summed.items())
    ]
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    for first in range(0, len(values), _CHUNK):
        statement = dialect.insert(_STAYS).values(values[first : first + _CHUNK])
        new, old = statement.excluded, _STAYS.c
        longest = case((new.longest_seconds > old.longest_seconds, new.longest_seconds), else_=old.longest_seconds)
        sums = {"visits": old.visits + new.visits, "seconds": old.seconds + new.seconds, "longest_seconds": longest}
        connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=sums))


def read_stays(connection: Connection, scope: Scope, first: date, last: date) -> list[StayFigures] | None:
    """How long people stayed, zone by zone, the longest mean first; None where nothing is recorded."""
    c = _STAYS.c
    query = (
        select(c.camera_id, c.zone_id, func.sum(c.visits), func.sum(c.seconds), func.max(c.longest_seconds))
        .where(c.day >= first, c.day <= last, c.object_class.in_(sorted(PEOPLE)))
        .group_by(c.camera_id, c.zone_id)
    )
    if scope.camera is not None:
        query = query.where(c.camera_id == scope.camera)
    found = [
        StayFigures(
            camera, zone, scope.zone_name(camera, zone), int(visits), round(seconds / visits, 1), round(longest, 1)
        )
        for camera, zone, visits, seconds, longest in connection.execute(query)
    ]
    return sorted(found, key=lambda s: -s.mean_seconds) or None
