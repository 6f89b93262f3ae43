"""The book in which calls are written down, behind them.

Promises: what happened is written in order, soon, and again and again while the database does not answer; a call never
waits for the database. The queue is bounded, and what did not fit is counted. Not here: what is written
(`alerts/calls.py`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from alerts.calls import write
from live.call_people import Fact
from models.errors import DatabaseUnavailable
from models.session import Database

log = logging.getLogger(__name__)

_MOST = 10_000
_AT_ONCE = 50
_AGAIN_SECONDS = 2.0
_LAST_SECONDS = 5.0


class CallBook:
    """Owned by the event loop."""

    def __init__(self, database: Database, written: Callable[[], None] = lambda: None) -> None:
        """`written` is called after each time."""
        self._database, self._written = database, written
        self._facts: deque[Fact] = deque()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    @property
    def is_idle(self) -> bool:
        """Whether all that happened is written down."""
        return self._idle.is_set()

    def start(self) -> None:
        """Begins to write."""
        self._task = asyncio.create_task(self._forever(), name="call-book")

    async def stop(self) -> None:
        """Writes what there is, for some seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _LAST_SECONDS)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, facts: Sequence[Fact]) -> None:
        """To be written."""
        room = _MOST - len(self._facts)
        self._facts.extend(facts[:room])
        self.dropped += len(facts[room:])
        self._idle.clear()
        self._something.set()

    async def _forever(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._facts:
                facts = [self._facts[n] for n in range(min(_AT_ONCE, len(self._facts)))]
                try:
                    await run_in_threadpool(self._write, facts)
                except (SQLAlchemyError, DatabaseUnavailable) as error:
                    log.warning("calls wait to be written down: %s", type(error).__name__)
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                except Exception:
                    log.exception("what happened in a call could not be written down")
                for _ in facts:
                    self._facts.popleft()
                self._written()
            self._idle.set()

    def _write(self, facts: Sequence[Fact]) -> None:
        with self._database.session() as session:
            write(session, facts)
