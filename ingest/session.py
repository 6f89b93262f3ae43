"""What belongs to one connection of a stream: its times, parameter sets, size and decoder; new with each connection.

Promises: a decoder that was left behind catches up from the last key frame, so that a wish is met at once; a picture's
size follows the parameter sets. Not here: reading and supervision (`stream.py`), the decoder itself (`decode.py`).
"""

from dataclasses import replace
from itertools import takewhile

from ingest.annexb import ParameterSets
from ingest.capture_time import CaptureTime
from ingest.clock import Clock
from ingest.decode import Decoder, Picture, Scaler, newest_picture
from ingest.opener import Source
from ingest.pace import Pace
from ingest.ring import PacketRing
from ingest.words import Packet


class Session:
    """The state of one connection. Owned by its stream's thread."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self.codec = source.codec
        self.parameters = ParameterSets(source.codec, source.parameter_sets)
        self.capture = CaptureTime()
        self.pace = Pace()
        self.scaler = Scaler()
        self.seen_keyframe = False
        self.last_time = 0.0
        self.last_arrival = clock.monotonic()
        self.size = (0, 0)
        self._sized_for: bytes | None = None
        self.decoder: Decoder | None = None
        self.decoded_last = False
        self._in_step = False

    def is_new_picture_format(self) -> bool:
        """Whether the parameter sets are others than before, so that the size may be too."""
        return self._sized_for is None or (self.codec != "mjpeg" and self._sized_for != self.parameters.known)

    def sized(self, keyframe: Packet) -> Packet:
        """The key frame with the size that decoding it shows."""
        picture = newest_picture([keyframe])
        if picture is None:
            return keyframe
        self._sized_for = self.parameters.known
        self.size = picture.size
        return replace(keyframe, width=self.size[0], height=self.size[1])

    def decode(self, packet: Packet, ring: PacketRing) -> list[Picture]:
        """Decode every packet. When some were left out before, catch up from the last key frame in the ring."""
        if self.decoder is None or not self._in_step:
            kept = [] if packet.is_keyframe else ring.recent()
            missed = list(takewhile(lambda other: other is not packet, kept))
            if kept and len(missed) == len(kept):
                return []  # the next group has begun already: there decoding begins
            self.decoder = Decoder(self.codec)
            self._in_step = True
            for other in missed:
                self.decoder.feed(other)
        pictures = self.decoder.feed(packet)
        self.decoded_last = bool(pictures)
        return pictures

    def decode_keyframe(self, packet: Packet) -> list[Picture]:
        """Decode a key frame alone, and nothing else."""
        self._in_step = False
        if self.decoder is None:
            self.decoder = Decoder(self.codec)
        if not packet.is_keyframe:
            return []
        pictures = self.decoder.feed_alone(packet)
        self.decoded_last = bool(pictures)
        return pictures
