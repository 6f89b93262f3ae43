"""Taking fragmented MP4 apart: where whole fragments end.

Promises: reads headers only, whatever the file's size; never fails on a file that was cut off or holds nonsense, but
says how much of it is whole. Not here: writing (`mp4.py`), decoding.
"""

import os
from dataclasses import dataclass
from pathlib import Path

_HEADER = 8
_KNOWN = frozenset({b"ftyp", b"moov", b"moof", b"mdat", b"mfra", b"styp", b"sidx", b"free"})


@dataclass(frozen=True, slots=True)
class Wholeness:
    """How much of a file is whole: `whole_bytes` up to the end of the last whole fragment, of `size_bytes`."""

    fragments: int
    whole_bytes: int
    size_bytes: int

    @property
    def is_whole(self) -> bool:
        return self.fragments > 0 and self.whole_bytes == self.size_bytes


def wholeness(path: Path) -> Wholeness:
    """Walks the top-level boxes of a fragmented MP4. Raises OSError."""
    fragments = whole = at = 0
    has_index = in_fragment = False
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while at + _HEADER <= size:
            file.seek(at)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1 and len(header) == 16:
                length = int.from_bytes(header[8:16], "big")
            if length < _HEADER or kind not in _KNOWN or at + length > size:
                break
            at += length
            has_index = has_index or kind == b"moov"
            if kind == b"moof":
                in_fragment = True
            elif kind == b"mdat" and in_fragment and has_index:
                in_fragment = False
                fragments += 1
                whole = at
            elif not in_fragment and fragments:
                whole = at
    return Wholeness(fragments, whole, size)
