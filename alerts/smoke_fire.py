"""When sightings of smoke and fire become an alert.

Promises: for each *place* in the picture all that is known is added up as one bounded log-odds: scores of looks as they
were calibrated, how long it has held its place, how it behaves, what a closer look saw, whether it is known to be
harmless here or cried wolf before, and whether smoke and fire stand together. So no one look suffices and no missed
look forgets. A place raises one alert while it burns, and one more when it has become graver. Memory is bounded. Pure:
time comes with the sightings. Not here: the looks (`detectors/`), what each kind of evidence is worth
(`calibration.py`, `fire_evidence.py`, `known_sources.py`), what is known of a place (`suspicion.py`), what is said of
it (`fire_words.py`), what becomes of an alert (`incidents.py`).

Method: a sequential probability ratio (Wald, 1945) with each term bounded; a look counts by how much time it adds,
since looks a few milliseconds apart say nearly the same.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from alerts.calibration import Calibration, load_calibration
from alerts.fire_evidence import (
    Argument,
    behaviour_arguments,
    gone_argument,
    news,
    persistence_argument,
    second_look_argument,
)
from alerts.fire_words import numbers_of, sentence
from alerts.known_sources import KnownSource, resemblance
from alerts.suspicion import GROWN, PRIOR, Observed, Suspicion, area_of, same_place, spot_of
from alerts.words import AlertDraft, Marked
from configs.words import Box, CameraId, IncidentKind, Instant, ObjectClass
from detectors.words import Sighting

Sensitivity = Literal["low", "normal", "high"]

#: At most so many places are doubted at once on one camera; the weakest is forgotten first.
MOST_PLACES = 16
#: So many of them are worth watching closely.
MOST_WATCHED = 4


@dataclass(frozen=True, slots=True)
class Conviction:
    """How sure we want to be. What is new is doubted by `patience`, which fades in `fades_in` seconds."""

    log_odds: float
    patience: float
    fades_in: float


CONVICTIONS: dict[Sensitivity, Conviction] = {
    "low": Conviction(2.4, 7.0, 2.0),
    "normal": Conviction(1.5, 6.0, 1.5),
    "high": Conviction(0.5, 4.0, 0.8),
}

_SCORES_LEAST, _SCORES_MOST = -2.0, 5.0
_FULL_WEIGHT_SECONDS = 0.4
_FORGET_AFTER_SECONDS = 6.0
_QUIET_SECONDS = 30.0
_SECOND_LOOK_SECONDS = 1.0
_MOST_TOGETHER = 1.0
#: A known harmless source that looks exactly the same takes this much away.
_KNOWN = 6.0
#: That a place was suspected before and went quiet by itself takes this much away each time, so much at most, and is
#: forgiven in so many seconds.
_CRIED_WOLF, _MOST_CRIED_WOLF, _FORGIVEN_SECONDS = 0.6, 2.0, 600.0
_MOST_REFUTED = 32
#: While this young, a place gets the benefit of the doubt, and the looks that go with it.
_DOUBT_SECONDS = 10.0
#: Where a place was of late is where it was these seconds ago, smoothed.
_OF_LATE_SECONDS = 3.0
#: A place that was seen so often is watched as long as it is remembered.
_KNOWN_HITS = 3


@dataclass(frozen=True, slots=True)
class _Refuted:
    """A suspicion that came to nothing."""

    object_class: ObjectClass
    box: Box
    at: Instant


class SmokeFireJudge:
    """Judges one camera's sightings. Not thread safe: one camera, one caller at a time.

    `known` are this camera's harmless sources; it may be set at any time.
    """

    def __init__(
        self, camera_id: CameraId, sensitivity: Sensitivity = "normal", calibration: Calibration | None = None
    ) -> None:
        self.camera_id = camera_id
        self.known: tuple[KnownSource, ...] = ()
        self._conviction = CONVICTIONS[sensitivity]
        self._worth = calibration if calibration is not None else load_calibration()
        self._suspicions: list[Suspicion] = []
        self._refuted: deque[_Refuted] = deque(maxlen=_MOST_REFUTED)
        self._next_key = 1

    @property
    def is_suspicious(self) -> bool:
        """True while something is being confirmed: the camera deserves more looks. What has been doubted for long
        without convincing does not."""
        near = self._conviction.log_odds - 1.0
        return any(
            not s.alerted and s.scores_odds > 0 and s.total + s.newness + self._benefit(s) > near
            for s in self._suspicions
        )

    @property
    def places(self) -> dict[int, Box]:
        """The places whose pixels should be kept, by key, the likeliest first; also while scores say little, or what
        comes and goes would never be measured."""
        doubted = [s for s in self._suspicions if not s.alerted and (s.scores_odds > 0 or s.hits >= _KNOWN_HITS)]
        doubted.sort(key=lambda s: s.total, reverse=True)
        return {s.key: s.box for s in doubted[:MOST_WATCHED]}

    def second_looks(self, now: Instant) -> dict[int, Box]:
        """The places that a closer look would help to judge now, by key; each is asked for once in a while."""
        wanted, watched = {}, self.places
        for s in self._suspicions:
            if s.scores_odds > 0 and s.key in watched and now - s.looked_closely_at >= _SECOND_LOOK_SECONDS:
                s.looked_closely_at = now
                wanted[s.key] = s.box
        return wanted

    def take_second_look(self, key: int, scores: Mapping[ObjectClass, float]) -> None:
        """What a closer look at a place found: the best score of each class. It counts from the next look on."""
        for s in self._suspicions:
            if s.key == key:
                score = scores.get(s.object_class, 0.0)
                s.closer = [*s.closer[-2:], self._worth[s.object_class].of(score)]
                s.closer_best = max(s.closer_best, score)

    def update(self, sighting: Sighting, observed: Mapping[int, Observed] | None = None) -> list[AlertDraft]:
        """Takes one look's evidence, and what pixels say of `places`; returns the alerts that it completes."""
        now = sighting.looked_at
        detections = sighting.detections
        unseen = {s.key for s in self._suspicions}
        for row in range(len(detections)):
            left, top, right, bottom = (float(v) for v in detections.boxes[row])
            if detections.classes[row] in self._worth:
                self._support(detections.classes[row], (left, top, right, bottom), float(detections.scores[row]), now)
        for s in self._suspicions:
            s.observed = (observed or {}).get(s.key, s.observed)
            if s.key in unseen and s.judged_at != now:
                self._add(s, self._worth[s.object_class].unseen, now)
        for s in self._suspicions:
            self._sum_up(s, now)
        self._forget(now)
        return [draft for s in self._suspicions if s.seen_at == now for draft in self._decide(s, now)]

    def _support(self, cls: ObjectClass, box: Box, score: float, now: Instant) -> None:
        here = [s for s in self._suspicions if s.object_class is cls and same_place(s.box, box)]
        if any(s.judged_at == now for s in here):
            return  # a second box on a place that this look already spoke for
        worth = self._worth[cls].of(score)
        if here:
            s = max(here, key=lambda s: s.scores_odds)
        elif worth > 0:
            area = max(area_of(box), 1e-6)
            before = Instant(now - _FULL_WEIGHT_SECONDS)
            s = Suspicion(self._next_key, cls, box, now, now, before, area, area, spot_of(box))
            self._next_key += 1
            self._suspicions.append(s)
        else:
            return
        share = min(1.0, max(0.0, now - s.judged_at) / 1.0)
        s.area += share * (max(area_of(box), 1e-6) - s.area)
        if s.hits < 3:
            s.first_area = s.area
        follow = 1.0 - math.exp(-max(0.0, now - s.seen_at) / _OF_LATE_SECONDS)
        x, y, size = (old + follow * (new - old) for old, new in zip(s.was, spot_of(box), strict=True))
        s.was = x, y, size
        self._add(s, worth, now)
        s.box, s.seen_at = box, now
        s.hits += 1
        s.best = max(s.best, score)
        s.scores = [*s.scores[-31:], round(score, 3)]

    @staticmethod
    def _add(s: Suspicion, worth: float, now: Instant) -> None:
        weight = min(1.0, max(0.0, (now - s.judged_at) / _FULL_WEIGHT_SECONDS))
        s.scores_odds = min(max(s.scores_odds + worth * weight, _SCORES_LEAST), _SCORES_MOST)
        s.looks += 1
        s.judged_at = now

    def _arguments(self, s: Suspicion, now: Instant) -> list[Argument]:
        """All but the scores, which are told apart, and what is known, which speaks only against."""
        c = self._conviction
        found = behaviour_arguments(s.object_class, s.observed.behaviour)
        found.append(gone_argument(s.gone))
        found.append(persistence_argument(now - s.first_seen_at, s.looks, s.hits, c.patience, c.fades_in))
        closer = second_look_argument(s.closer, s.closer_best)
        return found if closer is None else [*found, closer]

    def _sum_up(self, s: Suspicion, now: Instant) -> None:
        others = [o for o in self._suspicions if o.object_class is not s.object_class and same_place(o.box, s.box)]
        s.together = min(max((0.4 * o.scores_odds for o in others), default=0.0), _MOST_TOGETHER)
        s.together = max(s.together, 0.0)
        s.known = -_KNOWN * resemblance(self.known, s.object_class, s.box, s.observed.look)
        wolves = [
            math.exp((r.at - now) / _FORGIVEN_SECONDS)
            for r in self._refuted
            if r.object_class is s.object_class and same_place(r.box, s.box)
        ]
        s.cried_wolf = -min(_CRIED_WOLF * sum(wolves), _MOST_CRIED_WOLF)
        once = max(0.0, self._worth[s.object_class].of(sum(s.scores) / len(s.scores)))
        fresh = news(s.object_class, s.observed.behaviour)
        s.told = min(s.scores_odds, fresh * _SCORES_MOST + (1.0 - fresh) * once)
        arguments = sum(a.evidence for a in self._arguments(s, now))
        s.newness = self._conviction.patience * math.exp(-(now - s.first_seen_at) / self._conviction.fades_in)
        s.total = PRIOR + s.told + arguments + s.together + s.known + s.cried_wolf

    @staticmethod
    def _benefit(s: Suspicion) -> float:
        return 4.0 * max(0.0, 1.0 - (s.judged_at - s.first_seen_at) / _DOUBT_SECONDS)

    def _forget(self, now: Instant) -> None:
        def keep(s: Suspicion) -> bool:
            if s.alerted:
                return now - s.seen_at < _QUIET_SECONDS
            return s.scores_odds > _SCORES_LEAST and now - s.seen_at < _FORGET_AFTER_SECONDS

        kept = [s for s in self._suspicions if keep(s)]
        self._refuted.extend(
            _Refuted(s.object_class, s.box, now) for s in self._suspicions if s not in kept and not s.alerted
        )
        kept.sort(key=lambda s: (s.alerted, s.total), reverse=True)
        self._suspicions = kept[:MOST_PLACES]

    def _decide(self, s: Suspicion, now: Instant) -> list[AlertDraft]:
        if s.total < self._conviction.log_odds:
            return []
        grown = sum(s.growth >= step for step in GROWN)
        severity = min(4, (3 if s.object_class is ObjectClass.FIRE else 2) + grown)
        if severity <= s.severity:
            return []
        s.severity = severity
        return [self._draft(s, now)]

    def _draft(self, s: Suspicion, now: Instant) -> AlertDraft:
        is_fire = s.object_class is ObjectClass.FIRE
        arguments = self._arguments(s, now)
        return AlertDraft(
            kind=IncidentKind.FIRE if is_fire else IncidentKind.SMOKE,
            camera_id=self.camera_id,
            first_seen_at=s.first_seen_at,
            raised_at=now,
            confidence=1 / (1 + math.exp(-s.total)),
            severity=s.severity,
            reason=sentence(s, arguments),
            marked=(Marked(s.object_class, s.best, s.box),),
            numbers=numbers_of(s, now, arguments),
        )
