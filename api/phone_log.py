"""Who filmed when: the end of a phone's broadcast, written down whichever way it came.

Promises: an end is written for each beginning whose end the service lives to see; a database that is away is said. Not
here: the beginning, which is written with its request (`routes/whip.py`).
"""

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from live.phones import Broadcast
from models.errors import DatabaseUnavailable
from models.session import Database
from models.tables import AuditEntry

log = logging.getLogger(__name__)


class PhoneLog:
    """Owned by the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writing: set[asyncio.Task[None]] = set()

    def ended(self, broadcast: Broadcast) -> None:
        """A broadcast is over."""
        task = asyncio.create_task(run_in_threadpool(self._write, broadcast), name="phone-log")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def stop(self) -> None:
        """Waits for what is being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _write(self, broadcast: Broadcast) -> None:
        try:
            with self._database.session() as session:
                session.add(
                    AuditEntry(
                        user_id=broadcast.person.id, action="phone.end", subject=broadcast.camera_id, address=None
                    )
                )
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            log.error("that %s films no more could not be written down: %s", broadcast.camera_id, type(error).__name__)
