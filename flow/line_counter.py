"""Counts what crosses one directed line.

Promises: a crossing is a track that was truly on one side, then truly on the other, and passed between the line's ends;
what "truly" means scales with the thing's own size. Jitter, standing on the line and a parked car do not count; a track
that is lost near the line and found again under a new identity is still one crossing. State is bounded for ever. Not
here: geometry (`geometry.py`), following things (`detectors/`), sums by the minute (`minutes.py`).
"""

import math
from dataclasses import dataclass

from configs.site import Line
from configs.words import PEOPLE, Instant, ObjectClass, Point
from detectors.words import Track, Tracks
from flow.geometry import along, between, foot, height, metric, root_area, signed_distance
from flow.words import Crossing

#: How far beyond the line a thing must stand to be truly on that side, in its own sizes.
MARGIN_PEOPLE = 0.18
MARGIN_VEHICLES = 0.12
#: A new track takes over from one that was lost shortly before, this many sizes (and sizes a second) away at most.
INHERITS_WITHIN_SECONDS = 2.5
INHERITS_WITHIN = 0.4
INHERITS_SPEED = 0.6
#: A track not given for this long has ended.
ENDS_AFTER_SECONDS = 4.0
MOST_TRACKS = 512


@dataclass(slots=True)
class _Walker:
    """One track's relation to the line. `side` is the last side it was truly on, 0 before it was on any; `path` the
    points since: signed distance, place in picture heights, moment."""

    side: int
    path: list[tuple[float, Point, Instant]]
    seen_at: Instant
    people: bool


class LineCounter:
    """Counts the crossings of one line; feed it every look's tracks in order. `margin` is how far beyond the line a
    thing must stand to be truly on that side, in its own sizes; None: what counts best."""

    def __init__(self, line: Line, margin: float | None = None) -> None:
        self.line = line
        self._margin = margin
        self._counted = frozenset(line.counts)
        self._walkers: dict[int, _Walker] = {}

    @property
    def held(self) -> int:
        """How many tracks are remembered."""
        return len(self._walkers)

    def update(self, tracks: Tracks) -> list[Crossing]:
        """The crossings that this look completes."""
        start, end = (metric(point, tracks.aspect) for point in self.line.ends)
        crossings = []
        for track in tracks.tracks:
            if track.object_class not in self._counted or track.seen_at < tracks.looked_at:
                continue
            if crossing := self._step(track, start, end, tracks):
                crossings.append(crossing)
        self._forget(tracks.looked_at)
        return crossings

    def _step(self, track: Track, start: Point, end: Point, tracks: Tracks) -> Crossing | None:
        here = metric(foot(track.box), tracks.aspect)
        distance = signed_distance(start, end, here)
        size = _size(track, tracks.aspect)
        share = MARGIN_PEOPLE if track.object_class in PEOPLE else MARGIN_VEHICLES
        margin = size * (share if self._margin is None else self._margin)
        truly = 0 if abs(distance) < margin else (1 if distance > 0 else -1)
        point = (distance, here, tracks.looked_at)
        walker = self._walkers.get(track.track_id)
        if walker is None:
            walker = self._heir(here, size, track, tracks)
        if walker is None:
            side = truly or (distance > 0) - (distance < 0)
            self._walkers[track.track_id] = _Walker(side, [point], tracks.looked_at, track.object_class in PEOPLE)
            return None
        walker.seen_at = tracks.looked_at
        walker.path.append(point)
        if truly == 0:
            if len(walker.path) > 64:
                del walker.path[1:33]
            return None
        came_from, walker.side = walker.side, truly
        path, walker.path = walker.path, [point]
        if came_from in (0, truly):
            return None
        moment, place = _passage(path)
        share = along(start, end, place)
        if not 0 <= share <= 1:
            return None
        return Crossing(
            tracks.camera_id,
            self.line.line_id,
            track.track_id,
            track.object_class,
            "in" if truly > 0 else "out",
            moment,
            (place[0] / tracks.aspect, place[1]),
        )

    def _heir(self, here: Point, size: float, track: Track, tracks: Tracks) -> _Walker | None:
        """What a new track takes over from one that was lost near by shortly before, if any."""
        present = {t.track_id for t in tracks.tracks}
        best, best_reach = None, 1.0
        for key, walker in self._walkers.items():
            gone = tracks.looked_at - walker.seen_at
            if (
                key in present
                or not 0 < gone <= INHERITS_WITHIN_SECONDS
                or walker.people != (track.object_class in PEOPLE)
            ):
                continue
            reach = math.dist(walker.path[-1][1], here) / (size * (INHERITS_WITHIN + INHERITS_SPEED * gone))
            if reach < best_reach:
                best, best_reach = key, reach
        if best is None:
            return None
        walker = self._walkers[track.track_id] = self._walkers.pop(best)
        return walker

    def _forget(self, now: Instant) -> None:
        ended = [key for key, walker in self._walkers.items() if now - walker.seen_at > ENDS_AFTER_SECONDS]
        for key in ended:
            del self._walkers[key]
        while len(self._walkers) > MOST_TRACKS:
            del self._walkers[min(self._walkers, key=lambda key: self._walkers[key].seen_at)]


def _size(track: Track, aspect: float) -> float:
    return height(track.box) if track.object_class == ObjectClass.PERSON else root_area(track.box, aspect)


def _passage(path: list[tuple[float, Point, Instant]]) -> tuple[Instant, Point]:
    """When and where a path that ends on the other side left the line for the last time; on the line itself is not yet
    across, whichever way round the line was drawn."""
    across = path[-1][0]
    for (d0, p0, t0), (d1, p1, t1) in zip(path[-2::-1], path[:0:-1], strict=True):
        if d0 * across <= 0 < d1 * across:
            share = d0 / (d0 - d1)
            return Instant(t0 + (t1 - t0) * share), between(p0, p1, share)
    return path[0][2], path[0][1]
