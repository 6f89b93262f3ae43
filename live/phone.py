"""One phone that is a camera: its WebRTC connection, from an offer to access units of H.264, and to its end.

Promises: H.264 where the browser offers it, then nothing is decoded; else VP8, transcoded once; audio is refused; a key
frame comes at least every two seconds, and is asked for at once after a loss; what cannot be decoded for want of what
was lost is not given on; nothing beyond `MOST_BITS` is asked for. Owned by one event loop. Not here: who may, how many
and for how long (`phones.py`).
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpCodecCapability, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import SessionDescription

from configs.words import CameraId, StreamRole
from live.access_units import AccessUnits, Figures
from live.candidates import Candidates
from live.codecs import OfferRefused, choose
from live.feed import Feed
from live.h264 import IDR, SPS, nal_type, nal_units
from live.transcode import Transcoder
from live.wire import PacketMessage

log = logging.getLogger(__name__)

MOST_BITS = 2_000_000
KEYFRAME_SECONDS = 2.0
#: A key frame that was asked for and did not come is asked for again.
_ASK_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 0.1
_CLOSE_SECONDS = 5.0
_CLOCK = 90_000
_VP8 = [RTCRtpCodecCapability("video/VP8", 90000), RTCRtpCodecCapability("video/rtx", 90000)]

#: Takes an access unit of H.264 in Annex B, whether it is a key frame, its time in seconds; whether it could.
GiveUnit = Callable[[bytes, bool, float], bool]


@dataclass(frozen=True, slots=True)
class PhoneFigures:
    """A phone's connection as it stands."""

    state: str
    codec: str | None
    is_transcoded: bool
    bytes: int
    units: int
    losses: int
    keyframe_requests: int


