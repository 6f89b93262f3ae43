"""One timeline that any number of clients watch: pictures are stamped once and the bytes shared by all of them.

Promises: sequence numbers and timestamps that never jump, whatever clips the source plays; the group of pictures from
the last key frame, for clients that come; nothing done while nobody watches. Not here: sockets (`session.py`), the
pacing of all feeds (`rtsp_server.py`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol

from runtime.demo.clip import Source
from runtime.demo.rtp import CLOCK_HZ, HEADER, PREFIX, PacketisedUnit, sender_report

REPORT_EVERY_SECONDS = 5.0
#: A loop that stood still longer than this goes on at the present instead of sending all that it missed.
_LATE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Emission:
    """One picture on the wire: interleaved RTP packets for channel 0, and where each begins."""

    blob: bytes
    offsets: tuple[int, ...]
    sequence: int
    timestamp: int
    is_keyframe: bool


class Receiver(Protocol):
    """Whoever gets a feed's pictures."""

    def deliver(self, emission: Emission) -> None: ...

    def report(self, ssrc: int, wall_clock: float, timestamp: int, packets: int, octets: int) -> None: ...


class Feed:
    """The pictures of one source from the server's start on. Times are seconds since then."""

    def __init__(self, source: Source, phase_seconds: float = 0.0) -> None:
        self.source = source
        self.ssrc = secrets.randbits(32)
        self.packets = 0
        self.octets = 0
        self.skipped_pictures = 0
        self._phase = phase_seconds
        self._base = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._next_picture = 0
        self._next_report = 0.0
        self._group: list[Emission] = []
        self._receivers: dict[Receiver, None] = {}

    @property
    def is_watched(self) -> bool:
        return bool(self._receivers)

    @property
    def sequence(self) -> int:
        """The sequence number of the next packet."""
        return self._sequence

    def timestamp_at(self, now: float) -> int:
        """The RTP timestamp of an instant."""
        return (self._base + round((now - self._phase) * CLOCK_HZ)) & 0xFFFFFFFF

    def next_due(self) -> float:
        """When the next picture is to be sent."""
        return self._phase + self._next_picture / self.source.fps

    def join(self, receiver: Receiver, now: float) -> list[Emission]:
        """Add a receiver. Gives the pictures from the last key frame up to now, which it may send at once."""
        if not self._receivers:
            self._wake(now)
        self._receivers[receiver] = None
        return list(self._group)

    def leave(self, receiver: Receiver) -> None:
        self._receivers.pop(receiver, None)
        if not self._receivers:
            self._group.clear()

    def advance(self, now: float, wall_clock: float) -> None:
        """Send every picture that is due."""
        present = self._picture_at(now)
        if present - self._next_picture > _LATE_SECONDS * self.source.fps:
            self.skipped_pictures += present - self._next_picture
            self._wake(now)
        while self._next_picture <= present:
            emission = self._emit()
            for receiver in list(self._receivers):
                receiver.deliver(emission)
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY_SECONDS
            for receiver in list(self._receivers):
                receiver.report(self.ssrc, wall_clock, self.timestamp_at(now), self.packets, self.octets)

    def report_bytes(self, now: float, wall_clock: float) -> bytes:
        """A sender report for a client that just came."""
        return sender_report(self.ssrc, wall_clock, self.timestamp_at(now), self.packets, self.octets)

    def _picture_at(self, now: float) -> int:
        return int((now - self._phase) * self.source.fps + 1e-6)

    def _wake(self, now: float) -> None:
        """Go on from the key frame before now, as if somebody had watched all along."""
        present = max(0, self._picture_at(now))
        picture = present
        while picture > 0 and not self._unit(picture).is_keyframe:
            picture -= 1
        self._next_picture = picture
        self._group.clear()
        while self._next_picture <= present:
            self._emit()

    def _unit(self, picture: int) -> PacketisedUnit:
        clip, index = self.source.at(picture)
        return clip.units[index]

    def _emit(self) -> Emission:
        unit = self._unit(self._next_picture)
        timestamp = (self._base + round(self._next_picture * CLOCK_HZ / self.source.fps)) & 0xFFFFFFFF
        blob = unit.stamped(self._sequence, timestamp, self.ssrc)
        emission = Emission(blob, unit.offsets, self._sequence, timestamp, unit.is_keyframe)
        self._sequence = (self._sequence + len(unit.offsets)) & 0xFFFF
        self.packets += len(unit.offsets)
        self.octets += len(blob) - len(unit.offsets) * (HEADER + PREFIX)
        self._next_picture += 1
        if unit.is_keyframe:
            self._group.clear()
        self._group.append(emission)
        return emission
