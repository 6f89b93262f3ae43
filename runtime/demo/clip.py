"""A clip that can be served: its pictures already packetised, and the sources that say which picture plays when.

Promises: `Clip.open` reads any H.264 or H.265 file without B-frames and keeps it once, as RTP packets. A `Source` is a
pure function of the picture number since the server's start, so nothing has to run for a stream that nobody watches.
Not here: making clips (`clips.py`), the day's script (`script.py`), sending (`feed.py`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av

from runtime.demo.nal import H264, HEVC, is_parameter_set, is_picture, is_random_access, nal_type, split_annexb
from runtime.demo.rtp import PAYLOAD_TYPE, PacketisedUnit, packetise


class ClipError(Exception):
    """A file that cannot be served; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop of pictures. `units[0]` is a key frame; the parameter sets travel in front of every key frame."""

    name: str
    codec: str
    width: int
    height: int
    fps: float
    parameter_sets: tuple[bytes, ...]
    units: tuple[PacketisedUnit, ...]

    @property
    def seconds(self) -> float:
        return len(self.units) / self.fps

    def keyframe_before(self, index: int) -> int:
        """The last key frame at or before `index`."""
        while not self.units[index].is_keyframe:
            index -= 1
        return index

    def media_description(self) -> str:
        """The `rtpmap` and `fmtp` lines of SDP."""
        if self.codec == HEVC:
            by_type = {nal_type(HEVC, nal): base64.b64encode(nal).decode() for nal in self.parameter_sets}
            sprop = "; ".join(
                f"sprop-{name}={by_type[kind]}"
                for kind, name in ((32, "vps"), (33, "sps"), (34, "pps"))
                if kind in by_type
            )
            return f"a=rtpmap:{PAYLOAD_TYPE} H265/90000\r\na=fmtp:{PAYLOAD_TYPE} {sprop}\r\n"
        profile = self.parameter_sets[0][1:4].hex().upper()
        sprop = ",".join(base64.b64encode(nal).decode() for nal in self.parameter_sets)
        return (
            f"a=rtpmap:{PAYLOAD_TYPE} H264/90000\r\na=fmtp:{PAYLOAD_TYPE} packetization-mode=1; "
            f"profile-level-id={profile}; sprop-parameter-sets={sprop}\r\n"
        )

    @staticmethod
    def open(path: Path | str, name: str | None = None) -> Clip:
        """Read a file. Raises ClipError unless it is H.264 or H.265 without B-frames that begins with a key frame."""
        path = Path(path)
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                codec = stream.codec_context.name
                if codec not in (H264, HEVC):
                    raise ClipError(f"{path.name} is {codec}; the demo serves H.264 and H.265 only")
                to_annexb = av.BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
                packets = [p for raw in container.demux(stream) for p in to_annexb.filter(raw) if p.size]
                width, height = stream.codec_context.width, stream.codec_context.height
                rate = float(stream.average_rate or stream.guessed_rate or 0) or 10.0
        except (OSError, av.FFmpegError, IndexError) as error:
            raise ClipError(f"{path} cannot be read as video: {error}") from error
        times = [p.pts for p in packets if p.pts is not None]
        if times != sorted(times):
            raise ClipError(f"{path.name} has B-frames, which the demo does not serve; encode it with bf=0")
        return clip_of(name or path.stem, codec, width, height, rate, [split_annexb(bytes(p)) for p in packets])


def clip_of(name: str, codec: str, width: int, height: int, fps: float, pictures: list[list[bytes]]) -> Clip:
    """A clip from the NAL units of each access unit. Raises ClipError when the first is not a key frame."""
    parameters: dict[int, bytes] = {}
    units: list[PacketisedUnit] = []
    for nals in pictures:
        parameters.update({nal_type(codec, nal): nal for nal in nals if is_parameter_set(codec, nal)})
        slices = [nal for nal in nals if is_picture(codec, nal)]
        if not slices:
            continue
        is_key = any(is_random_access(codec, nal) for nal in slices)
        in_order = [parameters[kind] for kind in sorted(parameters)]
        units.append(packetise(codec, in_order + slices if is_key else slices, is_key))
    if not units or not units[0].is_keyframe or not parameters:
        raise ClipError(f"{name} does not begin with a key frame and its parameter sets")
    sets = tuple(parameters[kind] for kind in sorted(parameters))
    return Clip(name, codec, width, height, fps, sets, tuple(units))


class Source(Protocol):
    """What a stream plays: a pure function of the picture number since the server's start.

    The clips of one source share a codec, a size and a rate, and whenever the clip changes its new picture is a key
    frame.
    """

    @property
    def fps(self) -> float: ...

    def at(self, picture: int) -> tuple[Clip, int]: ...


@dataclass(frozen=True, slots=True)
class Loop:
    """One clip for ever. `phase` is the picture (its key frame) it starts at, so that streams of one clip differ."""

    clip: Clip
    phase: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "phase", self.clip.keyframe_before(self.phase % len(self.clip.units)))

    @property
    def fps(self) -> float:
        return self.clip.fps

    def at(self, picture: int) -> tuple[Clip, int]:
        return self.clip, (picture + self.phase) % len(self.clip.units)
