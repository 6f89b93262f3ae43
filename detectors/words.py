"""What detectors give: detections, tracks, sightings.

Promises: plain values. Boxes of detections and tracks alike are normalised to 0…1 of the picture, origin top left.
Not here: how they are found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

import numpy as np
from numpy.typing import NDArray

from configs.words import Box, CameraId, Instant, ObjectClass, Point

#: Unique for a camera and a run; never a person's identity.
TrackId = NewType("TrackId", int)


@dataclass(frozen=True, slots=True)
class Detections:
    """What one look at one frame found, strongest first.

    `boxes` is float32 (n, 4): left, top, right, bottom, each 0…1; `scores` float32 (n,); `classes` holds n names.
    `aspect` is width / height of the picture, so that distances can be measured in the same unit on both axes.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: tuple[ObjectClass, ...]
    aspect: float

    def __len__(self) -> int:
        return len(self.classes)

    def only(self, rows: Iterable[int]) -> "Detections":
        """Those rows of it, in their order."""
        kept = list(rows)
        return Detections(self.boxes[kept], self.scores[kept], tuple(self.classes[row] for row in kept), self.aspect)

    @staticmethod
    def none(aspect: float) -> "Detections":
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), (), aspect)


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed over time on one camera. `seen_at` is the last look that truly saw it; when that is earlier
    than the look this track was given for, the box is a prediction. `confidence` is that of the last true sight."""

    track_id: TrackId
    object_class: ObjectClass
    box: Box
    confidence: float
    first_seen_at: Instant
    seen_at: Instant
    looks: int

    @property
    def foot(self) -> Point:
        """The bottom centre of the box: where it stands on the ground."""
        return ((self.box[0] + self.box[2]) / 2, self.box[3])


@dataclass(frozen=True, slots=True)
class Tracks:
    """All that one camera's tracker holds after one look, confirmed tracks only."""

    camera_id: CameraId
    looked_at: Instant
    stream_time: float
    aspect: float
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look's evidence for smoke or fire on one camera: the detections of those classes, maybe none."""

    camera_id: CameraId
    looked_at: Instant
    stream_time: float
    detections: Detections
