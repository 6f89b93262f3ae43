"""What the cameras did not see, and an estimate of it.

Promises: an hour is expected of a line when that line was observed at that hour of the day on any day of the range; so
a camera that rests at night by its schedule is not blamed for it. The estimate fills the missing seconds of an expected
hour with the line's own mean rate at that hour, of days of the same kind where there are any; it is always kept apart
from what was counted. Not here: reading (`footfall_rows.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flow.footfall_rows import Floats

#: At least this share of what was expected: a day counts as whole. Less than this is said beside its figure.
WHOLE = 0.95


@dataclass(frozen=True, slots=True)
class Gaps:
    """`expected`, `missing` are seconds, series × days × 24."""

    expected: Floats
    missing: Floats

    def share(self, series: NDArray[np.bool_]) -> Floats:
        """The observed share of each day over some series, 0…1; NaN where nothing was expected."""
        expected = self.expected[series].sum(axis=(0, 2))
        seen = expected - self.missing[series].sum(axis=(0, 2))
        share: Floats = np.divide(seen, expected, out=np.full(expected.shape, np.nan), where=expected > 0)
        return share


def find_gaps(seconds: Floats, past: NDArray[np.bool_]) -> Gaps:
    """The gaps in series × days × 24 observed seconds. `past` (days × 24) says which hours are over already."""
    usual: NDArray[np.bool_] = np.any(seconds > 0, axis=1, keepdims=True)
    expected = np.where(usual & past[None], 3600.0, 0.0)
    return Gaps(expected, np.maximum(expected - seconds, 0.0))


def estimate(counts: Floats, seconds: Floats, missing: Floats, off: NDArray[np.bool_]) -> Floats:
    """What the missing seconds would have added, series × days × 24. `off` says which days are days off."""
    overall = _rate(counts, seconds)
    added = np.zeros_like(counts)
    for kind in (off, ~off):
        if not kind.any():
            continue
        seen = seconds[:, kind].sum(axis=1)
        rate = np.where(seen >= 3600.0, _rate(counts[:, kind], seconds[:, kind]), overall)
        added[:, kind] = rate[:, None, :] * missing[:, kind]
    return added


def _rate(counts: Floats, seconds: Floats) -> Floats:
    """Counts a second by series and hour of the day."""
    seen = seconds.sum(axis=1)
    rate: Floats = np.divide(counts.sum(axis=1), seen, out=np.zeros(seen.shape), where=seen > 0)
    return rate
