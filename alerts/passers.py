"""People and vehicles around a place where smoke or fire is suspected.

Promises: pure, bounded. A small glow *on* a person is a scarf, a face, a lamp in the hand: it goes where that person
goes and is not judged as long as it does. Where something that moves passes in front of a place, its pixels change for
that reason: for as long as such pixels are remembered, what was observed before holds. Scores and closer looks still
count, so a fire with people around it is found. Not here: the judgement (`smoke_fire.py`), following
(`detectors/tracker.py`).
"""

from collections import deque
from collections.abc import Collection

from alerts.suspicion import area_of
from configs.words import PEOPLE, Box, Instant
from detectors.behaviour import KEPT_SECONDS
from detectors.words import TrackId, Tracks

#: A track tells where somebody is for so long.
FRESH_SECONDS = 2.0
#: What is on a person is smaller than this share of the person's box, and lies in it by that share of its own.
_SMALLER_THAN = 0.3
_INSIDE = 0.7
#: Between two looks a person goes on: the box counts as so much wider on either side, in its own widths.
_SLACK_WIDTHS = 0.25
#: Surer than this it must be that it is a person.
_LEAST_CONFIDENCE = 0.3
#: A place counts with so much of its surroundings, in its own sizes.
_AROUND = 0.5
_MOST_REMEMBERED = 256


class Passers:
    """Of one camera. Not thread-safe."""

    def __init__(self) -> None:
        self._people: list[Box] = []
        self._looked_at = Instant(-1e9)
        self._passed: deque[tuple[Instant, Box]] = deque(maxlen=_MOST_REMEMBERED)

    def update(self, tracks: Tracks, moving: Collection[TrackId]) -> None:
        """Takes one look's tracks, and which of them move."""
        now = self._looked_at = tracks.looked_at
        self._people = [t.box for t in tracks.tracks if t.object_class in PEOPLE and t.confidence >= _LEAST_CONFIDENCE]
        self._passed.extend((now, t.box) for t in tracks.tracks if t.track_id in moving)

    def is_on_somebody(self, box: Box, now: Instant) -> bool:
        """Whether what is seen there lies on a person and is small beside that person."""
        if abs(now - self._looked_at) > FRESH_SECONDS:
            return False
        return any(
            area_of(box) < _SMALLER_THAN * area_of(person) and _shared(box, _wider(person)) >= _INSIDE * area_of(box)
            for person in self._people
        )

    def has_passed(self, place: Box, now: Instant) -> bool:
        """Whether something that moves was in front of the place, or beside it, of late."""
        while self._passed and now - self._passed[0][0] > KEPT_SECONDS:
            self._passed.popleft()
        width, height = (place[2] - place[0]) * _AROUND, (place[3] - place[1]) * _AROUND
        around = (place[0] - width, place[1] - height, place[2] + width, place[3] + height)
        return any(_shared(around, box) > 0 for _, box in self._passed)


def _wider(box: Box) -> Box:
    slack = _SLACK_WIDTHS * (box[2] - box[0])
    return (box[0] - slack, box[1], box[2] + slack, box[3])


def _shared(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
