"""The desk where live feeds are asked for: WHEP sessions and their limits.

Promises: what a browser can take passes through untouched, what it cannot is made fit (`playable.py`); viewers are
limited (`seats.py`); a viewer that vanished is noticed within seconds, and one whose stream has changed into something
else is let go, to ask anew; whatever was opened is closed. Source: draft-ietf-wish-whep, RFC 9725. Owned by one event
loop. Not here: HTTP and rights (`api/`), one connection (`session.py`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCIceServer
from aiortc.sdp import SessionDescription

from configs.words import CameraId, StreamRole
from live.candidates import CannotRestart, announced
from live.codecs import OfferRefused, choose
from live.h264 import profile_level_id
from live.playable import NoPicture, PlayableFeeds, Served, Unplayable
from live.seats import Seat, Seats, TooManyBits, TooManyViewers
from live.session import Session, SessionFigures
from live.transcoders import TooManyTranscoders

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
#: aiortc waits five seconds for a STUN or TURN server.
_SILENT_AFTER_SECONDS = 4.0
_SILENT_SECONDS = 60.0


class SessionNotFound(Exception):
    """There is no such session, or it is somebody else's."""


@dataclass(slots=True)
class IceServers:
    """How we, and browsers, find a way through address translation: STUN and TURN addresses. A server that does not
    answer holds up one answer a minute, not each: in between we do without, and browsers decide for themselves."""

    addresses: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None
    public_addresses: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic
    _silent_until: float = float("-inf")

    def took(self, seconds: float) -> None:
        """How long an answer took for which they were asked."""
        if self.addresses and seconds > _SILENT_AFTER_SECONDS and self.clock() >= self._silent_until:
            self._silent_until = self.clock() + _SILENT_SECONDS
            log.warning("a STUN or TURN server of ice_servers does not answer; it is left out for a minute")

    def configuration(self) -> RTCConfiguration:
        """For aiortc. Said even when empty: it would ask a public STUN server otherwise."""
        if self.clock() < self._silent_until:
            return RTCConfiguration(iceServers=[])
        servers = [
            RTCIceServer(url, self.username, self.password) if url.startswith("turn") else RTCIceServer(url)
            for url in self.addresses
        ]
        return RTCConfiguration(iceServers=servers)

    def announce(self, answer: str) -> str:
        """The answer with our public addresses in it."""
        return announced(answer, self.public_addresses) if self.public_addresses else answer

    def links(self) -> list[str]:
        """For a WHEP player, as `Link` headers."""
        links = []
        for url in self.addresses:
            link = f'<{url}>; rel="ice-server"'
            if url.startswith("turn") and self.username and self.password:
                link += f'; username="{_quoted(self.username)}"; credential="{_quoted(self.password)}"'
                link += '; credential-type="password"'
            links.append(link)
        return links


