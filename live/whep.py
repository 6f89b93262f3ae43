"""WHEP sessions: from an offer to a live picture, and to its end.

Promises: H.264 passes through untouched and is what was negotiated, else the offer is refused; viewers are limited in
total and for each camera; a viewer that vanished is noticed within seconds; whatever was opened is closed. Source:
draft-ietf-wish-whep, RFC 9725. Owned by one event loop. Not here: HTTP (`api/routes/whep.py`), rights.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import SessionDescription, candidate_from_sdp

from configs.words import CameraId, StreamRole
from live.codecs import Choice, OfferRefused, choose
from live.feed import Feed, FeedPool
from live.h264 import profile_level_id
from live.track import PassThroughTrack

log = logging.getLogger(__name__)

_FIRST_PICTURE_SECONDS = 8.0
_CONNECT_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 1.0
_CLOSE_SECONDS = 5.0


class TooManyViewers(Exception):
    """The limit of viewers is reached."""


class NoPicture(Exception):
    """The stream gives no picture now."""


class Unplayable(Exception):
    """A browser cannot take what the camera sends."""


class CannotRestart(Exception):
    """ICE cannot be restarted within a session."""


class SessionNotFound(Exception):
    """There is no such session, or it is somebody else's."""


@dataclass(frozen=True, slots=True)
class WhepLimits:
    """How many may watch, and how long a silent viewer is believed to be there."""

    viewers_total: int = 200
    viewers_per_camera: int = 50
    dead_after_seconds: float = 8.0


@dataclass(slots=True)
class WhepTotals:
    """Counted since the start."""

    opened: int = 0
    dead: int = 0
    frames_sent: int = 0
    frames_dropped: int = 0
    packets_lost: int = 0
    keyframe_requests: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a POST is answered with."""

    session_id: str
    sdp: str


@dataclass(frozen=True, slots=True)
class MediaClock:
    """RTP time to the stream's time."""

    rtp_timestamp: int
    stream_time: float
    captured_at: float


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """A session as it stands."""

    id: str
    camera_id: str
    stream: StreamRole
    state: str
    codec: str | None
    clock: MediaClock | None
    frames_sent: int
    frames_dropped: int
    keyframe_requests: int


class _Session:
    """One viewer's connection."""

    def __init__(self, feed: Feed, owner: str, peer: RTCPeerConnection, now: float) -> None:
        self.id = secrets.token_urlsafe(18)
        self.feed, self.owner, self.peer = feed, owner, peer
        self.track = PassThroughTrack(feed)
        self.sender: RTCRtpSender | None = None
        self.codec: str | None = None
        self.opened_at = self.heard_at = now
        self.packets_heard = -1
        self.is_closing = False

    def clock(self) -> MediaClock | None:
        """aiortc begins its RTP clock anywhere and does not say where, so it is read from the packet sent last."""
        anchor = self.track.anchor
        sent = getattr(self.sender, "_RTCRtpSender__rtp_timestamp", None)
        if anchor is None or not isinstance(sent, int):
            return None
        return MediaClock((sent - self.track.ticks + anchor.ticks) % 2**32, anchor.stream_time, anchor.captured_at)


