"""Overlays for browsers: each connection gets those of the cameras it asked for.

Promises: one subscription a camera for any number of connections; a slow connection keeps only the newest overlay of
each camera, and what it missed is counted. Not here: the WebSocket (`routes/events.py`).
"""

import asyncio
from collections import Counter

from api.bulletin import TooManyListeners
from live.subscriber import ShardLink
from live.wire import OverlayMessage, overlay_topic


class OverlayDesk:
    """One connection's place. Owned by the event loop."""

    def __init__(self, pool: "OverlayPool", login: str) -> None:
        self._pool, self.login = pool, login
        self.is_over = False
        self._wanted: set[str] = set()
        self._newest: dict[str, OverlayMessage] = {}
        self._something = asyncio.Event()

    def want(self, cameras: set[str]) -> None:
        """From now on the overlays of these cameras and no others."""
        self._pool.exchange(self._wanted, cameras)
        self._wanted = cameras
        self._newest = {camera: m for camera, m in self._newest.items() if camera in cameras}

    def leave(self) -> None:
        """Gives the place up."""
        self.want(set())
        self._pool.desks.discard(self)

    def end(self) -> None:
        """The login is over."""
        self.is_over = True
        self._something.set()

    async def next(self) -> list[OverlayMessage] | None:
        """Waits for what is new; None when the login is over."""
        await self._something.wait()
        if self.is_over:
            return None
        self._something.clear()
        messages, self._newest = list(self._newest.values()), {}
        return messages

    def take(self, message: OverlayMessage) -> None:
        """Keeps the message if it is wanted here."""
        if message.camera_id not in self._wanted:
            return
        if message.camera_id in self._newest:
            self._pool.dropped += 1
        self._newest[message.camera_id] = message
        self._something.set()


class OverlayPool:
    """All connections. Owned by the event loop."""

    def __init__(self, shards: ShardLink, most: int) -> None:
        self._shards, self._most = shards, most
        self._wishes: Counter[str] = Counter()
        self.desks: set[OverlayDesk] = set()
        self.dropped = 0

    def enter(self, login: str) -> OverlayDesk:
        """A place for a new connection, for as long as `login` holds. Raises TooManyListeners."""
        if len(self.desks) >= self._most:
            raise TooManyListeners
        desk = OverlayDesk(self, login)
        self.desks.add(desk)
        return desk

    def logins(self) -> set[str]:
        """The logins of the connections."""
        return {desk.login for desk in self.desks}

    async def end_login(self, login: str) -> None:
        """Ends the connections of a login that is over."""
        for desk in self.desks:
            if desk.login == login:
                desk.end()

    def hear(self, message: OverlayMessage) -> None:
        """Takes in what a shard sent."""
        for desk in self.desks:
            desk.take(message)

    def exchange(self, old: set[str], new: set[str]) -> None:
        """One connection wants `new` instead of `old`."""
        for camera_id in new - old:
            self._wishes[camera_id] += 1
            if self._wishes[camera_id] == 1:
                self._shards.subscribe(overlay_topic(camera_id))
        for camera_id in old - new:
            self._wishes[camera_id] -= 1
            if not self._wishes[camera_id]:
                del self._wishes[camera_id]
                self._shards.unsubscribe(overlay_topic(camera_id))
