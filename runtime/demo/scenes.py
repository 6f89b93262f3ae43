"""The scenes of the demo village, each as pictures: from real footage where there is some, else from drawn streets.

Promises: the same names whichever the sources are, so that the day's script fits both; `*-kindle` is a fire that
grows from the scene of that name, `*-burn` goes on from there in a loop. Not here: encoding and the cache
(`clips.py`), what plays when (`day.yaml`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from runtime.demo import looks
from runtime.demo.encode import FPS, Picture
from runtime.demo.footage import HOUSE_FIRE, PARKING, PEDESTRIANS, ROAD, cut_what_moves, pictures, plate
from runtime.demo.looks import Look
from runtime.demo.photos import Cast, Cutout
from runtime.demo.plume import Plume, Spot, lay, simulate
from runtime.demo.village import Walker, street

#: Pictures a fire takes to grow, and those it burns before it repeats.
KINDLE, BURN = 200, 177


@dataclass(frozen=True, slots=True)
class Recipe:
    """One scene. `make` gives pictures of the main size; the sub stream is scaled from them. Without `main`, both
    streams are the sub: footage is not blown up beyond what it shows."""

    name: str
    make: Callable[[], Iterator[Picture]]
    sub: tuple[int, int] = (640, 360)
    main: tuple[int, int] | None = None


def recipes(folder: Path | None, cast: Cast) -> list[Recipe]:
    """Every scene, from the footage in `folder` where it has the file, else drawn."""
    scenes = {recipe.name: recipe for recipe in _drawn(cast)}
    for name, make in ((PEDESTRIANS, _pedestrians), (ROAD, _road), (HOUSE_FIRE, _house), (PARKING, _parking)):
        if folder is not None and (folder / name).is_file():
            scenes.update({recipe.name: recipe for recipe in make(folder / name)})
    return list(scenes.values())


# From footage.


def _looked(path: Path, look: Look, first: int = 0, count: int | None = None) -> Callable[[], Iterator[Picture]]:
    def make() -> Iterator[Picture]:
        for index, picture in enumerate(pictures(path, first, count)):
            yield look(picture, index)

    return make


def _as_it_is(picture: Picture, index: int) -> Picture:
    return picture


def _pedestrians(path: Path) -> list[Recipe]:
    small = looks.crop(0, 0, 768, 576, (640, 480))
    return [
        Recipe("square", _looked(path, _as_it_is, 0, 450), (640, 480), (768, 576)),
        Recipe("square-crowd", lambda: _crowd(path), (640, 480), (768, 576)),
        Recipe("square-dusk", _looked(path, looks.worn(small, looks.mirror, looks.dusk), 400, 280), (640, 480)),
        Recipe("square-rain", _looked(path, looks.worn(small, looks.rain), 120, 240), (640, 480)),
        Recipe("lane", _looked(path, looks.crop(100, 90, 640, 360), 180, 260)),
        Recipe(
            "lane-haze",
            _looked(path, looks.worn(looks.crop(300, 110, 448, 252, (640, 360)), looks.mirror, looks.haze), 500, 290),
        ),
    ]


#: The moments that a crowd is laid together from: chosen so that few people hide each other.
CROWD_MOMENTS = (0, 55, 130, 235, 535)
CROWD_PICTURES = 240


def _crowd(path: Path) -> Iterator[Picture]:
    """The people of other moments laid over each moment, the nearer over the farther: a crowd of real people."""
    background = plate(path)
    people = [cut_what_moves(picture, background) for picture in pictures(path, 0, CROWD_MOMENTS[-1] + CROWD_PICTURES)]
    for index, picture in enumerate(pictures(path, 0, CROWD_PICTURES)):
        together = [person for moment in CROWD_MOMENTS for person in people[index + moment]]
        for person in sorted(together, key=lambda one: one.foot):
            cv2.copyTo(person.picture, person.shape, picture[person.top : person.foot, person.left : person.right])
        yield picture


def _road(path: Path) -> list[Recipe]:
    size = (640, 352)
    spot = Spot((112, 236), 190, thickness=1.5, seed=3)

    def fire(first: int, count: int, lit: bool) -> Callable[[], Iterator[Picture]]:
        return lambda: _straw_fire(path, spot, first, count, lit)

    return [
        Recipe("road", _looked(path, _as_it_is), size),
        Recipe("road-mirror", _looked(path, looks.worn(looks.mirror, looks.morning), 0, 260), size),
        Recipe("road-dusk", _looked(path, looks.night, 60, 260), size),
        Recipe("yard", fire(0, KINDLE + BURN, False), size),
        Recipe("yard-kindle", fire(0, KINDLE, True), size),
        Recipe("yard-burn", fire(KINDLE, BURN, True), size),
    ]


_one_at_a_time = threading.Lock()


def _fire() -> Plume:
    """One fire for all, worked out once however many ask at the same time."""
    with _one_at_a_time:
        return _the_fire()


@cache
def _the_fire() -> Plume:
    """It grows for `KINDLE` pictures, and the `BURN` after those close into a loop."""
    return simulate(KINDLE + BURN, seed=11, grows=KINDLE * 2 // 3).closing_loop(KINDLE, 14)


def _straw_fire(path: Path, spot: Spot, first: int, count: int, lit: bool) -> Iterator[Picture]:
    for index, picture in enumerate(pictures(path, first, count)):
        stacked = _with_straw(picture, spot, first + index if lit else 0)
        yield lay(stacked, _fire(), first + index, spot) if lit else stacked


def _with_straw(picture: Picture, spot: Spot, burnt: int) -> Picture:
    """A stack of rice straw where the fire stands or will stand, blackening as it burns."""
    wide, tall = round(0.42 * spot.width), round(0.26 * spot.width)
    straw, mask = _straw(wide, tall)
    left, top = spot.foot[0] - wide // 2, spot.foot[1] - tall + round(0.05 * spot.width)
    result = picture.copy()
    part = result[top : top + tall, left : left + wide]
    black = min(0.55, burnt / 400)
    cv2.copyTo(np.asarray(straw[: part.shape[0], : part.shape[1]] * (1 - black), np.uint8), mask[: part.shape[0]], part)
    return result


@cache
def _straw(wide: int, tall: int) -> tuple[Picture, Picture]:
    rng = np.random.default_rng(4)
    mask = np.zeros((tall, wide), np.uint8)
    base = tall - 5
    cv2.ellipse(mask, (wide // 2, base), (wide // 2 - 5, base - 2), 0, 180, 360, 255, cv2.FILLED)
    for _ in range(wide * 2):  # straws that stick out at its edge
        angle = float(rng.uniform(np.pi, 2 * np.pi))
        x = int(wide / 2 + (wide / 2 - 6) * np.cos(angle))
        y = int(base + (base - 4) * np.sin(angle)) if rng.random() < 0.5 else base
        x = x if y < base else int(rng.integers(3, wide - 3))
        cv2.line(mask, (x, y), (x + int(rng.integers(-5, 6)), y + int(rng.integers(-3, 5))), 255, 1)
    straw = np.full((tall, wide, 3), (88, 140, 168), np.uint8)
    for _ in range(wide * tall // 10):
        x, y = int(rng.integers(0, wide)), int(rng.integers(0, tall))
        light = float(rng.uniform(0.5, 1.25))
        colour = (int(92 * light), int(150 * light), int(182 * light))
        cv2.line(straw, (x, y), (x + int(rng.integers(-5, 6)), y + int(rng.integers(2, 8))), colour, 1)
    shade = np.linspace(1.1, 0.6, wide)[None, :, None]
    return np.asarray(np.clip(straw * shade, 0, 255), np.uint8), mask


def _house(path: Path) -> list[Recipe]:
    size = (480, 360)
    bigger = looks.crop(53, 0, 320, 240, size)  # without the black bars at its sides
    return [
        Recipe("house", lambda: _before_the_fire(path, bigger, 240), size),
        Recipe("house-burn", _looked(path, bigger), size),
    ]


#: Where the house's windows and the sky above its roof are, in the picture of 480 × 360: left, top, right, bottom.
_WINDOWS = ((116, 118, 152, 172), (184, 108, 222, 172), (246, 128, 280, 176), (108, 228, 184, 292), (226, 66, 252, 96))
_SKY = (104, 0, 284, 34)


def _before_the_fire(path: Path, look: Look, count: int) -> Iterator[Picture]:
    """The scene as it was: what is bright only at times is fire and smoke; the darkest of all moments has little, and
    what it has left is painted over."""
    still = look(plate(path, 12, percentile=4), 0).astype(np.float32)
    glows = np.zeros(still.shape[:2], np.float32)
    for left, top, right, bottom in _WINDOWS:
        part = still[top:bottom, left:right]
        reddish = np.clip((part[..., 2] - 1.75 * part[..., 1] - 8) / 30, 0, 1)
        glows[top:bottom, left:right] = reddish * (part[..., 1] < 110)
    glows = cv2.GaussianBlur(cv2.dilate(glows, np.ones((5, 5))), (0, 0), 1.5)[..., None]
    still = still * (1 - glows) + np.array([46, 42, 44], np.float32) * glows
    sky = np.zeros(still.shape[:2], np.float32)
    sky[_SKY[1] : _SKY[3], _SKY[0] : _SKY[2]] = 1
    sky = cv2.GaussianBlur(sky, (0, 0), 4)[..., None]
    still = still * (1 - sky) + np.array([238, 234, 236], np.float32) * sky
    rng = np.random.default_rng(2)
    noise = [rng.normal(0, 2.0, still.shape).astype(np.float32) for _ in range(6)]
    for index in range(count):
        light = 1 + 0.02 * np.sin(2 * np.pi * index / count * 3)
        yield np.asarray(np.clip(still * light + noise[index % 6], 0, 255), np.uint8)


def _parking(path: Path) -> list[Recipe]:
    return [Recipe("parking", lambda: _with_pause(path, looks.crop(0, 0, 480, 270, (640, 360)), 60))]


def _with_pause(path: Path, look: Look, pause: int) -> Iterator[Picture]:
    """A short clip, then a still while nothing comes by."""
    background = look(plate(path, 2), 0)
    rng = np.random.default_rng(6)
    for index, picture in enumerate(pictures(path)):
        yield look(picture, index)
    for _ in range(pause):
        yield np.asarray(np.clip(background + rng.normal(0, 1.2, background.shape), 0, 255), np.uint8)


# Drawn.


def _drawn(cast: Cast) -> list[Recipe]:
    wide, half = (1280, 720), (960, 540)
    gate = Scene(cast, seed=1, people=3, frames=180, size=half)
    gathering = replace(gate, crowd=13)
    traffic = Scene(cast, seed=11, people=1, bus=True)
    streets = {
        "gate": gate,
        "gate-crowd": gathering,
        "gate-crowded": replace(gathering, first=180, given=120),
        "stop": Scene(cast, seed=2, people=3, bus=True, frames=130, size=wide),
        "market": Scene(cast, seed=5, people=5, size=half),
        "orchard": Scene(cast, seed=3, people=1, kind="orchard", frames=120, size=half),
        "river": Scene(cast, seed=4, people=2, kind="river", size=half),
        "square": Scene(cast, seed=6, people=4),
        "square-crowd": Scene(cast, seed=6, people=4, crowd=14, frames=200),
        "square-dusk": Scene(cast, seed=7, people=4, look=looks.dusk),
        "square-rain": Scene(cast, seed=8, people=3, look=looks.rain),
        "lane": Scene(cast, seed=9, people=3),
        "lane-haze": Scene(cast, seed=10, people=3, look=looks.haze),
        "road": traffic,
        "road-mirror": replace(traffic, look=looks.worn(looks.mirror, looks.morning)),
        "road-dusk": Scene(cast, seed=12, people=1, bus=True, look=looks.night),
        "parking": Scene(cast, seed=13, people=1, bus=True),
    }
    recipes = [Recipe(name, scene, main=scene.main) for name, scene in streets.items()]
    yard = Scene(cast, seed=14, people=2, frames=KINDLE + BURN)
    house = Scene(cast, seed=15, people=0, frames=KINDLE + BURN)
    recipes += _drawn_fire("yard", yard, Spot((176, 300), 230, seed=5))
    recipes += _drawn_fire("house", house, Spot((430, 226), 190, smoke_shade=120, seed=6))
    return recipes


def _drawn_fire(name: str, scene: Scene, spot: Spot) -> list[Recipe]:
    def make(first: int, count: int, lit: bool) -> Iterator[Picture]:
        for index, large in enumerate(scene.pictures(first, count)):
            picture = _with_straw(np.asarray(large, np.uint8), spot, first + index if lit else 0)
            yield lay(picture, _fire(), first + index, spot) if lit else picture

    return [
        Recipe(name, lambda: make(0, KINDLE + BURN, False)),
        Recipe(f"{name}-kindle", lambda: make(0, KINDLE, True)),
        Recipe(f"{name}-burn", lambda: make(KINDLE, BURN, True)),
    ]


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn street and who walks in it; with `crowd`, that many more come and stay. Called, it gives `given` pictures
    (default: `frames`, after which the walkers are where they began) from the `first` on."""

    cast: Cast
    seed: int
    people: int
    kind: str = "street"
    bus: bool = False
    crowd: int = 0
    frames: int = 150
    size: tuple[int, int] = (640, 360)
    look: Look = _as_it_is
    first: int = 0
    given: int | None = None

    @property
    def main(self) -> tuple[int, int] | None:
        """The size of the main stream, when it has one of its own."""
        return self.size if self.size != (640, 360) else None

    def __call__(self) -> Iterator[Picture]:
        return self.pictures(self.first, self.frames if self.given is None else self.given)

    def pictures(self, first: int, count: int) -> Iterator[Picture]:
        background = street(self.seed, self.size, self.kind)
        rng = np.random.default_rng(self.seed)
        seconds = self.frames / FPS
        moving = [self._passer(rng, seconds, index) for index in range(self.people)]
        if self.bus:
            moving.append(Walker(self.cast.bus, (1.35, 0.74), (-0.35, 0.78), 0.52, seconds / 2, 0, sways=False))
        for index in range(self.crowd):
            column, row = index % 5, index // 5
            end = (0.30 + 0.10 * column + 0.03 * (row % 2) + rng.uniform(-0.02, 0.02), 0.74 + 0.09 * row)
            start = (-0.1 - 0.05 * index if index % 2 else 1.1 + 0.05 * index, end[1] + 0.02)
            moving.append(Walker(self._person(index), start, end, 0.40, 5 + 0.35 * index, arrives=True))
        noise = [rng.normal(0, 2.2, background.shape).astype(np.int8) for _ in range(5)]
        for index in range(first, first + count):
            now = index / FPS
            picture = background.copy()
            for walker in sorted(moving, key=lambda one: one.foot(now)[1]):
                walker.draw(picture, now)
            yield self.look(np.asarray(cv2.add(picture, noise[index % 5], dtype=cv2.CV_8U), np.uint8), index)

    def _person(self, index: int) -> Cutout:
        return self.cast.people[(index * 3 + self.seed) % len(self.cast.people)]

    def _passer(self, rng: np.random.Generator, seconds: float, index: int) -> Walker:
        """Somebody who crosses the picture in the time of one loop, so that the loop closes."""
        y = rng.uniform(0.70, 0.95)
        ends = ((-0.12, y), (1.12, y - 0.04))
        start, end = ends if index % 2 else ends[::-1]
        return Walker(self._person(index), start, end, 0.40, seconds, rng.uniform(0, seconds))
