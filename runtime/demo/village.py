"""Streets of a village in the hills of Zhejiang, drawn: white walls, grey roofs, a road, and who moves there.

Promises: a drawn scene for each seed, people and a bus walking and driving over it in true perspective. Not here:
where the cutouts come from (`photos.py`), which streets there are (`scenes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.demo.encode import Picture
from runtime.demo.photos import Cast, Cutout

Colour = tuple[int, int, int]


def _noise(rng: np.random.Generator, shape: tuple[int, int], cells: Sequence[int]) -> NDArray[np.float32]:
    height, width = shape
    total = np.zeros(shape, np.float32)
    for cell in cells:
        coarse = rng.random((height // cell + 2, width // cell + 2), np.float32) - np.float32(0.5)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / np.float32(len(cells))
    return total


def _ridge(rng: np.random.Generator, width: int, base: float, swing: float) -> NDArray[np.float64]:
    x = np.arange(width) / width
    waves = sum(rng.uniform(0.3, 1) / k * np.sin(2 * np.pi * (k * x + rng.random())) for k in (1, 2, 3, 5, 9))
    return np.asarray(base + swing * waves)


def _house(picture: Picture, rng: np.random.Generator, left: int, ground: int, width: int, height: int) -> None:
    """A white farmhouse with a roof of grey tiles, dark windows and a stepped gable."""
    white = int(rng.integers(196, 232))
    cv2.rectangle(picture, (left, ground - height), (left + width, ground), (white - 6, white, white + 2), cv2.FILLED)
    roof, eave = int(0.20 * height), int(0.05 * width)
    top = ground - height
    points = [
        (left - eave, top),
        (left + eave, top - roof),
        (left + width - eave, top - roof),
        (left + width + eave, top),
    ]
    cv2.fillPoly(picture, [np.array(points, np.int32)], (70, 66, 64))
    for x in range(left - eave, left + width + eave, max(3, width // 40)):
        cv2.line(picture, (x, top), (left + int((x - left) * 0.9 + 0.05 * width), top - roof), (54, 52, 50), 1)
    floors = 2 if height > 0.75 * width else 1
    for floor in range(floors):
        for slot in range(3):
            w, h = int(0.16 * width), int(0.20 * height if floors == 2 else 0.34 * height)
            x = left + int((0.10 + 0.31 * slot) * width)
            y = ground - height + int((0.12 + 0.45 * floor) * height)
            if floor == floors - 1 and slot == 1:
                h, wood = ground - y, (int(rng.integers(30, 60)), int(rng.integers(40, 70)), int(rng.integers(70, 110)))
                cv2.rectangle(picture, (x, y), (x + w, ground), wood, cv2.FILLED)
            else:
                cv2.rectangle(picture, (x, y), (x + w, y + h), (74, 64, 52), cv2.FILLED)
                cv2.rectangle(picture, (x, y), (x + w, y + h), (128, 130, 132), 1)
                cv2.line(picture, (x + w // 2, y), (x + w // 2, y + h), (128, 130, 132), 1)
    stain = np.linspace(0, 26, max(1, height // 4)).astype(np.int16)[:, None, None]
    wall = picture[ground - len(stain) : ground, max(0, left) : left + width]
    wall[:] = np.clip(wall.astype(np.int16) - stain, 0, 255).astype(np.uint8)


def _tree(picture: Picture, rng: np.random.Generator, x: int, ground: int, size: int, fruit: bool) -> None:
    cv2.line(picture, (x, ground), (x, ground - size // 2), (38, 52, 66), max(2, size // 14))
    for _ in range(90):
        angle, far = rng.uniform(0, 2 * np.pi), rng.random() ** 0.5
        cx, cy = (
            x + int(0.42 * size * far * np.cos(angle)),
            ground - int(0.68 * size) + int(0.36 * size * far * np.sin(angle)),
        )
        light = 0.55 + 0.45 * (ground - cy) / size + rng.uniform(-0.15, 0.15)
        colour = (int(46 * light), int(104 * light), int(72 * light))
        cv2.circle(picture, (cx, cy), max(2, int(size * rng.uniform(0.04, 0.10))), colour, cv2.FILLED)
    for _ in range(26 if fruit else 0):
        angle, far = rng.uniform(0, 2 * np.pi), rng.random() ** 0.5
        cx, cy = (
            x + int(0.4 * size * far * np.cos(angle)),
            ground - int(0.66 * size) + int(0.34 * size * far * np.sin(angle)),
        )
        cv2.circle(picture, (cx, cy), max(1, size // 40), (34, 118, 226), cv2.FILLED)


def street(seed: int, size: tuple[int, int] = (1280, 720), kind: str = "street") -> Picture:
    """A drawn background: `street` (houses and a road), `orchard` (orange trees), `river` (a bank and water)."""
    width, height = size
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, height)[:, None]
    horizon = int(height * rng.uniform(0.30, 0.36))
    sky = np.array([222, 214, 204]) + (rows * 40) * np.array([0.2, 0.6, 0.8])
    picture = np.repeat(np.clip(sky, 0, 255).astype(np.uint8)[:, None, :], width, axis=1)
    for layer, shade in ((0, (176, 170, 150)), (1, (128, 140, 118)), (2, (84, 112, 88))):
        ridge = _ridge(rng, width, horizon - (52 - 18 * layer) * height / 720, 26 * height / 720)
        below = np.arange(height)[:, None] > ridge[None, :]
        picture[below & (np.arange(height)[:, None] < horizon + 40)] = shade
    ground = {"street": (112, 132, 136), "orchard": (70, 112, 106), "river": (84, 122, 100)}[kind]
    picture[horizon:] = ground
    if kind == "river":
        bank = np.array(
            [(0, horizon + 20), (width, horizon + 70), (width, int(0.72 * height)), (0, int(0.55 * height))], np.int32
        )
        cv2.fillPoly(picture, [bank], (128, 122, 96))
        for _ in range(160):
            y = int(rng.uniform(horizon + 30, 0.62 * height))
            x = int(rng.integers(0, width))
            cv2.line(picture, (x, y), (x + int(rng.integers(20, 90)), y + 1), (150, 146, 124), 1)
    if kind != "orchard":
        road = np.array(
            [(0, 0.80), (1, 0.70), (1, 0.98), (0, 1.0)]
            if kind == "river"
            else [(0, 0.62), (1, 0.56), (1, 0.86), (0, 0.96)]
        )
        cv2.fillPoly(picture, [(road * (width, height)).astype(np.int32)], (122, 124, 122))
        edge = (road[[0, 1]] * (width, height)).astype(int)
        cv2.line(picture, tuple(map(int, edge[0])), tuple(map(int, edge[1])), (168, 172, 172), max(2, height // 140))
    if kind == "street":
        x = -int(rng.integers(0, width // 8))
        while x < width:
            w = int(rng.integers(int(0.17 * width), int(0.26 * width)))
            foot = int(height * (0.60 - 0.05 * (x + w / 2) / width))
            _house(picture, rng, x, foot, w, int(w * rng.uniform(0.62, 1.0)))
            x += w + int(rng.integers(8, width // 14))
        for _ in range(4):
            x = int(rng.integers(0, width))
            _tree(
                picture, rng, x, int(height * (0.615 - 0.05 * x / width)), int(height * rng.uniform(0.22, 0.34)), False
            )
    elif kind == "orchard":
        for row in range(6):
            depth = (row + 1) / 6
            y = int(horizon + 14 + (height - horizon) * depth**1.8)
            span = int(0.06 * width + 0.16 * width * depth**1.5)
            for x in range(int(rng.integers(-span, 0)), width + span, span):
                tall = int(height * (0.08 + 0.32 * depth**1.6) * rng.uniform(0.85, 1.1))
                _tree(picture, rng, x + int(rng.integers(-span // 6, span // 6)), y, tall, True)
    else:
        for _ in range(7):
            x = int(rng.integers(0, width))
            _tree(picture, rng, x, int(horizon + 26 + 50 * x / width), int(height * rng.uniform(0.12, 0.22)), False)
    texture = _noise(rng, (height, width), (4, 9, 40))[..., None]
    strength = np.where(np.arange(height) > horizon, 44.0, 10.0)[:, None, None]
    textured = picture.astype(np.float32) + strength * texture
    return np.asarray(cv2.GaussianBlur(np.clip(textured, 0, 255).astype(np.uint8), (3, 3), 0), np.uint8)


@dataclass(slots=True)
class Walker:
    """Something that moves on a straight path and turns back or starts again at its end.

    `start` and `end` are where its feet are, 0…1 of the picture; `height` its height at the lower edge, shrinking with
    distance; `seconds` the time for one way. With `arrives`, it stops where it got to.
    """

    cutout: Cutout
    start: tuple[float, float]
    end: tuple[float, float]
    height: float
    seconds: float
    phase: float = 0.0
    arrives: bool = False
    sways: bool = True
    _sized: dict[int, Cutout] = field(default_factory=dict)

    def foot(self, now: float) -> tuple[float, float]:
        share = (now + self.phase) / self.seconds
        share = min(share, 1.0) if self.arrives else share % 1.0
        (x0, y0), (x1, y1) = self.start, self.end
        return x0 + share * (x1 - x0), y0 + share * (y1 - y0)

    def draw(self, picture: Picture, now: float) -> None:
        x, y = self.foot(now)
        height, width = picture.shape[:2]
        tall = round(self.height * height * (0.30 + 0.70 * max(0.0, y - 0.45) / 0.55) / 2) * 2
        if tall < 8:
            return
        moving = not (self.arrives and now + self.phase >= self.seconds)
        step = now * 11 + self.phase * 5
        bob = round(0.012 * tall * np.sin(step)) if self.sways and moving else 0
        sized = self._at(tall)
        if self.sways and moving:
            sized = _swing(sized, 0.10 * np.sin(step / 2))
        _paste(picture, sized, int(x * width) - sized.alpha.shape[1] // 2, int(y * height) - tall + bob)

    def _at(self, tall: int) -> Cutout:
        if tall not in self._sized:
            wide = max(2, round(self.cutout.alpha.shape[1] * tall / self.cutout.alpha.shape[0]))
            picture = cv2.resize(self.cutout.picture, (wide, tall), interpolation=cv2.INTER_AREA)
            alpha = cv2.resize(self.cutout.alpha, (wide, tall), interpolation=cv2.INTER_AREA)
            self._sized[tall] = Cutout(np.asarray(picture, np.uint8), np.asarray(alpha, np.float32))
        return self._sized[tall]


def _swing(cutout: Cutout, amount: float) -> Cutout:
    """Legs drawn together and apart: the lower half narrowed towards the middle and widened again."""
    tall, wide = cutout.alpha.shape
    x, y = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(tall, dtype=np.float32))
    low = np.clip(y / tall - 0.55, 0, 1)
    x = (x + (x - wide / 2) * low * (0.5 + amount * 8)).astype(np.float32)
    picture = cv2.remap(cutout.picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.remap(cutout.alpha, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return Cutout(np.asarray(picture, np.uint8), np.asarray(alpha, np.float32))


def _paste(picture: Picture, cutout: Cutout, left: int, top: int) -> None:
    height, width = picture.shape[:2]
    tall, wide = cutout.alpha.shape
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + wide), min(height, top + tall)
    if x0 >= x1 or y0 >= y1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha = cutout.alpha[part][..., None]
    under = picture[y0:y1, x0:x1]
    under[:] = (under * (1 - alpha) + cutout.picture[part] * alpha).astype(np.uint8)


def _drawn_person(rng: np.random.Generator) -> Cutout:
    """A plain figure, for when there are no photographs."""
    picture, alpha = np.zeros((200, 80, 3), np.uint8), np.zeros((200, 80), np.float32)
    coat, legs, skin = rng.integers(30, 200, 3).tolist(), rng.integers(20, 90, 3).tolist(), (136, 170, 210)
    shapes: list[tuple[list[tuple[int, int]], Colour]] = [
        ([(24, 104), (38, 104), (34, 196), (20, 196)], tuple(legs)),
        ([(42, 104), (56, 104), (62, 196), (48, 196)], tuple(legs)),
        ([(22, 40), (58, 40), (62, 112), (18, 112)], tuple(coat)),
        ([(14, 44), (24, 42), (20, 104), (10, 102)], tuple(coat)),
        ([(56, 42), (66, 44), (70, 102), (60, 104)], tuple(coat)),
    ]
    for points, colour in shapes:
        cv2.fillPoly(picture, [np.array(points, np.int32)], colour)
        cv2.fillPoly(alpha, [np.array(points, np.int32)], 1.0)
    for image, value in ((picture, skin), (alpha, 1.0)):
        cv2.ellipse(image, (40, 22), (11, 15), 0, 0, 360, value, cv2.FILLED)
    cv2.ellipse(picture, (40, 15), (12, 9), 0, 180, 360, (24, 24, 28), cv2.FILLED)
    return Cutout(picture, cv2.GaussianBlur(alpha, (0, 0), 1.0).astype(np.float32))


def _drawn_bus() -> Cutout:
    picture, alpha = np.full((130, 300, 3), (170, 120, 40), np.uint8), np.zeros((130, 300), np.float32)
    cv2.rectangle(alpha, (4, 4), (295, 110), 1.0, cv2.FILLED)
    for x in range(14, 280, 46):
        cv2.rectangle(picture, (x, 18), (x + 38, 58), (60, 50, 40), cv2.FILLED)
    cv2.rectangle(picture, (0, 66), (300, 72), (230, 230, 230), cv2.FILLED)
    for x in (60, 240):
        for image, value in ((picture, (26, 26, 26)), (alpha, 1.0)):
            cv2.circle(image, (x, 108), 20, value, cv2.FILLED)
    return Cutout(picture, cv2.GaussianBlur(alpha, (0, 0), 1.0).astype(np.float32))


def drawn_cast() -> Cast:
    """A cast without photographs."""
    rng = np.random.default_rng(5)
    return Cast(tuple(_drawn_person(rng) for _ in range(8)), _drawn_bus())
