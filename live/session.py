"""One viewer's WebRTC connection: from an offer to a track that plays, and to its end.

Promises: H.264 is what was negotiated, else the offer is refused; a viewer that vanished is told from one that is
there. Owned by one event loop. Not here: who may watch, how many, and when a session ends (`whep.py`).
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.sdp import SessionDescription

from configs.words import StreamRole
from live.candidates import Candidates
from live.codecs import Choice, OfferRefused
from live.feed import Feed
from live.track import PassThroughTrack

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 15.0
_CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class MediaClock:
    """One RTP timestamp of a session, and the moment of the stream that it stands for."""

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


class Session:
    """One viewer of one feed. `answer` once, then `close`."""

    def __init__(self, feed: Feed, owner: str, configuration: RTCConfiguration, now: float, login: str | None) -> None:
        self.id = secrets.token_urlsafe(18)
        self.feed, self.owner, self.login = feed, owner, login
        self.peer = RTCPeerConnection(configuration)
        self._candidates = Candidates(self.peer)
        self.track = PassThroughTrack(feed)
        self.is_closing = False
        self._codec: str | None = None
        self._sender: RTCRtpSender | None = None
        self._opened_at = self._heard_at = now
        self._packets_heard = self._frames_sent = -1

    async def answer(self, offer: str, choice: Choice) -> str:
        """The SDP answer. Raises OfferRefused."""
        transceiver = self.peer.addTransceiver(self.track, direction="sendonly")
        transceiver.setCodecPreferences(choice.capabilities())
        try:
            await self.peer.setRemoteDescription(RTCSessionDescription(self._candidates.without_names(offer), "offer"))
            await self.peer.setLocalDescription(await self.peer.createAnswer())
        except (OperationError, InvalidStateError, InvalidAccessError, ValueError) as error:
            raise OfferRefused(f"the offer cannot be answered: {error}") from None
        self._candidates.ask_for_names()
        answer = str(self.peer.localDescription.sdp)
        codecs = next(m for m in SessionDescription.parse(answer).media if m.kind == "video").rtp.codecs
        if not codecs or codecs[0].mimeType.lower() != "video/h264":
            raise OfferRefused("no H.264 could be agreed on")
        self._codec = f"H264 {codecs[0].parameters.get('profile-level-id')}"
        self._sender = transceiver.sender
        # aiortc would only ask its own encoder, and there is none.
        self._sender._send_keyframe = self.track.request_keyframe  # type: ignore[method-assign]
        # aiortc would split each packet anew for each viewer.
        self._sender._next_encoded_frame = self._next_frame  # type: ignore[method-assign]
        return answer

    async def _next_frame(self, codec: RTCRtpCodecParameters) -> RTCEncodedFrame:
        return RTCEncodedFrame(*await self.track.payloads(), audio_level=None)  # type: ignore[arg-type]

    async def take_candidates(self, fragment: str) -> None:
        """Takes the candidates of an SDP fragment. Raises CannotRestart, OfferRefused."""
        await self._candidates.take(fragment)

    def figures(self) -> SessionFigures:
        """The session as it stands."""
        track = self.track
        return SessionFigures(
            self.id, self.feed.camera_id, self.feed.role, self.peer.connectionState, self._codec, self._clock(),
            track.figures.frames_sent, track.frames_dropped, track.figures.keyframe_requests,
        )  # fmt: skip

    def _clock(self) -> MediaClock | None:
        """aiortc begins its RTP clock anywhere and does not say where, so it is read from the packet sent last."""
        anchor = self.track.anchor
        sent = getattr(self._sender, "_RTCRtpSender__rtp_timestamp", None)
        if anchor is None or not isinstance(sent, int):
            return None
        return MediaClock((sent - self.track.ticks + anchor.ticks) % 2**32, anchor.stream_time, anchor.captured_at)

    async def is_dead(self, now: float, after_seconds: float) -> bool:
        """A browser that is there reports on what it gets, about once a second; one that is not falls silent. While the
        camera gives nothing there is nothing to report on: then ICE's own checks must tell, which takes them longer."""
        if self.peer.connectionState != "connected":
            return now - self._opened_at > _CONNECT_SECONDS
        assert self._sender is not None
        heard = sum(
            getattr(report, "packetsReceived", 0)
            for report in (await self._sender.getStats()).values()
            if report.type == "transport"
        )
        sent = self.track.figures.frames_sent
        if heard != self._packets_heard or sent == self._frames_sent:
            self._packets_heard, self._heard_at = heard, now
        self._frames_sent = sent
        return now - self._heard_at > after_seconds

    async def close(self) -> None:
        """Ends the connection; never takes long."""
        self.is_closing = True
        self.track.stop()
        await self._candidates.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.peer.close()
        except Exception:
            log.exception("a live session did not close cleanly")