class Phone:
    """One phone's broadcast. `answer` once, then `close`."""

    def __init__(
        self,
        camera_id: CameraId,
        configuration: RTCConfiguration,
        give: GiveUnit,
        ended: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ended` is called once, when the connection is over and nobody closed it."""
        self.id = secrets.token_urlsafe(18)
        self.camera_id = camera_id
        self.peer = RTCPeerConnection(configuration)
        self._candidates = Candidates(self.peer)
        self.opened_at = clock()
        self._give, self._ended, self._clock = give, ended, clock
        self._units: AccessUnits | None = None
        self._feed = Feed(camera_id, StreamRole.SUB)
        self._transcoder: Transcoder | None = None
        self._codec: str | None = None
        self._needs_keyframe = True
        self._has_parameters = self._is_cut = False
        self._keyframe_at = self._asked_at = float("-inf")
        self._keyframe_requests = self._sequence = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.is_closing = False

    async def answer(self, offer: str) -> str:
        """The SDP answer. Raises OfferRefused."""
        try:
            parsed = SessionDescription.parse(offer)
        except Exception:
            # aiortc's parser asserts and indexes; whatever it trips over, the offer is at fault.
            raise OfferRefused("the offer is no SDP that can be read") from None
        videos = [media for media in parsed.media if media.kind == "video"]
        if len(videos) != 1 or videos[0].direction not in ("sendonly", "sendrecv"):
            raise OfferRefused("the offer must have exactly one video, and send it")
        transceiver = self.peer.addTransceiver("video", direction="recvonly")
        transceiver.setCodecPreferences(_codecs(parsed))
        self._units = AccessUnits(transceiver.receiver, self._take, self._lost, self._over, MOST_BITS, self._clock)
        try:
            await self.peer.setRemoteDescription(RTCSessionDescription(self._candidates.without_names(offer), "offer"))
            for other in self.peer.getTransceivers():
                if other is not transceiver:
                    other.direction = "inactive"
            await self.peer.setLocalDescription(await self.peer.createAnswer())
        except (OperationError, InvalidStateError, InvalidAccessError, ValueError) as error:
            raise OfferRefused(f"the offer cannot be answered: {error}") from None
        self._candidates.ask_for_names()
        answer = str(self.peer.localDescription.sdp)
        agreed = next(m for m in SessionDescription.parse(answer).media if m.kind == "video").rtp.codecs
        if not agreed:
            raise OfferRefused("no codec could be agreed on")
        self._codec = agreed[0].name
        if self._codec != "H264":
            self._transcoder = Transcoder(self._feed)
            self._transcoder.start()
            self._tasks.append(asyncio.create_task(self._pass_on(self._transcoder.out), name="phone-transcoded"))
        self._tasks.append(asyncio.create_task(self._keep_keyframes_coming(), name="phone-keyframes"))
        return limited(answer, MOST_BITS)

    async def take_candidates(self, fragment: str) -> None:
        """Takes the candidates of an SDP fragment. Raises CannotRestart, OfferRefused."""
        await self._candidates.take(fragment)

    @property
    def heard_at(self) -> float:
        """When anything last came, on the clock that was given; at first, when it was opened."""
        return max(self.opened_at, self._seen.heard_at)

    def figures(self) -> PhoneFigures:
        """The connection as it stands."""
        seen = self._seen
        return PhoneFigures(
            self.peer.connectionState, self._codec, self._transcoder is not None, seen.bytes, seen.units, seen.losses,
            self._keyframe_requests,
        )  # fmt: skip

    async def close(self) -> None:
        """Ends the connection; never takes long."""
        self.is_closing = True
        await self._candidates.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.peer.close()
        except Exception:
            log.exception("a phone's connection did not close cleanly")
        self._feed.close()
        if self._transcoder is not None:
            self._transcoder.end()
            await self._transcoder.ended()

    @property
    def _seen(self) -> Figures:
        return self._units.figures if self._units is not None else Figures()

    # What comes of the receiver.

    def _take(self, codec: str, data: bytes, ticks: int) -> None:
        is_keyframe = self._is_keyframe(codec, data)
        if is_keyframe:
            self._needs_keyframe = False
            self._keyframe_at = self._clock()
        elif self._needs_keyframe:
            return
        if codec == "H264":
            self._hand_on(data, is_keyframe, ticks / _CLOCK)
            return
        self._sequence += 1
        self._feed.take(
            PacketMessage(
                self.camera_id, StreamRole.SUB, data, is_keyframe, ticks / _CLOCK, time.time(), codec.lower(), 0, 0,
                False, self._sequence,
            )
        )  # fmt: skip

    def _hand_on(self, data: bytes, is_keyframe: bool, seconds: float) -> None:
        """Gives a unit on, unless one before it could not be taken."""
        if is_keyframe or not self._is_cut:
            self._is_cut = not self._give(data, is_keyframe, seconds)
            self._needs_keyframe = self._needs_keyframe or self._is_cut

    def _is_keyframe(self, codec: str, data: bytes) -> bool:
        if codec != "H264":
            return bool(data) and not data[0] & 1  # RFC 6386, 9.1
        if not data.startswith(b"\x00\x00"):
            return False  # the middle of a picture whose beginning was lost
        types = {nal_type(unit) for unit in nal_units(data)}
        self._has_parameters = self._has_parameters or SPS in types
        return IDR in types and self._has_parameters

    def _lost(self) -> None:
        self._needs_keyframe = True
        self._asked_at = self._clock()  # the receiver asks by itself
        self._keyframe_requests += 1

    def _over(self) -> None:
        if not self.is_closing:
            self._ended()

    async def _pass_on(self, feed: Feed) -> None:
        viewer = feed.join()
        while (message := await viewer.get()) is not None:
            self._hand_on(message.data, message.is_keyframe, message.stream_time)
        self._over()

    async def _keep_keyframes_coming(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self._clock()
            is_due = self._needs_keyframe or now - self._keyframe_at >= KEYFRAME_SECONDS
            if is_due and now - self._asked_at >= _ASK_AGAIN_SECONDS and self._seen.packets:
                self._asked_at = now
                self._keyframe_requests += 1
                assert self._units is not None
                await self._units.request_keyframe()


def _codecs(offer: SessionDescription) -> list[RTCRtpCodecCapability]:
    """H.264 if it is offered, plain VP8 otherwise. Raises OfferRefused."""
    try:
        return choose(offer, "42e01f").capabilities()
    except OfferRefused:
        offered = {
            codec.mimeType.lower() for media in offer.media if media.kind == "video" for codec in media.rtp.codecs
        }
        if "video/vp8" not in offered:
            raise OfferRefused("the offer has neither H.264 with packetization-mode 1 nor VP8") from None
        return _VP8


def limited(answer: str, most_bits: int) -> str:
    """The answer with what the video may take at most (RFC 8866, 5.8), which aiortc has no way to say."""
    lines: list[str] = []
    is_video = False
    for line in answer.splitlines():
        lines.append(line)
        if line.startswith("m="):
            is_video = line.startswith("m=video")
        elif line.startswith("c=") and is_video:
            lines.append(f"b=AS:{most_bits // 1000}")
    return "\r\n".join(lines) + "\r\n"
