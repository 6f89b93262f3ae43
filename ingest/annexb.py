"""What little of H.264's and H.265's byte streams ingest has to know: where the parameter sets are.

Promises: a key frame leaves with its parameter sets in front, those sent with the frame if there are any, else the last
ones known, else those the camera announced when it was opened. Not here: sizes of pictures (the decoder knows them).
"""

_START = b"\x00\x00\x01"
_H264_PARAMETERS = frozenset({7, 8})
_H265_PARAMETERS = frozenset({32, 33, 34})


def leading_units(data: bytes, codec: str) -> tuple[bytes, bool]:
    """The parameter sets before the first slice, in Annex B form, and whether they are a complete set."""
    wanted = _H264_PARAMETERS if codec == "h264" else _H265_PARAMETERS
    found: set[int] = set()
    units: list[bytes] = []
    start = data.find(_START)
    while start >= 0 and start + 3 < len(data):
        header = data[start + 3]
        kind = header & 0x1F if codec == "h264" else (header >> 1) & 0x3F
        is_slice = 1 <= kind <= 5 if codec == "h264" else kind <= 31
        if is_slice:
            break
        following = data.find(_START, start + 3)
        if kind in wanted:
            found.add(kind)
            unit = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\x00")
            units.append(b"\x00" + _START + unit)
        start = following
    return b"".join(units), found == wanted


class ParameterSets:
    """Keeps one connection's parameter sets and puts them in front of key frames that lack them."""

    def __init__(self, codec: str, announced: bytes) -> None:
        self._codec = codec
        announced_sets, complete = leading_units(announced, codec) if codec != "mjpeg" else (b"", False)
        self._known = announced_sets if complete else b""

    @property
    def known(self) -> bytes:
        """The parameter sets last seen."""
        return self._known

    def complete(self, data: bytes) -> bytes:
        """A key frame's bytes with parameter sets in front."""
        if self._codec == "mjpeg":
            return data
        sets, complete = leading_units(data, self._codec)
        if complete:
            self._known = sets
            return data
        return self._known + data if self._known else data
