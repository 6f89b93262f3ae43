"""Whether something stirs in a picture that is not decoded: the packets between key frames grow.

Promises: an encoder spends hardly a byte where nothing changes, so a packet well above the usual size means that
something does; what is usual follows the stream, also one whose sizes swing by themselves, and a steady new level
soon counts as usual. An encoder that pads to a constant rate shows nothing here; its key frames still do, in the motion
gate.
Not here: what is decoded then (`looking.py`), whether it was motion (`detectors/motion.py`).
"""

#: After a packet stirs, all are decoded for so long; the motion gate has found by then whether something moves.
AWAKE_SECONDS = 1.5
#: A packet stirs when it is so many usual deviations above the usual size, by such a share of it, and by such a share
#: of a key frame: what is smaller is noise; people who walk in front of the camera make ten times as much.
_DEVIATIONS = 5.0
_LEAST_SHARE = 0.3
_LEAST_KEYFRAME_SHARE = 0.015
#: While it stirs, less is enough to go on.
_AWAKE_SHARE = 0.5
#: The weight of one packet in what is usual; while it stirs, less.
_WEIGHT = 1 / 32
_AWAKE_WEIGHT = 1 / 128
#: Until so many packets were seen, nothing is usual: the stream counts as stirring.
_LEARNING_PACKETS = 16


class Stirring:
    """The sizes of one connection's packets. Owned by its stream's thread."""

    def __init__(self) -> None:
        self._usual = self._deviation = self._keyframe = 0.0
        self._seen = 0
        self._awake_until = float("-inf")
        self.stirs = True

    def packet(self, size: int, is_keyframe: bool, at: float) -> bool:
        """A packet of `size` bytes came, captured `at` a time in seconds; whether everything is worth decoding now."""
        if is_keyframe:
            self._keyframe = float(size)
        else:
            above, is_awake = size - self._usual, at < self._awake_until
            least = max(_LEAST_SHARE * self._usual, _LEAST_KEYFRAME_SHARE * self._keyframe)
            least = max(_DEVIATIONS * self._deviation, least) * (_AWAKE_SHARE if is_awake else 1.0)
            if self._seen < _LEARNING_PACKETS or above > least:
                self._awake_until = at + AWAKE_SECONDS
            self._learn(above, is_awake)
        self.stirs = at < self._awake_until
        return self.stirs

    def _learn(self, above: float, is_awake: bool) -> None:
        """What moves is hardly taken for usual, and is no measure of how sizes swing by themselves."""
        if self._seen < _LEARNING_PACKETS:
            self._seen += 1
            weight, is_awake = 1 / self._seen, False
        else:
            weight = _AWAKE_WEIGHT if is_awake else _WEIGHT
        self._usual += weight * above
        if not is_awake:
            self._deviation += weight * (abs(above) - self._deviation)
