"""RTP payloads of a stream's packets (RFC 6184), made once for all its viewers.

Promises: what one viewer's packet was split into is there for the next; bounded. Splitting is aiortc's. Not here: RTP
headers, encryption and sending, which are each viewer's own.
"""

from collections import OrderedDict
from fractions import Fraction

import av
from aiortc.codecs.h264 import H264Encoder

from live.wire import PacketMessage

#: Viewers of one stream are seldom further apart; one who is has his packet split anew.
_MOST_PACKETS = 64
_TIME_BASE = Fraction(1, 90_000)


class Payloads:
    """See the module."""

    def __init__(self) -> None:
        self._splitter = H264Encoder()
        # The packet is kept beside what was made of it, so that its id stays its own.
        self._made: OrderedDict[int, tuple[PacketMessage, list[bytes]]] = OrderedDict()
        self.made = 0

    def of(self, message: PacketMessage) -> list[bytes]:
        """The payloads of one access unit of H.264 (Annex B), each fit for one RTP packet."""
        found = self._made.get(id(message))
        if found is None:
            packet = av.Packet(message.data)
            packet.pts, packet.time_base = 0, _TIME_BASE
            payloads, _ = self._splitter.pack(packet)
            found = self._made[id(message)] = message, payloads
            self.made += 1
            if len(self._made) > _MOST_PACKETS:
                self._made.popitem(last=False)
        return found[1]
