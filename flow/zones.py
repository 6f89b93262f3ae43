"""What goes on in one polygon zone: who is in it, how long they stay, which vehicle has stopped.

Promises: a thing is in the zone when its foot point is; it enters and leaves only when it has been on the other side
for a moment, so that walking along the edge is not a string of visits. A vehicle counts as stopped while it stays
within a part of its own length, through short losses and changes of identity; it is told once for each stay. State is
bounded for ever. Not here: when a number of people is a crowd (`alerts/`), sums by the minute (`minutes.py`).
"""

import math
from collections import Counter
from dataclasses import dataclass

from configs.site import Zone
from configs.words import VEHICLES, Instant, ObjectClass, Point
from detectors.words import Track, TrackId, Tracks
from flow.geometry import contains, foot, metric, root_area
from flow.words import StoppedVehicle, Visit

#: A change of side must last this long to count.
SETTLES_SECONDS = 0.6
#: A visit ends when its track has not been given for this long.
ENDS_AFTER_SECONDS = 4.0
#: A vehicle stands while it stays within this many of its own sizes of where it stopped.
STANDS_WITHIN = 0.35
#: A stopped vehicle that is not seen for this long has gone.
GONE_AFTER_SECONDS = 60.0
MOST_TRACKS = 512
MOST_STANDS = 128


@dataclass(slots=True)
class _Visitor:
    """One track's relation to the zone."""

    object_class: ObjectClass
    inside: bool
    changed_at: Instant | None
    entered_at: Instant
    seen_at: Instant


@dataclass(slots=True)
class _Stand:
    """A place where a vehicle may be standing."""

    place: Point
    size: float
    track_id: int
    since: Instant
    seen_at: Instant
    told: bool = False


class ZoneWatcher:
    """Watches one zone; feed it every look's tracks in order."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._ignored = frozenset(zone.ignore)
        self._visitors: dict[int, _Visitor] = {}
        self._stands: list[_Stand] = []
        self.occupancy: Counter[ObjectClass] = Counter()

    @property
    def held(self) -> int:
        """How many tracks and standing vehicles are remembered."""
        return len(self._visitors) + len(self._stands)

    def update(self, tracks: Tracks) -> tuple[list[Visit], list[StoppedVehicle]]:
        """The visits that have ended, and the vehicles that have now stood too long; sets `occupancy` too."""
        now = tracks.looked_at
        self._stands = [stand for stand in self._stands if now - stand.seen_at <= GONE_AFTER_SECONDS]
        stopped = []
        present: Counter[ObjectClass] = Counter()
        for track in tracks.tracks:
            if track.object_class in self._ignored:
                continue
            within = contains(self.zone.polygon, foot(track.box))
            present[track.object_class] += within
            self._follow(track, within, now)
            if within and (told := self._stands_too_long(track, tracks)):
                stopped.append(told)
        self.occupancy = +present
        return self._ended(tracks), stopped

    def _follow(self, track: Track, within: bool, now: Instant) -> None:
        visitor = self._visitors.get(track.track_id)
        if visitor is None:
            self._visitors[track.track_id] = _Visitor(track.object_class, within, None, now, now)
            return
        visitor.object_class, visitor.seen_at = track.object_class, now
        if within == visitor.inside:
            visitor.changed_at = None
        elif visitor.changed_at is None:
            visitor.changed_at = now

    def _ended(self, tracks: Tracks) -> list[Visit]:
        now = tracks.looked_at
        visits = []

        def left(track_id: int, visitor: _Visitor, at: Instant) -> None:
            visits.append(
                Visit(
                    tracks.camera_id, self.zone.zone_id, TrackId(track_id), visitor.object_class, visitor.entered_at, at
                )
            )

        for track_id, visitor in list(self._visitors.items()):
            if visitor.changed_at is not None and now - visitor.changed_at >= SETTLES_SECONDS:
                if visitor.inside:
                    left(track_id, visitor, visitor.changed_at)
                visitor.inside = not visitor.inside
                visitor.entered_at, visitor.changed_at = visitor.changed_at, None
            over = now - visitor.seen_at > ENDS_AFTER_SECONDS or now < visitor.seen_at
            if over or len(self._visitors) > MOST_TRACKS:
                if visitor.inside:
                    left(track_id, visitor, visitor.seen_at)
                del self._visitors[track_id]
        return visits

    def _stands_too_long(self, track: Track, tracks: Tracks) -> StoppedVehicle | None:
        limit = self.zone.no_parking_after_seconds
        if limit is None or track.object_class not in VEHICLES or track.object_class == ObjectClass.BICYCLE:
            return None
        now = tracks.looked_at
        place = metric(foot(track.box), tracks.aspect)
        size = root_area(track.box, tracks.aspect)
        near = [s for s in self._stands if math.dist(s.place, place) <= STANDS_WITHIN * max(size, s.size)]
        stand = min(near, key=lambda s: (s.track_id != track.track_id, math.dist(s.place, place)), default=None)
        if stand is None:
            # One that has moved on has left its old place; a passer-by leaves no trail of places.
            self._stands = [s for s in self._stands if s.track_id != track.track_id][1 - MOST_STANDS :]
            self._stands.append(_Stand(place, size, track.track_id, now, now))
            return None
        stand.track_id, stand.seen_at = track.track_id, now
        if stand.told or now - stand.since < limit:
            return None
        stand.told = True
        return StoppedVehicle(
            tracks.camera_id,
            self.zone.zone_id,
            track.track_id,
            track.object_class,
            stand.since,
            now,
            foot(track.box),
        )
