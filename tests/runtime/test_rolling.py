"""Counts on their way from the shard to the day: written with their marks, rolled up, and kept within their age."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerts.evidence import EvidenceStore
from configs.footfall import Keep
from configs.words import CameraId
from flow.stays import StayRow
from flow.words import MinuteRows
from models.base import utc_now
from models.errors import DatabaseUnavailable
from models.footfall import DayCrossing, DayStay, RollupMark
from models.session import Database
from models.tables import MinuteCrossing
from runtime import rolling
from runtime.rolling import RollupKeeper
from runtime.scribe import Scribe
from tests.flow.counted import SHANGHAI, crossed, write

KEEP = Keep(minutes_days=8, hours_days=16, days_days=32)


def test_what_a_shard_hands_over_reaches_the_day(sqlite_database: Database, tmp_path: Path) -> None:
    now = utc_now()
    scribe = Scribe(sqlite_database, EvidenceStore(tmp_path), lambda kind, incident: None)
    scribe.minutes(MinuteRows(CameraId("gate"), "run", (crossed("gate", "walk", now, 4),)))
    scribe.stays([StayRow(now.date(), "gate", "yard", "person", 2, 90.0, 60.0)])
    scribe.start()
    scribe.stop(20)
    keeper = RollupKeeper(sqlite_database, SHANGHAI, KEEP)
    keeper.turn()
    with sqlite_database.reading() as session:
        assert session.scalars(select(DayCrossing.crossed_in)).all() == [4]
        assert session.scalars(select(DayStay.visits)).all() == [2]
        assert session.scalar(select(func.count()).select_from(RollupMark)) == 0


def test_what_is_old_goes_and_what_comes_too_late_is_counted(sqlite_database: Database) -> None:
    old = utc_now() - timedelta(days=10)
    write(sqlite_database, [crossed("gate", "walk", old, 4)])
    keeper = RollupKeeper(sqlite_database, SHANGHAI, KEEP)
    keeper.turn()
    write(sqlite_database, [crossed("gate", "walk", old, 9)], run="late")
    keeper.turn()
    assert keeper.refused == 1
    with sqlite_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(MinuteCrossing)) == 0
        assert session.scalars(select(DayCrossing.crossed_in)).all() == [4]


def test_a_database_that_is_away_is_waited_for(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write(sqlite_database, [crossed("gate", "walk", utc_now(), 4)])
    real: Callable[..., object] = rolling.roll
    calls: list[int] = []

    def roll(*given: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseUnavailable("away")
        if len(calls) == 3:
            keeper._stopping.set()
        return real(*given)

    monkeypatch.setattr(rolling, "roll", roll)
    keeper = RollupKeeper(sqlite_database, SHANGHAI, KEEP, every=0.01)
    keeper.start()
    keeper._thread.join(20)
    assert not keeper._thread.is_alive() and len(calls) == 3
    with sqlite_database.reading() as session:
        assert session.scalars(select(DayCrossing.crossed_in)).all() == [4]
