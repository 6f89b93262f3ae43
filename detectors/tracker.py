"""The tracker of one camera: detections in, things with an identity over time out.

Promises: time is in seconds and steps may be uneven, from ten looks a second to one; state is bounded for ever; the
same input gives the same output. An identity is unique for a camera and a run, never a person's. Not here: motion
(`kinematics.py`), the assignment (`association.py`), what a track means for a count (`flow/`).

How it works, and what was tried, is in `docs/tracking.md`.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from configs.words import CameraId, Instant, ObjectClass
from detectors.association import assign, log_likelihood, overlaps
from detectors.kinematics import Filters, Floats, Motion, boxed, measured, sizes
from detectors.words import Detections, Track, TrackId, Tracks

_WALKS = Motion(
    speed=0.4,
    first_speed=1.0,
    remembers_seconds=6.0,
    growth=0.07,
    place_error=0.07,
    shape_error=0.15,
    top_speed=4.0,
    novelty=-5.0,
    by_height=True,
)
_RIDES = Motion(
    speed=1.5,
    first_speed=2.0,
    remembers_seconds=3.0,
    growth=0.5,
    place_error=0.07,
    shape_error=0.15,
    top_speed=8.0,
    novelty=-6.0,
)
_DRIVES = Motion(
    speed=1.5,
    first_speed=4.0,
    remembers_seconds=6.0,
    growth=1.0,
    place_error=0.07,
    shape_error=0.15,
    top_speed=12.0,
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


@dataclass(frozen=True, slots=True)
class TrackerParameters:
    """What can be set of a tracker. Times are in seconds, scores 0…1."""

    least_score: float = 0.1
    strong_score: float = 0.4
    birth_score: float = 0.45
    sure_score: float = 0.7
    tail: float = 8.0
    calm: float = 16.0
    weak_margin: float = 4.0
    coasts_seconds: float = 3.0
    tentative_seconds: float = 1.2
    strength_seconds: float = 1.0
    confirm_strength: float = 0.4
    show_strength: float = 0.25
    shown_seconds: float = 0.0
    most_tracks: int = 256
    people: Motion = _WALKS
    riders: Motion = _RIDES
    drivers: Motion = _DRIVES


@dataclass(slots=True)
class _Life:
    """What is known of one thing besides its motion."""

    track_id: int
    family: int
    confirmed: bool
    confidence: float
    strength: float
    first_seen_at: Instant
    seen_at: Instant
    seen_time: float
    looks: int
    place: tuple[float, float]
    votes: dict[ObjectClass, float] = field(default_factory=dict)

    def vote(self, object_class: ObjectClass, score: float) -> None:
        for name in self.votes:
            self.votes[name] *= 0.9
        self.votes[object_class] = self.votes.get(object_class, 0.0) + score

    @property
    def object_class(self) -> ObjectClass:
        return max(self.votes, key=lambda name: self.votes[name])


class Tracker:
    """Follows people and vehicles on one camera."""

    def __init__(self, camera_id: CameraId, parameters: TrackerParameters | None = None) -> None:
        self.camera_id = camera_id
        self.parameters = parameters or TrackerParameters()
        self._motions = (self.parameters.people, self.parameters.riders, self.parameters.drivers)
        self._filters = Filters()
        self._lives: list[_Life] = []
        self._next = 1
        self._now: float | None = None

    def __len__(self) -> int:
        """How many things are held, unconfirmed and unseen ones too."""
        return len(self._lives)

    def update(self, detections: Detections, looked_at: Instant, stream_time: float) -> Tracks:
        """Take in one look. `stream_time` is in seconds and should grow; a step back or a long gap starts afresh."""
        p = self.parameters
        step = 0.0 if self._now is None else stream_time - self._now
        if step < 0 or step > 4 * p.coasts_seconds:
            self._forget()
            step = 0.0
        self._now = stream_time
        self._filters.predict(step)

        boxes, scores, classes = self._wanted(detections)
        states = measured(boxes, detections.aspect)
        families = np.array([_FAMILY[name] for name in classes], np.intp)
        noise = self._noise(states, families)
        rows, columns = self._match(states, noise, scores, families, stream_time)

        self._filters.update(rows, states[columns], noise[columns], p.calm)
        for row, column in zip(rows, columns, strict=True):
            self._saw(self._lives[row], classes[column], float(scores[column]), looked_at, stream_time)
            self._lives[row].place = (float(states[column, 0]), float(states[column, 1]))
        self._bear(states, noise, scores, classes, families, columns, looked_at, stream_time, detections.aspect)
        self._bury(stream_time, detections.aspect)
        return self._tracks(looked_at, stream_time, detections.aspect)

    def _forget(self) -> None:
        self._filters.keep(np.zeros(0, np.intp))
        self._lives.clear()

    def _wanted(
        self, detections: Detections
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[ObjectClass, ...]]:
        scores = np.asarray(detections.scores)
        chosen = [
            i
            for i, name in enumerate(detections.classes)
            if name in _FAMILY and scores[i] >= self.parameters.least_score
        ][: self.parameters.most_tracks]
        return detections.boxes[chosen], scores[chosen], tuple(detections.classes[i] for i in chosen)

    def _noise(self, states: Floats, families: NDArray[np.intp]) -> Floats:
        place = np.array([m.place_error for m in self._motions])[families]
        shape = np.array([m.shape_error for m in self._motions])[families]
        size = sizes(states, families == 0)
        deviation = np.stack([place * size * 0.6, place * size, shape * 1.5, shape], axis=1)
        return deviation**2

    def _match(
        self, states: Floats, noise: Floats, scores: NDArray[np.float32], families: NDArray[np.intp], time: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        p = self.parameters
        if not self._lives or not len(states):
            empty = np.zeros(0, np.intp)
            return empty, empty
        own = np.array([life.family for life in self._lives], np.intp)
        likelihood = log_likelihood(self._filters.mean, self._filters.pp, states, noise, p.tail)
        size = self._filters.sizes()
        score = likelihood + 2 * np.log(size)[:, None] - np.array([m.novelty for m in self._motions])[own][:, None]
        moved = np.linalg.norm(self._last_seen()[:, None, :] - states[None, :, :2], axis=2)
        top = np.array([m.top_speed for m in self._motions])[own] * size
        unseen = np.array([time - life.seen_time for life in self._lives])
        allowed = (own[:, None] == families[None, :]) & (moved <= (top * unseen + 0.5 * size)[:, None])
        strong = scores >= p.strong_score
        rows, columns = assign(score, allowed & strong[None, :])
        rest = allowed & ~strong[None, :] & (score > p.weak_margin)
        rest[rows] = False
        more_rows, more_columns = assign(score, rest)
        return np.concatenate([rows, more_rows]), np.concatenate([columns, more_columns])

    def _last_seen(self) -> Floats:
        return np.array([life.place for life in self._lives])

    def _saw(self, life: _Life, object_class: ObjectClass, score: float, at: Instant, time: float) -> None:
        life.vote(object_class, score)
        p = self.parameters
        life.confidence = score
        life.strength += (score - life.strength) * (1 - math.exp(-(time - life.seen_time) / p.strength_seconds))
        life.seen_at, life.seen_time = at, time
        life.looks += 1
        life.confirmed = life.confirmed or (life.looks >= 2 and life.strength >= p.confirm_strength)

    def _bear(
        self,
        states: Floats,
        noise: Floats,
        scores: NDArray[np.float32],
        classes: tuple[ObjectClass, ...],
        families: NDArray[np.intp],
        matched: NDArray[np.intp],
        at: Instant,
        time: float,
        aspect: float,
    ) -> None:
        p = self.parameters
        free = np.ones(len(states), bool)
        free[matched] = False
        taken: list[int] = matched.tolist()
        born: list[int] = []
        boxes = boxed(states, aspect)
        for i in np.flatnonzero(free & (scores >= p.birth_score)).tolist():
            if len(self._lives) + len(born) >= p.most_tracks:
                break
            if taken:
                union, smaller = overlaps(boxes[[i]], boxes[taken])
                same = families[taken] == families[i]
                if (((union[0] > 0.6) | (smaller[0] > 0.85)) & same).any():
                    continue
            born.append(i)
            taken.append(i)
        if not born:
            return
        self._filters.add(states[born], noise[born], [self._motions[families[i]] for i in born])
        for i in born:
            score = float(scores[i])
            life = _Life(
                self._next,
                int(families[i]),
                score >= p.sure_score,
                score,
                score,
                at,
                at,
                time,
                1,
                (float(states[i, 0]), float(states[i, 1])),
            )
            life.vote(classes[i], score)
            self._next += 1
            self._lives.append(life)

    def _bury(self, time: float, aspect: float) -> None:
        p = self.parameters
        kept = []
        for row, life in enumerate(self._lives):
            unseen = time - life.seen_time
            limit = min(p.coasts_seconds, p.tentative_seconds + life.seen_at - life.first_seen_at)
            x, y = self._filters.mean[row, 0] / aspect, self._filters.mean[row, 1]
            outside = unseen > 0 and not (-0.02 < x < 1.02 and -0.02 < y < 1.02)
            if unseen <= limit and not outside:
                kept.append(row)
        if len(kept) < len(self._lives):
            self._filters.keep(np.array(kept, np.intp))
            self._lives = [self._lives[row] for row in kept]

    def _tracks(self, looked_at: Instant, stream_time: float, aspect: float) -> Tracks:
        boxes = np.clip(boxed(self._filters.mean, aspect), 0.0, 1.0)
        tracks = []
        for life, box in zip(self._lives, boxes, strict=True):
            if (
                life.confirmed
                and life.strength >= self.parameters.show_strength
                and stream_time - life.seen_time <= self.parameters.shown_seconds
            ):
                left, top, right, bottom = (float(v) for v in box)
                tracks.append(
                    Track(
                        TrackId(life.track_id),
                        life.object_class,
                        (left, top, right, bottom),
                        life.confidence,
                        life.first_seen_at,
                        life.seen_at,
                        life.looks,
                    )
                )
        return Tracks(self.camera_id, looked_at, stream_time, aspect, tuple(tracks))
