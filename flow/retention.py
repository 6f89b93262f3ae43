"""Deletes rows of counts that are older than they are to be kept, level by level.

Promises: what is deleted has been rolled up before, so a day's figures outlive its hours, and an hour's its minutes.
The moment up to which rows are gone is committed with their deletion. Each transaction is short. Not here: how long to
keep (`configs/footfall.py`), who calls it (`runtime/`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select

from configs.footfall import Keep
from flow.local_time import day_of, span_of_day, start_of_day
from flow.rollups import deleted_until, roll, write_state
from models.footfall import DayCrossing, DayHeat, DayOccupancy, DayPassage, DayStay, HourCrossing, HourOccupancy
from models.session import Database
from models.tables import MinuteCrossing, MinuteOccupancy

_MINUTES: tuple[Any, ...] = (MinuteCrossing.__table__, MinuteOccupancy.__table__)
_HOURS: tuple[Any, ...] = (HourCrossing.__table__, HourOccupancy.__table__)
_DAYS: tuple[Any, ...] = (
    DayCrossing.__table__,
    DayOccupancy.__table__,
    DayStay.__table__,
    DayHeat.__table__,
    DayPassage.__table__,
)


@dataclass(slots=True)
class Deleted:
    """How many rows went."""

    minutes: int = 0
    hours: int = 0
    days: int = 0


def delete_old(database: Database, zone: ZoneInfo, keep: Keep, now: datetime) -> Deleted:
    """Delete what is older than `keep` says, whole local days at a time. Raises the database's errors."""
    roll(database, zone)
    today = day_of(now, zone)
    deleted = Deleted(
        minutes=_delete(database, "minute", _MINUTES, zone, today - timedelta(days=keep.minutes_days)),
        hours=_delete(database, "hour", _HOURS, zone, today - timedelta(days=keep.hours_days)),
    )
    if keep.days_days is not None:
        first = today - timedelta(days=keep.days_days)
        with database.session() as session:
            for table in _DAYS:
                deleted.days += session.connection().execute(delete(table).where(table.c.day < first)).rowcount
    return deleted


def _delete(database: Database, level: str, tables: tuple[Any, ...], zone: ZoneInfo, first_kept: date) -> int:
    """Delete rows of days before `first_kept`, a day in a transaction, oldest first."""
    deleted = 0
    while (day := _oldest_day(database, level, tables, zone)) is not None and day < first_kept:
        start, end = span_of_day(day, zone)
        with database.session() as session:
            connection = session.connection()
            before = deleted_until(connection, level)
            write_state(connection, f"{level}s_deleted_until", max(end, before or end).isoformat())
            for table in tables:
                column = table.c[level]
                deleted += connection.execute(delete(table).where(column >= start, column < end)).rowcount
    # Rows that arrive later for a time without rows are too old as well.
    with database.session() as session:
        connection = session.connection()
        horizon = start_of_day(first_kept, zone)
        before = deleted_until(connection, level)
        if before is None or before < horizon:
            write_state(connection, f"{level}s_deleted_until", horizon.isoformat())
    return deleted


def _oldest_day(database: Database, level: str, tables: tuple[Any, ...], zone: ZoneInfo) -> date | None:
    with database.reading() as session:
        connection = session.connection()
        oldest = [connection.scalar(select(func.min(table.c[level]))) for table in tables]
    return min((day_of(at, zone) for at in oldest if at is not None), default=None)
