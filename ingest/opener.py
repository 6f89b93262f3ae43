"""Opens a camera's stream with PyAV: the one place that knows FFmpeg's options and its errors.

Promises: every wait inside FFmpeg is bounded (opening by `open_seconds` for each of its two steps, reading by
`read_seconds`); whatever goes wrong comes out as one of `errors.py`'s classes, without a password; packets come out in
decoding order, and become plain bytes only when asked. Not here: supervision (`stream.py`), decoding (`decode.py`).
"""

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import av
import av.error

from ingest import errors, tls

#: FFmpeg's names of the codecs that everything downstream understands.
CODECS = frozenset({"h264", "hevc", "mjpeg"})
#: What a server gets to close one connection before the next: GStreamer's answers 503 while it still does.
CLOSING_SECONDS = 0.2


class Chunk(NamedTuple):
    """One access unit as it came. `stream_time` in seconds, or None where the camera gave no usable time."""

    data: bytes
    is_keyframe: bool
    stream_time: float | None


class Arrival(Protocol):
    """A packet as the network gave it (an `av.Packet`): nothing of it is copied yet. Times in the stream's ticks."""

    @property
    def pts(self) -> int | None: ...
    @property
    def is_keyframe(self) -> bool: ...


class Source(Protocol):
    """An open stream. One thread uses it."""

    codec: str
    #: H.264 and H.265: the parameter sets that the camera announced, in Annex B form; otherwise empty.
    parameter_sets: bytes
    ticks_per_second: float

    def arrivals(self) -> Iterator[Arrival]:
        """Packets until the stream fails; always ends with a StreamError."""
        ...

    def chunk(self, arrival: Arrival) -> Chunk:
        """What an arrival holds."""
        ...

    def close(self) -> None:
        """Close the connection. May be called twice."""
        ...


class Opener(Protocol):
    """How a stream is opened. Raises StreamError."""

    def __call__(self, url: str, transport: str, *, open_seconds: float, read_seconds: float) -> Source: ...


def open_rtsp(url: str, transport: str, *, open_seconds: float, read_seconds: float) -> Source:
    """Open an RTSP stream's video. Raises StreamError; returns within about twice `open_seconds`."""
    where = errors.redact(url)
    _resolve(url, where, open_seconds)
    options = {
        "rtsp_transport": transport,
        "allowed_media_types": "video",
        "timeout": str(int(max(open_seconds, read_seconds) * 1_000_000)),
        # Parameter sets come with the description or the first key frame; there is nothing more to find out.
        "analyzeduration": "500000",
        "probesize": "65536",
        "fpsprobesize": "0",
    }
    if transport == "udp":
        options |= {"buffer_size": str(1 << 20), "reorder_queue_size": "64", "max_delay": "200000"}
    options |= tls.options(url, where)
    timeout = (open_seconds, read_seconds)
    began = time.monotonic()
    try:
        container = av.open(url, mode="r", format="rtsp", options=options, timeout=timeout)
    except av.error.HTTPOtherClientError as error:
        # Asked for video alone, a server without video answers PLAY with some 4xx: look again, at everything.
        del options["allowed_media_types"]
        time.sleep(CLOSING_SECONDS)
        try:
            container = av.open(url, mode="r", format="rtsp", options=options, timeout=timeout)
        except Exception:
            raise _opening_error(error, where) from None
    except av.error.InvalidDataError as error:
        # FFmpeg says this as well when the interrupted answer was too short to be one.
        late = time.monotonic() - began > 0.9 * open_seconds
        raise errors.TimedOut(where) if late else _opening_error(error, where) from None
    except OSError as error:
        raise tls.diagnosis(url, where, open_seconds) or _opening_error(error, where) from None
    except Exception as error:
        raise _opening_error(error, where) from None
    try:
        return _PyavSource(container, where)
    except BaseException:
        container.close()
        raise


class _PyavSource:
    def __init__(self, container: "av.container.InputContainer", where: str) -> None:
        self._container = container
        self._where = where
        if not container.streams.video:
            raise errors.NoVideo(where)
        self._stream = container.streams.video[0]
        context = self._stream.codec_context
        name = context.codec.name if context is not None else "unknown"
        self.codec: str = "mjpeg" if name.startswith("mjpeg") else name
        if self.codec not in CODECS:
            raise errors.UnsupportedCodec(where, self.codec)
        self.parameter_sets = bytes(context.extradata or b"") if self.codec != "mjpeg" else b""
        self._tick_seconds = float(self._stream.time_base)
        self.ticks_per_second = 1.0 / self._tick_seconds

    def arrivals(self) -> Iterator[Arrival]:
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size:
                    break
                yield packet
        except Exception as error:
            raise _reading_error(error, self._where) from None
        raise errors.Ended(self._where)

    def chunk(self, arrival: Arrival) -> Chunk:
        assert isinstance(arrival, av.Packet)
        time = arrival.pts if arrival.pts is not None else arrival.dts
        return Chunk(bytes(arrival), arrival.is_keyframe, None if time is None else time * self._tick_seconds)

    def close(self) -> None:
        with suppress(Exception):
            self._container.close()


def _opening_error(error: Exception, where: str) -> errors.StreamError:
    match error:
        case errors.StreamError():
            return error
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return errors.Unauthorised(where)
        case av.error.HTTPNotFoundError():
            return errors.NotFound(where)
        case av.error.HTTPError():
            return errors.ServerError(where, _word(error))
        case av.error.ExitError() | av.error.TimeoutError():
            return errors.TimedOut(where)
        case av.error.ConnectionRefusedError():
            return errors.Refused(where)
        case av.error.FFmpegError() if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN):
            return errors.Unreachable(where)
        case _:
            return errors.ServerError(where, _word(error))


def _reading_error(error: Exception, where: str) -> errors.StreamError:
    match error:
        case errors.StreamError():
            return error
        case av.error.ExitError() | av.error.TimeoutError():
            return errors.Silent(where)
        case _:
            return errors.Ended(where, _word(error))


def _word(error: Exception) -> str:
    """FFmpeg's own word for an error: never its file name, which is the URL with the password."""
    return str(getattr(error, "strerror", "") or type(error).__name__)


def _resolve(url: str, where: str, seconds: float) -> None:
    """Check that the host name resolves, within bounds: FFmpeg's own look-up cannot be interrupted."""
    try:
        host = urlsplit(url).hostname or ""
        ipaddress.ip_address(host)
        return
    except ValueError:
        pass
    found: list[bool] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.append(True)
        except (OSError, UnicodeError):
            found.append(False)

    if not host:
        raise errors.NameNotFound(where)
    thread = threading.Thread(target=look_up, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found or not found[0]:
        raise errors.NameNotFound(where)
