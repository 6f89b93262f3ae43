"""What can be made to go wrong with one stream, so that tests see how a reader takes it.

Promises: plain switches, safe to set from any thread, read at the next request or picture. Not here: stopping the whole
server, dropping clients, or exchanging a source (`RtspServer.stop`, `drop`, `replace`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from runtime.demo.feed import Emission
from runtime.demo.rtp import HEADER, PREFIX


@dataclass(slots=True)
class Faults:
    """The faults of one path; none at first.

    `refuse`: answer DESCRIBE with this status (404, 503, …). `ignore_requests`: accept the connection, never answer.
    `silent`: play, but send no media; the connection stays up. `frozen` is not here: serve a source whose clip stands
    still. `lose`: share of RTP packets lost, 0…1. `corrupt`: share of RTP packets with damaged bytes.
    `shift_seconds`: added to RTP timestamps (and so to what sender reports promise); change it while playing and time
    jumps, forward or back. `clock_error_seconds`: how wrong the clock in sender reports is; `wrong_reports` counts
    them.
    """

    refuse: int | None = None
    ignore_requests: bool = False
    silent: bool = False
    lose: float = 0.0
    corrupt: float = 0.0
    shift_seconds: float = 0.0
    clock_error_seconds: float = 0.0
    wrong_reports: int = 0
    lost_packets: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(7), repr=False)

    @property
    def touches_media(self) -> bool:
        return self.silent or self.lose > 0 or self.corrupt > 0 or self.shift_seconds != 0

    @property
    def shift(self) -> int:
        """The shift in RTP clock ticks."""
        return round(self.shift_seconds * 90_000)

    def spoil(self, emission: Emission) -> Emission | None:
        """What is left of one picture; None when nothing is."""
        if self.silent:
            return None
        timestamp = (emission.timestamp + self.shift) & 0xFFFFFFFF
        ends = (*emission.offsets[1:], len(emission.blob))
        kept = bytearray()
        offsets: list[int] = []
        for start, end in zip(emission.offsets, ends, strict=True):
            if self._random.random() < self.lose:
                self.lost_packets += 1
                continue
            packet = bytearray(emission.blob[start:end])
            packet[PREFIX + 4 : PREFIX + 8] = timestamp.to_bytes(4, "big")
            if self._random.random() < self.corrupt:
                body = range(PREFIX + HEADER + 2, len(packet))
                for at in self._random.sample(body, min(8, len(body))):
                    packet[at] ^= 0xFF
            offsets.append(len(kept))
            kept += packet
        if not offsets:
            return None
        return Emission(bytes(kept), tuple(offsets), emission.sequence, timestamp, emission.is_keyframe)
