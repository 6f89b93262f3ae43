"""Which detection is which thing: a likelihood ratio for every pair, then the best assignment of all at once.

Promises: one-to-one assignment, only within the gates. A pair's score is the log of how much likelier the detection is
if it is that thing than if it is something new; it takes in place, shape and how sure both are, and it means the same
at every frame rate. Not here: motion (`kinematics.py`), lives of tracks (`tracker.py`). The assignment is
`scipy.optimize.linear_sum_assignment`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors.kinematics import Floats


def log_likelihood(expected: Floats, variance: Floats, states: Floats, noise: Floats, tail: float) -> Floats:
    """For n things and m states, the log likelihood (n, m) of each state. `variance` is (n, 4) of the prediction,
    `noise` (m, 4) of the measurement.

    The shape is normal. The place has Student's t distribution of two dimensions with `tail` degrees of freedom: nearly
    normal near by, but not absurd far away, so that one who runs or turns is still found where nobody else is likelier.
    """
    total = variance[:, None, :] + noise[None, :, :]
    surprise = (states[None, :, :] - expected[:, None, :]) ** 2 / total
    distance = surprise[:, :, :2].sum(axis=2)
    scale = np.log(2 * np.pi * total).sum(axis=2)
    density: Floats = -0.5 * (surprise[:, :, 2:].sum(axis=2) + scale) - (tail / 2 + 1) * np.log1p(distance / tail)
    return density


def assign(score: Floats, allowed: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the assignment with the greatest total of positive scores, of allowed pairs only."""
    useful = allowed & (score > 0)
    if not useful.any():
        empty = np.zeros(0, np.intp)
        return empty, empty
    rows, columns = np.flatnonzero(useful.any(axis=1)), np.flatnonzero(useful.any(axis=0))
    part = np.ix_(rows, columns)
    cost = np.where(useful[part], -score[part], 0.0)
    i, j = linear_sum_assignment(cost)
    taken = useful[part][i, j]
    return rows[i[taken]], columns[j[taken]]


def overlaps(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Intersection over union, and over the smaller of the two, of boxes (n, 4) and (m, 4): each (n, m)."""
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    opposite = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.clip(opposite - corner, 0, None), axis=2)
    size_a = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None]
    size_b = np.prod(b[:, 2:] - b[:, :2], axis=1)[None, :]
    union = np.maximum(size_a + size_b - common, 1e-12)
    return common / union, common / np.maximum(np.minimum(size_a, size_b), 1e-12)
