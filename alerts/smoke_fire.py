"""When sightings of smoke and fire become an alert.

Promises: evidence is a running log-odds for each *place* in the picture, so one strong look never suffices and one
missed look never forgets; a place raises one alert while it keeps burning. Pure: time comes with the sightings.
Not here: the looks themselves (`detectors/`), what happens with an alert (`incidents.py`).

Method: sequential probability ratio, as in Wald (1945), with each look's contribution bounded and scaled by how much
time it adds, since looks a few milliseconds apart say nearly the same thing.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from alerts.words import AlertDraft, Marked, Reason
from configs.words import Box, CameraId, IncidentKind, Instant, ObjectClass
from detectors.words import Sighting

#: At most so many places are doubted at once on one camera; the weakest is forgotten first.
MOST_PLACES = 16


@dataclass(frozen=True, slots=True)
class Conviction:
    """How sure we want to be. `even_score` is the detector's score that speaks neither for nor against."""

    even_score: dict[ObjectClass, float]
    log_odds: float
    looks: int
    seconds: float


CONVICTIONS: dict[Literal["low", "normal", "high"], Conviction] = {
    "low": Conviction({ObjectClass.FIRE: 0.45, ObjectClass.SMOKE: 0.50}, 6.0, 5, 3.0),
    "normal": Conviction({ObjectClass.FIRE: 0.35, ObjectClass.SMOKE: 0.40}, 4.0, 3, 1.5),
    "high": Conviction({ObjectClass.FIRE: 0.25, ObjectClass.SMOKE: 0.30}, 2.5, 2, 0.8),
}

_PRIOR = -2.0
_MOST_FOR = 2.0
_MOST_AGAINST = -1.0
_UNSEEN = -0.7
_FULL_WEIGHT_SECONDS = 0.4
_CEILING = 10.0
_FORGET_BELOW = -3.0
_QUIET_SECONDS = 30.0


def _logit(p: float) -> float:
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _same_place(a: Box, b: Box) -> bool:
    """Boxes of flames jump about, so nearness of centres counts as well as overlap."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width > 0 and height > 0:
        return True
    reach = 0.75 * max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    return math.hypot((a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2) < reach


@dataclass(slots=True)
class _Suspicion:
    """One place where something may burn."""

    object_class: ObjectClass
    box: Box
    first_seen_at: Instant
    seen_at: Instant
    judged_at: Instant
    first_area: float
    log_odds: float = _PRIOR
    looks: int = 0
    hits: int = 0
    best: float = 0.0
    scores: list[float] = field(default_factory=list)
    alerted: bool = False


class SmokeFireJudge:
    """Judges one camera's sightings. Not thread safe: one camera, one caller at a time."""

    def __init__(self, camera_id: CameraId, sensitivity: Literal["low", "normal", "high"] = "normal") -> None:
        self.camera_id = camera_id
        self._conviction = CONVICTIONS[sensitivity]
        self._suspicions: list[_Suspicion] = []

    @property
    def is_suspicious(self) -> bool:
        """True while something is being confirmed: the camera deserves more looks."""
        return any(not s.alerted and s.hits > 0 for s in self._suspicions)

    def update(self, sighting: Sighting) -> list[AlertDraft]:
        """Takes one look's evidence and returns the alerts that it completes."""
        now = sighting.looked_at
        detections = sighting.detections
        unseen = set(range(len(self._suspicions)))
        for row in range(len(detections)):
            left, top, right, bottom = (float(v) for v in detections.boxes[row])
            box = (left, top, right, bottom)
            self._support(detections.classes[row], box, float(detections.scores[row]), now, unseen)
        for index in unseen:
            suspicion = self._suspicions[index]
            suspicion.log_odds += _UNSEEN * self._weight(suspicion, now)
            suspicion.looks += 1
            suspicion.judged_at = now
        self._forget(now)
        return [self._raise(s, now) for s in self._suspicions if self._convinced(s, now)]

    def _support(self, cls: ObjectClass, box: Box, score: float, now: Instant, unseen: set[int]) -> None:
        for index in sorted(unseen):
            suspicion = self._suspicions[index]
            if suspicion.object_class is cls and _same_place(suspicion.box, box):
                unseen.discard(index)
                break
        else:
            if any(s.object_class is cls and s.judged_at == now and _same_place(s.box, box) for s in self._suspicions):
                return  # a second box on a place that this look already spoke for
            suspicion = _Suspicion(cls, box, now, now, Instant(now - _FULL_WEIGHT_SECONDS), max(_area(box), 1e-6))
            self._suspicions.append(suspicion)
        evidence = _logit(score) - _logit(self._conviction.even_score[cls])
        suspicion.log_odds += min(max(evidence, _MOST_AGAINST), _MOST_FOR) * self._weight(suspicion, now)
        suspicion.log_odds = min(suspicion.log_odds, _CEILING)
        suspicion.box = box
        suspicion.seen_at = suspicion.judged_at = now
        suspicion.looks += 1
        suspicion.hits += 1
        suspicion.best = max(suspicion.best, score)
        suspicion.scores = [*suspicion.scores[-31:], round(score, 3)]

    @staticmethod
    def _weight(suspicion: _Suspicion, now: Instant) -> float:
        return min(1.0, max(0.0, (now - suspicion.judged_at) / _FULL_WEIGHT_SECONDS))

    def _forget(self, now: Instant) -> None:
        def keep(s: _Suspicion) -> bool:
            if s.alerted:
                return now - s.seen_at < _QUIET_SECONDS
            return s.log_odds > _FORGET_BELOW

        kept = [s for s in self._suspicions if keep(s)]
        kept.sort(key=lambda s: (s.alerted, s.log_odds), reverse=True)
        self._suspicions = kept[:MOST_PLACES]

    def _convinced(self, s: _Suspicion, now: Instant) -> bool:
        c = self._conviction
        return (
            not s.alerted
            and s.seen_at == now
            and s.log_odds >= c.log_odds
            and s.hits >= c.looks
            and now - s.first_seen_at >= c.seconds
        )

    def _raise(self, s: _Suspicion, now: Instant) -> AlertDraft:
        s.alerted = True
        seconds = now - s.first_seen_at
        growth = _area(s.box) / s.first_area
        is_fire = s.object_class is ObjectClass.FIRE
        grows = growth > 1.5
        reason = Reason(
            zh=(
                f"{'明火' if is_fire else '烟雾'}在同一位置持续 {seconds:.0f} 秒，{s.looks} 次观察中 {s.hits} 次看到，"
                f"最高置信度 {s.best:.0%}{'，且正在扩大' if grows else ''}"
            ),
            en=(
                f"{'Fire' if is_fire else 'Smoke'} held one place for {seconds:.0f} s, seen in {s.hits} of {s.looks} "
                f"looks, best score {s.best:.0%}{', and it is growing' if grows else ''}"
            ),
        )
        return AlertDraft(
            kind=IncidentKind.FIRE if is_fire else IncidentKind.SMOKE,
            camera_id=self.camera_id,
            first_seen_at=s.first_seen_at,
            raised_at=now,
            confidence=1 / (1 + math.exp(-s.log_odds)),
            severity=4 if is_fire and grows else 3 if is_fire or grows else 2,
            reason=reason,
            marked=(Marked(s.object_class, s.best, s.box),),
            numbers={
                "log_odds": round(s.log_odds, 2),
                "looks": s.looks,
                "hits": s.hits,
                "seconds": round(seconds, 2),
                "scores": s.scores,
                "growth": round(growth, 2),
                "area": round(_area(s.box), 5),
            },
        )
