"""Distributions of headways and speeds as counts in fixed boxes, so that days can be added up.

Promises: the same bytes on every machine; a quantile is interpolated inside its box. Not here: what is counted in them
(`passing.py`), the table (`models/footfall.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.int64]
_KIND = np.dtype("<u4")


@dataclass(frozen=True, slots=True)
class Ruler:
    """The edges of the boxes, rising; what lies beyond the last goes into the last box."""

    edges: NDArray[np.float64]

    def none(self) -> Boxes:
        """A distribution of nothing."""
        return np.zeros(len(self.edges) - 1, np.int64)

    def add(self, boxes: Boxes, value: float) -> None:
        """Count one more."""
        boxes[min(max(int(np.searchsorted(self.edges, value, "right")) - 1, 0), len(boxes) - 1)] += 1

    def quantile(self, boxes: Boxes, share: float) -> float | None:
        """The value below which that share lies; None of nothing."""
        total = int(boxes.sum())
        if total == 0:
            return None
        wanted = share * total
        upto = np.cumsum(boxes)
        at = min(int(np.searchsorted(upto, wanted)), len(boxes) - 1)
        before = int(upto[at] - boxes[at])
        inside = (wanted - before) / boxes[at] if boxes[at] else 0.0
        return float(self.edges[at] + (self.edges[at + 1] - self.edges[at]) * inside)

    def below(self, boxes: Boxes, edge: float) -> float | None:
        """The share below one of the edges; None of nothing."""
        total = int(boxes.sum())
        return None if total == 0 else float(boxes[: int(np.searchsorted(self.edges, edge))].sum() / total)

    def unpack(self, stored: bytes) -> Boxes:
        """What `pack` gave."""
        return np.frombuffer(stored, _KIND).astype(np.int64)


def pack(boxes: Boxes) -> bytes:
    """Counts as they are stored."""
    return boxes.astype(_KIND).tobytes()


#: Seconds between one and the next over the same line the same way: finer where cars follow each other.
HEADWAYS = Ruler(
    np.array(
        [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600.0]
    )
)
#: Metres a second, in steps of 2 km/h up to 160.
SPEEDS = Ruler(np.arange(0, 162, 2) / 3.6)
