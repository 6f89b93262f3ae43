"""Smoke and flame, drawn or cut out of labelled pictures, and laid over others.

Promises: every drawing takes a seeded generator and gives the same pixels for the same state; a laid event gives its
box, or None where nobody would see it. Works on plain BGR pictures of any size.
Why: the data sets hold few small or early plumes and hardly any village street, which is what a monitoring point sees.
Not here: look-alikes (`look_alikes`), far views (`landscapes`), which picture gets what, and how often (`augment`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.train.drawing import Picture, PixelBox, Plane, Rng, add_glow, fractal_noise, smoothstep


@dataclass(frozen=True, slots=True)
class Sprite:
    """Something to lay over a picture: `colour` (h, w, 3) BGR 0…255 and `alpha` (h, w) 0…1."""

    colour: Plane
    alpha: Plane

    def resized(self, area: float) -> "Sprite":
        """The same shape at about `area` pixels."""
        scale = np.sqrt(area / (self.alpha.shape[0] * self.alpha.shape[1]))
        size = max(round(self.alpha.shape[1] * scale), 5), max(round(self.alpha.shape[0] * scale), 5)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return Sprite(
            np.asarray(cv2.resize(self.colour, size, interpolation=how), np.float32),
            np.asarray(cv2.resize(self.alpha, size, interpolation=how), np.float32),
        )


def _warped(rng: Rng, plane: Plane, strength: float, cell: float) -> Plane:
    """The plane pushed about by noise, as turbulence does."""
    h, w = plane.shape
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    strength = float(strength)
    dx = (fractal_noise(rng, h, w, cell=cell, octaves=3) - 0.5) * (2 * strength)
    dy = (fractal_noise(rng, h, w, cell=cell, octaves=3) - 0.5) * (2 * strength)
    moved = cv2.remap(
        plane.astype(np.float32), xs + dx, ys + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(moved, np.float32)


def smoke(rng: Rng, height: int, width: int) -> Sprite:
    """A plume: puffs that leave a source at the bottom, rise, widen, drift with the wind and thin out.

    Small ones are drawn large and shrunk, or they would have no shape.
    """
    grow = max(72 / min(height, width), 1.0)
    if grow > 1:
        large = _plume(rng, round(height * grow), round(width * grow))
        size = (width, height)
        return Sprite(
            np.asarray(cv2.resize(large.colour, size, interpolation=cv2.INTER_AREA), np.float32),
            np.asarray(cv2.resize(large.alpha, size, interpolation=cv2.INTER_AREA), np.float32),
        )
    return _plume(rng, height, width)


def _plume(rng: Rng, height: int, width: int) -> Sprite:
    density = np.zeros((height, width), np.float32)
    size = float(min(height, width))
    wind = rng.normal(0, 0.9)
    column = rng.random() < 0.75  # else a cloud that hangs low
    base_x = width * (0.5 - 0.35 * np.clip(wind, -1, 1)) + rng.normal(0, 0.04) * width
    puffs = int(rng.integers(14, 36))
    start, end = rng.uniform(0.02, 0.08), rng.uniform(0.12, 0.26)
    puffs = round(puffs * max(height / width, 1))
    for i in range(puffs):
        t = (i + rng.random()) / puffs
        radius = max(size * (start + (end - start) * t) * rng.uniform(0.7, 1.3), 1.5)
        if column:
            x = base_x + wind * width * 0.45 * t**1.4 + rng.normal(0, 0.02 + 0.1 * t) * width * 0.6
            y = height * (0.95 - 0.8 * t)
        else:
            x, y = rng.uniform(0.15, 0.85) * width, height * rng.uniform(0.3, 0.85)
        strength = rng.uniform(0.4, 1.0) * (1 - 0.6 * t)
        _add_puff(density, x, y, radius, strength)
    density = _warped(rng, density, strength=size * rng.uniform(0.03, 0.1), cell=max(size / 4, 4))
    texture = fractal_noise(rng, height, width, cell=max(size / rng.uniform(3, 7), 3), octaves=5, fall=0.6)
    density *= 0.35 + 0.9 * texture
    density /= max(float(np.percentile(density, 99)), 1e-3)
    alpha = (1 - np.exp(-density * rng.uniform(0.9, 3.0))).astype(np.float32)
    alpha *= _fading_edges(height, width) * rng.uniform(0.45, 1.0)

    kind = rng.random()
    shade = rng.uniform(0.62, 0.95) if kind < 0.5 else rng.uniform(0.35, 0.62) if kind < 0.8 else rng.uniform(0.05, 0.3)
    tint = np.array([1.0, 1.0, 1.0], np.float32) + rng.normal(0, 0.025, 3).astype(np.float32)
    if rng.random() < 0.2:  # straw and damp wood burn yellowish brown
        tint *= np.array([0.85, 0.95, 1.03], np.float32)
    light = cv2.GaussianBlur(texture, (0, 0), max(size / 40, 0.7)) - 0.5
    slope = cv2.Sobel(cv2.GaussianBlur(density, (0, 0), max(size / 30, 1)), cv2.CV_32F, 1, 0, ksize=3)
    slope /= max(float(np.abs(slope).max()), 1e-6)
    lit = np.clip(shade + 0.22 * light + rng.normal(0, 0.12) * slope, 0, 1)
    return Sprite((lit[..., None] * tint * 255).clip(0, 255).astype(np.float32), alpha)


def _add_puff(density: Plane, x: float, y: float, radius: float, strength: float) -> None:
    h, w = density.shape
    reach = int(radius * 2.5) + 1
    left, right = max(int(x) - reach, 0), min(int(x) + reach + 1, w)
    top, bottom = max(int(y) - reach, 0), min(int(y) + reach + 1, h)
    if left >= right or top >= bottom:
        return
    ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32)
    density[top:bottom, left:right] += strength * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * radius**2))


def _fading_edges(height: int, width: int, share: float = 0.08) -> Plane:
    xs = np.minimum(np.arange(width), np.arange(width)[::-1]) / max(width * share, 1)
    ys = np.minimum(np.arange(height), np.arange(height)[::-1]) / max(height * share, 1)
    return np.minimum(np.minimum(xs[None, :], ys[:, None]), 1).astype(np.float32)


_FLAME_HEAT = np.array([0.0, 0.22, 0.42, 0.62, 0.82, 1.0], np.float32)
_FLAME_BGR = np.array(
    [[5, 10, 60], [10, 40, 170], [15, 100, 235], [50, 175, 255], [150, 230, 255], [235, 250, 255]], np.float32
)


def flame(rng: Rng, height: int, width: int) -> Sprite:
    """A fire: tongues on a common bed, torn by turbulence stretched along the rise, hot and white at the foot."""
    heat = np.zeros((height, width), np.float32)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    up = 1 - ys / max(height - 1, 1)  # 0 at the foot
    lean = rng.normal(0, 0.15)
    for _ in range(int(rng.integers(1, 7))):
        x = width * rng.uniform(0.28, 0.72)
        tall, wide = rng.uniform(0.45, 0.97), width * rng.uniform(0.1, 0.26)
        rise = up / tall
        narrowing = (
            wide * np.clip(1 - rise, 0, 1) ** rng.uniform(0.5, 0.9) * (0.65 + 0.6 * np.sin(np.clip(rise, 0, 1) * 3))
        )
        away = np.abs(xs - x - lean * width * up) / np.maximum(narrowing, 0.3)
        heat = np.maximum(heat, np.clip(1.15 - away**1.6, 0, 1) * np.clip(1.25 - rise, 0, 1))
    heat *= np.clip((height - ys) / max(height * 0.07, 1), 0, 1)
    heat = _warped(rng, heat, strength=width * rng.uniform(0.05, 0.16), cell=max(width / 3, 3))
    stretched = fractal_noise(rng, max(height // 2, 2), width, cell=max(width / rng.uniform(3, 7), 2), octaves=4)
    heat *= 0.45 + 0.75 * cv2.resize(stretched, (width, height))
    heat /= max(float(np.percentile(heat, 99.5)), 1e-3)
    heat = np.clip(heat * rng.uniform(0.75, 1.15), 0, 1)
    colour = np.stack([np.interp(heat, _FLAME_HEAT, _FLAME_BGR[:, c]) for c in range(3)], -1).astype(np.float32)
    return Sprite(colour, smoothstep(heat, 0.12, 0.45) * rng.uniform(0.8, 1.0))


def flame_from_picture(picture: Picture, box: PixelBox) -> Sprite | None:
    """A real fire cut out of a labelled picture by its own light; None when the box is dull or tiny."""
    left, top, right, bottom = (round(v) for v in box)
    crop = picture[max(top, 0) : bottom, max(left, 0) : right]
    if min(crop.shape[:2]) < 14:
        return None
    blue, green, red = (crop[..., i].astype(np.float32) for i in range(3))
    glow = np.clip((red - 120) / 70, 0, 1) * np.clip((red - blue - 25) / 50, 0, 1)
    white = np.clip((np.minimum(green, red) - 215) / 25, 0, 1)
    alpha = cv2.GaussianBlur(np.maximum(glow, white), (0, 0), 0.8) * _fading_edges(*crop.shape[:2])
    if float((alpha > 0.5).mean()) < 0.12 or float(white.mean()) > 0.6:
        return None
    return Sprite(crop.astype(np.float32), alpha.astype(np.float32))


def smoke_from_picture(picture: Picture, box: PixelBox, thickness: float) -> Sprite | None:
    """Real smoke cut out of a labelled picture, with edges that fade; None when the box is tiny."""
    left, top, right, bottom = (round(v) for v in box)
    crop = picture[max(top, 0) : bottom, max(left, 0) : right]
    if min(crop.shape[:2]) < 14:
        return None
    height, width = crop.shape[:2]
    alpha = smoothstep(_fading_edges(height, width, share=0.3), 0, 1) * np.float32(thickness)
    return Sprite(crop.astype(np.float32), alpha)


def lay_smoke(picture: Picture, sprite: Sprite, left: int, top: int, ambient: float) -> PixelBox | None:
    """Lays smoke over `picture` in place, lit as the scene is (`ambient` 0 night … 1 day). Its box, or None when so
    little shows that nobody would call it smoke."""
    region, alpha, colour = _overlap(picture, sprite, left, top)
    if region is None:
        return None
    before = region.astype(np.float32)
    a = alpha[..., None]
    mixed = before * (1 - a) + colour * (0.15 + 0.85 * ambient) * a
    seen = alpha > max(0.1, 0.5 * float(alpha.max()))
    if float(np.abs(mixed - before).max(2)[seen].mean() if seen.any() else 0) < 9:
        return None
    region[:] = mixed.clip(0, 255).astype(np.uint8)
    return _box_of(alpha, max(0.12, 0.22 * float(alpha.max())), left, top)


def lay_flame(picture: Picture, sprite: Sprite, left: int, top: int, ambient: float, rng: Rng) -> PixelBox | None:
    """Lays flame over `picture` in place, with the glow it throws, more at night."""
    region, alpha, colour = _overlap(picture, sprite, left, top)
    if region is None:
        return None
    a = alpha[..., None]
    region[:] = (np.maximum(region * (1 - a), 0) + colour * a).clip(0, 255).astype(np.uint8)
    box = _box_of(alpha, 0.4, left, top)
    if box is not None:
        radius = max(box[2] - box[0], box[3] - box[1]) * rng.uniform(0.8, 2.0)
        warmth = np.array([20, 75, 150], np.float32) * rng.uniform(0.1, 0.5) * (1.15 - ambient)
        add_glow(picture, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, radius, warmth)
    return box


def _overlap(
    picture: Picture, sprite: Sprite, left: int, top: int
) -> tuple[Picture, Plane, Plane] | tuple[None, Plane, Plane]:
    """The part of the picture under the sprite, and the part of the sprite over the picture."""
    height, width = sprite.alpha.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, picture.shape[1]), min(top + height, picture.shape[0])
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None, sprite.alpha, sprite.colour
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    return picture[y0:y1, x0:x1], sprite.alpha[inside], sprite.colour[inside]


def _box_of(alpha: Plane, threshold: float, left: int, top: int) -> PixelBox | None:
    seen = alpha > threshold
    columns, rows = np.flatnonzero(seen.sum(0) > 0), np.flatnonzero(seen.sum(1) > 0)
    if len(columns) < 3 or len(rows) < 3:
        return None
    left, top = max(left, 0), max(top, 0)
    return (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
