"""A place in the picture where something may burn, and all that is known of it.

Promises: plain values; none of them decides. Not here: adding them up and deciding (`smoke_fire.py`), saying them
(`fire_words.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from configs.words import Box, Instant, ObjectClass
from detectors.behaviour import Behaviour

#: The log-odds that something burns, before anything counts.
PRIOR = -2.5
#: A place that has grown this many times since it was first seen is graver; and again.
GROWN = (1.5, 4.0)


@dataclass(frozen=True, slots=True)
class Observed:
    """What pixels say of a place: how it behaves, and what it looks like (`detectors.behaviour.look_of`)."""

    behaviour: Behaviour | None = None
    look: Sequence[float] | None = None


@dataclass(slots=True)
class Suspicion:
    """One place where something may burn."""

    key: int
    object_class: ObjectClass
    box: Box
    first_seen_at: Instant
    seen_at: Instant
    judged_at: Instant
    area: float
    first_area: float
    #: where it was of late: centre and size
    was: tuple[float, float, float]
    scores_odds: float = 0.0
    #: of that, what counts: looks at what does not change are one look
    told: float = 0.0
    looks: int = 0
    hits: int = 0
    best: float = 0.0
    scores: list[float] = field(default_factory=list)
    observed: Observed = Observed()
    looked_closely_at: float = -math.inf
    closer: list[float] = field(default_factory=list)
    closer_best: float = 0.0
    together: float = 0.0
    known: float = 0.0
    cried_wolf: float = 0.0
    #: by how much it is doubted only for being new
    newness: float = 0.0
    total: float = PRIOR
    severity: int = 0

    @property
    def alerted(self) -> bool:
        return self.severity > 0

    @property
    def growth(self) -> float:
        return self.area / self.first_area

    @property
    def gone(self) -> float:
        """How far it has come from where it was of late, in its own sizes."""
        (x, y, size), (was_x, was_y, was_size) = spot_of(self.box), self.was
        return math.hypot(x - was_x, y - was_y) / max(size, was_size)


def area_of(box: Box) -> float:
    """Its share of the picture."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def spot_of(box: Box) -> tuple[float, float, float]:
    """Centre and size, the longer side."""
    size = max(box[2] - box[0], box[3] - box[1], 1e-6)
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, size


def same_place(a: Box, b: Box) -> bool:
    """Boxes of flames jump about, so nearness of centres counts as well as overlap."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width > 0 and height > 0:
        return True
    reach = 0.75 * max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    return math.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2) < reach
