"""How often a task wants to look at a camera. Not here: who gets the next look (`attention.py`)."""

from dataclasses import dataclass

from detectors.catalogue import Task


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one task wants to look at one camera, as seconds between looks.

    `floor` always holds; `active` is wanted while something moves or is tracked; `urgent` while an alert is being
    confirmed. When floors cannot all be paid, those that are `firm` are paid first and the others stretch.
    """

    floor: float
    active: float
    urgent: float
    firm: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.urgent <= self.active <= self.floor:
            raise ValueError("a pace needs 0 < urgent <= active <= floor")


def default_pace(task: Task, looks_per_second: float) -> Pace:
    """The pace of a task at a camera that asks for `looks_per_second` while something happens."""
    active = 1.0 / looks_per_second
    if task is Task.PEOPLE_VEHICLES:
        return Pace(floor=max(5.0, active), active=active, urgent=active)
    if task is Task.BOTH:
        return Pace(floor=max(2.0, active), active=active, urgent=min(active, 0.25), firm=True)
    return Pace(floor=2.0, active=1.0, urgent=0.25, firm=True)
