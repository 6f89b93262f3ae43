"""How a suspected place behaves: what tells fire and smoke from lamps, trucks and sunsets, measured from pixels.

Promises: small colour patches of a few places of one camera, bounded in number and in time, and pure functions that
measure them; the picture's own noise (rain, a shaking pole, compression, a drift of light) is measured in a ring around
the place and taken off. Not here: what the numbers are worth (`alerts/smoke_fire.py`).

Method: flame reverses its brightness again and again where it stands (1 to 15 Hz; a stream of 10 frames a second shows
up to 5), while what passes by changes a pixel once or twice, and a lamp never (after Toreyin et al., 2006, without the
wavelets). Smoke changes slowly, spreads over what was there, rises and has soft edges.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from configs.words import Box, Instant

#: A patch is this many pixels wide and high, whatever it shows.
SIDE = 32
#: It shows the place and as much around it: the place is the middle 1 / `AROUND` of the patch.
AROUND = 1.8
#: For each place at most so many patches are kept, none older than that; and so many places.
MOST_PATCHES, KEPT_SECONDS, MOST_PLACES = 64, 8.0, 4
#: Pictures closer together than this are left out, so that reversals mean the same at any frame rate.
LEAST_GAP_SECONDS = 0.06
#: A place that left its window by this share is measured anew.
_LEFT_ITS_WINDOW = 0.25
#: Rates and spans below which a measurement says nothing.
LEAST_SECONDS, LEAST_PATCHES = 0.7, 5

Patch = NDArray[np.uint8]
_Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What was measured. `seconds` and `rate` (patches a second) say how far it may be believed.

    `flicker`: grey levels by which the place reverses from patch to patch, beyond its surroundings. `change`: grey
    levels by which it differs from one second before, beyond its surroundings. `local`: the share of all that changes
    which lies in the place, 0…1: half for a change of light. `growth`: the share of the patch that is newly covered, a
    second. `rise`: how fast its texture climbs, in heights of the patch a second. `softness`: 1 for edges as soft as
    can be, 0 for a hard step. `core`: share of the place in the colours of flame. `grey`: 1 when it has no colour.
    """

    seconds: float
    rate: float
    flicker: float
    change: float
    local: float
    growth: float
    rise: float
    softness: float
    core: float
    grey: float


