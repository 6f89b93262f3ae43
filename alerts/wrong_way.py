"""When a vehicle that crosses a one-way line the other way becomes an alert.

Promises: one alert for one vehicle, also when two boxes lie on it, when it is lost and found again, or when it goes
back and forth. A vehicle counts as across only when it stands well beyond the line. State is bounded for ever. Not
here: how a crossing is found (`flow/line_counter.py`), what is said of it (`vehicles.py`).
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from alerts.vehicles import MOTOR_VEHICLES, wrong_way_alert
from alerts.words import AlertDraft
from configs.areas import Line, OneWay
from configs.words import Instant, ObjectClass, Point
from detectors.words import Track, TrackId, Tracks
from flow.geometry import foot, metric, root_area
from flow.line_counter import LineCounter

#: How far beyond the line a vehicle must stand, in its own sizes: twice what counting asks.
_MARGIN = 0.25
#: The same track does not alert again within so many seconds.
_COOLDOWN_SECONDS = 60.0
#: Two that cross so soon after each other, so few sizes apart, are one vehicle under two boxes.
_ALIKE_SECONDS = 1.5
_ALIKE_SIZES = 0.75
_MOST_TOLD = 64


@dataclass(frozen=True, slots=True)
class _Told:
    track_id: TrackId
    place: Point
    at: Instant


class _Gate:
    """One line."""

    def __init__(self, line: Line) -> None:
        classes = sorted(MOTOR_VEHICLES | ({ObjectClass.BICYCLE} if line.one_way_bicycles else set()))
        self.line = line
        self._counter = LineCounter(line.model_copy(update={"counts": classes}), _MARGIN)
        self._told: deque[_Told] = deque(maxlen=_MOST_TOLD)

    def update(self, tracks: Tracks, speed: Callable[[TrackId], float | None]) -> list[AlertDraft]:
        now, drafts = tracks.looked_at, []
        seen = {track.track_id: track for track in tracks.tracks}
        while self._told and not 0 <= now - self._told[0].at <= _COOLDOWN_SECONDS:
            self._told.popleft()
        for crossing in self._counter.update(tracks):
            if crossing.direction == self.line.one_way.value:
                continue
            track = seen[crossing.track_id]
            told = _Told(track.track_id, metric(foot(track.box), tracks.aspect), now)
            is_known = any(self._is_same(before, told, track, tracks.aspect) for before in self._told)
            self._told.append(told)
            if not is_known:
                drafts.append(wrong_way_alert(replace(crossing, speed=speed(track.track_id)), self.line, track, now))
        return drafts

    @staticmethod
    def _is_same(before: _Told, now: _Told, track: Track, aspect: float) -> bool:
        if before.track_id == now.track_id:
            return True
        near = math.dist(before.place, now.place) <= _ALIKE_SIZES * root_area(track.box, aspect)
        return near and now.at - before.at <= _ALIKE_SECONDS


class WrongWayJudge:
    """Judges one camera's lines that name a `one_way`; feed it every look's tracks in order."""

    def __init__(self, lines: list[Line]) -> None:
        self._gates = [_Gate(line) for line in lines if line.one_way is not OneWay.ANY]

    def update(self, tracks: Tracks, speed: Callable[[TrackId], float | None] = lambda _: None) -> list[AlertDraft]:
        """The alerts that this look completes. `speed` gives a track's metres a second, where they are known."""
        return [draft for gate in self._gates for draft in gate.update(tracks, speed)]
