"""The bells: pages of whoever is logged in, that hear of the calls which concern them.

Promises: a page that is slow keeps the newest of each call only; what concerns whom is decided here in one place: who
is asked or in it, and the whole desk. Owned by the event loop. Not here: sockets (`routes/call_lines.py`).
"""

import asyncio

from alerts.call_rules import DESK
from api.bulletin import TooManyListeners
from api.identity import Caller
from api.schemas_calls import CallSeen


class Bell:
    """One page's. `next` gives what changed since; None: its login has ended."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._newest: dict[str, CallSeen] = {}
        self._something = asyncio.Event()
        self._is_over = False

    def ring(self, call: CallSeen) -> None:
        """This call has changed."""
        self._newest[call.id] = call
        self._something.set()

    def end(self) -> None:
        """Its login has ended."""
        self._is_over = True
        self._something.set()

    async def next(self) -> list[CallSeen] | None:
        """Waits for a change."""
        await self._something.wait()
        self._something.clear()
        calls, self._newest = list(self._newest.values()), {}
        return None if self._is_over else calls


def concerns(caller: Caller, call: CallSeen) -> bool:
    """Whether somebody hears of a call."""
    return caller.role in DESK or any(p.user_id == caller.id for p in call.people)


class Bells:
    """All of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bells: set[Bell] = set()

    def __len__(self) -> int:
        return len(self._bells)

    def hang_up(self, caller: Caller) -> Bell:
        """A bell for a page. Raises TooManyListeners."""
        if len(self._bells) >= self._most:
            raise TooManyListeners
        bell = Bell(caller)
        self._bells.add(bell)
        return bell

    def take_down(self, bell: Bell) -> None:
        """The page has gone."""
        self._bells.discard(bell)

    def users(self) -> set[str]:
        """Who has a page open."""
        return {bell.caller.id for bell in self._bells}

    def ring(self, call: CallSeen) -> None:
        """Tells whom it concerns."""
        for bell in self._bells:
            if concerns(bell.caller, call):
                bell.ring(call)

    def logins(self) -> set[str]:
        """The logins by which pages listen."""
        return {bell.caller.login for bell in self._bells}

    async def end_login(self, login: str) -> None:
        """Pages of this login hear nothing any more."""
        for bell in [found for found in self._bells if found.caller.login == login]:
            self._bells.discard(bell)
            bell.end()
