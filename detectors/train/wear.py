"""What light, weather and cheap cameras do to a picture.

Promises: `worn` gives the same pixels for the same state of the generator. Not here: what is in the picture, `augment`.
"""

import cv2
import numpy as np

from detectors.train.dataset import Picture

_LEVELS = np.arange(256)
_NOISE = np.random.default_rng(1).standard_normal(1 << 18, np.float32)


def worn(picture: Picture, rng: np.random.Generator, grey: float) -> Picture:
    """Light, colour, infrared (with chance `grey`), haze, blur, noise and compression, as cheap cameras give them."""
    if rng.random() < 0.7:
        hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
        hue = (_LEVELS + int(rng.normal(0, 4))) % 180
        saturation, value = _LEVELS * rng.uniform(0.55, 1.4), _LEVELS * rng.uniform(0.6, 1.35)
        table = np.stack([hue, saturation, value], -1).clip(0, 255).astype(np.uint8)
        picture = np.asarray(cv2.cvtColor(cv2.LUT(hsv, table[None]), cv2.COLOR_HSV2BGR), np.uint8)
    if rng.random() < grey:
        infrared = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        picture = cv2.cvtColor(infrared, cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.1:
        a = rng.uniform(0.1, 0.4)
        picture = cv2.addWeighted(picture, 1 - a, np.full_like(picture, int(rng.uniform(150, 220))), a, 0)
    if rng.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.25:
        start = int(rng.integers(len(_NOISE)))
        noise = np.resize(np.roll(_NOISE, -start), picture.shape)
        picture = cv2.add(picture, noise * np.float32(rng.uniform(2, 12)), dtype=cv2.CV_8U)
    if rng.random() < 0.5:
        quality = int(rng.integers(25, 90))
        packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return picture