def window_around(box: Box) -> Box:
    """The part of the picture that a patch of this place shows; it may reach beyond the picture."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half_w = max(box[2] - box[0], 0.02) / 2 * AROUND
    half_h = max(box[3] - box[1], 0.02) / 2 * AROUND
    return (x - half_w, y - half_h, x + half_w, y + half_h)


def cut_patch(picture: NDArray[np.uint8], window: Box) -> Patch:
    """`SIDE` × `SIDE` BGR of a window of the picture (height, width, 3); what lies outside repeats the edge."""
    height, width = picture.shape[:2]
    x0, y0 = round(window[0] * width), round(window[1] * height)
    x1, y1 = max(round(window[2] * width), x0 + 2), max(round(window[3] * height), y0 + 2)
    left, top = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    inside = picture[top : max(min(y1, height), top + 1), left : max(min(x1, width), left + 1)]
    pads = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
    if any(pads):
        inside = cv2.copyMakeBorder(inside, *pads, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(inside, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The place, and the ring around it, of a patch."""
    margin = round(SIDE * (1 - 1 / AROUND) / 2)
    place = np.zeros((SIDE, SIDE), bool)
    place[margin:-margin, margin:-margin] = True
    ring = np.ones((SIDE, SIDE), bool)
    ring[margin // 2 : -(margin // 2), margin // 2 : -(margin // 2)] = False
    return place, ring


_PLACE, _RING = _masks()


def measure(patches: Sequence[Patch], times: Sequence[float]) -> Behaviour | None:
    """What patches of one window, taken at rising times in seconds, show; None while they are too few or too brief."""
    if len(patches) < LEAST_PATCHES or times[-1] - times[0] < LEAST_SECONDS:
        return None
    colour = np.stack(patches).astype(np.float32)
    luma = colour @ np.array([0.114, 0.587, 0.299], np.float32)
    at = np.asarray(times, np.float64)
    seconds = float(at[-1] - at[0])
    covered = _covered(luma)
    change, local = _change(luma, at)
    newest = colour[-min(len(colour), 5) :]
    return Behaviour(
        seconds=seconds,
        rate=(len(at) - 1) / seconds,
        flicker=_flicker(luma),
        change=change,
        local=local,
        growth=float(np.polyfit(at - at[0], covered, 1)[0]),
        rise=_rise(luma, at),
        softness=_softness(luma[-1]),
        core=float(_flame_coloured(newest)[:, _PLACE].mean()),
        grey=_greyness(newest),
    )


def _flicker(luma: _Plane) -> float:
    """A step up followed by a step down (or the reverse) is a reversal, as large as the smaller step."""
    steps = np.diff(luma, axis=0)
    reversal = np.where(steps[1:] * steps[:-1] < 0, np.minimum(np.abs(steps[1:]), np.abs(steps[:-1])), 0).mean(0)
    return float(max(np.percentile(reversal[_PLACE], 85) - np.percentile(reversal[_RING], 60), 0.0))


def _change(luma: _Plane, at: NDArray[np.float64]) -> tuple[float, float]:
    """How much it differs from one second before, beyond the ring; and the share of the change that is the place's."""
    smooth = np.stack([cv2.blur(plane, (3, 3)) for plane in luma])
    before = np.searchsorted(at, at - 1.0, side="left")
    pairs = [(i, b) for i, b in enumerate(before) if at[i] - at[b] >= 0.5]
    if not pairs:
        pairs = [(len(at) - 1, 0)]
    differs = np.mean([np.abs(smooth[i] - smooth[b]) for i, b in pairs], axis=0)
    inner, outer = float(np.percentile(differs[_PLACE], 70)), float(np.median(differs[_RING]))
    return max(inner - outer, 0.0), (inner + 0.5) / (inner + outer + 1.0)


def _covered(luma: _Plane) -> _Plane:
    """For each patch the share of it that no longer looks as in the beginning, a change of light apart."""
    start = np.median(luma[: max(2, len(luma) // 8)], axis=0)
    differs = luma - start
    differs -= np.median(differs, axis=(1, 2), keepdims=True)
    return np.asarray((np.abs(np.stack([cv2.blur(d, (3, 3)) for d in differs])) > 10).mean((1, 2)), np.float32)


def _rise(luma: _Plane, at: NDArray[np.float64]) -> float:
    """Upward speed by optical flow between patches about 0.3 s apart, weighed by where something changes."""
    last, speeds = 0, []
    for now in range(1, len(at)):
        gap = at[now] - at[last]
        if gap < 0.28 and now < len(at) - 1:
            continue
        a, b = luma[last].astype(np.uint8), luma[now].astype(np.uint8)
        weight = np.abs(luma[now] - luma[last])
        weight[weight < 6] = 0
        if weight.sum() > 40:
            flow = cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 2, 9, 2, 5, 1.1, 0)
            speeds.append(float((-flow[..., 1] * weight).sum() / weight.sum() / SIDE / gap))
        last = now
        if len(speeds) >= 12:
            break
    return float(np.mean(speeds)) if speeds else 0.0


def _softness(luma: _Plane) -> float:
    """Smoke passes into what is behind it over many pixels; a wall, a lamp or a banner within one or two."""
    low, high = np.percentile(luma, (4, 96))
    gradient = np.hypot(
        cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3, scale=0.125), cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    )
    sharp = float(np.percentile(gradient[_PLACE | ~_RING], 97))
    return float(np.clip(1 - 2.2 * sharp / max(float(high - low), 12.0), 0, 1))


def _flame_coloured(colour: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Bright, and red before green before blue; or nearly white with a warm tinge, as the heart of a flame is."""
    blue, green, red = colour[..., 0], colour[..., 1], colour[..., 2]
    return np.asarray((red > 140) & (red >= green) & (green >= blue - 8) & (red - blue > 35), bool)


def _greyness(colour: NDArray[np.float32]) -> float:
    spread = (colour.max(-1) - colour.min(-1))[:, _PLACE]
    return float(np.clip(1 - spread.mean() / 60, 0, 1))


def look_of(patch: Patch) -> list[float]:
    """What a place looks like: a histogram of hue (6), saturation (2) and brightness (3), 36 shares that sum to 1."""
    margin = round(SIDE * (1 - 1 / AROUND) / 2)
    hsv = cv2.cvtColor(np.ascontiguousarray(patch[margin:-margin, margin:-margin]), cv2.COLOR_BGR2HSV)
    hist = cv2.calcHist([hsv], [0, 1, 2], None, [6, 2, 3], [0, 180, 0, 256, 0, 256]).ravel()
    return [round(float(v), 4) for v in hist / max(float(hist.sum()), 1.0)]


@dataclass(slots=True)
class _Place:
    box: Box
    window: Box
    patches: deque[tuple[Instant, Patch]] = field(default_factory=lambda: deque(maxlen=MOST_PATCHES))


class PatchKeeper:
    """Patches of one camera's suspected places. Safe to call from several threads; without a place it costs nothing."""

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._lock = threading.Lock()

    @property
    def is_idle(self) -> bool:
        return not self._places

    def follow(self, places: Mapping[int, Box]) -> None:
        """From now on these places, the first `MOST_PLACES` of them; the rest is forgotten. A place keeps the window in
        which it was first seen, so that growth shows, until it has left it."""
        with self._lock:
            wanted = dict(list(places.items())[:MOST_PLACES])
            self._places = {key: place for key, place in self._places.items() if key in wanted}
            for key, box in wanted.items():
                known = self._places.get(key)
                if known is None or _share_inside(box, known.window) < _LEFT_ITS_WINDOW:
                    self._places[key] = _Place(box, window_around(box))

    def offer(self, picture: NDArray[np.uint8], at: Instant) -> None:
        """Keep what this picture shows of each place. Pictures older than the last, or too soon after, are left out."""
        if not self._places:
            return
        with self._lock:
            for place in self._places.values():
                if place.patches and at < place.patches[-1][0] + LEAST_GAP_SECONDS:
                    continue
                place.patches.append((at, cut_patch(picture, place.window)))
                while at - place.patches[0][0] > KEPT_SECONDS:
                    place.patches.popleft()

    def measure(self, key: int) -> Behaviour | None:
        """How that place behaves; None when it is not followed, or not long enough."""
        with self._lock:
            place = self._places.get(key)
            kept = list(place.patches) if place else []
        return measure([p for _, p in kept], [t for t, _ in kept]) if kept else None

    def look(self, key: int) -> list[float] | None:
        """What that place looks like now."""
        with self._lock:
            place = self._places.get(key)
            newest = place.patches[-1][1] if place and place.patches else None
        return None if newest is None else look_of(newest)


def _share_inside(box: Box, window: Box) -> float:
    width = min(box[2], window[2]) - max(box[0], window[0])
    height = min(box[3], window[3]) - max(box[1], window[1])
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
    return max(width, 0.0) * max(height, 0.0) / area
