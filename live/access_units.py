"""What a browser sends, as it was encoded: access units out of aiortc's receiver, and nothing decoded.

Promises: no decoder is ever made; a packet that did not come again in time is given up for, told, and a key frame asked
for; the sender is told to send no more than may be, and of one that sends twice as much nothing more is taken for a
while. aiortc has no way to ask for any of this, so three parts of its
receiver are exchanged for ours before it begins; a version that lacks one of them is refused in a sentence. Not here:
negotiation and what becomes of the units (`phone.py`).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add

#: How long a lost packet may take to come again before what needs it is given up.
PATIENCE_SECONDS = 0.4
_CAPACITY = 512
#: So many times what may be sent is taken, and so many seconds of it at once: encoders only aim.
_TOLERANCE, _BURST_SECONDS = 2.0, 2.0
_PARTS = ("decoder_queue", "jitter_buffer", "remote_bitrate_estimator")

#: An access unit: the codec's name (`H264`, `VP8`), its bytes, its time in ticks of 90 kHz since the first.
Give = Callable[[str, bytes, int], None]


@dataclass(slots=True)
class Figures:
    """What came of one sender."""

    packets: int = 0
    bytes: int = 0
    units: int = 0
    losses: int = 0
    units_too_many: int = 0
    heard_at: float = float("-inf")


class AccessUnits:
    """Taps a receiver that has not begun. `give`, `lost` and `ended` are called in the event loop and must not wait."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        give: Give,
        lost: Callable[[], None],
        ended: Callable[[], None],
        most_bits: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises RuntimeError when this version of aiortc has other parts."""
        missing = [part for part in _PARTS if not hasattr(receiver, _inner(part))]
        if missing:
            raise RuntimeError(f"this version of aiortc has no {', '.join(missing)}; take the one in pyproject.toml")
        self._receiver = receiver
        self.figures = Figures()
        self._buffer = _PatientBuffer(self.figures, lost, clock)
        exchanged: dict[str, object] = {
            "decoder_queue": _Tap(give, lost, ended, self.figures, Allowance(most_bits, clock)),
            "jitter_buffer": self._buffer,
            "remote_bitrate_estimator": _Capped(getattr(receiver, _inner("remote_bitrate_estimator")), most_bits),
        }
        for part, ours in exchanged.items():
            setattr(receiver, _inner(part), ours)

    async def request_keyframe(self) -> None:
        """Asks the sender for a key frame (RFC 4585, 6.3.1); nothing happens before the first packet."""
        if self._buffer.ssrc is not None:
            await self._receiver._send_rtcp_pli(self._buffer.ssrc)


def _inner(part: str) -> str:
    return f"_RTCRtpReceiver__{part}"


class _Tap:
    """In the place of the queue of aiortc's decoding thread: what is put comes to us; the thread waits for the end."""

    def __init__(
        self, give: Give, lost: Callable[[], None], ended: Callable[[], None], figures: Figures, allowance: "Allowance"
    ) -> None:
        self._give, self._lost, self._ended, self._figures, self._allowance = give, lost, ended, figures, allowance
        self._over = threading.Event()

    def put(self, task: tuple[Any, JitterFrame] | None) -> None:
        if task is None:
            self._over.set()
            self._ended()
            return
        codec, frame = task
        if not self._allowance.take(len(frame.data)):
            self._figures.units_too_many += 1
            self._lost()
            return
        self._figures.units += 1
        self._give(codec.name, frame.data, frame.timestamp)

    def get(self) -> None:
        self._over.wait()


class _PatientBuffer(JitterBuffer):
    """Puts packets in order, and gives up waiting for one that does not come again. aiortc's own waits for as long as
    there is room, which at a phone's rate is seconds without a picture."""

    def __init__(self, figures: Figures, lost: Callable[[], None], clock: Callable[[], float]) -> None:
        super().__init__(capacity=_CAPACITY, is_video=True)
        self._figures, self._lost, self._clock = figures, lost, clock
        self._whole_at = clock()
        self.ssrc: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        now = self._figures.heard_at = self._clock()
        self._figures.packets += 1
        self._figures.bytes += len(packet.payload)
        self.ssrc = packet.ssrc
        is_lost, frame = super().add(packet)
        if frame is not None or not self._waits():
            self._whole_at = now
        elif now - self._whole_at > PATIENCE_SECONDS:
            self._give_up(packet)
            self._whole_at, is_lost = now, True
        if is_lost:
            self._figures.losses += 1
            self._lost()
        return is_lost, frame

    def _give_up(self, packet: RtpPacket) -> None:
        """Goes on with this packet, unless it is one that came late."""
        assert self._origin is not None
        before = uint16_add(packet.sequence_number, -self._origin)
        if before < _CAPACITY:
            self.remove(before)

    def _waits(self) -> bool:
        """Whether a packet is missing before the newest."""
        assert self._origin is not None
        held = sum(packet is not None for packet in self._packets)
        return any(self._packets[(self._origin + count) % _CAPACITY] is None for count in range(held))


class Allowance:
    """How much of what a sender sends is taken: a bucket that fills at twice the bits that may be sent."""

    def __init__(self, most_bits: int, clock: Callable[[], float]) -> None:
        self._bytes_a_second, self._clock = _TOLERANCE * most_bits / 8, clock
        self._left, self._filled_at = self._bytes_a_second * _BURST_SECONDS, clock()

    def take(self, size: int) -> bool:
        """Whether so many bytes may come now."""
        now = self._clock()
        filled = self._left + (now - self._filled_at) * self._bytes_a_second
        self._left, self._filled_at = min(filled, self._bytes_a_second * _BURST_SECONDS), now
        if size > self._left:
            return False
        self._left -= size
        return True


class _Capped:
    """In the place of aiortc's estimate of what the way allows: the same, but never more than may be."""

    def __init__(self, estimator: Any, most_bits: int) -> None:
        self._estimator, self._most_bits = estimator, most_bits

    def add(self, **arrival: Any) -> tuple[int, list[int]] | None:
        told = self._estimator.add(**arrival)
        return None if told is None else (min(told[0], self._most_bits), told[1])
