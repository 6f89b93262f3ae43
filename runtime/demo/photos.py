"""People and a bus from the photographs that the ultralytics package carries, cut out with soft edges.

Promises: the photographs are found without importing ultralytics; where it is not installed, its wheel is fetched
once with pip and only the pictures are kept. Without them there is None, and scenes are drawn alone. Not here:
walking (`village.py`).
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.demo.encode import Picture

_NAMES = ("bus.jpg", "zidane.jpg")
_PIP_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Cutout:
    """A picture of one thing: BGR, and alpha 0…1."""

    picture: Picture
    alpha: NDArray[np.float32]

    def flipped(self) -> Cutout:
        return Cutout(np.ascontiguousarray(self.picture[:, ::-1]), np.ascontiguousarray(self.alpha[:, ::-1]))


@dataclass(frozen=True, slots=True)
class Cast:
    """Who can appear in a drawn street."""

    people: tuple[Cutout, ...]
    bus: Cutout


def find_photographs(cache: Path) -> Path | None:
    """The folder with the photographs. May take a minute the first time; never raises."""
    spec = importlib.util.find_spec("ultralytics")
    for folder in spec.submodule_search_locations or [] if spec else []:
        assets = Path(folder) / "assets"
        if all((assets / name).is_file() for name in _NAMES):
            return assets
    kept = cache / "photographs"
    if all((kept / name).is_file() for name in _NAMES):
        return kept
    wheels = cache / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), "ultralytics"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_PIP_SECONDS)
        kept.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(next(wheels.glob("ultralytics-*.whl"))) as wheel:
            for name in _NAMES:
                (kept / name).write_bytes(wheel.read(f"ultralytics/assets/{name}"))
        shutil.rmtree(wheels, ignore_errors=True)
    except (subprocess.SubprocessError, OSError, KeyError, StopIteration, zipfile.BadZipFile):
        return None
    return kept


#: Outlines of the two whole people in bus.jpg, traced by hand, as x,y in its pixels.
_IN_A_TAN_COAT = (
    "104,417 110,402 127,398 150,404 158,415 155,430 153,450 149,470 161,480 175,495 180,510 180,530 197,552 "
    "201,572 197,590 182,602 189,630 193,690 181,692 179,700 181,725 186,750 189,780 195,815 202,845 207,860 "
    "230,872 246,880 242,889 220,894 177,898 176,872 180,855 171,830 161,795 150,750 137,725 122,702 110,750 "
    "105,770 95,795 90,820 86,845 95,872 106,887 105,897 85,899 60,892 51,880 57,857 60,845 62,810 70,770 "
    "72,730 74,697 59,696 60,650 62,600 59,560 64,530 61,505 66,490 85,472 100,457 104,445"
)
_IN_A_BLACK_COAT = (
    "265,425 269,411 285,406 300,411 306,425 308,445 302,462 302,477 320,482 330,492 337,517 343,545 337,560 "
    "322,565 329,590 332,630 338,692 332,695 340,705 336,730 310,760 287,780 292,800 300,814 295,820 285,819 "
    "282,825 290,845 291,856 277,857 262,852 256,842 257,822 253,800 250,760 245,725 243,702 225,699 227,675 "
    "235,630 237,595 235,580 240,540 236,515 245,492 270,480 275,467 267,450"
)
#: The side of the bus: its corners from the top left, clockwise, and the size it is straightened to.
_BUS_SIDE = ((345, 244), (790, 322), (790, 645), (345, 742))
_BUS_SIZE = (560, 270)


def _cut(photo: Picture, outline: str) -> Cutout:
    points = np.array([pair.split(",") for pair in outline.split()], np.int32)
    left, top = points.min(axis=0) - 2
    right, bottom = points.max(axis=0) + 3
    alpha = np.zeros((bottom - top, right - left), np.float32)
    cv2.fillPoly(alpha, [points - (left, top)], 1.0)
    soft = cv2.GaussianBlur(alpha, (0, 0), 1.3).astype(np.float32)
    return Cutout(np.ascontiguousarray(photo[top:bottom, left:right]), soft)


def _cut_bus(photo: Picture) -> Cutout:
    width, height = _BUS_SIZE
    square = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    straighten = cv2.getPerspectiveTransform(np.array(_BUS_SIDE, np.float32), square)
    side = cv2.warpPerspective(photo, straighten, _BUS_SIZE)
    alpha = np.zeros((height, width), np.float32)
    cv2.rectangle(alpha, (3, 14), (528, height - 32), 1.0, cv2.FILLED)
    for wheel in (22, 442):
        cv2.circle(alpha, (wheel, height - 40), 34, 1.0, cv2.FILLED)
    return Cutout(np.asarray(side, np.uint8), cv2.GaussianBlur(alpha, (0, 0), 1.2).astype(np.float32))


def _dressed(cutout: Cutout, hue: int, gain: float, bare_hands: bool = False) -> Cutout:
    """The same person in other clothes. `bare_hands` keeps skin tones below the head as they are."""
    hsv = cv2.cvtColor(cutout.picture, cv2.COLOR_BGR2HSV)
    clothes = np.ones(hsv.shape[:2], bool)
    clothes[: int(0.2 * hsv.shape[0])] = False
    if bare_hands:
        clothes &= ~((hsv[..., 0] < 20) & (hsv[..., 1] < 170) & (hsv[..., 2] > 90))
    shifted = hsv.copy()
    shifted[..., 0] = (hsv[..., 0].astype(int) + hue) % 180
    shifted[..., 2] = np.clip(hsv[..., 2] * gain, 0, 255)
    hsv[clothes] = shifted[clothes]
    return Cutout(np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8), cutout.alpha)


def load_cast(folder: Path) -> Cast | None:
    """Cut everybody out; None when the photographs are not the ones this was made for."""
    photo = cv2.imread(str(folder / "bus.jpg"))
    if photo is None or photo.shape[:2] != (1080, 810):
        return None
    photo = np.asarray(photo, np.uint8)
    tan, black = _cut(photo, _IN_A_TAN_COAT), _cut(photo, _IN_A_BLACK_COAT)
    base = (tan, black, _dressed(tan, 60, 0.6), _dressed(black, 100, 1.5, True), _dressed(tan, 100, 0.8))
    people = base + tuple(one.flipped() for one in base)
    return Cast(people, _cut_bus(photo))
