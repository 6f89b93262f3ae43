"""Scenes for the event benchmark: ordinary footage under weather and lamps, and fires with a known onset in it.

Promises: a scene gives its picture at any moment, always the same for the same seed; what drifts does so smoothly.
The fires are the demo's simulation (`runtime/demo/plume.py`), which no model here was trained on; look-alikes are drawn
as for training (`detectors/train/look_alikes.py`), weather is drawn here. Not here: what is measured (`fire.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train import look_alikes
from detectors.train.drawing import add_glow
from runtime.demo.plume import Plume, Spot, lay, simulate
from runtime.footage import read_footage

Picture = NDArray[np.uint8]
RATE = 10.0
EVENT_SECONDS, BEFORE_SECONDS = 14.0, 2.0
#: A pixel that differs by so many grey levels is seen to differ; an event is visible from so many such pixels on.
VISIBLE_LEVELS, VISIBLE_SHARE = 18, 0.0003


class Loop:
    """A clip played round and round; kept as JPEG, so that hours of it fit in memory."""

    def __init__(self, path: Path, rate: float = RATE) -> None:
        self.name = path.stem
        self._frames: list[NDArray[np.uint8]] = []
        due = 0.0
        for picture in read_footage(path):
            if picture.seconds + 1e-6 >= due:
                self._frames.append(cv2.imencode(".jpg", picture.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
                due += 1 / rate
        self.seconds = len(self._frames) / rate
        self._rate = rate

    def at(self, seconds: float) -> Picture:
        frame = self._frames[int(seconds * self._rate + 1e-6) % len(self._frames)]
        return np.asarray(cv2.imdecode(frame, cv2.IMREAD_COLOR), np.uint8)


Weather = Callable[[Picture, float, int], Picture]


def _wave(t: float, period: float, seed: int) -> float:
    """0…1, slowly."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * (t / period + (seed * 0.37) % 1))


def drift(picture: Picture, t: float, seed: int) -> Picture:
    """Clouds pass before the sun: brightness and colour drift."""
    gain = 0.6 + 0.6 * _wave(t, 97, seed)
    tint = np.array([1.06 - 0.12 * _wave(t, 211, seed + 1), 1.0, 0.94 + 0.12 * _wave(t, 211, seed + 1)], np.float32)
    return (picture * (gain * tint)).clip(0, 255).astype(np.uint8)


def _mixed(draw: Callable[[Picture, np.random.Generator], None], period: float, most: float) -> Weather:
    """The same drawing, coming and going."""

    def weather(picture: Picture, t: float, seed: int) -> Picture:
        drawn = picture.copy()
        draw(drawn, np.random.default_rng(seed))
        share = most * _wave(t, period, seed)
        return cv2.addWeighted(drawn, share, picture, 1 - share, 0).astype(np.uint8)

    return weather


def sunset(picture: Picture, t: float, seed: int) -> Picture:
    """All of it turns warm over minutes, most at the top, where a low sun stands at the edge of the picture. (Drawn
    further down it stands before walls and people, where none can be, and looks like a fire to us, too.)"""
    height, width = picture.shape[:2]
    share = _wave(t, 240, seed)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    warm = np.array([70, 130, 245], np.float32)
    weight = share * (0.18 + 0.62 * np.exp(-((down / 0.25) ** 2)))
    out = (picture * (1 - weight) + warm * weight).clip(0, 255).astype(np.uint8)
    x, y = width * (0.15 + 0.07 * (seed % 10)), height * (0.02 + 0.05 * share)
    add_glow(out, x, y, height * 0.16, np.array([60, 120, 160], np.float32) * share)
    add_glow(out, x, y, height * 0.04, np.array([230, 245, 255], np.float32) * share)
    return out


def night(picture: Picture, t: float, seed: int) -> Picture:
    """Dark, with the noise of a camera that turned its gain up."""
    rng = np.random.default_rng((seed, int(t * RATE)))
    dark = picture * np.array([0.30, 0.25, 0.22], np.float32) + rng.normal(0, 3, (*picture.shape[:2], 1))
    return dark.clip(0, 255).astype(np.uint8)


