"""RTP and RTCP: one access unit becomes ready-made packets whose varying header fields are stamped in later.

Promises: H.264 by RFC 6184 (single NAL, STAP-A for parameter sets, FU-A; packetization-mode 1) and H.265 by RFC 7798
(single NAL, AP, FU); RTCP sender reports and BYE by RFC 3550. Packets are laid out as RTSP interleaves them on TCP
(RFC 2326, 10.12), so that a whole picture is one write; UDP sends slices of the same bytes. Not here: sockets, clocks.
"""

import struct
from dataclasses import dataclass

from runtime.demo.nal import H264, is_parameter_set

PAYLOAD_TYPE = 96
CLOCK_HZ = 90_000
#: Largest RTP payload, so that packets fit an Ethernet frame with room for tunnels.
MAX_PAYLOAD = 1_380
PREFIX = 4  # "$", channel, length
HEADER = 12
_STAMP = struct.Struct(">HII")
_NTP_EPOCH = 2_208_988_800


@dataclass(frozen=True, slots=True)
class PacketisedUnit:
    """One access unit as interleaved RTP packets, not yet stamped. `offsets` are where each packet's prefix begins."""

    template: bytes
    offsets: tuple[int, ...]
    is_keyframe: bool

    def stamped(self, sequence: int, timestamp: int, ssrc: int) -> bytes:
        """The packets for channel 0 with sequence numbers (from `sequence` on), timestamp and source filled in."""
        blob = bytearray(self.template)
        timestamp &= 0xFFFFFFFF
        for index, offset in enumerate(self.offsets):
            _STAMP.pack_into(blob, offset + PREFIX + 2, (sequence + index) & 0xFFFF, timestamp, ssrc)
        return bytes(blob)


def _aggregate(codec: str, nals: list[bytes]) -> bytes:
    """STAP-A (RFC 6184, 5.7.1) or AP (RFC 7798, 4.4.2)."""
    body = b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)
    if codec == H264:
        importance = max(nal[0] & 0x60 for nal in nals)
        return bytes([importance | 24]) + body
    return bytes([48 << 1, nals[0][1]]) + body


def _fragments(codec: str, nal: bytes) -> list[bytes]:
    """FU-A (RFC 6184, 5.8) or FU (RFC 7798, 4.4.3)."""
    if codec == H264:
        kind, skip = nal[0] & 0x1F, 1
        indicator = bytes([(nal[0] & 0xE0) | 28])
    else:
        kind, skip = (nal[0] >> 1) & 0x3F, 2
        indicator = bytes([(nal[0] & 0x81) | (49 << 1), nal[1]])
    room = MAX_PAYLOAD - len(indicator) - 1
    pieces = [nal[at : at + room] for at in range(skip, len(nal), room)]
    last = len(pieces) - 1
    return [
        indicator + bytes([(0x80 if at == 0 else 0) | (0x40 if at == last else 0) | kind]) + piece
        for at, piece in enumerate(pieces)
    ]


def payloads(codec: str, nals: list[bytes]) -> list[bytes]:
    """The RTP payloads of one access unit, in order."""
    parameters = [nal for nal in nals if is_parameter_set(codec, nal)]
    made: list[bytes] = []
    if len(parameters) > 1 and sum(len(nal) + 2 for nal in parameters) + 2 <= MAX_PAYLOAD:
        made.append(_aggregate(codec, parameters))
        nals = [nal for nal in nals if not is_parameter_set(codec, nal)]
    for nal in nals:
        made.extend([nal] if len(nal) <= MAX_PAYLOAD else _fragments(codec, nal))
    return made


def packetise(codec: str, nals: list[bytes], is_keyframe: bool) -> PacketisedUnit:
    """Lay out one access unit; the last packet carries the marker."""
    parts: list[bytes] = []
    offsets: list[int] = []
    at = 0
    ready = payloads(codec, nals)
    for index, payload in enumerate(ready):
        marker = 0x80 if index == len(ready) - 1 else 0
        packet = struct.pack(">cBHBB10x", b"$", 0, HEADER + len(payload), 0x80, marker | PAYLOAD_TYPE) + payload
        offsets.append(at)
        at += len(packet)
        parts.append(packet)
    return PacketisedUnit(b"".join(parts), tuple(offsets), is_keyframe)


def on_channel(blob: bytes, offsets: tuple[int, ...], channel: int) -> bytes:
    """The same packets for another interleaved channel."""
    changed = bytearray(blob)
    for offset in offsets:
        changed[offset + 1] = channel
    return bytes(changed)


def separate(blob: bytes, offsets: tuple[int, ...]) -> list[bytes]:
    """The RTP packets alone, without the interleaving prefix."""
    ends = (*offsets[1:], len(blob))
    return [blob[offset + PREFIX : end] for offset, end in zip(offsets, ends, strict=True)]


def interleave(channel: int, packet: bytes) -> bytes:
    """One RTP or RTCP packet as RTSP carries it on TCP."""
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


def sender_report(ssrc: int, wall_clock: float, timestamp: int, packets: int, octets: int) -> bytes:
    """RTCP SR with an SDES CNAME, as RFC 3550 wants them together. `wall_clock`: seconds since the Unix epoch."""
    seconds = int(wall_clock)
    fraction = int((wall_clock - seconds) * (1 << 32)) & 0xFFFFFFFF
    report = struct.pack(
        ">BBHIIIIII",
        0x80,
        200,
        6,
        ssrc,
        (seconds + _NTP_EPOCH) & 0xFFFFFFFF,
        fraction,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = b"demo"
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    chunk += b"\x00" * (4 - len(chunk) % 4)
    return report + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk


def goodbye(ssrc: int) -> bytes:
    """RTCP BYE."""
    return struct.pack(">BBHI", 0x81, 203, 1, ssrc)
