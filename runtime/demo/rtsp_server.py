"""An RTSP server that plays clips as if they were cameras: a township of them for a few percent of a core.

Promises: each picture is packetised once, when its clip is read, and stamped once a feed; clients share the bytes.
Paths that share one `Source` object share one feed. One timer paces all feeds. Sender reports carry the true wall
clock. Bounded buffers everywhere; slow clients are dropped and counted. Not here: the protocol (`session.py`), clips
(`clips.py`).

    async with RtspServer({"gate-1/sub": Loop(Clip.open("gate.mp4"))}) as server:
        server.url("gate-1/sub")

    with serve_in_thread({"gate-1/sub": source}) as server:  # from `thread.py`, where there is no asyncio
        server.faults("gate-1/sub").lose = 0.05
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from urllib.parse import quote

from runtime.demo.clip import Source
from runtime.demo.faults import Faults
from runtime.demo.feed import Feed
from runtime.demo.rtsp_auth import Gatekeeper
from runtime.demo.session import Connection
from runtime.demo.udp import UdpPorts

#: Feeds are due in this many slots of a picture's time: few wake-ups, and the load is still spread.
_SLOTS = 10


class PortTakenError(OSError):
    """The port to listen on is in use."""


class RtspServer:
    """Serves `sources`, a mapping of paths like `gate-1/sub` to what plays there. Use it in one event loop."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        host: str = "127.0.0.1",
        port: int = 0,
        users: Mapping[str, str] | None = None,
        *,
        auth_schemes: tuple[str, ...] = ("digest", "basic"),
        session_timeout: float = 60.0,
        write_limit: int = 4 << 20,
        max_connections: int = 2_000,
    ) -> None:
        self.host, self.port = host, port
        self.session_timeout, self.write_limit = session_timeout, write_limit
        self.counters: Counter[str] = Counter()
        self._max_connections = max_connections
        self._sources = dict(sources)
        self._users, self._auth_schemes = users, auth_schemes
        self._faults = {path: Faults() for path in self._sources}
        self._no_faults = Faults()
        self._feeds: dict[int, Feed] = {}
        self._connections: dict[Connection, None] = {}
        self._due: list[tuple[float, int, Feed]] = []
        self._queued: set[Feed] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._listener: asyncio.Server | None = None
        self._udp: UdpPorts | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = 0.0

    async def start(self) -> None:
        """Listen. Once started, a server started again takes the same port. Raises PortTakenError."""
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        try:
            self._listener = await self._loop.create_server(lambda: Connection(self), self.host, self.port)
            self._udp = await UdpPorts.open(self.host, self._on_datagram)
        except OSError as error:
            await self.stop()
            if error.errno == errno.EADDRINUSE:
                advice = "stop it, or choose another port with --port"
                raise PortTakenError(
                    errno.EADDRINUSE, f"port {self.port} is taken by another program; {advice}"
                ) from None
            raise
        self.port = self._listener.sockets[0].getsockname()[1]
        self._sweep()

    async def stop(self) -> None:
        """Drop every client and stop listening."""
        for handle in (self._timer, self._sweeper):
            if handle is not None:
                handle.cancel()
        self._timer = self._sweeper = None
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.drop()
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        self._feeds.clear()
        self._due.clear()
        self._queued.clear()

    async def __aenter__(self) -> RtspServer:
        await self.start()
        return self

    async def __aexit__(self, kind: object, value: object, trace: TracebackType | None) -> None:
        await self.stop()

    # For users of the server.

    def url(self, path: str, user: str | None = None, password: str = "") -> str:
        """The address of a path, with a user's name and password when given."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user is not None else ""
        return f"rtsp://{who}{self.host}:{self.port}/{path}"

    @property
    def paths(self) -> list[str]:
        return list(self._sources)

    @property
    def clients(self) -> int:
        """Connections that play now."""
        return sum(connection.is_playing for connection in list(self._connections))

    def faults(self, path: str) -> Faults:
        """The switches of what goes wrong on a path; set them from any thread."""
        return self._faults.get(path, self._no_faults)

    def drop(self, path: str | None = None) -> None:
        """Cut the connections of a path (or all) at once. From any thread."""
        self._in_loop(self._drop, path)

    def end(self, path: str | None = None) -> None:
        """End the streams of a path (or all) in good order, with RTCP BYE. From any thread."""
        self._in_loop(self._end, path)

    def replace(self, path: str, source: Source, drop: bool = True) -> None:
        """Play something else for who comes next, say of another codec, and drop who is there. From any thread."""
        self._in_loop(self._replace, path, source, drop)

    def _drop(self, path: str | None) -> None:
        for connection in list(self._connections):
            if path is None or connection.path == path:
                connection.drop()

    def _end(self, path: str | None) -> None:
        for connection in list(self._connections):
            if path is None or connection.path == path:
                connection.say_goodbye()

    def _replace(self, path: str, source: Source, drop: bool) -> None:
        self._sources[path] = source
        self._faults.setdefault(path, Faults())
        if drop:
            self._drop(path)

    def _in_loop(self, call: Callable[..., None], *args: object) -> None:
        if self._loop is None or self._listener is None:
            if call == self._replace:
                call(*args)
            return
        try:
            inside = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            inside = False
        if inside:
            call(*args)
        else:
            self._loop.call_soon_threadsafe(call, *args)

    # What connections ask for (`session.Host`).

    def gatekeeper(self) -> Gatekeeper | None:
        return Gatekeeper(self._users, self._auth_schemes) if self._users is not None else None

    def source(self, path: str) -> Source | None:
        return self._sources.get(path)

    def feed(self, path: str) -> Feed:
        source = self._sources[path]
        feed = self._feeds.get(id(source))
        if feed is None:
            slot = len(self._feeds) % _SLOTS
            feed = self._feeds[id(source)] = Feed(source, slot / _SLOTS / source.fps)
        return feed

    def now(self) -> float:
        assert self._loop is not None
        return self._loop.time() - self._started

    def wall_clock(self) -> float:
        return time.time()

    def udp_ports(self) -> tuple[int, int]:
        assert self._udp is not None
        return self._udp.ports

    def send_udp(self, is_rtcp: bool, packet: bytes, address: tuple[str, int]) -> None:
        if self._udp is not None and not self._udp.send(is_rtcp, packet, address):
            self.count("udp_packets_dropped")

    def opened(self, connection: Connection) -> None:
        self._connections[connection] = None
        self.count("connections")
        if len(self._connections) > self._max_connections:
            self.count("connections_refused")
            connection.drop()

    def closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def wake(self, feed: Feed) -> None:
        if feed not in self._queued:
            self._queue(feed)
            self._set_timer()

    def count(self, what: str) -> None:
        self.counters[what] += 1

    # Pacing.

    def _queue(self, feed: Feed) -> None:
        self._queued.add(feed)
        heapq.heappush(self._due, (feed.next_due(), id(feed), feed))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._loop is not None
        self._timer = self._loop.call_at(self._started + self._due[0][0], self._tick) if self._due else None

    def _tick(self) -> None:
        self._timer = None
        now, wall_clock = self.now(), self.wall_clock()
        while self._due and self._due[0][0] <= now + 0.001:
            feed = heapq.heappop(self._due)[2]
            self._queued.discard(feed)
            if feed.is_watched:
                feed.advance(now + 0.001, wall_clock + 0.001)
            if feed.is_watched:
                self._queue(feed)
        self._set_timer()

    def _sweep(self) -> None:
        """Drop sessions that show no sign of life."""
        now = self.now()
        for connection in list(self._connections):
            if connection.lives_by_keepalive and now - connection.heard_at > self.session_timeout:
                self.count("sessions_timed_out")
                connection.drop()
        assert self._loop is not None
        self._sweeper = self._loop.call_later(min(5.0, self.session_timeout / 4), self._sweep)

    def _on_datagram(self, address: tuple[str, int]) -> None:
        for connection in self._connections:
            if connection.owns(address):
                connection.heard_at = self.now()
                return
