"""From picture to network input, and from a network's raw head to detections.

Promises: `Letterbox` fits a picture into the input with its aspect ratio kept and grey around it, and takes boxes back;
`Decoder` reads a YOLO head (1, 4 + classes, n) or an end-to-end one (1, n, 6) and gives the strongest boxes, one for
each object. Pure numpy and OpenCV, some tens of microseconds. Not here: running the network.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.words import ObjectClass
from detectors.engine import Picture, Thresholds
from detectors.words import Detections

#: What YOLO was trained to see around a picture.
PAD_GREY = 114
#: At most so many boxes compete; a crowd gives a few hundred.
MOST_CANDIDATES = 1000


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture lies inside the network's input: `width` × `height` pixels from (`left`, `top`)."""

    left: int
    top: int
    width: int
    height: int
    aspect: float

    @staticmethod
    def fit(picture_size: tuple[int, int], input_size: tuple[int, int]) -> "Letterbox":
        """Centre a picture of `picture_size` (width, height) in an input of `input_size`, as large as it goes."""
        (w, h), (in_w, in_h) = picture_size, input_size
        scale = min(in_w / w, in_h / h)
        width, height = min(in_w, max(1, round(w * scale))), min(in_h, max(1, round(h * scale)))
        return Letterbox((in_w - width) // 2, (in_h - height) // 2, width, height, w / h)

    def place(self, picture: Picture, canvas: Picture) -> None:
        """Write the picture into `canvas` (input height, input width, 3). The grey around it is the caller's."""
        target = canvas[self.top : self.top + self.height, self.left : self.left + self.width]
        if picture.shape[:2] == target.shape[:2]:
            target[...] = picture
        else:
            shrinks = picture.shape[0] > self.height
            cv2.resize(
                picture, (self.width, self.height), dst=target, interpolation=_interpolation(shrinks, picture, self)
            )

    def unfit(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) in input pixels to 0…1 of the picture, clipped to it."""
        shift = np.array([self.left, self.top, self.left, self.top], np.float32)
        scale = np.array([self.width, self.height, self.width, self.height], np.float32)
        unit: NDArray[np.float32] = ((boxes - shift) / scale).clip(0.0, 1.0).astype(np.float32, copy=False)
        return unit


def _interpolation(shrinks: bool, picture: Picture, box: Letterbox) -> int:
    # Bilinear is what the networks were trained with; beyond a factor of two it skips pixels, and area does not.
    return cv2.INTER_AREA if shrinks and picture.shape[0] > 2 * box.height else cv2.INTER_LINEAR


def strongest_of_each(boxes: NDArray[np.float32], numbers: NDArray[np.int32], nms_iou: float) -> NDArray[np.intp]:
    """Which of `boxes` (n, 4), strongest first, stay when each hides those of its class that overlap it by more than
    `nms_iou`. For the few dozen candidates of a look this beats cv2.dnn's, which takes each number from a list."""
    count = len(boxes)
    if count < 2:
        return np.arange(count)
    left, top, right, bottom = boxes.T
    area = (right - left) * (bottom - top)
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    down = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    shared = across.clip(0) * down.clip(0)
    hides = shared > nms_iou * (np.add.outer(area, area) - shared)
    hides &= np.equal.outer(numbers, numbers)
    hidden = np.zeros(count, bool)
    kept = []
    for i in range(count):
        if not hidden[i]:
            kept.append(i)
            hidden |= hides[i]
    return np.array(kept, np.intp)


class Decoder:
    """Reads one network's head. `classes` holds our word, or None, for each of the network's classes."""

    def __init__(self, classes: tuple[ObjectClass | None, ...], thresholds: Thresholds) -> None:
        self._classes = classes
        self._thresholds = thresholds
        self._ours = np.array([i for i, name in enumerate(classes) if name is not None], np.intp)
        self._is_ours = np.array([name is not None for name in classes])

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether a head of this shape is one that `decode` reads."""
        return len(shape) == 3 and shape[0] == 1 and (shape[1] == 4 + len(self._classes) or shape[2] == 6)

    def decode(self, head: NDArray[np.float32], letterbox: Letterbox) -> Detections:
        """Detections of our classes in `head`, strongest first, at most `thresholds.most`."""
        rows = head[0]
        if rows.shape[0] == 4 + len(self._classes):
            boxes, scores, numbers = self._from_raw(rows)
            order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
            order = order[strongest_of_each(boxes[order], numbers[order], self._thresholds.nms_iou)]
        else:
            boxes, scores, numbers = self._from_end_to_end(rows)
            order = np.argsort(-scores, kind="stable")
        order = order[: self._thresholds.most]
        names = tuple(name for n in numbers[order] if (name := self._classes[n]) is not None)
        return Detections(letterbox.unfit(boxes[order]), scores[order].astype(np.float32), names, letterbox.aspect)

    def _from_raw(
        self, rows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        """Corners, scores and class numbers of the anchors whose best class is ours and strong enough."""
        scores = rows[4:]
        strong = np.flatnonzero(scores[self._ours].max(axis=0) >= self._thresholds.confidence)
        few = scores[:, strong]
        best = few.argmax(axis=0)
        # An anchor that is rather a chair than a person is no person.
        ours = self._is_ours[best]
        strong, best = strong[ours], best[ours]
        centre, size = rows[0:2, strong], rows[2:4, strong]
        boxes = np.concatenate([centre - size / 2, centre + size / 2]).T
        return boxes.astype(np.float32, copy=False), scores[best, strong], best.astype(np.int32)

    def _from_end_to_end(
        self, rows: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        """The same of a head that has done its own suppression: left, top, right, bottom, score, class."""
        numbers = rows[:, 5].astype(np.int32)
        known = (numbers >= 0) & (numbers < len(self._classes))
        good = known & (rows[:, 4] >= self._thresholds.confidence) & self._is_ours[np.where(known, numbers, 0)]
        return rows[good, :4].copy(), rows[good, 4].copy(), numbers[good]
