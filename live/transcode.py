"""One stream decoded and encoded anew as the H.264 that every browser takes, once for all who watch it.

Promises: Constrained Baseline without B-frames, at most 1280×720 and 15 pictures a second, a key frame every two
seconds, no picture held back; a thread of its own that yields to the rest of the box and ends when it is told to or
when its source ends; what it is too slow for is skipped and counted, never queued; its CPU seconds are known.
Stream times and moments of capture stay those of the source, so overlays fit. Not here: how many there may be and
when they end (`transcoders.py`).
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import VideoReformatter

from live.feed import Feed
from live.inbox import Inbox
from live.wire import PacketMessage

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 1280, 720
FRAMES_PER_SECOND = 15.0
KEYFRAME_SECONDS = 2.0
#: Bits a second, at most, for each pixel of the picture: about 0.7 Mbit/s at 640×360, 2.8 at 1280×720.
_BITS_A_PIXEL = 3.0
_UNDELIVERED_FRAMES = 60
#: Moments of pictures that the decoder still holds.
_REMEMBERED = 64
_NICER = 3
DECODERS = ("h264", "hevc", "mjpeg", "vp8")


@dataclass(slots=True)
class TranscodeFigures:
    """What one transcoder has done. Written by its thread."""

    frames_decoded: int = 0
    frames_encoded: int = 0
    frames_skipped: int = 0
    failures: int = 0
    cpu_seconds: float = 0.0


class Transcoder:
    """Turns `source` into `out`, a feed like any other. Made and ended in the event loop."""

    def __init__(self, source: Feed, inbox: Inbox | None = None) -> None:
        self.source = source
        self.out = Feed(source.camera_id, source.role)
        self.figures = TranscodeFigures()
        self.began = time.monotonic()
        self._inbox = inbox or Inbox()
        self._undelivered = 0
        self._sequence = 0
        self._thread = threading.Thread(target=self._run, name=f"transcode {source.camera_id}/{source.role}")
        self._thread.daemon = True

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def frames_dropped(self) -> int:
        """Packets that its queue had no room for, and pictures it was too late for."""
        return self._inbox.frames_dropped + self.figures.frames_skipped

    @property
    def cpu_share(self) -> float:
        """The share of one core that it has taken since it began."""
        return self.figures.cpu_seconds / max(time.monotonic() - self.began, 1.0)

    def start(self) -> None:
        """Begins with the source's last group of pictures."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self.source.attach(self._inbox)

    def end(self) -> None:
        """Tells the thread to end; whoever watches is told that nothing more comes."""
        self.source.detach(self._inbox)
        self.out.close()

    async def ended(self, timeout_seconds: float = 5.0) -> None:
        """Waits for the thread; it ends within the time one picture takes."""
        await asyncio.to_thread(self._thread.join, timeout_seconds)
        if self._thread.is_alive():
            log.error("the transcoder of %s/%s does not end", self.source.camera_id, self.source.role)

    # The thread.

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            me = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, me, os.getpriority(os.PRIO_PROCESS, me) + _NICER)
        decoder, encoder = Decoder(), Encoder()
        try:
            while (message := self._inbox.take()) is not None:
                self._work(message, decoder, encoder)
                self.figures.cpu_seconds = time.thread_time()
        except Exception:
            log.exception("the transcoder of %s/%s failed", self.source.camera_id, self.source.role)
        finally:
            self._inbox.close()
            # The loop may have ended before us.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.out.close)

    def _work(self, message: PacketMessage, decoder: "Decoder", encoder: "Encoder") -> None:
        try:
            for picture, moment in decoder.pictures(message):
                self.figures.frames_decoded += 1
                if self._inbox.is_late or self._undelivered > _UNDELIVERED_FRAMES:
                    # Needed for the pictures that follow, but nobody shall wait for it.
                    self.figures.frames_skipped += 1
                elif (encoded := encoder.encode(picture, moment, decoder.pixel_shape)) is not None:
                    self.figures.frames_encoded += 1
                    self._deliver(encoded, moment, encoder)
        except (av.error.FFmpegError, ValueError):
            self.figures.failures += 1
            decoder.forget()
            self._inbox.skip_to_keyframe()

    def _deliver(self, encoded: av.Packet, moment: PacketMessage, encoder: "Encoder") -> None:
        self._sequence += 1
        message = PacketMessage(
            moment.camera_id, moment.role, bytes(encoded), encoded.is_keyframe, moment.stream_time, moment.captured_at,
            "h264", encoder.width, encoder.height, False, self._sequence,
        )  # fmt: skip
        self._undelivered += 1
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, message)

    def _take(self, message: PacketMessage) -> None:
        self._undelivered -= 1
        self.out.take(message)


