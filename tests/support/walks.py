"""Things that walk and drive as they are told: detections and tracks of a known truth, for tests."""

from collections.abc import Iterable, Sequence

import numpy as np

from configs.words import Box, CameraId, Instant, ObjectClass
from detectors.words import Detections, Track, TrackId, Tracks

CAMERA = CameraId("gate")
ASPECT = 16 / 9
Seen = tuple[ObjectClass, Box, float]


def standing(x: float, y: float, tall: float = 0.2, wide: float | None = None, aspect: float = ASPECT) -> Box:
    """The box of a thing whose foot point is (x, y), `tall` of the picture's height, a third of that wide at first."""
    half = (wide if wide is not None else tall / 3 / aspect) / 2
    return x - half, y - tall, x + half, y


def detections(seen: Sequence[Seen], aspect: float = ASPECT) -> Detections:
    """What a detector would give for these, strongest first."""
    ranked = sorted(seen, key=lambda thing: -thing[2])
    return Detections(
        np.array([box for _, box, _ in ranked], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in ranked], np.float32),
        tuple(name for name, _, _ in ranked),
        aspect,
    )


def people(*boxes: Box, score: float = 0.8) -> Detections:
    """Persons, each as strong as the other."""
    return detections([(ObjectClass.PERSON, box, score) for box in boxes])


def tracks(
    at: float,
    things: Iterable[tuple[int, Box]],
    name: ObjectClass = ObjectClass.PERSON,
    seen_at: float | None = None,
    aspect: float = ASPECT,
) -> Tracks:
    """One look's tracks of one class, given by identity and box."""
    moment = Instant(at if seen_at is None else seen_at)
    return Tracks(
        CAMERA,
        Instant(at),
        at,
        aspect,
        tuple(Track(TrackId(i), name, box, 0.8, Instant(0.0), moment, 3) for i, box in things),
    )
