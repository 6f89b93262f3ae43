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
    """How one kind of thing moves. Speeds are in sizes a second, errors in sizes; a size is the height of a person's
    box, the square root of the area of a vehicle's."""

    speed: float
    remembers_seconds: float
    growth: float
    place_error: float
    shape_error: float
    top_speed: float


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
        self.spread = np.zeros((0, 4))
        self.tau = np.zeros((0, 1))

    def __len__(self) -> int:
        return len(self.mean)

    def predict(self, seconds: float) -> None:
        """Move every state on by that many seconds (0 or more)."""
        if not len(self.mean) or seconds <= 0:
            return
        tau = self.tau
        kept = np.exp(-seconds / tau)
        reach = tau * (1 - kept)
        variance = self.spread**2
        self.mean = self.mean + reach * self.velocity
        self.velocity = kept * self.velocity
        walked = variance * np.maximum(2 * tau * seconds - tau**2 * (3 - 4 * kept + kept**2), 0.0)
        self.pp = self.pp + 2 * reach * self.pv + reach**2 * self.vv + walked
        self.pv = kept * (self.pv + reach * self.vv) + variance * tau * (1 - kept) ** 2
        self.vv = kept**2 * self.vv + variance * (1 - kept**2)

    def update(self, rows: NDArray[np.intp], states: Floats, variance: Floats) -> None:
        """Correct the given rows by what was measured, (k, 4) with its variance (k, 4)."""
        if not len(rows):
            return
        pp, pv = self.pp[rows], self.pv[rows]
        certain = 1.0 / (pp + variance)
        gain, gain_velocity = pp * certain, pv * certain
        surprise = states - self.mean[rows]
        self.mean[rows] += gain * surprise
        self.velocity[rows] += gain_velocity * surprise
        self.vv[rows] -= gain_velocity * pv
        self.pv[rows] = (1 - gain) * pv
        self.pp[rows] = (1 - gain) * pp

    def add(self, states: Floats, variance: Floats, spread: Floats, tau: Floats) -> None:
        """Start new rows (k, 4), at rest as far as is known, with the velocity's spread and memory (k,)."""
        self.mean = np.concatenate([self.mean, states])
        self.velocity = np.concatenate([self.velocity, np.zeros_like(states)])
        self.pp = np.concatenate([self.pp, variance])
        self.pv = np.concatenate([self.pv, np.zeros_like(states)])
        self.vv = np.concatenate([self.vv, spread**2])
        self.spread = np.concatenate([self.spread, spread])
        self.tau = np.concatenate([self.tau, tau.reshape(-1, 1)])

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Drop all rows but these."""
        for name in ("mean", "velocity", "pp", "pv", "vv", "spread", "tau"):
            setattr(self, name, getattr(self, name)[rows])
