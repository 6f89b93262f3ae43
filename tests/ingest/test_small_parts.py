"""Pace, meter, parameter sets, sizes, addresses: the small pure parts."""

import pytest

from ingest.annexb import ParameterSets, leading_units
from ingest.decode import fitted
from ingest.errors import Refused, redact
from ingest.meter import Meter
from ingest.pace import Pace


@pytest.mark.parametrize(("fps", "rate"), [(10, 4), (10, 2), (25, 4), (12, 5), (15, 10), (10, 1), (10, 30)])
def test_pace_gives_about_so_many_a_second(fps: int, rate: float) -> None:
    pace = Pace()
    given = sum(pace.is_due(n / fps, rate) for n in range(fps * 60))
    assert given == pytest.approx(min(fps, rate) * 60, rel=0.05)


def test_pace_survives_a_jump_of_time_and_a_change_of_rate() -> None:
    pace = Pace()
    assert pace.is_due(100.0, 2)
    assert pace.is_due(3.0, 2), "a stream that starts again gives a picture at once"
    assert not pace.is_due(3.1, 2)
    assert pace.is_due(3.2, 8), "a wish for more holds from the next picture"
    assert not pace.is_due(3.3, 0)


def test_the_meter_counts_whole_seconds_and_forgets() -> None:
    meter = Meter()
    for n in range(100):
        meter.packet(50 + n / 10, 1000, n % 20 == 0, n / 10)
    frames, bits = meter.rates(60.0)
    assert frames == pytest.approx(10)
    assert bits == pytest.approx(80_000)
    assert meter.gop_seconds == pytest.approx(2.0)
    assert meter.rates(75.0) == (0.0, 0.0)


H264_SPS, H264_PPS = b"\x00\x00\x00\x01\x67\x42\x00\x1e", b"\x00\x00\x00\x01\x68\xce\x3c"
H264_IDR = b"\x00\x00\x01\x65\x88\x84\x21"
H265_SETS = b"\x00\x00\x00\x01\x40\x01\x0c" + b"\x00\x00\x00\x01\x42\x01\x01" + b"\x00\x00\x00\x01\x44\x01\xc1"
H265_IDR = b"\x00\x00\x00\x01\x26\x01\xaf"


def test_a_bare_key_frame_gets_the_announced_parameter_sets() -> None:
    assert ParameterSets("h264", H264_SPS + H264_PPS).complete(H264_IDR) == H264_SPS + H264_PPS + H264_IDR
    assert ParameterSets("hevc", H265_SETS).complete(H265_IDR) == H265_SETS + H265_IDR


def test_parameter_sets_in_the_stream_win_over_announced_ones() -> None:
    sets = ParameterSets("h264", H264_SPS + H264_PPS)
    changed = b"\x00\x00\x00\x01\x67\x64\x00\x28" + H264_PPS
    assert sets.complete(changed + H264_IDR) == changed + H264_IDR
    assert sets.complete(H264_IDR) == changed + H264_IDR


def test_half_a_set_is_not_a_set() -> None:
    assert leading_units(H264_SPS + H264_IDR, "h264")[1] is False
    assert ParameterSets("h264", H264_SPS + H264_PPS).complete(H264_SPS + H264_IDR).count(b"\x67") == 2


@pytest.mark.parametrize("junk", [b"", b"\x00\x00\x01", b"\x00\x00\x00\x01", b"\xff" * 9, b"\x00" * 9])
def test_junk_is_survived(junk: bytes) -> None:
    for codec in ("h264", "hevc"):
        assert ParameterSets(codec, junk).complete(junk) == junk


@pytest.mark.parametrize(
    ("source", "bounds", "expected"),
    [
        ((640, 360), (320, 320), (320, 180)),
        ((360, 640), (320, 320), (180, 320)),
        ((640, 360), (1920, 1080), (640, 360)),
        ((1921, 1081), (10_000, 10_000), (1920, 1080)),
        ((4000, 4), (100, 100), (100, 2)),
    ],
)
def test_pictures_fit_with_their_aspect(
    source: tuple[int, int], bounds: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted(source, *bounds) == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:p%40ss@10.0.0.8:554/ch1?token=abc", "rtsp://10.0.0.8:554/ch1"),
        ("rtsps://u:p@[fe80::1]/x", "rtsps://[fe80::1]/x"),
        ("rtsp://admin:secret@host:notaport/x", "an address that cannot be read"),
        ("rtsp://admin:se/cret@10.0.0.8/x", None),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str | None) -> None:
    assert shown is None or redact(url) == shown
    for secret in ("p%40ss", "secret", "abc", "cret@", "u:p"):
        assert secret not in redact(url)


def test_an_error_says_what_to_do_and_where() -> None:
    assert str(Refused("rtsp://10.0.0.8/x")).endswith("(rtsp://10.0.0.8/x).")
