"""Which H.264 is chosen from an offer."""

import pytest
from aiortc.sdp import SessionDescription

from ingest.words import Packet
from live.codecs import OfferRefused, choose
from live.h264 import SPS, nal_type, nal_units, profile_level_id
from tests.live.pictures import encode

CHROMIUM = (
    (102, "packetization-mode=1;profile-level-id=42001f"),
    (104, "packetization-mode=0;profile-level-id=42001f"),
    (106, "packetization-mode=1;profile-level-id=42e01f"),
    (108, "packetization-mode=0;profile-level-id=42e01f"),
    (127, "packetization-mode=1;profile-level-id=4d001f"),
    (125, "packetization-mode=0;profile-level-id=4d001f"),
)
SAFARI = ((96, "packetization-mode=1;profile-level-id=640c1f"), (98, "packetization-mode=1;profile-level-id=42e01f"))


def offer(codecs: tuple[tuple[int, str], ...], kind: str = "video") -> SessionDescription:
    lines = [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF 120 {' '.join(str(n) for n, _ in codecs)}",
        "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux", "a=rtpmap:120 VP8/90000",
    ]  # fmt: skip
    for number, parameters in codecs:
        lines += [f"a=rtpmap:{number} H264/90000", f"a=fmtp:{number} level-asymmetry-allowed=1;{parameters}"]
    return SessionDescription.parse("\r\n".join(lines) + "\r\n")


@pytest.mark.parametrize(
    ("codecs", "stream", "chosen"),
    [
        (CHROMIUM, "4d401f", "4d001f"),
        (CHROMIUM, "42c01e", "42e01f"),
        (CHROMIUM, "420029", "42001f"),
        (CHROMIUM, "640028", "4d001f"),
        (CHROMIUM, None, "4d001f"),
        (SAFARI, "640028", "640c1f"),
        (SAFARI, "4d401f", "640c1f"),
        (SAFARI, "42e01f", "42e01f"),
        ((CHROMIUM[2],), "640033", "42e01f"),
        ((CHROMIUM[2],), "7a0033", "42e01f"),
    ],
)
def test_the_offered_profile_nearest_to_the_stream_is_chosen(
    codecs: tuple[tuple[int, str], ...], stream: str | None, chosen: str
) -> None:
    assert choose(offer(codecs), stream).profile_level_id == chosen


@pytest.mark.parametrize("bad", [offer(()), offer((CHROMIUM[1],)), offer(CHROMIUM, "audio")])
def test_an_offer_without_usable_h264_is_refused(bad: SessionDescription) -> None:
    with pytest.raises(OfferRefused):
        choose(bad, "4d401f")


def test_the_profile_is_read_from_the_parameter_set(packets: list[Packet]) -> None:
    assert next(nal_type(u) for u in nal_units(packets[0].data)) in (SPS, 9)
    found = profile_level_id(packets[0].data)
    assert found is not None and found.startswith("42")
    assert profile_level_id(packets[1].data) is None
    high = encode(frames=2, size=(64, 64), profile="high")
    assert profile_level_id(high[0].data) is not None
