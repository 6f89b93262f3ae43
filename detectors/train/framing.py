"""How a picture and its boxes come into the frame that is trained: fitted whole, or zoomed, stretched and shifted.

Promises: boxes follow the pixels; a box cut down to a sliver is dropped; the same for the same state of the generator.
Not here: which picture is framed how often, and what is drawn on it, `augment`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train.classes import FIRST_ORDINARY, UNSURE
from detectors.train.dataset import Boxes, Picture
from detectors.train.drawing import Rng

GREY = 114  # what fills the margin when a picture is fitted, in training as at run time
NO_BOXES: Boxes = np.zeros((0, 5), np.float32)


def fit(picture: Picture, width: int, height: int) -> tuple[Picture, float, int, int]:
    """The picture fitted whole into width x height with grey margins; and the scale, left and top it was given."""
    h, w = picture.shape[:2]
    scale = min(width / w, height / h)
    new_w, new_h = round(w * scale), round(h * scale)
    left, top = (width - new_w) // 2, (height - new_h) // 2
    out = np.full((height, width, 3), GREY, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out[top : top + new_h, left : left + new_w] = cv2.resize(picture, (new_w, new_h), interpolation=how)
    return out, scale, left, top


@dataclass(frozen=True, slots=True)
class Frame:
    """A size in pixels that is trained."""

    width: int
    height: int

    def framed(
        self, picture: Picture, boxes: Boxes, rng: Rng, whole: float = 0.5, cover: bool = False
    ) -> tuple[Picture, Boxes]:
        """The picture in the trained frame: fitted whole (or, `cover`, filling it), zoomed into, or made small on a
        grey or mirrored ground."""
        h, w = picture.shape[:2]
        stretch = np.exp(rng.normal(0, 0.12))
        if abs(w / h - 1) < 0.02 and rng.random() < 0.5:
            stretch *= rng.uniform(1.2, 1.78)  # many sets squeezed wide video into squares
        fits = (self.width / (w * stretch), self.height / h)
        base = max(fits) if cover else min(fits)
        roll = rng.random()
        zoom = rng.uniform(0.9, 1.05) if roll < whole else np.exp(rng.uniform(np.log(0.4), np.log(2.6)))
        sy = base * zoom
        sx = sy * stretch
        slack_x, slack_y = self.width - w * sx, self.height - h * sy
        ox, oy = (
            _offset(slack_x, boxes[:, [1, 3]] * w * sx, self.width, rng),
            _offset(slack_y, boxes[:, [2, 4]] * h * sy, self.height, rng),
        )
        if sx < 0.7:  # shrink well before warping, or it aliases
            small = max(round(w * sx), 2), max(round(h * sy), 2)
            picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
            matrix = np.array([[1, 0, ox], [0, 1, oy]], np.float32)
        else:
            matrix = np.array([[sx, 0, ox], [0, sy, oy]], np.float32)
        border = cv2.BORDER_CONSTANT if len(boxes) or rng.random() < 0.6 else cv2.BORDER_REFLECT_101
        out = cv2.warpAffine(
            picture,
            matrix,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderMode=border,
            borderValue=(GREY, GREY, GREY),
        )
        moved = boxes.copy()
        moved[:, [1, 3]] = (boxes[:, [1, 3]] * w * sx + ox) / self.width
        moved[:, [2, 4]] = (boxes[:, [2, 4]] * h * sy + oy) / self.height
        return out, self.clipped(moved)

    def clipped(self, boxes: Boxes) -> Boxes:
        """The boxes as far as they are inside; without those of which too little is."""
        whole = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
        cut = boxes.copy()
        cut[:, 1:] = cut[:, 1:].clip(0, 1)
        wide, tall = cut[:, 3] - cut[:, 1], cut[:, 4] - cut[:, 2]
        seen = (wide * self.width >= 3) & (tall * self.height >= 3)
        mostly = wide * tall > 0.2 * whole
        # a sliver of a person is no example of one, nor of its absence
        sliver = seen & ~mostly & (cut[:, 0] >= FIRST_ORDINARY) & (cut[:, 0] < UNSURE)
        cut[sliver, 0] += UNSURE
        kept: Boxes = cut[seen & (mostly | (cut[:, 0] >= UNSURE))]
        return kept

    def in_frame(self, found: list[tuple[float, ...]]) -> Boxes:
        """Rows of (class, left, top, right, bottom) in pixels, as boxes 0…1, clipped."""
        if not found:
            return NO_BOXES
        boxes = np.array(found, np.float32)
        boxes[:, [1, 3]] /= self.width
        boxes[:, [2, 4]] /= self.height
        return self.clipped(boxes)


def _offset(slack: float, spans: NDArray[np.float32], frame: int, rng: Rng) -> float:
    """Where to lay a scaled picture along one axis: anywhere in the margin, or, cropped, so that some box shows."""
    if slack >= 0:
        return float(rng.uniform(0, slack))
    if len(spans) and rng.random() < 0.9:
        low, high = spans[int(rng.integers(len(spans)))]
        wanted = frame * rng.uniform(0.2, 0.8) - (low + high) / 2
        return float(np.clip(wanted, slack, 0))
    return float(rng.uniform(slack, 0))
