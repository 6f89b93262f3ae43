"""What is open ends with the login that opened it: live sessions, films, overlays, phones that film, calls.

Promises: after a logout, a disabled user, another role or password, other camera groups or the login's own end, what
was opened by that login is closed within seconds, whichever process made the change; at once when this one did
(`nudge`). While the database does not answer nothing is closed. Not here: what a login is (`identity.py`), how each
thing closes.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.identity import in_force
from models.session import Database

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 2.0


class BoundToLogins(Protocol):
    """Something that is open for longer than a request. Used from the event loop."""

    def logins(self) -> set[str]:
        """The logins by which something is open here."""
        ...

    async def end_login(self, login: str) -> None:
        """Closes all that is open by this login."""
        ...


class LoginWatch:
    """Owned by the event loop. `nudge` may be called from any thread."""

    def __init__(
        self, database: Database, bound: Sequence[BoundToLogins], look_every_seconds: float = _LOOK_EVERY_SECONDS
    ) -> None:
        self._database, self._bound, self._every_seconds = database, bound, look_every_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ended = 0

    def start(self) -> None:
        """Begins to look."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="login-watch")

    async def stop(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def nudge(self) -> None:
        """Some login may have ended: look now."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._nudged.set)

    async def look(self) -> None:
        """Closes what was opened by logins that are over."""
        open_by = {login for bound in self._bound for login in bound.logins()}
        if not open_by:
            return
        for login in open_by - await run_in_threadpool(self._in_force, open_by):
            self.ended += 1
            await asyncio.gather(*(bound.end_login(login) for bound in self._bound))

    def _in_force(self, logins: set[str]) -> set[str]:
        with self._database.reading() as session:
            return in_force(session, logins)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), self._every_seconds)
            self._nudged.clear()
            try:
                await self.look()
            except SQLAlchemyError as error:
                log.warning("which logins are in force could not be read: %s", type(error).__name__)
            except Exception:
                log.exception("what a login that is over had opened could not be closed")
