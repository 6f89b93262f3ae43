"""The classes that our networks may have, by one number each, and which network has which.

Promises: pictures are labelled in the numbers of `NAMES` whatever network is trained on them; a `Family` names the
classes of one network, in its own order. Not here: what the running system calls them, `configs.words`.
"""

from dataclasses import dataclass

NAMES = ("smoke", "fire", "person", "bicycle", "car", "motorcycle", "bus", "truck")
#: From this class on, things of every day: people and vehicles.
FIRST_ORDINARY = 2
#: COCO's numbers of ours, from `FIRST_ORDINARY` on.
COCO_NUMBERS = (0, 1, 2, 3, 5, 7)
#: Added to a box's class: perhaps there is one here; neither its presence nor its absence is to be learnt.
UNSURE = 100


@dataclass(frozen=True, slots=True)
class Family:
    """A network's classes: `NAMES[first:last]`. `mix` says what its training pictures are, in shares that sum to 1:
    smoke and fire as photographed, mosaics, drawn far views, drawn events on ordinary pictures, ordinary pictures."""

    name: str
    first: int
    last: int
    mix: tuple[float, float, float, float, float]

    @property
    def names(self) -> tuple[str, ...]:
        return NAMES[self.first : self.last]

    @property
    def sees_fire(self) -> bool:
        return self.first < FIRST_ORDINARY

    @property
    def sees_people(self) -> bool:
        return self.last > FIRST_ORDINARY


FAMILIES = {
    family.name: family
    for family in (
        Family("smoke-fire", 0, 2, (0.42, 0.10, 0.08, 0.19, 0.21)),
        Family("people-vehicles", 2, 8, (0.15, 0.20, 0.0, 0.05, 0.60)),
        Family("both", 0, 8, (0.36, 0.14, 0.07, 0.16, 0.27)),
    )
}
