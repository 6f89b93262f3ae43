"""What every camera and task wants, as columns, so that a thousand are weighed at once.

Promises: plain storage; a vacant slot never bids. Not here: what the columns lead to (`attention.py`, `floors.py`).
"""

from dataclasses import dataclass

import numpy as np

from configs.words import CameraId
from detectors.catalogue import Task


@dataclass(frozen=True, slots=True)
class Choice:
    """What to look at now."""

    camera_id: CameraId
    task: Task


class Slots:
    """One row for each camera and task, as columns, so that a thousand are weighed at once."""

    def __init__(self, size: int) -> None:
        self.size = 0
        self.floor = np.zeros(0)
        self.wanted = np.zeros(0)
        self.weight = np.zeros(0)
        self.last = np.zeros(0)
        self.frame_at = np.zeros(0)
        self.next_in = np.zeros(0)
        self.offered_at = np.zeros(0)
        self.cost = np.zeros(0)
        self.ready = np.zeros(0, bool)
        self.busy = np.zeros(0, bool)
        self.firm = np.zeros(0, bool)
        self.owners: list[Choice | None] = []
        self._vacant: list[int] = []
        self._grow(size)

    def take(self, owner: Choice) -> int:
        if not self._vacant:
            self._grow(max(64, self.size))
        slot = self._vacant.pop()
        self.owners[slot] = owner
        return slot

    def give_back(self, slot: int) -> None:
        self.owners[slot] = None
        self.floor[slot] = self.wanted[slot] = np.inf
        self.frame_at[slot] = self.offered_at[slot] = -np.inf
        self.ready[slot] = self.busy[slot] = False
        self._vacant.append(slot)

    def _grow(self, more: int) -> None:
        for name in (
            "floor", "wanted", "weight", "last", "frame_at", "next_in", "offered_at", "cost", "ready", "busy", "firm",
        ):  # fmt: skip
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros(more, column.dtype)]))
        self.owners += [None] * more
        for slot in range(self.size + more - 1, self.size - 1, -1):
            self.give_back(slot)
        self.size += more
