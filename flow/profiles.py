"""The 24 hours that a day's row carries, as bytes and as arrays.

Promises: the same bytes on every machine. Not here: what the three rows of numbers mean (`models/footfall.py`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_KIND = np.dtype("<f4")
SHAPE = (3, 24)


def pack(rows: NDArray[np.float64]) -> bytes:
    """3 × 24 numbers as they are stored."""
    if rows.shape != SHAPE:
        raise ValueError(f"a day's profile is {SHAPE[0]} rows of {SHAPE[1]} hours, not {rows.shape}")
    return rows.astype(_KIND).tobytes()


def unpack(stored: Sequence[bytes]) -> NDArray[np.float64]:
    """Many days' profiles at once: days × 3 × 24."""
    return np.frombuffer(b"".join(stored), _KIND).reshape(-1, *SHAPE).astype(np.float64)
