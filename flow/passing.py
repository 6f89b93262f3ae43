"""How things follow each other over a line, and how fast: headways.

Promises: a headway is the time since the one before over the same line, the same way, of the same family (people or
vehicles), front after front; over a time that nobody watched there is none. Not here: crossings (`line_counter.py`),
speeds themselves (`ground.py`), storing (`day_sums.py`).
"""

from dataclasses import dataclass

from configs.words import PEOPLE, Instant, LineId
from flow.words import Crossing, Direction


@dataclass(frozen=True, slots=True)
class Passed:
    """A crossing, and the seconds since the one before, if there was one."""

    crossing: Crossing
    headway: float | None


_Way = tuple[LineId, Direction, bool]


class Followers:
    """The last crossing of each line, way and family. Bounded by the lines of the camera."""

    def __init__(self) -> None:
        self._last: dict[_Way, Instant] = {}

    def headway(self, crossing: Crossing) -> float | None:
        """Seconds since the one before; None for the first."""
        way = (crossing.line_id, crossing.direction, crossing.object_class in PEOPLE)
        before = self._last.get(way)
        self._last[way] = crossing.at if before is None else Instant(max(before, crossing.at))
        return None if before is None else abs(crossing.at - before)

    def forget(self) -> None:
        """Nobody watched for a while: who comes next follows nobody known."""
        self._last.clear()
