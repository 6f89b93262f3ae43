"""When people in a zone become a crowd, and when a crowd becomes dangerous.

Promises: the count is smoothed over seconds and must stay at a level for a while before it is told; time that nobody
watched does not count as staying. Each level is told once, and again only after the zone has fallen well below it and
stayed there. A zone that goes straight to the second level is told of that one alone. Pure: time comes with the counts.
Not here: counting (`flow/zones.py`), closer looks that count better (`crowd_looks.py`), words (`crowd_words.py`).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp

from alerts.crowd_words import CrowdLevel, Gathered, crowd_alert
from alerts.words import AlertDraft
from configs.areas import Zone
from configs.words import CameraId, Instant, ZoneId

_SMOOTHING_SECONDS = 2.0
#: A level ends when the count has stayed below this share of it for so long.
_CLEAR_SHARE = 0.8
_CLEARS_SECONDS = 10.0
#: Looks that are further apart say nothing of what went on between them.
_GAP_SECONDS = 20.0
#: Growth is the straight line through so many seconds; it needs to have been watched for some of them.
_TREND_SECONDS = 60.0
_TREND_STEP = 1.0
_TREND_LEAST = 10.0


class _Trend:
    """How fast a number changes. Bounded: one point a second of the last minute."""

    def __init__(self) -> None:
        self._points: deque[tuple[Instant, float]] = deque(maxlen=int(_TREND_SECONDS / _TREND_STEP) + 1)

    def add(self, now: Instant, value: float) -> None:
        if self._points and now - self._points[-1][0] < _TREND_STEP:
            return
        self._points.append((now, value))
        while now - self._points[0][0] > _TREND_SECONDS:
            self._points.popleft()

    def forget(self) -> None:
        self._points.clear()

    def per_minute(self) -> float | None:
        """The slope of the line that fits best; None while too little was seen."""
        if not self._points or self._points[-1][0] - self._points[0][0] < _TREND_LEAST:
            return None
        count, start = len(self._points), self._points[0][0]
        times, values = [t - start for t, _ in self._points], [v for _, v in self._points]
        mean_time, mean_value = sum(times) / count, sum(values) / count
        spread = sum((t - mean_time) ** 2 for t in times)
        shared = sum((t - mean_time) * (v - mean_value) for t, v in zip(times, values, strict=True))
        return 60.0 * shared / spread


@dataclass(slots=True)
class _Reached:
    """One level of one zone."""

    level: CrowdLevel
    limit: int
    over_since: Instant | None = None
    below_since: Instant | None = None
    most: int = 0
    told: bool = False

    def update(self, smoothed: float, count: int, now: Instant) -> None:
        if smoothed >= self.limit * (_CLEAR_SHARE if self.over_since is not None else 1.0):
            self.over_since = now if self.over_since is None else self.over_since
            self.below_since, self.most = None, max(self.most, count)
            return
        if self.below_since is None:
            self.below_since = now
        if not self.told or now - self.below_since >= _CLEARS_SECONDS:
            self.over_since, self.most, self.told = None, 0, False

    def is_due(self, smoothed: float, now: Instant, persists: float) -> bool:
        """A level that lasted is told while it is truly reached, not in a moment in which a few have left."""
        if self.told or self.over_since is None or smoothed < self.limit:
            return False
        return now - self.over_since >= persists


@dataclass(slots=True)
class _State:
    """One zone."""

    levels: list[_Reached]
    smoothed: float = 0.0
    updated_at: Instant | None = None
    trend: _Trend = field(default_factory=_Trend)


class CrowdJudge:
    """Judges the zones of one camera that name a `crowd_at`. `square_metres` gives the ground that a zone covers, for
    those where that is known."""

    def __init__(
        self,
        camera_id: CameraId,
        zones: list[Zone],
        persists_seconds: float,
        square_metres: Mapping[ZoneId, float] | None = None,
    ) -> None:
        self.camera_id = camera_id
        self._persists = persists_seconds
        self._square_metres = dict(square_metres or {})
        self._zones = {z.zone_id: z for z in zones if z.crowd_at is not None}
        self._states = {zone_id: _State(_levels_of(zone)) for zone_id, zone in self._zones.items()}

    @property
    def is_suspicious(self) -> bool:
        """True while a crowd, or its danger, is being confirmed."""
        levels = (r for state in self._states.values() for r in state.levels)
        return any(r.over_since is not None and r.below_since is None and not r.told for r in levels)

    def update(self, people: Mapping[str, int], now: Instant) -> list[AlertDraft]:
        """`people` maps a zone's id to the people in it at `now`; a zone not named was not counted."""
        drafts = []
        for zone_id, zone in self._zones.items():
            if zone_id in people:
                draft = self._judge(zone, self._states[zone_id], people[zone_id], now)
                if draft:
                    drafts.append(draft)
        return drafts

    def _judge(self, zone: Zone, state: _State, count: int, now: Instant) -> AlertDraft | None:
        self._smooth(state, count, now)
        for reached in state.levels:
            reached.update(state.smoothed, count, now)
        due = [reached for reached in state.levels if reached.is_due(state.smoothed, now, self._persists)]
        if not due:
            return None
        told = due[-1]
        for reached in state.levels:
            reached.told = reached.told or reached.level <= told.level
        assert told.over_since is not None
        gathered = Gathered(
            level=told.level,
            limit=told.limit,
            smoothed=state.smoothed,
            most=told.most,
            since=told.over_since,
            at=now,
            square_metres=self._square_metres.get(zone.zone_id),
            growth_per_minute=state.trend.per_minute(),
        )
        return crowd_alert(self.camera_id, zone, gathered)

    @staticmethod
    def _smooth(state: _State, count: int, now: Instant) -> None:
        step = 0.0 if state.updated_at is None else max(0.0, now - state.updated_at)
        if step > _GAP_SECONDS:
            state.trend.forget()
            for reached in state.levels:
                if not reached.told:
                    reached.over_since, reached.most = None, 0
        share = 1.0 if state.updated_at is None else 1 - exp(-step / _SMOOTHING_SECONDS)
        state.smoothed += (count - state.smoothed) * share
        state.updated_at = now
        state.trend.add(now, state.smoothed)


def _levels_of(zone: Zone) -> list[_Reached]:
    limits = {CrowdLevel.FILLING: zone.crowd_at, CrowdLevel.DANGEROUS: zone.crowd_dangerous_at}
    return [_Reached(level, limit) for level, limit in limits.items() if limit is not None]