class Decoder:
    """Packets to pictures, each with the packet it came in, also where they are reordered."""

    def __init__(self) -> None:
        self._context: VideoCodecContext | None = None
        self._codec = ""
        self._number = 0
        self._moments: dict[int, PacketMessage] = {}

    def pictures(self, message: PacketMessage) -> Iterator[tuple[VideoFrame, PacketMessage]]:
        """The pictures that this packet completes. Raises FFmpegError, ValueError (of another codec)."""
        if self._context is None or message.codec != self._codec:
            if message.codec not in DECODERS:
                raise ValueError(f"no decoder for {message.codec}")
            context = av.CodecContext.create(message.codec, "r")
            assert isinstance(context, VideoCodecContext)
            # One thread: no picture is held back, and all the work is counted as ours.
            context.thread_count = 1
            self._context, self._codec = context, message.codec
            self._moments.clear()
        packet = av.Packet(message.data)
        self._number += 1
        packet.pts = packet.dts = self._number
        self._moments[self._number] = message
        if len(self._moments) > _REMEMBERED:
            del self._moments[next(iter(self._moments))]
        for frame in self._context.decode(packet):
            moment = self._moments.pop(frame.pts, None) if frame.pts is not None else None
            yield frame, moment or message

    @property
    def pixel_shape(self) -> Fraction | None:
        """How wide a pixel is to its height; None when nobody says."""
        return self._context.sample_aspect_ratio if self._context is not None else None

    def forget(self) -> None:
        """Begins anew with the next key frame."""
        self._context = None


class Encoder:
    """Pictures to H.264. A picture of another size begins a new stream."""

    def __init__(self) -> None:
        self.width = self.height = 0
        self._context: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()
        self._number = 0
        self._next_at = self._keyframe_at = self._last_at = -1.0

    def encode(self, picture: VideoFrame, moment: PacketMessage, pixel_shape: Fraction | None) -> av.Packet | None:
        """The packet of this picture; None when the one before it was too short a while ago. `pixel_shape` is width
        to height. Raises FFmpegError."""
        at = moment.stream_time
        began_again = not self._last_at <= at < self._last_at + 10.0
        if not began_again and at < self._next_at:
            return None
        step = 1 / FRAMES_PER_SECOND
        # Kept on its grid, so that 25 pictures a second become 15 and not 12.5.
        self._next_at = at + step if began_again or at > self._next_at + step else self._next_at + step
        self._last_at = at
        size = fitting(picture.width, picture.height)
        if self._context is None or size != (self.width, self.height):
            self._begin(size, picture, pixel_shape)
            began_again = True
        assert self._context is not None
        shown = self._reformatter.reformat(picture, *size, "yuv420p")
        keyframe = began_again or at >= self._keyframe_at + KEYFRAME_SECONDS
        if keyframe:
            self._keyframe_at = at
        shown.pict_type = PictureType.I if keyframe else PictureType.NONE
        shown.pts, shown.time_base = self._number, self._context.time_base
        self._number += 1
        return next(iter(self._context.encode(shown)), None)

    def _begin(self, size: tuple[int, int], picture: VideoFrame, pixel_shape: Fraction | None) -> None:
        self.width, self.height = size
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, round(FRAMES_PER_SECOND))
        context.framerate = Fraction(round(FRAMES_PER_SECOND))
        context.max_b_frames = 0
        context.thread_count = 1
        if pixel_shape:
            scaled = pixel_shape * picture.width * size[1] / (picture.height * size[0])
            context.sample_aspect_ratio = scaled.limit_denominator(255)
        rate = round(size[0] * size[1] * _BITS_A_PIXEL)
        context.options = {
            "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1",
            "crf": "27", "maxrate": str(rate), "bufsize": str(rate),
            "x264-params": "repeat-headers=1:scenecut=0:keyint=infinite:log-level=error",
        }  # fmt: skip
        self._context, self._number = context, 0


def fitting(width: int, height: int) -> tuple[int, int]:
    """The size within 1280×720 that keeps the picture's shape; even, as H.264 wants it.

    >>> fitting(640, 360), fitting(2560, 1440), fitting(1080, 1920), fitting(321, 181)
    ((640, 360), (1280, 720), (404, 720), (320, 180))
    """
    factor = min(1.0, WIDTH / width, HEIGHT / height)
    return max(2, int(width * factor) // 2 * 2), max(2, int(height * factor) // 2 * 2)
