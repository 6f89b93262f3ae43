"""Keeps counts rolled up and within their age while the village runs.

Promises: one thread that ends when told; a database that is away is waited for, and nothing is lost by it, since what
is to be rolled is marked in the database itself. Several shards may each run one. Not here: the rolling
(`flow/rollups.py`).
"""

import logging
import threading
import time
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from configs.footfall import Keep
from flow.local_time import day_of
from flow.retention import delete_old
from flow.rollups import roll
from models.base import utc_now
from models.errors import DatabaseUnavailable
from models.session import Database

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0


class RollupKeeper:
    """Rolls once a minute, deletes what is old once a day. `refused` counts minute rows that came too late to count."""

    def __init__(self, database: Database, zone: ZoneInfo, keep: Keep, every: float = EVERY_SECONDS) -> None:
        self._database = database
        self._zone = zone
        self._keep = keep
        self._every = every
        self._swept_on: date | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollups", daemon=True)
        self.refused = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends at the next step; what is still marked is rolled after the next start."""
        self._stopping.set()
        self._thread.join(timeout)

    def turn(self) -> None:
        """One round, as the thread does it. Raises the database's errors."""
        rolled = roll(self._database, self._zone, lambda done, total: self._give_way())
        self.refused += rolled.refused
        if rolled.refused:
            log.warning("%d minute rows came after their time's rows were deleted for age", rolled.refused)
        today = day_of(utc_now(), self._zone)
        if today != self._swept_on:
            deleted = delete_old(self._database, self._zone, self._keep, utc_now())
            if deleted.minutes or deleted.hours or deleted.days:
                log.info("deleted for age: %s", deleted)
            self._swept_on = today

    def _give_way(self) -> None:
        """Between two transactions others get the write lock; an end that was asked for is heeded."""
        if self._stopping.is_set():
            raise _Ending
        time.sleep(0.01)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.turn()
            except _Ending:
                return
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                said = str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
                log.error("counts could not be rolled up, trying again in a minute: %s", said)


class _Ending(Exception):
    """The process is ending."""
