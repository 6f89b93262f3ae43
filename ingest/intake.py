"""What arrives on a stream's connection becomes packets: kept, counted, handed on, and decoded as far as is wished.

Promises: what comes before the first key frame is let go, since nothing could decode it; every packet has its moment of
capture. Not here: when what arrived is taken in, and what follows from it (`stream.py`), which packets become pictures
(`looking.py`), what belongs to one connection (`session.py`).
"""

from collections.abc import Callable

from configs.words import CameraId, Instant, StreamRole
from ingest.clock import Clock
from ingest.looking import Looking
from ingest.meter import Meter
from ingest.opener import Arrival, Chunk, Source
from ingest.ring import PacketRing
from ingest.session import Session
from ingest.words import FrameWish, Packet

NO_FRAMES = FrameWish(width=2, height=2, per_second=0.0)


class Intake:
    """One stream's packets. Owned by the stream's thread; the counters may be read, and the wish set, from any."""

    def __init__(
        self,
        camera_id: CameraId,
        role: StreamRole,
        clock: Clock,
        ring: PacketRing,
        looking: Looking,
        hand_on: Callable[[Packet], None],
    ) -> None:
        self._camera_id = camera_id
        self._role = role
        self._clock = clock
        self._ring = ring
        self._looking = looking
        self._hand_on = hand_on
        self.wish = NO_FRAMES
        self.meter = Meter()
        self.packets = 0
        self.size: tuple[int, int] | None = None

    def take_in(
        self, source: Source, session: Session, arrived: list[tuple[Arrival, float]], now: float
    ) -> Instant | None:
        """Keep what came, hand it on, decode what is wished of it; gives the last fresh picture's moment of capture."""
        to_wall = self._clock.wall() - now
        packets = []
        # First all that is light, then all decoding: each picture decoded washes the rest out of the caches.
        for arrival, at in arrived:
            chunk = source.chunk(arrival)
            if session.seen_keyframe or chunk.is_keyframe:  # else it can never be decoded
                packet = self._take(session, chunk, at, at + to_wall)
                packets.append(packet)
                self._hand_on(packet)
        return self._looking.look(session, packets, self.wish, self.meter.gop_seconds, self._ring)

    def _take(self, session: Session, chunk: Chunk, now: float, wall: float) -> Packet:
        """Make a packet of what came at a moment, on both clocks, and keep it."""
        captured_at = session.capture.observe(chunk.stream_time, now, wall)
        stream_time = chunk.stream_time
        if stream_time is None:
            stream_time = session.last_time + (now - session.last_arrival)
        session.last_time, session.last_arrival = stream_time, now
        is_keyframe = chunk.is_keyframe
        packet = Packet(
            self._camera_id,
            self._role,
            session.parameters.complete(chunk.data) if is_keyframe else chunk.data,
            is_keyframe,
            stream_time,
            captured_at,
            session.codec,
            session.size[0],
            session.size[1],
        )
        if is_keyframe:
            session.seen_keyframe = True
            if session.is_new_picture_format():
                packet = session.sized(packet)
                self.size = session.size if session.size[0] else self.size
        self._ring.append(packet)
        self.packets += 1
        self.meter.packet(now, len(packet.data), is_keyframe, stream_time)
        return packet
