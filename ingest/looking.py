"""Which packets of a stream become pictures, and which pictures become frames.

Promises: decodes what the wish needs and nothing else: every packet, key frames alone, these until something stirs
between them (`stirring.py`), or nothing; frames come evenly,
so many a second, and none older than `STALE_SECONDS` (those are counted as shed); what the view shows is judged on the
way, also of a stream nobody wishes pictures of. Not here: the decoder (`session.py`, `decode.py`), reading
(`stream.py`), when a stream is looked at that nobody looks at (`spot_check.py`), the judgement itself (`view.py`).
"""

import random
import time
from collections.abc import Callable

from configs.words import Instant
from ingest.clock import Clock
from ingest.decode import Picture, Scaled, fitted
from ingest.ring import PacketRing
from ingest.session import Session
from ingest.spot_check import SpotCheck
from ingest.stirring import Stirring
from ingest.view import ViewHealth
from ingest.words import Frame, FrameWish, Packet

#: A picture this much older than now is not worth analysing any more.
STALE_SECONDS = 1.5


def do_keyframes_suffice(wish: FrameWish, gop_seconds: float | None) -> bool:
    """Whether key frames alone give as many pictures as are wished."""
    return wish.keyframes_only or (gop_seconds is not None and wish.per_second * gop_seconds <= 1.01)


def may_rest(wish: FrameWish, gop_seconds: float | None) -> bool:
    """Whether key frames alone are enough for as long as nothing stirs between them."""
    return gop_seconds is not None and gop_seconds <= wish.rest_seconds


class Looking:
    """One stream's pictures. Owned by the stream's thread; the counters may be read from any."""

    def __init__(
        self,
        clock: Clock,
        give: Callable[[Frame], None],
        judged: Callable[[str | None], None],
        is_carried: bool = False,
    ) -> None:
        """`give` gets each frame; `judged` the fault of the view (`errors.SENTENCES`) or None, at each frame.
        `is_carried`: the camera has no usual view."""
        self._clock = clock
        self._give_frame = give
        self._judged = judged
        self._view = ViewHealth(is_carried)
        self._chance = random.Random()
        self._spot = SpotCheck(self._chance)
        self._stirring = Stirring()
        self._is_decoding = False
        self.decoded = 0
        self.shed = 0
        self.seconds = 0.0

    def begin(self) -> None:
        """A new connection: nothing was seen of it yet."""
        self._spot = SpotCheck(self._chance)
        self._stirring = Stirring()
        self._is_decoding = False

    @property
    def stirs(self) -> bool:
        """Whether something stirred between the key frames of late."""
        return self._stirring.stirs

    @property
    def failed_last(self) -> bool:
        """Whether something came of which no picture could be made."""
        return self._is_decoding or self._spot.failed_last

    def look(
        self, session: Session, packets: list[Packet], wish: FrameWish, gop_seconds: float | None, ring: PacketRing
    ) -> Instant | None:
        """Decode what is wished of the newest packets and give it on; the moment of capture of the last packet that
        showed a fresh picture (where nothing is wished: if the last spot check did), or None."""
        self._is_decoding = wish.per_second > 0
        if not self._is_decoding:
            session.decoder = None
            for packet in packets:
                if packet.is_keyframe:
                    self._check(packet)
            return packets[-1].captured_at if packets and self._spot.is_fresh else None
        began, fresh_at = time.thread_time(), None
        always, rests = do_keyframes_suffice(wish, gop_seconds), may_rest(wish, gop_seconds)
        for packet in packets:
            stirs = self._stirring.packet(len(packet.data), packet.is_keyframe, packet.captured_at)
            keyframes_suffice = always or (rests and not stirs)
            pictures = session.decode_keyframe(packet) if keyframes_suffice else session.decode(packet, ring)
            for picture in pictures:
                self._give(session, picture, packet, wish, gop_seconds if rests and gop_seconds else 0.0)
            if pictures or (keyframes_suffice and not packet.is_keyframe and session.decoded_last):
                fresh_at = packet.captured_at
        self.seconds += time.thread_time() - began
        return fresh_at

    def _check(self, keyframe: Packet) -> None:
        began, now = time.thread_time(), self._clock.monotonic()
        picture = self._spot.keyframe(keyframe, now, self._view.fault is not None)
        if picture is not None:
            self.decoded += 1
            self._view.keyframe(picture.luma)
            self._judged(self._view.look(picture.luma, now))
            self.seconds += time.thread_time() - began

    def _give(self, session: Session, picture: Picture, packet: Packet, wish: FrameWish, next_in: float) -> None:
        self.decoded += 1
        if packet.is_keyframe:
            self._view.keyframe(picture.luma)
        stream_time = picture.stream_time if picture.stream_time is not None else packet.stream_time
        if not session.pace.is_due(stream_time, wish.per_second):
            return
        captured_at = session.capture.at(stream_time, packet.captured_at)
        if self._clock.wall() - captured_at > STALE_SECONDS:
            self.shed += 1
            return
        frame = Frame(
            camera_id=packet.camera_id,
            role=packet.role,
            make_picture=Scaled(picture, session.scaler, fitted(picture.size, wish.width, wish.height)),
            luma=picture.luma,
            stream_time=stream_time,
            captured_at=captured_at,
            source_size=picture.size,
            next_in=next_in,
        )
        self._judged(self._view.look(frame.luma, self._clock.monotonic()))
        self._give_frame(frame)
