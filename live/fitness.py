"""What a browser cannot take of what a camera sends.

Promises: told from a key frame alone where its parameter sets say so, else from the order that pictures came in; the
look into a key frame is FFmpeg's, happens in a thread of its own, and once for each parameter set. Not here: what to
do about it (`playable.py`).
"""

import asyncio
import io
from dataclasses import dataclass
from enum import StrEnum

import av
import av.error

from live.feed import Feed
from live.h264 import parameter_set, profile_level_id
from live.sps import reorders
from live.wire import PacketMessage

_REMEMBERED = 256
#: Pictures that tell whether a stream is reordered, where its parameter sets do not, and how long they are waited for.
_ORDER_FRAMES = 8
_ORDER_SECONDS = 0.8
_BASELINE = "42"
#: Baseline, Main, High: what every browser decodes. 4:2:2, 10 bits and the like are further profiles.
_PROFILES = (66, 77, 100)
_PIXELS = ("yuv420p", "yuvj420p")


class Unfit(StrEnum):
    """Why a browser cannot take a stream."""

    HEVC = "hevc"
    MJPEG = "mjpeg"
    B_FRAMES = "b_frames"
    PROFILE = "profile"
    PARAMETERS = "parameters"
    #: The stream gives no pictures now; its other stream does.
    NO_PICTURE = "no_picture"


@dataclass(frozen=True, slots=True)
class _Look:
    """What is read from a key frame. `reorders`: None where it says nothing, and the pictures must tell."""

    reorders: bool | None
    pixels: str | None


class FitnessBook:
    """Remembers what was found. Owned by one event loop."""

    def __init__(self) -> None:
        self._looks: dict[bytes, _Look] = {}
        #: Parameter sets of streams whose pictures were seen to come in order.
        self._in_order: set[bytes] = set()

    async def unfit(self, feed: Feed, keyframe: PacketMessage) -> Unfit | None:
        """Why a browser cannot take the feed; None when it can. Raises ValueError for a codec that nothing takes."""
        if keyframe.codec in (Unfit.HEVC, Unfit.MJPEG):
            return Unfit(keyframe.codec)
        if keyframe.codec != "h264":
            raise ValueError(f"the camera sends {keyframe.codec}, which nothing here can show")
        if feed.has_b_frames:
            return Unfit.B_FRAMES
        profile, parameters = profile_level_id(keyframe.data), parameter_set(keyframe.data)
        if profile is None or parameters is None:
            return Unfit.PARAMETERS
        if int(profile[:2], 16) not in _PROFILES:
            return Unfit.PROFILE
        look = self._looks.get(parameters)
        if look is None:
            look = self._looks[parameters] = await asyncio.to_thread(_look_into, keyframe.data)
            if len(self._looks) > _REMEMBERED:
                forgotten = next(iter(self._looks))
                del self._looks[forgotten]
                self._in_order.discard(forgotten)
        if look.reorders is None and not profile.startswith(_BASELINE) and parameters not in self._in_order:
            await _some_pictures(feed)
            self._in_order.add(parameters)
        if look.reorders or feed.has_b_frames:
            self._in_order.discard(parameters)
            return Unfit.B_FRAMES
        return None if look.pixels in (*_PIXELS, None) else Unfit.PROFILE


def changed(feed: Feed) -> bool:
    """Whether a feed that was fit has since turned out not to be: the camera was set otherwise, or B-frames came."""
    return feed.has_b_frames or (feed.last is not None and feed.last.codec != "h264")


async def _some_pictures(feed: Feed) -> None:
    """Waits until enough pictures have come to see their order. Most often the last group of pictures has them."""
    viewer = feed.join()
    try:
        async with asyncio.timeout(_ORDER_SECONDS):
            for _ in range(_ORDER_FRAMES):
                if await viewer.get() is None:
                    return
    except TimeoutError:
        return
    finally:
        feed.leave(viewer)


def _look_into(keyframe: bytes) -> _Look:
    try:
        with av.open(io.BytesIO(keyframe), format="h264") as container:
            context = container.streams.video[0].codec_context
            return _Look(bool(context.has_b_frames) or reorders(parameter_set(keyframe) or b""), context.pix_fmt)
    except (av.error.FFmpegError, IndexError, ValueError):
        return _Look(None, None)
