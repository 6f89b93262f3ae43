"""From packets to pictures: one decoder, one scaler.

Promises: pictures are scaled and turned to BGR in one step inside libswscale, and only if somebody asks; a small grey
picture comes from the luma plane; a change of size or of parameter sets in the stream is followed. Not here: which
packets are worth decoding, and when (`stream.py`).
"""

import threading
from collections.abc import Sequence

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from configs.words import Instant
from ingest.hardware import open_decoder
from ingest.words import Frame, Packet

# Streams are parallel already. OpenCV's own pool has one lock for the process: the small pictures of many cameras would
# queue behind it and wait for its workers (measured: a third of the packets in time). Holds for the whole process.
cv2.setNumThreads(0)

#: Ticks a second of the times given to the decoder.
TICKS = 90_000
LUMA_WIDTH = 160
#: Pixel formats whose first plane is 8-bit luma.
_PLANAR_LUMA = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})


def fitted(source: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The largest (width, height) within the given bounds that keeps the aspect ratio and enlarges nothing; even, at
    least 2.

    >>> fitted((640, 360), 320, 320)
    (320, 180)
    >>> fitted((640, 360), 1920, 1080)
    (640, 360)
    """
    scale = min(width / source[0], height / source[1], 1.0)
    return max(2, round(source[0] * scale / 2) * 2), max(2, round(source[1] * scale / 2) * 2)


class Picture:
    """One decoded picture, not yet converted: cheap to throw away."""

    def __init__(self, frame: "av.VideoFrame") -> None:
        self._frame = frame
        self._luma: NDArray[np.uint8] | None = None

    @property
    def stream_time(self) -> float | None:
        return None if self._frame.pts is None else self._frame.pts / TICKS

    @property
    def size(self) -> tuple[int, int]:
        return self._frame.width, self._frame.height

    def bgr(self, scaler: VideoReformatter, size: tuple[int, int]) -> NDArray[np.uint8]:
        """BGR, uint8, (height, width, 3)."""
        width, height = size
        # By whole numbers, averaging is both truer and a third faster than interpolating; by others it is slower.
        is_whole = self._frame.width % width == 0 and self._frame.height % height == 0
        how = Interpolation.AREA if is_whole else Interpolation.BILINEAR
        converted = scaler.reformat(
            self._frame, width=width, height=height, format="bgr24", interpolation=how, threads=1
        )
        return np.asarray(converted.to_ndarray(), np.uint8)

    @property
    def luma(self) -> NDArray[np.uint8]:
        """Small and grey, uint8, (h, w), `LUMA_WIDTH` wide; made once.

        Not a `functools.cached_property`: before Python 3.12 all pictures share its lock, so every camera would wait
        for every other.
        """
        if self._luma is None:
            self._luma = self._small_grey()
        return self._luma

    def _small_grey(self) -> NDArray[np.uint8]:
        width, height = self.size
        if self._frame.format.name in _PLANAR_LUMA:
            plane = self._frame.planes[0]
            full = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]
        else:
            full = self._frame.to_ndarray(format="gray")
        return shrunk(full, LUMA_WIDTH)


class Scaled:
    """A picture as BGR, made when it is first asked for, by any thread; uint8, (height, width, 3)."""

    def __init__(self, picture: Picture, scaler: "Scaler", size: tuple[int, int]) -> None:
        self._picture: Picture | None = picture
        self._scaler = scaler
        self._size = size
        self._made: NDArray[np.uint8] | None = None

    def __call__(self) -> NDArray[np.uint8]:
        with self._scaler.lock:
            if self._made is None:
                assert self._picture is not None
                self._made = self._picture.bgr(self._scaler.reformatter, self._size)
                self._picture = None
            return self._made


class Scaler:
    """What scales one stream's pictures: set up once, used by one thread at a time."""

    def __init__(self) -> None:
        self.reformatter = VideoReformatter()
        self.lock = threading.Lock()


def shrunk(grey: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """A grey picture made at most `width` wide, its aspect ratio kept; every pixel counts.

    By halves as far as they go: OpenCV averages 2 x 2 pixels with vector instructions, other areas without; six times
    faster for 640 x 360.
    """
    small = fitted((grey.shape[1], grey.shape[0]), width, 10_000)
    while grey.shape[1] >= 2 * small[0]:
        half = (grey.shape[1] // 2, grey.shape[0] // 2)
        grey = np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA), np.uint8)
    if (grey.shape[1], grey.shape[0]) == small:
        return grey
    return np.asarray(cv2.resize(grey, small, interpolation=cv2.INTER_LINEAR), np.uint8)


class Decoder:
    """Decodes one stream's packets in order. A decoder that fails on a packet goes on with the next."""

    def __init__(self, codec: str) -> None:
        self._context = open_decoder(codec)
        self.errors = 0

    def feed(self, packet: Packet) -> list[Picture]:
        """Decode one packet; gives the pictures that are ready, in order of presentation."""
        given = av.Packet(packet.data)
        given.pts = round(packet.stream_time * TICKS)
        return self._decode(given)

    def feed_alone(self, keyframe: Packet) -> list[Picture]:
        """Decode a key frame that nothing else will be added to, without waiting for the packets after it."""
        pictures = [*self.feed(keyframe), *self.drain()]
        self._context.flush_buffers()
        return pictures

    def drain(self) -> list[Picture]:
        """Whatever pictures are still inside. The decoder is done after this."""
        return self._decode(None)

    def _decode(self, packet: "av.Packet | None") -> list[Picture]:
        try:
            return [Picture(frame) for frame in self._context.decode(packet)]
        except av.error.FFmpegError:
            self.errors += 1
            return []


def newest_picture(packets: Sequence[Packet]) -> Picture | None:
    """Decode packets that begin with a key frame, in a decoder of their own; give the last picture."""
    if not packets:
        return None
    decoder = Decoder(packets[0].codec)
    last: Picture | None = None
    for packet in packets:
        pictures = decoder.feed(packet)
        last = pictures[-1] if pictures else last
    drained = decoder.drain()
    return drained[-1] if drained else last


def full_frame(picture: Picture, packet: Packet) -> Frame:
    """A picture at its full size, as a frame taken when `packet` was."""
    return Frame(
        camera_id=packet.camera_id,
        role=packet.role,
        make_picture=Scaled(picture, Scaler(), picture.size),
        luma=picture.luma,
        stream_time=packet.stream_time,
        captured_at=Instant(packet.captured_at),
        source_size=picture.size,
    )