def headlights(picture: Picture, t: float, seed: int) -> Picture:
    """Night, cars that come and go with white lights before and red ones behind, and a red lamp that stays."""
    out = night(picture, t, seed)
    height, width = out.shape[:2]
    for car in range(3):
        period = 7.0 + 3.1 * car + seed % 5
        along = (t / period + 0.31 * car) % 1.0
        y = height * (0.45 + 0.13 * car)
        x = width * (1.2 * along - 0.1) if car % 2 else width * (1.1 - 1.2 * along)
        size = height * (0.012 + 0.008 * car)
        colour = (60, 60, 255) if car == 1 else (215, 235, 255)
        for side in (-3, 3):
            add_glow(out, x + side * size, y, size * 4, np.array(colour, np.float32) * 0.7)
            cv2.circle(out, (int(x + side * size), int(y)), max(1, int(size)), colour, -1, cv2.LINE_AA)
    lamp = (int(width * (0.2 + 0.06 * (seed % 10))), int(height * 0.3))
    add_glow(out, *lamp, height * 0.06, (30, 40, 200))
    cv2.circle(out, lamp, max(2, height // 70), (70, 90, 255), -1, cv2.LINE_AA)
    return out


def rain(picture: Picture, t: float, seed: int) -> Picture:
    """Streaks, and a grey veil."""
    rng = np.random.default_rng((seed, int(t * RATE)))
    out = (picture * 0.8 + 30).astype(np.uint8)
    height, width = out.shape[:2]
    for x, y in rng.uniform(0, 1, (140, 2)):
        at = (int(x * width), int(y * height))
        cv2.line(out, at, (at[0] + 2, at[1] + height // 22), (190, 190, 190), 1, cv2.LINE_AA)
    return out


def wind(picture: Picture, t: float, seed: int) -> Picture:
    """The pole shakes; a row of red lanterns swings."""
    shake = np.float32(
        [[1, 0, 1.6 * math.sin(7.3 * t) + 0.8 * math.sin(17.1 * t)], [0, 1, 1.1 * math.sin(9.7 * t + seed)]]
    )
    out = np.asarray(
        cv2.warpAffine(picture, shake, (picture.shape[1], picture.shape[0]), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    height, width = out.shape[:2]
    for n in range(5):
        x = width * (0.15 + 0.12 * n) + 0.012 * width * math.sin(2.1 * t + n)
        at, size = (int(x), int(height * 0.22)), (max(3, width // 70), max(3, width // 80))
        cv2.ellipse(out, at, size, 0, 0, 360, (25, 20, 195), -1, cv2.LINE_AA)
        add_glow(out, *at, size[0] * 2, (10, 30, 90))
    return out


def banner(picture: Picture, t: float, seed: int) -> Picture:
    """Red banners and white walls that stay, in drifting light."""
    out = picture.copy()
    look_alikes.banner(out, np.random.default_rng(seed))
    look_alikes.white_wall(out, np.random.default_rng(seed + 1))
    return drift(out, t, seed)


WEATHERS: dict[str, Weather] = {
    "drift": drift,
    "sunset": sunset,
    "headlights": headlights,
    "rain": rain,
    "fog": _mixed(look_alikes.fog, 180, 1.0),
    "wind": wind,
    "clouds": _mixed(look_alikes.clouds, 150, 1.0),
    "banner": banner,
}


@dataclass(frozen=True, slots=True)
class Ordinary:
    """A camera on which nothing burns."""

    name: str
    loop: Loop
    weather: Weather
    seed: int

    def at(self, t: float) -> Picture:
        return self.weather(self.loop.at(t + 13.7 * self.seed), t, self.seed)


@cache
def _plume(seed: int, kept: Path) -> Plume:
    file = kept / f"plume-{seed}.npz"
    if not file.exists():
        made = simulate(int((EVENT_SECONDS - BEFORE_SECONDS) * RATE), seed, wind=4.0 + 3 * (seed % 3), grows=40)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, heat=made.heat, smoke=made.smoke)
    read = np.load(file)
    return Plume(read["heat"], read["smoke"])


class Event:
    """A fire, or smoke without flame, that begins `BEFORE_SECONDS` into an ordinary scene. `share` is what part of the
    picture the box around all that visibly changed takes, at its largest; `onset` when it first shows."""

    def __init__(self, ordinary: Ordinary, kind: str, at_night: bool, width: float, seed: int, kept: Path) -> None:
        self.name = f"{kind} {'night' if at_night else 'day'} {width} {ordinary.name} #{seed}"
        self.kind, self.at_night = kind, at_night
        self._ordinary = ordinary
        plume = _plume(seed % 4, kept)
        smoke = np.zeros_like(plume.smoke) if kind == "fire" and seed % 2 else plume.smoke
        self._plume = Plume(np.zeros_like(plume.heat) if kind == "smoke" else plume.heat, smoke)
        height, across = ordinary.at(0.0).shape[:2]
        rng = np.random.default_rng((seed, 77))
        foot = (int(across * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.55, 0.8)))
        shade = 60 if at_night else int(rng.choice([90, 150, 205]))
        self._spot = Spot(foot, max(24, int(width * across)), shade, 1.6, seed)
        self.share, self.onset = self._measure()

    def plain(self, t: float) -> Picture:
        picture = self._ordinary.at(t)
        return night(picture, t, 5) if self.at_night else picture

    def at(self, t: float) -> Picture:
        picture = self.plain(t)
        frame = int((t - BEFORE_SECONDS) * RATE + 1e-6)
        return lay(picture, self._plume, min(frame, len(self._plume) - 1), self._spot) if frame >= 0 else picture

    def _measure(self) -> tuple[float, float]:
        first, last = int(BEFORE_SECONDS * RATE), int(EVENT_SECONDS * RATE) - 1
        onset = next((step / RATE for step in range(first, last, 2) if self._changed(step / RATE) > 0), math.inf)
        return max(self._changed(step / RATE) for step in range(first + 40, last, 20)), onset

    def _changed(self, t: float) -> float:
        """The share of the picture of the box around what visibly differs at that moment; 0 when too little does."""
        differs = np.abs(self.at(t).astype(np.int16) - self.plain(t)).max(2) > VISIBLE_LEVELS
        seen = np.argwhere(cv2.medianBlur(differs.astype(np.uint8), 3))
        if len(seen) < VISIBLE_SHARE * differs.size:
            return 0.0
        low, high = np.percentile(seen, 2, axis=0), np.percentile(seen, 98, axis=0)
        return float((high - low + 1).prod() / differs.size)


class HouseFire:
    """The real fire of the development footage: it burns from the first picture on."""

    def __init__(self, path: Path) -> None:
        self.name, self.kind, self.at_night, self.share, self.onset = "house-fire.mp4", "fire", False, 0.05, 0.0
        self._loop = Loop(path)

    def at(self, t: float) -> Picture:
        return self._loop.at(t)
