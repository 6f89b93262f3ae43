"""How things move between two looks: a bank of Kalman filters that reckon in seconds and in body sizes.

Promises: prediction over any, uneven, time step; uncertainty that says how far a body can have walked, or a car driven,
in that time. Not here: which detection belongs to which thing (`association.py`), when a thing is born or given up
(`tracker.py`).

The model is the integrated Ornstein-Uhlenbeck process: velocity forgets itself with a time constant and has a
stationary spread that is given in body sizes a second. Over a short step it behaves like a constant velocity; over a
long one the expected place stops running away and the uncertainty grows like that of a walk. Both follow from the same
two numbers, so nothing has to be retuned for another frame rate. (Gillespie 1996, "Exact numerical simulation of the
Ornstein-Uhlenbeck process and its integral"; Singer 1970 uses the same idea one derivative higher.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The four coordinates of a state: centre x and y in picture heights, then the natural logarithms of width and height.
X, Y, LOG_WIDTH, LOG_HEIGHT = range(4)


def measured(boxes: NDArray[np.float32], aspect: float) -> Floats:
    """Boxes (n, 4) of 0…1 as states (n, 4), with both axes in picture heights."""
    wide = np.asarray(boxes, np.float64).reshape(-1, 4) * (aspect, 1.0, aspect, 1.0)
    size = np.maximum(wide[:, 2:] - wide[:, :2], 1e-4)
    return np.concatenate([(wide[:, :2] + wide[:, 2:]) / 2, np.log(size)], axis=1)


def boxed(states: Floats, aspect: float) -> Floats:
    """States (n, 4) as boxes (n, 4) in shares of the picture, not clipped to it."""
    half = np.exp(states[:, 2:]) / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1) / (aspect, 1.0, aspect, 1.0)


@dataclass(frozen=True, slots=True)
class Motion:
    """How one kind of thing moves. A size is the height of a person's box (`by_height`), the square root of the area of
    a vehicle's. `speed`, `first_speed` and `top_speed` are in sizes a second, `place_error` is in sizes, `growth` in
    shares a second, `shape_error` a share.

    `speed` is how far the velocity of one that is followed strays, sideways, within `remembers_seconds`; `first_speed`
    how fast a newcomer may be, of whom nothing is known; nothing goes faster than `top_speed`. `novelty` is the log
    density, per squared size and squared log shape, of somebody new turning up at a place.
    """

    speed: float
    first_speed: float
    top_speed: float
    remembers_seconds: float
    growth: float
    place_error: float
    shape_error: float
    novelty: float
    by_height: bool = False


class Filters:
    """The motion states of all things of one camera, in parallel arrays; row i is thing i.

    `mean` and `velocity` are (n, 4); `pp`, `pv`, `vv` (n, 4) the entries of each coordinate's 2 × 2 covariance:
    the coordinates are independent of each other.
    """

    def __init__(self) -> None:
        self.mean = np.zeros((0, 4))
        self.velocity = np.zeros((0, 4))
        self.pp = np.zeros((0, 4))
        self.pv = np.zeros((0, 4))
        self.vv = np.zeros((0, 4))
        self._spread = np.zeros((0, 4))
        self._tau = np.zeros((0, 1))
        self._by_height = np.zeros(0, bool)

    def __len__(self) -> int:
        return len(self.mean)

    def sizes(self) -> Floats:
        """The size (n,) that each thing is measured by, in picture heights."""
        return sizes(self.mean, self._by_height)

    def predict(self, seconds: float) -> None:
        """Move every state on by that many seconds (0 or more)."""
        if not len(self.mean) or seconds <= 0:
            return
        tau = self._tau
        kept = np.exp(-seconds / tau)
        reach = tau * (1 - kept)
        # What comes nearer grows, and moves the faster over the picture the larger it is.
        growth = np.clip(reach[:, 0] * self.velocity[:, LOG_HEIGHT], -1.0, 1.0)
        nearer = np.ones_like(self.mean)
        nearer[:, :2] = np.exp(growth)[:, None]
        variance = self._spread**2
        variance[:, :2] *= self.sizes()[:, None] ** 2
        self.mean = self.mean + reach * self.velocity * (1 + nearer) / 2
        self.velocity = kept * self.velocity * nearer
        walked = variance * np.maximum(2 * tau * seconds - tau**2 * (3 - 4 * kept + kept**2), 0.0)
        self.pp = self.pp + 2 * reach * self.pv + reach**2 * self.vv + walked
        self.pv = kept * (self.pv + reach * self.vv) + variance * tau * (1 - kept) ** 2
        self.vv = kept**2 * self.vv + variance * (1 - kept**2)

    def update(self, rows: NDArray[np.intp], states: Floats, variance: Floats, calm: float = np.inf) -> None:
        """Correct the given rows by what was measured, (k, 4) with its variance (k, 4).

        Where the place surprises by more than `calm` (a squared Mahalanobis distance), the thing has turned or set off:
        what was believed of its motion is loosened in proportion before it is corrected.
        """
        if not len(rows):
            return
        surprise = states - self.mean[rows]
        pp, pv = self.pp[rows], self.pv[rows]
        distance = (surprise**2 / (pp + variance))[:, :2].sum(axis=1)
        loosened = np.maximum(distance / calm, 1.0)[:, None] * (1.0, 1.0, 0.0, 0.0) + (0.0, 0.0, 1.0, 1.0)
        pp, pv = pp * loosened, pv * loosened
        self.vv[rows] *= loosened
        certain = 1.0 / (pp + variance)
        gain, gain_velocity = pp * certain, pv * certain
        self.mean[rows] += gain * surprise
        self.velocity[rows] += gain_velocity * surprise
        self.vv[rows] -= gain_velocity * pv
        self.pv[rows] = (1 - gain) * pv
        self.pp[rows] = (1 - gain) * pp

    def add(self, states: Floats, variance: Floats, motions: Sequence[Motion]) -> None:
        """Start new rows (k, 4), at rest as far as is known."""
        by_height = np.array([m.by_height for m in motions])
        spread = np.array([(m.speed, m.speed * 0.7, m.growth, m.growth) for m in motions])
        first = np.array([(m.first_speed, m.first_speed * 0.7, m.growth, m.growth) for m in motions])
        first[:, :2] *= sizes(states, by_height)[:, None]
        self.mean = np.concatenate([self.mean, states])
        self.velocity = np.concatenate([self.velocity, np.zeros_like(states)])
        self.pp = np.concatenate([self.pp, variance])
        self.pv = np.concatenate([self.pv, np.zeros_like(states)])
        self.vv = np.concatenate([self.vv, first**2])
        self._spread = np.concatenate([self._spread, spread])
        self._tau = np.concatenate([self._tau, [[m.remembers_seconds] for m in motions]])
        self._by_height = np.concatenate([self._by_height, by_height])

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Drop all rows but these."""
        for name in ("mean", "velocity", "pp", "pv", "vv", "_spread", "_tau", "_by_height"):
            setattr(self, name, getattr(self, name)[rows])


def sizes(states: Floats, by_height: NDArray[np.bool_]) -> Floats:
    """The size (n,) of states (n, 4) in picture heights: the height, or else the square root of the area."""
    return np.exp(np.where(by_height, states[:, LOG_HEIGHT], (states[:, LOG_WIDTH] + states[:, LOG_HEIGHT]) / 2))
