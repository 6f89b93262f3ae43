"""What goes on in one polygon zone: who is in it, how long they stay, which vehicle has stopped.

Promises: a thing is in the zone when its foot point is; it enters and leaves only when it has been on the other side
for a moment, so that walking along the edge is not a string of visits. An arrival is somebody who comes to be in the
zone and stays a moment, over its edge or out of a door or a bus in the middle of it; who was there when watching began
has not arrived, and a lost track found again near by is the same visit. A vehicle counts as stopped while it stays
within a part of its own length, through short losses and changes of identity; it is told once for each stay. State is
bounded for ever. Not here: when a number of people is a crowd (`alerts/`), sums by the minute (`minutes.py`).
"""

import math
from collections import Counter
from dataclasses import dataclass

from configs.site import Zone
from configs.words import PEOPLE, VEHICLES, Instant, ObjectClass, Point
from detectors.words import Track, TrackId, Tracks
from flow.geometry import contains, foot, height, metric, root_area
from flow.words import StoppedVehicle, Visit

#: A change of side must last this long to count.
SETTLES_SECONDS = 0.6
#: A visit ends when its track has not been given for this long.
ENDS_AFTER_SECONDS = 4.0
#: A new track takes over the visit of one that was lost this many sizes (and sizes a second) away at most.
INHERITS_WITHIN = 0.4
INHERITS_SPEED = 0.6
#: Who is first seen so soon after watching began (or began again after a gap) was there before.
BEGINS_SECONDS = 2.0
GAP_SECONDS = 10.0
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
    place: Point
    arrived: bool


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
        self._looked_at: Instant | None = None
        self._since = Instant(-math.inf)
        self.occupancy: Counter[ObjectClass] = Counter()
        self.arrivals: Counter[ObjectClass] = Counter()

    @property
    def held(self) -> int:
        """How many tracks and standing vehicles are remembered."""
        return len(self._visitors) + len(self._stands)

    def update(self, tracks: Tracks) -> tuple[list[Visit], list[StoppedVehicle]]:
        """The visits that have ended, and the vehicles that have now stood too long; sets `occupancy` and `arrivals`
        of this look too."""
        now = tracks.looked_at
        if self._looked_at is None or not 0 <= now - self._looked_at <= GAP_SECONDS:
            self._since = now
        self._looked_at = now
        self.arrivals = Counter()
        self._stands = [stand for stand in self._stands if now - stand.seen_at <= GONE_AFTER_SECONDS]
        stopped = []
        present: Counter[ObjectClass] = Counter()
        for track in tracks.tracks:
            if track.object_class in self._ignored:
                continue
            within = contains(self.zone.polygon, foot(track.box))
            present[track.object_class] += within
            self._follow(track, within, tracks)
            if within and (told := self._stands_too_long(track, tracks)):
                stopped.append(told)
        self.occupancy = +present
        return self._ended(tracks), stopped

    def _follow(self, track: Track, within: bool, tracks: Tracks) -> None:
        now = tracks.looked_at
        place = metric(foot(track.box), tracks.aspect)
        size = height(track.box) if track.object_class in PEOPLE else root_area(track.box, tracks.aspect)
        visitor = self._visitors.get(track.track_id) or self._heir(place, size, track, tracks)
        if visitor is None:
            was_there = within and now - self._since <= BEGINS_SECONDS
            visitor = _Visitor(track.object_class, within, None, now, now, place, was_there)
            self._visitors[track.track_id] = visitor
            return
        visitor.object_class, visitor.seen_at, visitor.place = track.object_class, now, place
        if within == visitor.inside:
            visitor.changed_at = None
            if within and not visitor.arrived and now - visitor.entered_at >= SETTLES_SECONDS:
                visitor.arrived = True
                self.arrivals[track.object_class] += 1
        elif visitor.changed_at is None:
            visitor.changed_at = now

    def _heir(self, place: Point, size: float, track: Track, tracks: Tracks) -> _Visitor | None:
        """The visitor that a new track takes over from: one that was lost near by shortly before, if any."""
        now, present = tracks.looked_at, {t.track_id for t in tracks.tracks}
        best, best_reach = None, 1.0
        for key, lost in self._visitors.items():
            gone = now - lost.seen_at
            same_kind = (lost.object_class in VEHICLES) == (track.object_class in VEHICLES)
            if key in present or not 0 < gone <= ENDS_AFTER_SECONDS or not same_kind:
                continue
            reach = math.dist(lost.place, place) / (size * (INHERITS_WITHIN + INHERITS_SPEED * gone))
            if reach < best_reach:
                best, best_reach = key, reach
        if best is None:
            return None
        visitor = self._visitors[track.track_id] = self._visitors.pop(best)
        return visitor

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
                visitor.arrived = False
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
