"""The desk where live feeds are asked for: WHEP sessions and their limits.

Promises: H.264 passes through untouched; viewers are limited in total and for each camera; a viewer that vanished is
noticed within seconds; whatever was opened is closed. Source: draft-ietf-wish-whep, RFC 9725. Owned by one event
loop. Not here: HTTP and rights (`api/`), one connection (`session.py`).
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCIceServer
from aiortc.sdp import SessionDescription

from configs.words import CameraId, StreamRole
from live.codecs import OfferRefused, choose
from live.feed import Feed, FeedPool
from live.h264 import profile_level_id
from live.session import CannotRestart, Session, SessionFigures

log = logging.getLogger(__name__)

_FIRST_PICTURE_SECONDS = 8.0
_LOOK_EVERY_SECONDS = 1.0


class TooManyViewers(Exception):
    """The limit of viewers is reached."""


class NoPicture(Exception):
    """The stream gives no picture now."""


class Unplayable(Exception):
    """A browser cannot take what the camera sends."""


class SessionNotFound(Exception):
    """There is no such session, or it is somebody else's."""


@dataclass(frozen=True, slots=True)
class WhepLimits:
    """How many may watch, and how long a silent viewer is believed to be there."""

    viewers_total: int = 200
    viewers_per_camera: int = 50
    dead_after_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class IceServers:
    """How we, and browsers, find a way through address translation: STUN and TURN addresses."""

    addresses: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None

    def configuration(self) -> RTCConfiguration:
        """For aiortc. Said even when empty: it would ask a public STUN server otherwise."""
        servers = [
            RTCIceServer(url, self.username, self.password) if url.startswith("turn") else RTCIceServer(url)
            for url in self.addresses
        ]
        return RTCConfiguration(iceServers=servers)

    def links(self) -> list[str]:
        """For a WHEP player, as `Link` headers."""
        links = []
        for url in self.addresses:
            link = f'<{url}>; rel="ice-server"'
            if url.startswith("turn") and self.username and self.password:
                link += f'; username="{self.username}"; credential="{self.password}"; credential-type="password"'
            links.append(link)
        return links


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


class WhepDesk:
    """All sessions. `start`, then `open` as often as asked, `stop` at the end."""

    def __init__(
        self,
        feeds: FeedPool,
        limits: WhepLimits,
        ice: IceServers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feeds, self._limits, self._clock = feeds, limits, clock
        self.ice = ice or IceServers()
        self._sessions: dict[str, Session] = {}
        self._opening: Counter[CameraId] = Counter()
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
        self._feeds.close()

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    @property
    def feed_count(self) -> int:
        return len(self._feeds)

    @property
    def totals(self) -> WhepTotals:
        """Counted since the start, open sessions included."""
        gone = self._gone
        totals = WhepTotals(gone.opened, gone.dead, gone.frames_sent, gone.frames_dropped, 0, gone.keyframe_requests)
        totals.packets_lost = self._feeds.packets_lost
        for session in list(self._sessions.values()):
            totals.add(session)
        return totals

    def viewers(self, camera_id: str, role: StreamRole) -> int:
        """How many watch this stream now. From any thread."""
        return sum(s.feed.camera_id == camera_id and s.feed.role is role for s in list(self._sessions.values()))

    async def open(self, camera_id: CameraId, role: StreamRole, offer: str, owner: str) -> Answer:
        """Answers an offer. Raises OfferRefused, TooManyViewers, NoPicture, Unplayable."""
        try:
            parsed = SessionDescription.parse(offer)
        except Exception:
            # aiortc's parser asserts and indexes; whatever it trips over, the offer is at fault.
            raise OfferRefused("the offer is no SDP that can be read") from None
        choose(parsed, None)
        self._refuse_when_full(camera_id)
        self._opening[camera_id] += 1
        feed = self._feeds.hold(camera_id, role)
        session: Session | None = None
        try:
            choice = choose(parsed, await self._profile(feed))
            session = Session(feed, owner, self.ice.configuration(), self._clock())
            sdp = await session.answer(offer, choice)
        except BaseException:
            if session is not None:
                await session.close()
            self._feeds.release(feed)
            raise
        finally:
            self._opening[camera_id] -= 1
            self._opening += Counter()
        self._sessions[session.id] = session
        self._gone.opened += 1
        self._close_when_lost(session)
        return Answer(session.id, sdp)

    def figures(self, session_id: str, owner: str | None) -> SessionFigures:
        """One session as it stands. `owner` None: anybody's. Raises SessionNotFound."""
        return self._find(session_id, owner).figures()

    async def trickle(self, session_id: str, owner: str | None, fragment: str) -> None:
        """Takes further candidates. Raises SessionNotFound, CannotRestart, OfferRefused."""
        await self._find(session_id, owner).take_candidates(fragment)

    async def end(self, session_id: str, owner: str | None) -> None:
        """Ends a session. Raises SessionNotFound."""
        await self._close(self._find(session_id, owner))

    async def end_all_of(self, owner: str) -> None:
        """Ends every session of somebody who may no longer watch."""
        await asyncio.gather(*(self._close(s) for s in list(self._sessions.values()) if s.owner == owner))

    def _find(self, session_id: str, owner: str | None) -> Session:
        session = self._sessions.get(session_id)
        if session is None or (owner is not None and session.owner != owner):
            raise SessionNotFound
        return session

    def _refuse_when_full(self, camera_id: CameraId) -> None:
        if len(self._sessions) + self._opening.total() >= self._limits.viewers_total:
            raise TooManyViewers(f"{self._limits.viewers_total} live feeds are open, which is the limit")
        watching = sum(session.feed.camera_id == camera_id for session in self._sessions.values())
        if watching + self._opening[camera_id] >= self._limits.viewers_per_camera:
            raise TooManyViewers(f"{self._limits.viewers_per_camera} watch this camera, which is the limit")

    @staticmethod
    async def _profile(feed: Feed) -> str | None:
        keyframe = await feed.keyframe(_FIRST_PICTURE_SECONDS)
        if keyframe is None:
            raise NoPicture("the camera gives no picture now; look at its state")
        if keyframe.codec != "h264":
            raise Unplayable(f"the camera sends {keyframe.codec}; choose H.264 for this stream on the camera")
        if feed.has_b_frames:
            raise Unplayable(
                "the camera sends B-frames, which WebRTC cannot show in order; turn them off on the camera"
            )
        return profile_level_id(keyframe.data)

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
        await session.close()
        self._feeds.release(session.feed)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = self._clock()
            for session in list(self._sessions.values()):
                try:
                    dead = await session.is_dead(now, self._limits.dead_after_seconds)
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
    "TooManyViewers",
    "Unplayable",
    "WhepDesk",
    "WhepLimits",
]
