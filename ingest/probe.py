"""What a stream is, found out by reading it for a few seconds.

Promises: every wait is bounded; whatever goes wrong is one of `errors.py`'s classes. Not here: how it is shown (the
runtime's commands).
"""

import time
from contextlib import suppress
from dataclasses import dataclass

import av
import av.error

from configs.words import CameraId, Instant, StreamRole
from ingest import errors, tls
from ingest.annexb import ParameterSets
from ingest.decode import Decoder
from ingest.mp4 import reorder_depth
from ingest.opener import open_rtsp
from ingest.words import Packet

OPEN_SECONDS = 5.0
READ_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found. Rates over `watched_seconds`; `gop_seconds` None: only one key frame came. `late_ms`: how much
    later than the steadiest packets the latest came, a measure of the network. `audio`: its codec, None without."""

    codec: str
    width: int
    height: int
    frames_per_second: float
    kilobits_per_second: float
    gop_seconds: float | None
    has_b_frames: bool
    audio: str | None
    opened_seconds: float
    first_picture_seconds: float | None
    late_ms: float
    watched_seconds: float


def probe(url: str, transport: str, seconds: float) -> Probed:
    """Read the stream for `seconds`, longer if no second key frame came (at most twice). Raises StreamError."""
    began = time.monotonic()
    source = open_rtsp(url, transport, open_seconds=OPEN_SECONDS, read_seconds=READ_SECONDS)
    opened = time.monotonic() - began
    parameters = ParameterSets(source.codec, source.parameter_sets)
    decoder = Decoder(source.codec)
    times: list[float] = []
    keys: list[float] = []
    lateness: list[float] = []
    size = (0, 0)
    first_picture: float | None = None
    received, started, now = 0, 0.0, 0.0
    try:
        for arrival in source.arrivals():
            now, chunk = time.monotonic(), source.chunk(arrival)
            started = started or now
            received += len(chunk.data)
            at = chunk.stream_time if chunk.stream_time is not None else now - started
            times.append(at)
            lateness.append(now - at)
            if chunk.is_keyframe:
                keys.append(at)
            if first_picture is None and keys:
                data = parameters.complete(chunk.data) if chunk.is_keyframe else chunk.data
                moment, camera = Instant(time.time()), CameraId("probe")
                given = Packet(camera, StreamRole.MAIN, data, chunk.is_keyframe, at, moment, source.codec, 0, 0)
                for picture in decoder.feed(given):
                    size, first_picture = picture.size, time.monotonic() - began
            watched = now - started
            if watched >= seconds and (len(keys) >= 2 or watched >= 2 * seconds):
                break
    except errors.StreamError:
        if not times:
            raise
    finally:
        source.close()
    watched = max(now - started, 1e-3)
    span = max(times) - min(times) if times else 0.0
    return Probed(
        codec=source.codec,
        width=size[0],
        height=size[1],
        frames_per_second=(len(times) - 1) / span if span > 0 else 0.0,
        kilobits_per_second=received * 8 / 1000 / watched,
        gop_seconds=(keys[-1] - keys[0]) / (len(keys) - 1) if len(keys) > 1 else None,
        has_b_frames=reorder_depth(times) > 0,
        audio=_audio(url, transport),
        opened_seconds=opened,
        first_picture_seconds=first_picture,
        late_ms=1000 * (max(lateness[1:]) - min(lateness)) if len(lateness) > 1 else 0.0,
        watched_seconds=watched,
    )


def _audio(url: str, transport: str) -> str | None:
    """The audio beside the video, by a second look at the description: reading asks for video alone."""
    options = {"rtsp_transport": transport, "analyzeduration": "500000", "probesize": "65536"}
    options |= tls.options(url, errors.redact(url))
    with (
        suppress(av.error.FFmpegError, OSError),
        av.open(url, format="rtsp", options=options, timeout=(OPEN_SECONDS, READ_SECONDS)) as container,
    ):
        for stream in container.streams.audio:
            context = stream.codec_context
            return f"{context.codec.name}, {context.sample_rate} Hz"
    return None