class WhepDesk:
    """All sessions."""

    def __init__(
        self,
        feeds: FeedPool,
        limits: WhepLimits,
        ice_servers: tuple[str, ...] = (),
        turn_username: str | None = None,
        turn_password: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feeds, self._limits, self._clock = feeds, limits, clock
        self._ice_servers, self._turn_username, self._turn_password = ice_servers, turn_username, turn_password
        self._sessions: dict[str, _Session] = {}
        self._opening: dict[CameraId, int] = {}
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
        await asyncio.gather(*(self._close(s) for s in list(self._sessions.values())))
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
        totals = WhepTotals(self._gone.opened, self._gone.dead, self._gone.frames_sent, self._gone.frames_dropped)
        totals.keyframe_requests = self._gone.keyframe_requests
        totals.packets_lost = self._feeds.packets_lost
        for session in self._sessions.values():
            _add(totals, session)
        return totals

    def viewers(self, camera_id: str, role: StreamRole) -> int:
        """How many watch this stream now."""
        return sum(s.feed.camera_id == camera_id and s.feed.role is role for s in list(self._sessions.values()))

    def ice_links(self) -> list[str]:
        """The `Link` headers that tell a WHEP player of STUN and TURN."""
        links = []
        for server in self._ice_servers:
            link = f'<{server}>; rel="ice-server"'
            if server.startswith("turn") and self._turn_username and self._turn_password:
                link += f'; username="{self._turn_username}"; credential="{self._turn_password}"'
                link += '; credential-type="password"'
            links.append(link)
        return links

    async def open(self, camera_id: CameraId, role: StreamRole, offer: str, owner: str) -> Answer:
        """Answers an offer. Raises OfferRefused, TooManyViewers, NoPicture, Unplayable."""
        try:
            parsed = SessionDescription.parse(offer)
        except Exception:
            # aiortc's parser asserts and indexes; whatever it trips over, the offer is at fault.
            raise OfferRefused("the offer is no SDP that can be read") from None
        choose(parsed, None)
        self._refuse_when_full(camera_id)
        self._opening[camera_id] = self._opening.get(camera_id, 0) + 1
        feed = self._feeds.hold(camera_id, role)
        session: _Session | None = None
        try:
            choice = choose(parsed, await self._profile(feed))
            session = _Session(feed, owner, RTCPeerConnection(self._configuration()), self._clock())
            sdp = await self._negotiate(session, offer, choice)
        except BaseException:
            if session is not None:
                await self._close_peer(session)
            self._feeds.release(feed)
            raise
        finally:
            self._opening[camera_id] -= 1
            if not self._opening[camera_id]:
                del self._opening[camera_id]
        self._sessions[session.id] = session
        self._gone.opened += 1
        return Answer(session.id, sdp)

    def figures(self, session_id: str, owner: str | None) -> SessionFigures:
        """One session as it stands. `owner` None: anybody's. Raises SessionNotFound."""
        session = self._find(session_id, owner)
        track = session.track
        return SessionFigures(
            session.id, session.feed.camera_id, session.feed.role, session.peer.connectionState, session.codec,
            session.clock(), track.figures.frames_sent, track.frames_dropped, track.figures.keyframe_requests,
        )  # fmt: skip

    async def trickle(self, session_id: str, owner: str | None, fragment: str) -> None:
        """Takes candidates of an SDP fragment (RFC 8840). Raises SessionNotFound, CannotRestart, OfferRefused."""
        session = self._find(session_id, owner)
        remote = SessionDescription.parse(session.peer.remoteDescription.sdp)
        known = {media.ice.usernameFragment for media in remote.media if media.ice}
        mid: str | None = None
        for line in fragment.splitlines():
            name, _, value = line.strip().partition(":")
            if name == "a=ice-ufrag" and value not in known:
                raise CannotRestart("start a new session instead of restarting this one")
            if name == "a=mid":
                mid = value
            elif name == "a=candidate":
                await self._add_candidate(session, value, mid)
            elif name == "a=end-of-candidates":
                await session.peer.addIceCandidate(None)

    async def end(self, session_id: str, owner: str | None) -> None:
        """Ends a session. Raises SessionNotFound."""
        await self._close(self._find(session_id, owner))

    def _find(self, session_id: str, owner: str | None) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or (owner is not None and session.owner != owner):
            raise SessionNotFound
        return session

    def _refuse_when_full(self, camera_id: CameraId) -> None:
        if len(self._sessions) + sum(self._opening.values()) >= self._limits.viewers_total:
            raise TooManyViewers(f"{self._limits.viewers_total} live feeds are open, which is the limit")
        watching = sum(s.feed.camera_id == camera_id for s in self._sessions.values())
        if watching + self._opening.get(camera_id, 0) >= self._limits.viewers_per_camera:
            raise TooManyViewers(f"{self._limits.viewers_per_camera} watch this camera, which is the limit")

    async def _profile(self, feed: Feed) -> str | None:
        keyframe = await feed.keyframe(_FIRST_PICTURE_SECONDS)
        if keyframe is None:
            raise NoPicture("the camera gives no picture now; look at its state")
        if keyframe.codec != "h264":
            raise Unplayable(f"the camera sends {keyframe.codec}; choose H.264 for this stream on the camera")
        return profile_level_id(keyframe.data)

    def _configuration(self) -> RTCConfiguration:
        # Said even when empty: aiortc would ask a public STUN server otherwise.
        servers = [
            RTCIceServer(url, self._turn_username, self._turn_password) if url.startswith("turn") else RTCIceServer(url)
            for url in self._ice_servers
        ]
        return RTCConfiguration(iceServers=servers)

    async def _negotiate(self, session: _Session, offer: str, choice: Choice) -> str:
        peer = session.peer
        transceiver = peer.addTransceiver(session.track, direction="sendonly")
        transceiver.setCodecPreferences(choice.capabilities())
        try:
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        except (OperationError, InvalidStateError, InvalidAccessError, ValueError) as error:
            raise OfferRefused(f"the offer cannot be answered: {error}") from None
        sdp = str(peer.localDescription.sdp)
        answered = next(m for m in SessionDescription.parse(sdp).media if m.kind == "video")
        if not answered.rtp.codecs or answered.rtp.codecs[0].mimeType.lower() != "video/h264":
            raise OfferRefused("no H.264 could be agreed on")
        codec = answered.rtp.codecs[0]
        session.codec = f"H264 {codec.parameters.get('profile-level-id')}"
        session.sender = transceiver.sender
        # aiortc would only ask its own encoder, and there is none.
        session.sender._send_keyframe = session.track.request_keyframe  # type: ignore[method-assign]

        @peer.on("connectionstatechange")
        def changed() -> None:
            if peer.connectionState in ("failed", "closed") and not session.is_closing:
                self._close_soon(session)

        return sdp

    @staticmethod
    async def _add_candidate(session: _Session, value: str, mid: str | None) -> None:
        try:
            candidate = candidate_from_sdp(value)
        except (AssertionError, ValueError, IndexError):
            raise OfferRefused("a candidate in the fragment cannot be read") from None
        candidate.sdpMid, candidate.sdpMLineIndex = mid, 0 if mid is None else None
        with contextlib.suppress(ValueError, InvalidStateError):
            await session.peer.addIceCandidate(candidate)

    # The end of sessions.

    def _close_soon(self, session: _Session) -> None:
        task = asyncio.create_task(self._close(session))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, session: _Session) -> None:
        if session.is_closing:
            return
        session.is_closing = True
        self._sessions.pop(session.id, None)
        _add(self._gone, session)
        await self._close_peer(session)
        self._feeds.release(session.feed)

    @staticmethod
    async def _close_peer(session: _Session) -> None:
        session.is_closing = True
        session.track.stop()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await session.peer.close()
        except Exception:
            log.exception("a live session did not close cleanly")

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            for session in list(self._sessions.values()):
                try:
                    if await self._is_dead(session):
                        self._gone.dead += 1
                        self._close_soon(session)
                except Exception:
                    log.exception("a live session could not be looked after")
                    self._close_soon(session)

    async def _is_dead(self, session: _Session) -> bool:
        """A browser that is there reports on what it gets, every second or so."""
        now = self._clock()
        if session.peer.connectionState != "connected":
            return now - session.opened_at > _CONNECT_SECONDS
        assert session.sender is not None
        heard = sum(
            getattr(report, "packetsReceived", 0)
            for report in (await session.sender.getStats()).values()
            if report.type == "transport"
        )
        if heard != session.packets_heard:
            session.packets_heard, session.heard_at = heard, now
        return now - session.heard_at > self._limits.dead_after_seconds


def _add(totals: WhepTotals, session: _Session) -> None:
    totals.frames_sent += session.track.figures.frames_sent
    totals.frames_dropped += session.track.frames_dropped
    totals.keyframe_requests += session.track.figures.keyframe_requests


__all__ = [
    "CannotRestart", "NoPicture", "OfferRefused", "SessionNotFound", "TooManyViewers", "Unplayable",
    "WhepDesk", "WhepLimits",
]  # fmt: skip
