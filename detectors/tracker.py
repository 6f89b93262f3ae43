"""The tracker of one camera: detections in, things with an identity over time out.

Promises: time is in seconds and steps may be uneven, from thirty looks a second to one; state is bounded for ever; the
same input gives the same output. An identity is unique for a camera and a run, never a person's. Not here: motion
(`kinematics.py`), the assignment (`association.py`), what a track means for a count (`flow/`).

One look goes: predict everything to now; give strong detections to whoever explains them best, all at once; give weak
detections to things that are left over and expected just there; let strong detections that nobody explains be born,
unless they double somebody; bury what has not been seen for too long. How it was chosen, and what else was tried, is
in `docs/tracking.md`.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from configs.words import CameraId, Instant, ObjectClass
from detectors.association import assign, log_likelihood, overlaps
from detectors.kinematics import Filters, Floats, Motion, boxed, measured, sizes
from detectors.words import Detections, Track, TrackId, Tracks

WALKS = Motion(
    speed=0.4,
    first_speed=1.0,
    top_speed=4.0,
    remembers_seconds=6.0,
    growth=0.07,
    place_error=0.07,
    shape_error=0.15,
    novelty=-5.0,
    by_height=True,
)
RIDES = Motion(
    speed=1.0,
    first_speed=2.5,
    top_speed=8.0,
    remembers_seconds=6.0,
    growth=0.5,
    place_error=0.07,
    shape_error=0.15,
    novelty=-7.0,
)
DRIVES = Motion(
    speed=1.5,
    first_speed=4.0,
    top_speed=12.0,
    remembers_seconds=6.0,
    growth=1.0,
    place_error=0.07,
    shape_error=0.15,
    novelty=-8.0,
)

#: Classes that a detector may take for each other. Nothing ever leaves its family.
_FAMILY: dict[ObjectClass, int] = {
    ObjectClass.PERSON: 0,
    ObjectClass.BICYCLE: 1,
    ObjectClass.MOTORCYCLE: 1,
    ObjectClass.CAR: 2,
    ObjectClass.BUS: 2,
    ObjectClass.TRUCK: 2,
}
_PERSON_FAMILY = 0

#: Detections of one family that overlap more than this are one thing seen twice, as a car and as a truck.
_SAME = 0.8
#: A birth is refused where it overlaps something taken by this much, or lies within it by that share of itself.
_DOUBLES = 0.6
_WITHIN = 0.85
#: A thing whose expected centre is this far out of the picture has left.
_OUTSIDE = 0.02
#: The vote of an earlier look for a class counts this much of the next one's.
_VOTE_KEPT = 0.9


@dataclass(frozen=True, slots=True)
class TrackerParameters:
    """What can be set of a tracker. Times are in seconds, scores 0…1.

    - Detections below `least_score` are not looked at; those from `strong_score` up may be anybody's, the weaker ones
      only continue a track that expects them there, by `weak_margin` in log likelihood ratio.
    - A birth needs `birth_score`. It is confirmed at once from `sure_score` up, else by a second look while its mean
      score over `strength_seconds` is at least `confirm_strength`; below `show_strength` it is not shown.
    - `tail` and `calm`: see `association.log_likelihood` and `Filters.update`.
    - Things unseen are kept for `coasts_seconds`, young ones for `tentative_seconds` and their age; a track is given
      with a predicted box for `shown_seconds` at most. After `gap_seconds` without any look everything is forgotten.
    """

    least_score: float = 0.1
    strong_score: float = 0.4
    weak_margin: float = 4.0
    birth_score: float = 0.45
    sure_score: float = 0.7
    strength_seconds: float = 1.0
    confirm_strength: float = 0.4
    show_strength: float = 0.25
    tail: float = 12.0
    calm: float = 16.0
    coasts_seconds: float = 3.0
    tentative_seconds: float = 1.2
    shown_seconds: float = 0.0
    gap_seconds: float = 12.0
    most_tracks: int = 256
    people: Motion = WALKS
    riders: Motion = RIDES
    drivers: Motion = DRIVES


@dataclass(slots=True)
class _Life:
    """What is known of one thing besides its motion. `place` is where it was last seen, in picture heights."""

    track_id: int
    family: int
    confirmed: bool
    confidence: float
    strength: float
    first_seen_at: Instant
    seen_at: Instant
    born_time: float
    seen_time: float
    looks: int
    place: tuple[float, float]
    votes: dict[ObjectClass, float] = field(default_factory=dict)

    def vote(self, object_class: ObjectClass, score: float) -> None:
        for name in self.votes:
            self.votes[name] *= _VOTE_KEPT
        self.votes[object_class] = self.votes.get(object_class, 0.0) + score

    @property
    def object_class(self) -> ObjectClass:
        return max(self.votes, key=lambda name: self.votes[name])


@dataclass(frozen=True, slots=True)
class _Look:
    """One look's usable detections, in the tracker's units."""

    at: Instant
    time: float
    aspect: float
    states: Floats
    noise: Floats
    scores: Floats
    classes: tuple[ObjectClass, ...]
    families: NDArray[np.intp]


class Tracker:
    """Follows people and vehicles on one camera."""

    def __init__(self, camera_id: CameraId, parameters: TrackerParameters | None = None) -> None:
        self.camera_id = camera_id
        self.parameters = parameters or TrackerParameters()
        self._motions = (self.parameters.people, self.parameters.riders, self.parameters.drivers)
        self._filters = Filters()
        self._lives: list[_Life] = []
        self._next = 1
        self._time: float | None = None

    @property
    def held(self) -> int:
        """How many things are held, unconfirmed and unseen ones too."""
        return len(self._lives)

    def update(self, detections: Detections, looked_at: Instant, stream_time: float) -> Tracks:
        """Take in one look. `stream_time` is in seconds and should grow; a step back or a long gap starts afresh."""
        step = 0.0 if self._time is None else stream_time - self._time
        if step < 0 or step > self.parameters.gap_seconds:
            self._filters.keep(np.zeros(0, np.intp))
            self._lives.clear()
            step = 0.0
        self._time = stream_time
        self._filters.predict(step)
        look = self._look(detections, looked_at, stream_time)
        rows, columns = self._match(look)
        self._filters.update(rows, look.states[columns], look.noise[columns], self.parameters.calm)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            self._saw(self._lives[row], look, column)
        self._bear(look, columns)
        self._bury(look)
        return self._tracks(look)

    def _look(self, detections: Detections, at: Instant, time: float) -> _Look:
        p, aspect = self.parameters, detections.aspect
        scores = np.asarray(detections.scores, np.float64)
        usable = np.array([name in _FAMILY for name in detections.classes], bool) & (scores >= p.least_score)
        chosen = np.flatnonzero(usable & np.isfinite(detections.boxes).all(axis=1))[: p.most_tracks]
        families = np.array([_FAMILY[detections.classes[i]] for i in chosen], np.intp)
        states = measured(detections.boxes[chosen], aspect)
        if len(chosen) > 1:
            boxes = boxed(states, aspect)
            double = np.triu((overlaps(boxes, boxes)[0] > _SAME) & (families[:, None] == families[None, :]), 1)
            single = ~double.any(axis=0)
            chosen, families, states = chosen[single], families[single], states[single]
        return _Look(
            at,
            time,
            aspect,
            states,
            self._noise(states, families),
            scores[chosen],
            tuple(detections.classes[i] for i in chosen),
            families,
        )

    def _noise(self, states: Floats, families: NDArray[np.intp]) -> Floats:
        """The variance (n, 4) of what a detector says of place and shape: it grows with the size of the thing."""
        place = np.array([m.place_error for m in self._motions])[families]
        shape = np.array([m.shape_error for m in self._motions])[families]
        place = place * sizes(states, families == _PERSON_FAMILY)
        return np.stack([0.6 * place, place, 1.5 * shape, shape], axis=1) ** 2

    def _match(self, look: _Look) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of lives and columns of detections that belong together."""
        p = self.parameters
        if not self._lives or not len(look.states):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        family = np.array([life.family for life in self._lives], np.intp)
        size = self._filters.sizes()
        novelty = np.array([m.novelty for m in self._motions])[family]
        score = log_likelihood(self._filters.mean, self._filters.pp, look.states, look.noise, p.tail)
        score += (2 * np.log(size) - novelty)[:, None]

        unseen = look.time - np.array([life.seen_time for life in self._lives])
        reach = (np.array([m.top_speed for m in self._motions])[family] * unseen + 0.5) * size
        seen_at = np.array([life.place for life in self._lives])
        moved = np.hypot(*np.moveaxis(seen_at[:, None, :] - look.states[None, :, :2], 2, 0))
        allowed = (family[:, None] == look.families[None, :]) & (moved <= reach[:, None])

        strong = look.scores >= p.strong_score
        rows, columns = assign(score, allowed & strong)
        left = allowed & ~strong & (score > p.weak_margin)
        left[rows] = False
        weak_rows, weak_columns = assign(score, left)
        return np.concatenate([rows, weak_rows]), np.concatenate([columns, weak_columns])

    def _saw(self, life: _Life, look: _Look, column: int) -> None:
        p, score = self.parameters, float(look.scores[column])
        life.vote(look.classes[column], score)
        life.confidence = score
        life.strength += (score - life.strength) * (1 - math.exp(-(look.time - life.seen_time) / p.strength_seconds))
        life.seen_at, life.seen_time = look.at, look.time
        life.looks += 1
        life.place = (float(look.states[column, 0]), float(look.states[column, 1]))
        life.confirmed = life.confirmed or life.strength >= p.confirm_strength

    def _bear(self, look: _Look, matched: NDArray[np.intp]) -> None:
        p = self.parameters
        free = look.scores >= p.birth_score
        free[matched] = False
        if not free.any():
            return
        taken: list[int] = matched.tolist()
        born: list[int] = []
        boxes = boxed(look.states, look.aspect)
        for i in np.flatnonzero(free).tolist():
            if len(self._lives) + len(born) >= p.most_tracks:
                break
            union, smaller = overlaps(boxes[[i]], boxes[taken])
            same = look.families[taken] == look.families[i]
            if not (((union[0] > _DOUBLES) | (smaller[0] > _WITHIN)) & same).any():
                born.append(i)
                taken.append(i)
        if not born:
            return
        self._filters.add(look.states[born], look.noise[born], [self._motions[look.families[i]] for i in born])
        for i in born:
            score = float(look.scores[i])
            life = _Life(
                track_id=self._next,
                family=int(look.families[i]),
                confirmed=score >= p.sure_score,
                confidence=score,
                strength=score,
                first_seen_at=look.at,
                seen_at=look.at,
                born_time=look.time,
                seen_time=look.time,
                looks=1,
                place=(float(look.states[i, 0]), float(look.states[i, 1])),
            )
            life.vote(look.classes[i], score)
            self._next += 1
            self._lives.append(life)

    def _bury(self, look: _Look) -> None:
        p = self.parameters
        kept = []
        for row, life in enumerate(self._lives):
            unseen = look.time - life.seen_time
            x, y = self._filters.mean[row, 0] / look.aspect, self._filters.mean[row, 1]
            inside = -_OUTSIDE < x < 1 + _OUTSIDE and -_OUTSIDE < y < 1 + _OUTSIDE
            limit = min(p.coasts_seconds, p.tentative_seconds + life.seen_time - life.born_time)
            if unseen == 0 or (unseen <= limit and inside):
                kept.append(row)
        if len(kept) < len(self._lives):
            self._filters.keep(np.array(kept, np.intp))
            self._lives = [self._lives[row] for row in kept]

    def _tracks(self, look: _Look) -> Tracks:
        p = self.parameters
        boxes = np.clip(boxed(self._filters.mean, look.aspect), 0.0, 1.0).tolist()
        tracks = tuple(
            Track(
                TrackId(life.track_id),
                life.object_class,
                (box[0], box[1], box[2], box[3]),
                life.confidence,
                life.first_seen_at,
                life.seen_at,
                life.looks,
            )
            for life, box in zip(self._lives, boxes, strict=True)
            if life.confirmed and life.strength >= p.show_strength and look.time - life.seen_time <= p.shown_seconds
        )
        return Tracks(self.camera_id, look.at, look.time, look.aspect, tracks)
