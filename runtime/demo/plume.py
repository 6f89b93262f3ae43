"""Fire and smoke that nobody filmed: a small simulation of hot gas, and how it is laid over a picture.

Promises: `simulate` solves 2-D incompressible flow with buoyancy, cooling, wind and vorticity confinement (Stam,
Stable Fluids, 1999; Fedkiw et al., 2001) and gives heat and smoke over time; the same seed gives the same fire. `lay`
renders it over a picture: additive flame with a warm core and glow, smoke that veils what is behind. Not here: where
it burns in which scene (`scenes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float32]
Picture = NDArray[np.uint8]

_STEPS_A_FRAME = 3


@dataclass(frozen=True, slots=True)
class Plume:
    """Heat and smoke, uint8 (frames, height, width) each; row 0 is the top. The fire stands on the bottom row."""

    heat: NDArray[np.uint8]
    smoke: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.heat)

    def closing_loop(self, start: int, fade: int) -> Plume:
        """The same, but the last `fade` frames pass into those before `start`, so that `start` may follow the last."""
        share = np.linspace(0, 1, fade, dtype=np.float32)[:, None, None]

        def closed(field: NDArray[np.uint8]) -> NDArray[np.uint8]:
            mixed = field.copy()
            mixed[-fade:] = field[-fade:] * (1 - share) + field[start - fade : start] * share
            return mixed

        return Plume(closed(self.heat), closed(self.smoke))


def _slope(field: Field, axis: int) -> Field:
    """Central differences along an axis."""
    along_x = int(axis == 1)
    slope: Field = cv2.Sobel(
        field, cv2.CV_32F, along_x, 1 - along_x, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE
    )
    return slope


class _Flow:
    """The velocity field on a grid, periodic in x, and what it carries."""

    def __init__(self, width: int, height: int) -> None:
        self.u = np.zeros((height, width), np.float32)
        self.v = np.zeros((height, width), np.float32)
        self.x, self.y = (a.astype(np.float32) for a in np.meshgrid(np.arange(width), np.arange(height)))
        # The projection is solved by FFT on the doubled height, so that what leaves at the top does not come in below.
        fx = np.fft.rfftfreq(width)[None, :]
        fy = np.fft.fftfreq(2 * height)[:, None]
        self._laplacian = (2 * np.cos(2 * np.pi * fx) + 2 * np.cos(2 * np.pi * fy) - 4).astype(np.float32)
        self._laplacian[0, 0] = 1.0

    def carry(self, field: Field, dt: float) -> Field:
        moved: Field = cv2.remap(
            field,
            self.x - dt * self.u,
            self.y - dt * self.v,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        return moved

    def curl_back(self, strength: float, dt: float) -> None:
        """Vorticity confinement: gives back the swirls that advection smooths away."""
        curl = _slope(self.v, 1) - _slope(self.u, 0)
        size = np.abs(curl)
        gx, gy = _slope(size, 1), _slope(size, 0)
        norm = np.sqrt(gx * gx + gy * gy) + 1e-5
        self.u += dt * strength * gy / norm * curl
        self.v -= dt * strength * gx / norm * curl

    def project(self, expansion: Field) -> None:
        """Make it divergence-free but for `expansion`, by which burning gas spreads instead of being pinched."""
        height = self.u.shape[0]
        divergence = np.zeros((2 * height, self.u.shape[1]), np.float32)
        inner = (np.roll(self.u, -1, 1) - np.roll(self.u, 1, 1)) / 2
        inner += (np.roll(self.v, -1, 0) - np.roll(self.v, 1, 0)) / 2
        inner -= expansion
        divergence[:height] = inner
        divergence[height:] = inner[::-1]  # mirrored: the ground is a wall
        pressure = fft.irfft2(fft.rfft2(divergence) / self._laplacian, s=divergence.shape)[:height]
        self.u -= _slope(pressure, 1)
        self.v -= _slope(pressure, 0)


def simulate(
    frames: int, seed: int, *, wind: float = 6.0, width: int = 112, height: int = 168, grows: int = 0
) -> Plume:
    """A fire of so many frames at 10 a second. With `grows`, it takes that many frames from a wisp to a full fire."""
    rng = np.random.default_rng(seed)
    flow = _Flow(width, height)
    heat = np.zeros((height, width), np.float32)
    smoke = np.zeros((height, width), np.float32)
    heats, smokes = [], []
    warm_up = 0 if grows else 60
    dt = 1.0 / (10 * _STEPS_A_FRAME)
    lumps = rng.uniform(-1, 1, (7, 3))
    for frame in range(-warm_up, frames):
        size = min(1.0, 0.15 + 0.85 * max(frame, 0) / grows) if grows else 1.0
        for step in range(_STEPS_A_FRAME):
            now = frame / 10 + step * dt
            source = np.zeros_like(heat)
            for at, (place, speed, phase) in enumerate(lumps):
                beat = 0.55 + 0.45 * np.sin(now * (5 + 4 * abs(speed)) + 6 * phase + at)
                cx = width * 0.42 + place * 0.13 * width * size + 1.6 * np.sin(now * 3.1 + at)
                rx, ry = (0.045 + 0.02 * abs(phase)) * width * size + 1, 3.0 + 2.5 * size
                blob = np.exp(-(((flow.x - cx) / rx) ** 2) - ((flow.y - (height - 5)) / ry) ** 2)
                source += (0.4 + 0.6 * size) * beat * blob.astype(np.float32)
            source *= rng.uniform(0.75, 1.25)
            heat = np.maximum(heat, np.clip(source, 0, 1.15))
            smoke += dt * 2.6 * np.clip(source, 0, 1) + dt * 1.1 * np.clip(heat - 0.18, 0, 0.45)
            rise = 1 - flow.y / height
            flow.v -= dt * (190 * heat + 30 * np.clip(smoke, 0, 1))
            flow.u += dt * (wind * (0.3 + 1.7 * rise) + 5 * np.sin(now * 0.7) * rise - 0.35 * flow.u * rise)
            flow.u += dt * 38 * rng.standard_normal(1)[0] * np.clip(heat, 0, 1)
            flow.curl_back(5.5, dt)
            flow.project(3.2 * np.clip(source, 0, 1) + 0.9 * np.clip(heat - 0.3, 0, 1))
            u, v = flow.carry(flow.u, dt), flow.carry(flow.v, dt)
            flow.u, flow.v = u * (1 - 0.25 * dt), v * (1 - 0.25 * dt)
            heat, smoke = flow.carry(heat, dt), flow.carry(smoke, dt)
            heat = np.clip(heat - dt * (0.75 * heat + 0.50), 0, None)
            smoke *= 1 - 0.17 * dt
        if frame >= 0:
            heats.append(np.clip(heat * 220, 0, 255).astype(np.uint8))
            smokes.append(np.clip(smoke * 150, 0, 255).astype(np.uint8))
    return Plume(np.stack(heats), np.stack(smokes))


#: What glows at a given heat: transparent, dull red, orange, yellow, nearly white. (heat, blue, green, red)
_GLOW = np.array(
    [
        (0, 0, 0, 0),
        (28, 0, 0, 0),
        (60, 4, 26, 150),
        (100, 12, 92, 250),
        (150, 50, 176, 255),
        (200, 120, 226, 255),
        (255, 205, 248, 255),
    ],
    np.float32,
)
_GLOW_LUT = np.stack([np.interp(np.arange(256), _GLOW[:, 0], _GLOW[:, c]) for c in (1, 2, 3)], -1).astype(np.uint8)[
    None
]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and how a plume stands in a picture. `foot` is where the fire stands, in pixels; `width` that of the whole
    simulated field, so the fire itself is about a quarter of it. `smoke_shade` is the grey of unlit smoke, 0…255."""

    foot: tuple[int, int]
    width: int
    smoke_shade: int = 165
    thickness: float = 1.0
    seed: int = 0


