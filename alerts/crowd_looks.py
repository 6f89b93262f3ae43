"""Where people are many and small: when a closer look is due, and what it adds to the count.

Promises: a closer look is asked for at most once in some seconds, only while a zone is near its crowd and the people in
it are small in the picture. What it finds more than the tracks did is added to their count, so that the count still
rises and falls with every look between; it is forgotten when no closer look has come for a while. Pure. Not here:
taking the look (`detectors/tiles.py`, `runtime/crowd_desk.py`), judging the count (`crowd.py`).
"""

import math
from collections.abc import Mapping
from statistics import median

from configs.areas import Zone
from configs.words import PEOPLE, Instant, ZoneId
from detectors.words import Detections, Tracks
from flow.geometry import contains, foot, height

#: A camera is looked at more closely at most this often.
EVERY_SECONDS = 5.0
#: A zone is near a crowd from this share of its first level on.
_NEAR_SHARE = 0.6
#: People are small while the middle one is lower than this share of the picture: at 0.07 a look at the whole finds six
#: in ten and one in tiles nearly nine; at 0.14 both find the same (`docs/crowd-and-vehicles.md`).
_SMALL_HEIGHT = 0.12
#: What a closer look added holds for so long.
_HOLDS_SECONDS = 3 * EVERY_SECONDS


class CrowdLooks:
    """The closer looks at one camera. Not thread safe."""

    def __init__(self, zones: list[Zone]) -> None:
        self._zones = [zone for zone in zones if zone.crowd_at is not None]
        self._asked_at = Instant(-math.inf)
        self._more: dict[ZoneId, int] = {}
        self._looked_at = Instant(-math.inf)
        self._counted: dict[ZoneId, int] = {}

    def is_due(self, tracks: Tracks, people: Mapping[str, int]) -> bool:
        """Whether a closer look should be taken now; asked once, it is not due again for some seconds. `people` are
        those counted in each zone, as `better` gave them."""
        now = tracks.looked_at
        if 0 <= now - self._asked_at < EVERY_SECONDS or not any(self._is_worth(z, tracks, people) for z in self._zones):
            return False
        self._asked_at = now
        return True

    @staticmethod
    def _is_worth(zone: Zone, tracks: Tracks, people: Mapping[str, int]) -> bool:
        if zone.crowd_at is None or people.get(zone.id, 0) < _NEAR_SHARE * zone.crowd_at:
            return False
        heights = [
            height(t.box) for t in tracks.tracks if t.object_class in PEOPLE and contains(zone.polygon, foot(t.box))
        ]
        return bool(heights) and median(heights) < _SMALL_HEIGHT

    def take(self, found: Detections, looked_at: Instant) -> None:
        """What a closer look found: how many more than the tracks have at the time."""
        self._looked_at = looked_at
        self._more = {
            zone.zone_id: max(0, people_in(zone, found) - self._counted.get(zone.zone_id, 0)) for zone in self._zones
        }

    def better(self, people: Mapping[str, int], now: Instant) -> dict[str, int]:
        """The people in each zone: those that the tracks count, and those that only the last closer look saw."""
        self._counted = {zone.zone_id: people.get(zone.id, 0) for zone in self._zones}
        holds = 0 <= now - self._looked_at <= _HOLDS_SECONDS
        more = self._more if holds else {}
        return {zone_id: count + more.get(ZoneId(zone_id), 0) for zone_id, count in people.items()}


def people_in(zone: Zone, found: Detections) -> int:
    """How many people of a look stand in a zone."""
    if set(zone.ignore) >= PEOPLE:
        return 0
    feet = (
        foot((float(box[0]), float(box[1]), float(box[2]), float(box[3])))
        for box, name in zip(found.boxes, found.classes, strict=True)
        if name in PEOPLE and name not in zone.ignore
    )
    return sum(contains(zone.polygon, at) for at in feet)