def _quoted(value: str) -> str:
    """Inside a quoted string of a header."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(slots=True)
class WhepTotals:
    """Counted since the start."""

    opened: int = 0
    dead: int = 0
    frames_sent: int = 0
    frames_dropped: int = 0
    packets_lost: int = 0
    keyframe_requests: int = 0

    def add(self, session: Session) -> None:
        self.frames_sent += session.track.figures.frames_sent
        self.frames_dropped += session.track.frames_dropped
        self.keyframe_requests += session.track.figures.keyframe_requests


@dataclass(frozen=True, slots=True)
class Answer:
    """What an offer is answered with."""

    session_id: str
    sdp: str
    served: Served


class WhepDesk:
    """All sessions. `start`, then `open` as often as asked, `stop` at the end."""

    def __init__(
        self,
        playable: PlayableFeeds,
        seats: Seats,
        ice: IceServers | None = None,
        dead_after_seconds: float = 8.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A silent viewer is believed to be there for `dead_after_seconds`."""
        self._playable, self._seats, self._clock = playable, seats, clock
        self._dead_after_seconds = dead_after_seconds
        self.ice = ice or IceServers()
        self._sessions: dict[str, Session] = {}
        self._places: dict[Session, tuple[Served, Seat]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._gone = WhepTotals()

    def start(self) -> None:
        """Begins to look after the sessions."""
        self._watch = asyncio.create_task(self._look_after(), name="whep-watch")

    async def stop(self) -> None:
        """Ends every session."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*(self._close(session) for session in list(self._sessions.values())))
        await asyncio.gather(*self._closing, return_exceptions=True)

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    @property
    def feed_count(self) -> int:
        return len(self._playable.feeds)

    @property
    def totals(self) -> WhepTotals:
        """Counted since the start, open sessions included."""
        gone = self._gone
        totals = WhepTotals(gone.opened, gone.dead, gone.frames_sent, gone.frames_dropped, 0, gone.keyframe_requests)
        totals.packets_lost = self._playable.feeds.packets_lost
        for session in list(self._sessions.values()):
            totals.add(session)
        return totals

    def viewers(self, camera_id: str, role: StreamRole) -> int:
        """How many watch this stream now. From any thread."""
        return sum(s.feed.camera_id == camera_id and s.feed.role is role for s in list(self._sessions.values()))

    async def open(
        self, camera_id: CameraId, role: StreamRole, offer: str, owner: str, login: str | None = None
    ) -> Answer:
        """Answers an offer, for as long as `login` holds, if it is named. Raises OfferRefused, TooManyViewers,
        TooManyBits, TooManyTranscoders, NoPicture, Unplayable."""
        try:
            parsed = SessionDescription.parse(offer)
        except Exception:
            # aiortc's parser asserts and indexes; whatever it trips over, the offer is at fault.
            raise OfferRefused("the offer is no SDP that can be read") from None
        choose(parsed, None)
        seat = self._seats.take(camera_id)
        served: Served | None = None
        session: Session | None = None
        try:
            served = await self._playable.hold(camera_id, role)
            self._seats.sit(seat, served.feed)
            choice = choose(parsed, profile_level_id(served.keyframe.data))
            session = Session(served.feed, owner, self.ice.configuration(), self._clock(), login)
            began = time.monotonic()
            sdp = self.ice.announce(await session.answer(offer, choice))
            self.ice.took(time.monotonic() - began)
        except BaseException:
            if session is not None:
                await session.close()
            if served is not None:
                self._playable.release(served)
            self._seats.leave(seat)
            raise
        self._sessions[session.id] = session
        self._places[session] = served, seat
        self._gone.opened += 1
        self._close_when_lost(session)
        return Answer(session.id, sdp, served)

    def figures(self, session_id: str, owner: str | None) -> SessionFigures:
        """One session as it stands. `owner` None: anybody's. Raises SessionNotFound."""
        return self._find(session_id, owner).figures()

    async def trickle(self, session_id: str, owner: str | None, fragment: str) -> None:
        """Takes further candidates. Raises SessionNotFound, CannotRestart, OfferRefused."""
        await self._find(session_id, owner).take_candidates(fragment)

    async def end(self, session_id: str, owner: str | None) -> None:
        """Ends a session. Raises SessionNotFound."""
        await self._close(self._find(session_id, owner))

    def logins(self) -> set[str]:
        """The logins by which sessions are open."""
        return {session.login for session in self._sessions.values() if session.login is not None}

    async def end_login(self, login: str) -> None:
        """Ends every session of a login that is over."""
        await asyncio.gather(*(self._close(s) for s in list(self._sessions.values()) if s.login == login))

    def _find(self, session_id: str, owner: str | None) -> Session:
        session = self._sessions.get(session_id)
        if session is None or (owner is not None and session.owner != owner):
            raise SessionNotFound
        return session

    def _close_when_lost(self, session: Session) -> None:
        @session.peer.on("connectionstatechange")
        def changed() -> None:
            if session.peer.connectionState in ("failed", "closed") and not session.is_closing:
                self._close_soon(session)

    def _close_soon(self, session: Session) -> None:
        task = asyncio.create_task(self._close(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, session: Session) -> None:
        if session.is_closing:
            return
        self._sessions.pop(session.id, None)
        self._gone.add(session)
        served, seat = self._places.pop(session)
        self._seats.leave(seat)
        await session.close()
        self._playable.release(served)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = self._clock()
            for session in list(self._sessions.values()):
                if session in self._places and self._places[session][0].is_over:
                    self._close_soon(session)
                    continue
                try:
                    dead = await session.is_dead(now, self._dead_after_seconds)
                except Exception:
                    log.exception("a live session could not be looked after")
                    dead = True
                if dead and not session.is_closing:
                    self._gone.dead += 1
                    self._close_soon(session)


__all__ = [
    "CannotRestart",
    "IceServers",
    "NoPicture",
    "OfferRefused",
    "SessionNotFound",
    "TooManyBits",
    "TooManyTranscoders",
    "TooManyViewers",
    "Unplayable",
    "WhepDesk",
]
