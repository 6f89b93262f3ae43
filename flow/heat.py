"""Where in the picture people and vehicles stood: seconds by cell of a grid.

Promises: a thing stands where its foot point is; who was there at the last look is taken to have stayed until this one.
Not here: storing and adding up days (`day_sums.py`), drawing.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from configs.words import PEOPLE, VEHICLES, Instant
from detectors.words import Tracks
from flow.geometry import foot

COLUMNS, ROWS = 32, 18
#: The two families of things that have a grid.
FAMILIES = ("people", "vehicles")
Grid = NDArray[np.float64]


def family_of(object_class: str) -> str | None:
    """`people` or `vehicles`; None for what is neither."""
    if object_class in PEOPLE:
        return FAMILIES[0]
    return FAMILIES[1] if object_class in VEHICLES else None


class HeatGrid:
    """The grids of one camera since they were last taken, for the families that its classes belong to."""

    def __init__(self, classes: Collection[str] = tuple(PEOPLE | VEHICLES)) -> None:
        watched = {family_of(name) for name in classes}
        self._grids = {family: np.zeros((ROWS, COLUMNS)) for family in FAMILIES if family in watched}
        self._present: list[tuple[str, int, int]] = []
        self.observed = 0.0

    def look(self, tracks: Tracks, step: float) -> None:
        """Take in one look; `step` is how many seconds since the last one were watched."""
        self.observed += step
        for stood, row, column in self._present:
            self._grids[stood][row, column] += step
        self._present = []
        for track in tracks.tracks:
            family = family_of(track.object_class) or ""
            x, y = foot(track.box)
            if family in self._grids and 0 <= x <= 1 and 0 <= y <= 1:
                self._present.append((family, min(int(y * ROWS), ROWS - 1), min(int(x * COLUMNS), COLUMNS - 1)))

    def take(self) -> tuple[dict[str, Grid], float]:
        """The grids of whatever was seen, and the seconds observed; both begin anew."""
        taken = {family: grid.copy() for family, grid in self._grids.items()}
        for grid in self._grids.values():
            grid[:] = 0
        observed, self.observed = self.observed, 0.0
        return taken, observed


def step_between(before: Instant | None, at: Instant, longest: float) -> float:
    """The seconds between two looks if that was watching, else 0."""
    return at - before if before is not None and 0 < at - before <= longest else 0.0
