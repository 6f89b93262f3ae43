"""A viewer's track: packets of a feed as aiortc wants them.

Promises: the picture begins with the last key frame at once and catches up with the present quickly but paced, so
that no burst is lost; while it catches up the RTP clock follows the sending, so that the browser does not lag behind
for ever; afterwards it follows the stream's own clock, which overlays are stamped with. A key-frame request is
answered from the last group of pictures, at most once in a while. Never decodes. Not here: queues (`feed.py`),
splitting for RTP (`payloads.py`), negotiation (`whep.py`).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from live.feed import Feed, Viewer
from live.wire import PacketMessage

CLOCK = 90_000
_TIME_BASE = Fraction(1, CLOCK)
#: While catching up: bytes a second, and the least and most a frame waits for the one before it.
_CATCH_UP_BYTES = 2.5e6
_LEAST_PACE_SECONDS = 0.002
_MOST_PACE_SECONDS = 0.05
#: A step of the stream's clock beyond this is a new beginning, not a long frame.
_STEP_SECONDS = 2.0
_USUAL_FRAME_SECONDS = 0.04
_REQUEST_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class TrackFigures:
    """What a track has done."""

    frames_sent: int = 0
    bytes_sent: int = 0
    keyframe_requests: int = 0
    keyframes_replayed: int = 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Ties the track's own clock (90 kHz from 0) to the stream's."""

    ticks: int
    stream_time: float
    captured_at: float


class PassThroughTrack(MediaStreamTrack):
    """A video track that gives a feed's packets as they are."""

    kind = "video"

    def __init__(self, feed: Feed, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._feed, self._clock = feed, clock
        self._viewer: Viewer | None = None
        self._began = clock()
        self._catches_up = True
        self._ticks = 0
        self._asked_at = -_REQUEST_EVERY_SECONDS
        self._sent_at: float | None = None
        self.anchor: Anchor | None = None
        self.figures = TrackFigures()

    @property
    def ticks(self) -> int:
        """The track's clock at the packet that was given last."""
        return self._ticks

    @property
    def frames_dropped(self) -> int:
        return self._viewer.frames_dropped if self._viewer else 0

    async def recv(self) -> av.Packet:
        """The next packet. Raises MediaStreamError when the track has ended."""
        message = await self.next()
        packet = av.Packet(message.data)
        packet.pts = packet.dts = self._ticks
        packet.time_base = _TIME_BASE
        packet.is_keyframe = message.is_keyframe
        return packet

    async def payloads(self) -> tuple[list[bytes], int]:
        """The next packet as the payloads of RTP packets, split once for all viewers of the feed, and its moment in
        ticks of 90 kHz. Raises MediaStreamError when the track has ended."""
        message = await self.next()
        return self._feed.payloads(message), self._ticks

    async def next(self) -> PacketMessage:
        """The next packet as it came; `ticks` is then its moment. Raises MediaStreamError when the track has ended."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._viewer is None:
            # Only now, when the connection stands, so that the last group of pictures is the last one.
            self._viewer = self._feed.join()
            self._began = self._clock()
        message = await self._viewer.get()
        if message is None:
            self.stop()
            raise MediaStreamError
        if self._catches_up:
            await self._pace(message)
        self._advance(message)
        self.figures.frames_sent += 1
        self.figures.bytes_sent += len(message.data)
        self._sent_at = self._clock()
        return message

    def request_keyframe(self) -> None:
        """The browser cannot go on without a key frame: it gets the last one and what followed."""
        self.figures.keyframe_requests += 1
        now = self._clock()
        # Also not while the first picture is on its way: the request then has its answer already.
        if self._viewer is None or self._catches_up or now - self._asked_at < _REQUEST_EVERY_SECONDS:
            return
        self._asked_at = now
        if self._feed.replay_to(self._viewer):
            self.figures.keyframes_replayed += 1
            self._catches_up = True

    def stop(self) -> None:
        """Ends the track and gives the feed's queue back."""
        if self._viewer is not None:
            self._feed.leave(self._viewer)
        super().stop()

    async def _pace(self, message: PacketMessage) -> None:
        """Waits as long as the packet takes at the pace of catching up, counted from the one before it."""
        if self._sent_at is None:
            return
        pace = min(max(len(message.data) / _CATCH_UP_BYTES, _LEAST_PACE_SECONDS), _MOST_PACE_SECONDS)
        wait = self._sent_at + pace - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)

    def _advance(self, message: PacketMessage) -> None:
        if self._catches_up:
            now = int((self._clock() - self._began) * CLOCK)
            self._ticks = max(self._ticks + 1, now) if self.figures.frames_sent else now
            if self._viewer is not None and not len(self._viewer):
                self._catches_up = False
                self.anchor = Anchor(self._ticks, message.stream_time, message.captured_at)
            return
        assert self.anchor is not None
        ticks = self.anchor.ticks + round((message.stream_time - self.anchor.stream_time) * CLOCK)
        if not -CLOCK <= ticks - self._ticks <= _STEP_SECONDS * CLOCK:
            ticks = self._ticks + round(_USUAL_FRAME_SECONDS * CLOCK)
            self.anchor = Anchor(ticks, message.stream_time, message.captured_at)
        self._ticks = ticks
