"""What is on the wire, read back by the letter of RFC 6184, 7798 and 3550."""

from __future__ import annotations

import struct

import pytest

from runtime.demo.clip import Clip
from runtime.demo.nal import H264, HEVC, split_annexb
from runtime.demo.rtp import MAX_PAYLOAD, on_channel, packetise, sender_report, separate


def unpack(codec: str, packets: list[bytes]) -> list[bytes]:
    """The NAL units in some RTP packets: an independent reading of the RFCs."""
    nals: list[bytes] = []
    for packet in packets:
        body = packet[12:]
        kind = body[0] & 0x1F if codec == H264 else (body[0] >> 1) & 0x3F
        header = 1 if codec == H264 else 2
        if kind == (24 if codec == H264 else 48):
            at = header
            while at < len(body):
                (size,) = struct.unpack_from(">H", body, at)
                nals.append(body[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == (28 if codec == H264 else 49):
            fragment = body[header]
            if fragment & 0x80:
                if codec == H264:
                    nals.append(bytes([(body[0] & 0xE0) | (fragment & 0x1F)]))
                else:
                    nals.append(bytes([(body[0] & 0x81) | ((fragment & 0x3F) << 1), body[1]]))
            nals[-1] += body[header + 1 :]
        else:
            nals.append(body)
    return nals


@pytest.mark.parametrize(
    ("codec", "nals"),
    [
        (H264, [b"\x67sps", b"\x68pps", b"\x65" + bytes(range(256)) * 30]),
        (H264, [b"\x41" + b"small"]),
        (H264, [b"\x65" + b"x" * (MAX_PAYLOAD - 1)]),
        (H264, [b"\x65" + b"x" * MAX_PAYLOAD]),
        (HEVC, [b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps", b"\x26\x01" + bytes(range(256)) * 30]),
        (HEVC, [b"\x02\x01small"]),
    ],
)
def test_a_picture_survives_packetising(codec: str, nals: list[bytes]) -> None:
    unit = packetise(codec, nals, is_keyframe=True)
    blob = unit.stamped(65_535, 2**32 + 5, 0xDEADBEEF)
    packets = separate(blob, unit.offsets)

    assert unpack(codec, packets) == nals
    assert all(len(packet) <= 12 + MAX_PAYLOAD for packet in packets)
    assert [packet[1] >> 7 for packet in packets] == [0] * (len(packets) - 1) + [1]
    headers = [struct.unpack_from(">HII", packet, 2) for packet in packets]
    assert headers == [((65_535 + i) & 0xFFFF, 5, 0xDEADBEEF) for i in range(len(packets))]


def test_interleaving_prefixes_name_channel_and_length() -> None:
    unit = packetise(H264, [b"\x67sps", b"\x68pps", b"\x65" + b"x" * 4_000], is_keyframe=True)
    blob = on_channel(unit.stamped(0, 0, 1), unit.offsets, 6)
    for offset, packet in zip(unit.offsets, separate(blob, unit.offsets), strict=True):
        assert blob[offset : offset + 4] == b"$\x06" + len(packet).to_bytes(2, "big")


def test_sender_report_holds_wall_clock_time() -> None:
    report = sender_report(7, wall_clock=1_700_000_000.5, timestamp=90_000, packets=3, octets=400)
    kind, ssrc, seconds, fraction, timestamp, packets, octets = struct.unpack_from(">xBxxIIIIII", report)
    assert (kind, ssrc, timestamp, packets, octets) == (200, 7, 90_000, 3, 400)
    assert seconds - 2_208_988_800 + fraction / 2**32 == pytest.approx(1_700_000_000.5)
    assert len(report) % 4 == 0


def test_start_codes_of_three_and_four_bytes_split() -> None:
    assert split_annexb(b"\x00\x00\x00\x01\x67a\x00\x00\x01\x68b\x00\x00\x00\x01\x65c") == [
        b"\x67a",
        b"\x68b",
        b"\x65c",
    ]


def test_every_key_frame_carries_its_parameter_sets(clip: Clip) -> None:
    for unit in clip.units:
        if unit.is_keyframe:
            first = unpack(H264, separate(unit.template, unit.offsets))[:2]
            assert tuple(first) == clip.parameter_sets
