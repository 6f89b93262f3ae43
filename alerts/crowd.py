"""When people in a zone become a crowd.

Promises: the count is smoothed over seconds, must stay over the zone's limit for a while before it alerts, and must
fall well below before it can alert again. Pure: time comes with the counts. Not here: counting (`flow/zones.py`).
"""

import math
from dataclasses import dataclass

from alerts.words import AlertDraft, Reason
from configs.site import Zone
from configs.words import CameraId, IncidentKind, Instant

_SMOOTHING_SECONDS = 2.0
_CLEAR_SHARE = 0.8


@dataclass(slots=True)
class _Level:
    smoothed: float = 0.0
    updated_at: Instant | None = None
    over_since: Instant | None = None
    most: int = 0
    alerted: bool = False


class CrowdJudge:
    """Judges the zones of one camera that name a `crowd_at`."""

    def __init__(self, camera_id: CameraId, zones: list[Zone], persists_seconds: float) -> None:
        self.camera_id = camera_id
        self._persists = persists_seconds
        self._zones = {z.zone_id: z for z in zones if z.crowd_at is not None}
        self._levels = {zone_id: _Level() for zone_id in self._zones}

    @property
    def is_suspicious(self) -> bool:
        """True while a crowd is being confirmed."""
        return any(v.over_since is not None and not v.alerted for v in self._levels.values())

    def update(self, people: dict[str, int], now: Instant) -> list[AlertDraft]:
        """`people` maps a zone's id to the people in it at `now`; a zone not named was not counted."""
        drafts = []
        for zone_id, zone in self._zones.items():
            if zone_id in people:
                draft = self._judge(zone, self._levels[zone_id], people[zone_id], now)
                if draft:
                    drafts.append(draft)
        return drafts

    def _judge(self, zone: Zone, level: _Level, count: int, now: Instant) -> AlertDraft | None:
        limit = zone.crowd_at or 0
        step = 0.0 if level.updated_at is None else max(0.0, now - level.updated_at)
        share = 1.0 if level.updated_at is None else 1 - math.exp(-step / _SMOOTHING_SECONDS)
        level.smoothed += (count - level.smoothed) * share
        level.updated_at = now
        if level.smoothed < limit * (_CLEAR_SHARE if level.over_since is not None else 1.0):
            level.over_since, level.alerted, level.most = None, False, 0
            return None
        level.most = max(level.most, count)
        if level.over_since is None:
            level.over_since = now
        seconds = now - level.over_since
        if level.alerted or seconds < self._persists:
            return None
        level.alerted = True
        people = round(level.smoothed)
        return AlertDraft(
            kind=IncidentKind.CROWD,
            camera_id=self.camera_id,
            first_seen_at=level.over_since,
            raised_at=now,
            confidence=min(0.99, 0.5 + 0.5 * (level.smoothed - limit + 1) / (limit + 1)),
            severity=3 if level.smoothed >= 1.5 * limit else 2,
            reason=Reason(
                zh=f"“{zone.name.zh}”内约有 {people} 人，超过 {limit} 人的界限已 {seconds:.0f} 秒",
                en=f"About {people} people in “{zone.name.en}”, at or over its limit of {limit} for {seconds:.0f} s",
            ),
            numbers={
                "zone_id": zone.id,
                "people": people,
                "most": level.most,
                "limit": limit,
                "seconds": round(seconds, 2),
            },
        )
