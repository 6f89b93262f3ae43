"""When a motor vehicle in a zone where only people walk becomes an alert.

Promises: its foot point must lie in the zone for some looks and some time, so that a car that passes behind the zone,
or whose box jumps for one look, is none. One alert for one stay: a vehicle that is lost and found again near by, or
that wobbles on the edge, is the same. State is bounded for ever. Not here: what is said of it (`vehicles.py`),
vehicles that stand too long where they may stop (`flow/zones.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from alerts.vehicles import MOTOR_VEHICLES, vehicle_on_walkway_alert
from alerts.words import AlertDraft
from configs.areas import Zone
from configs.words import CameraId, Instant, Point
from detectors.words import TrackId, Tracks
from flow.geometry import contains, foot, metric, root_area

#: So many looks, over so many seconds, must see it inside.
_LOOKS = 3
_SECONDS = 0.6
#: A new track takes over from one that was lost this many sizes (and sizes a second) away at most, for so long.
_INHERITS_WITHIN = 0.4
_INHERITS_SPEED = 0.6
_INHERITS_SECONDS = 4.0
#: One that stood still when it was lost is the same for longer.
_STANDS_SECONDS = 60.0
#: One that was told, and has been outside for so long, is told anew when it comes in again.
_COOLDOWN_SECONDS = 60.0
_MOST = 128


@dataclass(slots=True)
class _Stay:
    """One vehicle in the zone, or one that was in it a short while ago."""

    track_id: TrackId
    place: Point
    size: float
    since: Instant
    inside_at: Instant
    looks: int = 1
    told: bool = False

    def is_over(self, now: Instant) -> bool:
        return not 0 <= now - self.inside_at <= max(_COOLDOWN_SECONDS, _STANDS_SECONDS)


class _Walkway:
    """One zone."""

    def __init__(self, camera_id: CameraId, zone: Zone) -> None:
        self._camera_id = camera_id
        self._zone = zone
        self._classes = MOTOR_VEHICLES - set(zone.ignore)
        self._stays: list[_Stay] = []

    @property
    def held(self) -> int:
        return len(self._stays)

    def update(self, tracks: Tracks, speed: Callable[[TrackId], float | None]) -> list[AlertDraft]:
        now, drafts = tracks.looked_at, []
        self._stays = [stay for stay in self._stays if not stay.is_over(now)][-_MOST:]
        seen = [t for t in tracks.tracks if t.object_class in self._classes and t.seen_at >= now]
        known = {stay.track_id: stay for stay in self._stays}
        given = {track.track_id for track in tracks.tracks}
        for track in sorted(seen, key=lambda t: t.track_id not in known):
            stay = known.get(track.track_id)
            if not contains(self._zone.polygon, foot(track.box)):
                if stay is not None and not stay.told:
                    self._stays.remove(stay)
                continue
            place, size = metric(foot(track.box), tracks.aspect), root_area(track.box, tracks.aspect)
            if stay is None:
                stay = self._near(place, size, given, now)
                if stay is None:
                    self._stays.append(_Stay(track.track_id, place, size, now, now))
                    continue
                if stay.track_id in given:
                    continue  # two boxes on one vehicle
            stay.track_id, stay.place, stay.size, stay.inside_at = track.track_id, place, size, now
            stay.looks += 1
            if not stay.told and stay.looks >= _LOOKS and now - stay.since >= _SECONDS:
                stay.told = True
                pace = speed(track.track_id)
                drafts.append(vehicle_on_walkway_alert(self._camera_id, self._zone, track, stay.since, now, pace))
        return drafts

    def _near(self, place: Point, size: float, given: set[TrackId], now: Instant) -> _Stay | None:
        """The stay that a thing under a new identity at this place belongs to, if any."""

        def reach(stay: _Stay) -> float:
            if stay.track_id in given:  # another box on the same vehicle may be a good deal smaller
                return math.dist(stay.place, place) / (_INHERITS_WITHIN * max(size, stay.size))
            gone = now - stay.inside_at
            within = _INHERITS_WITHIN + (_INHERITS_SPEED * gone if gone <= _INHERITS_SECONDS else 0.0)
            return math.dist(stay.place, place) / (within * min(size, stay.size))

        best = min(self._stays, key=reach, default=None)
        return best if best is not None and reach(best) <= 1.0 else None


class WalkwayJudge:
    """Judges one camera's zones that say `no_vehicles`; feed it every look's tracks in order."""

    def __init__(self, camera_id: CameraId, zones: list[Zone]) -> None:
        self._walkways = [_Walkway(camera_id, zone) for zone in zones if zone.no_vehicles]

    @property
    def held(self) -> int:
        """How many vehicles are remembered."""
        return sum(walkway.held for walkway in self._walkways)

    def update(self, tracks: Tracks, speed: Callable[[TrackId], float | None] = lambda _: None) -> list[AlertDraft]:
        """The alerts that this look completes. `speed` gives a track's metres a second, where they are known."""
        return [draft for walkway in self._walkways for draft in walkway.update(tracks, speed)]
