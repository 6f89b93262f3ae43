"""What ingest gives: packets, frames, and the true state of each stream.

Promises: plain values that are safe to hand between threads. Not here: how they are made (`intake.py`, `looking.py`),
how packets are kept (`ring.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from configs.words import CameraId, Instant, StreamRole


class StreamState(StrEnum):
    """The state of one stream. `ONLINE` means fresh pictures, not an open socket."""

    DISABLED = "disabled"
    CONNECTING = "connecting"
    ONLINE = "online"
    DEGRADED = "degraded"
    STALLED = "stalled"
    OFFLINE = "offline"
    UNAUTHORISED = "unauthorised"


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded access unit. H.264 and H.265 are in Annex B form; key frames carry their parameter sets in front.

    `stream_time` is the presentation time in seconds on the camera's own clock, `captured_at` our best estimate of the
    moment of capture, `codec` FFmpeg's codec name (`h264`, `hevc`, `mjpeg`).
    """

    camera_id: CameraId
    role: StreamRole
    data: bytes
    is_keyframe: bool
    stream_time: float
    captured_at: Instant
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture.

    `picture` is BGR, uint8, (height, width, 3), scaled to fit the asked size with its aspect ratio kept; `make_picture`
    makes it, once, in whatever thread first asks: most frames are never looked at. `luma` is a
    small grey picture, uint8, (h, w), for the motion gate. `source_size` is (width, height) of the stream. `next_in` is
    above zero when the stream rests: so many seconds may pass before the next picture, and until then this one shows
    what the camera sees.
    """

    camera_id: CameraId
    role: StreamRole
    make_picture: Callable[[], NDArray[np.uint8]]
    luma: NDArray[np.uint8]
    stream_time: float
    captured_at: Instant
    source_size: tuple[int, int]
    next_in: float = 0.0

    @property
    def picture(self) -> NDArray[np.uint8]:
        return self.make_picture()


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """What is known of one stream now. `reason` is a sentence for a person; `cause` a short fixed word for counting."""

    camera_id: CameraId
    role: StreamRole
    state: StreamState
    since: Instant
    cause: str
    reason: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    frames_per_second: float = 0.0
    bits_per_second: float = 0.0
    gop_seconds: float | None = None
    packets: int = 0
    frames_decoded: int = 0
    frames_shed: int = 0
    reconnects: int = 0
    ring_bytes: int = 0
    decode_seconds: float = 0.0
    last_picture_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class FrameWish:
    """What frames are wanted of a stream: at most `per_second` (0: none), each fitting within `width` × `height` with
    its aspect ratio kept. With `keyframes_only`, whatever lies between key frames is not even decoded; with
    `rest_seconds`, neither while nothing stirs in it, if the key frames are no further apart than that."""

    width: int
    height: int
    per_second: float
    keyframes_only: bool = False
    rest_seconds: float = 0.0
