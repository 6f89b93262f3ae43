"""A feed as fragmented MP4 for Media Source Extensions: one fragment a picture, so that none waits for the next.

Promises: made once for all who watch over HTTP; never encodes; times in it are the stream's own, counted from `zero`,
so overlays fit; what does not continue (other parameter sets, a clock that was set) ends the film, and players ask
anew. Source: ISO/IEC 14496-12 (moof, traf, tfdt, trun) and 14496-15 (avc1); the header is FFmpeg's. Owned by one event
loop. Not here: files (`ingest/mp4.py`, whose fragments are whole groups of pictures), readers (`films.py`).
"""

import io
import struct
from fractions import Fraction
from typing import Any

import av
import av.error

from live.feed import Feed
from live.h264 import nal_units, parameter_set, profile_level_id
from live.wire import PacketMessage

TICKS = 90_000
#: A step of the stream's clock beyond this is a new beginning, not a long picture.
_STEP_SECONDS = 10.0
_STEP_BACK_SECONDS = 1.0
_USUAL_TICKS = TICKS // 10
_KEYFRAME, _OTHER_FRAME = 0x02000000, 0x01010000


class Unfilmable(Exception):
    """The key frame's parameter sets cannot be read."""


class Film:
    """A taker of `source`; `out` is a feed whose packets are fragments."""

    def __init__(self, source: Feed, keyframe: PacketMessage, header: bytes) -> None:
        """`header` is `film_header(keyframe.data)`."""
        self.source, self.header = source, header
        self.out = Feed(source.camera_id, source.role)
        self.content_type = f'video/mp4; codecs="avc1.{profile_level_id(keyframe.data)}"'
        self.zero = keyframe
        self._parameters = parameter_set(keyframe.data)
        self._sequence = 0
        self._ticks = -1
        self._step = _USUAL_TICKS
        self._last = keyframe.stream_time

    def start(self) -> None:
        """Begins with the source's last group of pictures."""
        self.source.attach(self)

    def end(self) -> None:
        """Ends the film for all who watch."""
        self.source.detach(self)

    def put(self, message: PacketMessage) -> None:
        """Takes one packet in; see `feed.Taker`."""
        step = message.stream_time - self._last
        other = message.is_keyframe and parameter_set(message.data) not in (None, self._parameters)
        if other or message.codec != "h264" or not -_STEP_BACK_SECONDS < step <= _STEP_SECONDS:
            self.out.close()
            return
        self._last = message.stream_time
        ticks = max(self._ticks + 1, round((message.stream_time - self.zero.stream_time) * TICKS))
        if self._ticks >= 0:
            self._step = min(ticks - self._ticks, TICKS)
        self._ticks = ticks
        self._sequence += 1
        data = fragment(self._sequence, ticks, self._step, message.is_keyframe, message.data)
        self.out.take(
            PacketMessage(
                message.camera_id, message.role, data, message.is_keyframe, message.stream_time, message.captured_at,
                "mp4", message.width, message.height, False, self._sequence,
            )
        )  # fmt: skip

    def skip_to_keyframe(self) -> None:
        """Something was lost: a number is left out, and every reader goes on at the next key frame."""
        self._sequence += 1

    def close(self) -> None:
        """The source has ended."""
        self.out.close()


def fragment(sequence: int, ticks: int, duration: int, is_keyframe: bool, annex_b: bytes) -> bytes:
    """One picture's moof and mdat; `ticks` of 1/90000 s is its time, `duration` in the same."""
    sample = b"".join(struct.pack(">I", len(unit)) + unit for unit in nal_units(annex_b))
    flags = _KEYFRAME if is_keyframe else _OTHER_FRAME

    def moof(offset: int) -> bytes:
        track = (
            _box(b"tfhd", struct.pack(">II", 0x020000, 1))
            + _box(b"tfdt", struct.pack(">IQ", 0x01000000, ticks))
            + _box(b"trun", struct.pack(">IIiIII", 0x000701, 1, offset, duration, len(sample), flags))
        )
        return _box(b"moof", _box(b"mfhd", struct.pack(">II", 0, sequence)) + _box(b"traf", track))

    # The picture begins behind the moof and the mdat's own eight bytes.
    return moof(len(moof(0)) + 8) + _box(b"mdat", sample)


def film_header(keyframe: bytes) -> bytes:
    """The file's beginning (ftyp, moov) for a stream with this key frame. It takes some milliseconds. Raises
    Unfilmable."""
    sink = io.BytesIO()
    try:
        with av.open(io.BytesIO(keyframe), format="h264") as template:
            options = {"movflags": "empty_moov+default_base_moof+frag_custom+skip_trailer"}
            container: Any = av.open(sink, "w", format="mp4", options=options)
            stream = container.add_stream_from_template(template.streams.video[0])
            stream.time_base = Fraction(1, TICKS)
            container.start_encoding()
            container.close()
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise Unfilmable(f"the key frame cannot be read ({type(error).__name__})") from None
    return sink.getvalue()


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content
