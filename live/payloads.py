"""RTP payloads of a stream's packets (RFC 6184).

Promises: pure; splitting is aiortc's. Not here: keeping them (`feed.py`); RTP headers, encryption and sending, which
are each viewer's own.
"""

from fractions import Fraction

import av
from aiortc.codecs.h264 import H264Encoder

from live.wire import PacketMessage

_TIME_BASE = Fraction(1, 90_000)


def payloads_of(message: PacketMessage) -> list[bytes]:
    """The payloads of one access unit of H.264 (Annex B), each fit for one RTP packet."""
    packet = av.Packet(message.data)
    packet.pts, packet.time_base = 0, _TIME_BASE
    payloads, _ = H264Encoder().pack(packet)
    return payloads