def _grain(shape: tuple[int, int], seed: int, frame: int) -> Field:
    """Fine turbulence, 0…1, that drifts upward: what the coarse grid cannot hold."""
    rng = np.random.default_rng(seed)
    height, width = shape
    total = np.zeros(shape, np.float32)
    for cell, speed, weight in ((18, 5, 0.5), (9, 8, 0.3), (4, 11, 0.2)):
        tile = rng.random((height // cell + 2, width // cell + 2), np.float32)
        big = cv2.resize(tile, (width + cell, height + cell), interpolation=cv2.INTER_CUBIC)[:height, :width]
        total += weight * np.roll(big, -frame * speed, axis=0)
    return total


def lay(picture: Picture, plume: Plume, frame: int, spot: Spot) -> Picture:
    """The picture with fire and smoke of that frame over it; the given picture is not changed."""
    heat, smoke = plume.heat[frame % len(plume)], plume.smoke[frame % len(plume)]
    scale = spot.width / heat.shape[1]
    size = (spot.width, round(heat.shape[0] * scale))
    left, top = round(spot.foot[0] - 0.42 * size[0]), spot.foot[1] - size[1]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + size[0]), min(picture.shape[0], top + size[1])
    if x0 >= x1 or y0 >= y1:
        return picture
    window = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    grain = _grain((size[1], size[0]), spot.seed, frame)[window]
    hot = cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC)[window].astype(np.float32)
    veil = cv2.resize(smoke, size, interpolation=cv2.INTER_CUBIC)[window].astype(np.float32) / 150
    hot = np.clip(hot * (0.62 + 0.76 * grain), 0, 255)
    # At the ground it ends ragged, between what burns, and not in a line.
    above_ground = ((size[1] - 1 - np.arange(size[1])) / (0.045 * size[1])).astype(np.float32)[window[0]][:, None]
    ragged = np.clip(above_ground + 2.4 * (grain - 0.62), 0, 1)
    hot *= ragged
    # Smoke fades out before it reaches the edge of the simulated field.
    edge = np.clip(np.minimum(np.arange(size[0]), np.arange(size[0])[::-1]) / (0.12 * size[0]), 0, 1)
    fade = (edge[None, :] * np.clip(np.arange(size[1]) / (0.22 * size[1]), 0, 1)[:, None]).astype(np.float32)[window]
    fade *= ragged
    alpha = (1 - np.exp(-1.5 * spot.thickness * veil * (0.55 + 0.9 * grain)))[..., None] * fade[..., None]
    result = picture.copy()
    under = picture[y0:y1, x0:x1].astype(np.float32)
    lit = cv2.GaussianBlur(hot, (0, 0), max(1.0, 0.05 * size[0]))[..., None]
    shade = spot.smoke_shade * (0.82 + 0.3 * grain[..., None]) + lit * np.array([0.05, 0.35, 0.85], np.float32)
    mixed = under * (1 - alpha) + np.clip(shade, 0, 255) * alpha
    mixed += lit * np.array([0.03, 0.16, 0.42], np.float32)  # the light it throws on what stands around
    glow = cv2.LUT(cv2.merge([hot.astype(np.uint8)] * 3), _GLOW_LUT).astype(np.float32)
    opaque = np.clip(hot / 110, 0, 1)[..., None] * 0.9
    mixed = mixed * (1 - opaque) + glow * (0.10 + 0.90 * opaque)
    result[y0:y1, x0:x1] = np.clip(mixed, 0, 255).astype(np.uint8)
    return result
