"""The order of pictures is read from what real encoders write, and nothing is guessed where nothing is said."""

import random
from fractions import Fraction

import av
import pytest

from live.h264 import parameter_set
from live.sps import reorders
from tests.live.pictures import picture


def written_by_x264(profile: str, b_frames: int, parameters: str = "") -> bytes:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 320, 180, "yuv420p"
    context.time_base, context.max_b_frames, context.thread_count = Fraction(1, 10), b_frames, 1
    context.profile = profile
    context.options = {"preset": "fast", "x264-params": f"repeat-headers=1:{parameters}"}
    packets = [p for n in range(8) for p in context.encode(picture(n, (320, 180)))] + list(context.encode(None))
    found = parameter_set(bytes(packets[0]))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("profile", "b_frames", "parameters", "expected"),
    [
        ("Baseline", 0, "", False),
        ("Main", 0, "", False),
        ("High", 0, "nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500", False),
        ("High", 0, "cqm=jvt:sar=10/11:videoformat=pal:colormatrix=bt709", False),
        ("Main", 2, "", True),
        ("High", 1, "cqm=jvt:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500", True),
    ],
)
def test_what_x264_writes(profile: str, b_frames: int, parameters: str, expected: bool) -> None:
    assert reorders(written_by_x264(profile, b_frames, parameters)) is expected


class Writer:
    """A parameter set written bit by bit, for what x264 never writes."""

    def __init__(self, profile: int) -> None:
        self.bits = f"{profile:08b}{0:08b}{31:08b}"
        self.golomb(0)

    def put(self, bits: str) -> "Writer":
        self.bits += bits
        return self

    def golomb(self, *values: int) -> "Writer":
        for value in values:
            self.bits += "0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}"
        return self

    def unit(self) -> bytes:
        bits = self.bits + "1"
        data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        escaped = bytearray()
        for byte in data:
            if escaped[-2:] == b"\0\0" and byte <= 3:
                escaped.append(3)
            escaped.append(byte)
        return b"\x67" + bytes(escaped)


SIZE = (19, 14)


def test_a_camera_that_says_nothing_is_not_guessed_at() -> None:
    def plain() -> Writer:
        return Writer(77).golomb(0, 0, 2, 1).put("0").golomb(*SIZE).put("110")

    assert reorders(plain().put("0").unit()) is None
    timing = f"1{1:032b}{20:032b}1"
    assert reorders(plain().put("1" + "0000" + timing + "00" + "0" + "0").unit()) is None
    assert reorders(plain().put("1" + "0000" + timing + "00" + "0" + "11").golomb(0, 0, 0, 0, 0, 1).unit()) is False


def test_the_order_can_be_told_by_the_way_it_is_counted() -> None:
    assert reorders(Writer(77).golomb(0, 2, 1).put("0").golomb(*SIZE).put("1100").unit()) is False
    counted = Writer(77).golomb(0, 1).put("0").golomb(1, 2, 2, 5, 6, 1).put("0").golomb(*SIZE).put("0110")
    assert reorders(counted.put("1" + "0000" + "0" + "00" + "0" + "1" + "1").golomb(0, 0, 0, 0, 3).unit()) is True


def test_damage_is_nothing_said() -> None:
    whole = written_by_x264("High", 2)
    chance = random.Random(1)
    assert reorders(b"") is None and reorders(b"\x67") is None
    for _ in range(2000):
        cut = bytearray(whole[: chance.randrange(1, len(whole))])
        cut[chance.randrange(len(cut))] = chance.randrange(256)
        assert reorders(bytes(cut)) in (True, False, None)
