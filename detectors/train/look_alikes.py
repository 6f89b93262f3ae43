"""What looks like smoke or fire and is neither, drawn: lamps, lanterns, banners, sunsets, clouds, fog, white walls.

Promises: each draws on the picture in place and gives no box; the same pixels for the same state of the generator.
Why: a detector learns what a lamp is from lamps. Not here: which picture gets which, and how often, `augment`.
"""

from collections.abc import Callable

import cv2
import numpy as np

from detectors.train.drawing import Picture, Rng, add_glow, fractal_noise, smoothstep


def red_lamps(picture: Picture, rng: Rng) -> None:
    """Round red or amber signal lamps, brake lights in pairs, with bloom."""
    h, w = picture.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        x, y, r = rng.uniform(0, w), rng.uniform(0.15, 0.95) * h, max(h * rng.uniform(0.004, 0.03), 1.2)
        colour = [(40, 30, 255), (60, 120, 255), (70, 70, 230)][int(rng.integers(3))]
        pair = rng.random() < 0.5
        for dx in (0.0, r * rng.uniform(4, 9)) if pair else (0.0,):
            add_glow(picture, x + dx, y, r * rng.uniform(2, 5), np.array(colour, np.float32) * rng.uniform(0.2, 0.6))
            cv2.circle(picture, (int(x + dx), int(y)), max(int(r), 1), colour, -1, cv2.LINE_AA)
            if rng.random() < 0.5:
                cv2.circle(picture, (int(x + dx), int(y)), max(int(r * 0.5), 1), (210, 220, 255), -1, cv2.LINE_AA)


def headlights(picture: Picture, rng: Rng) -> None:
    """White or warm lights with wide bloom, street lamps among them."""
    h, w = picture.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        x, y, r = rng.uniform(0, w), rng.uniform(0.1, 0.95) * h, max(h * rng.uniform(0.005, 0.035), 1.5)
        warm = np.array([rng.uniform(120, 255), rng.uniform(190, 245), 255], np.float32)
        for dx in (0.0, r * rng.uniform(3, 8)) if rng.random() < 0.5 else (0.0,):
            add_glow(picture, x + dx, y, r * rng.uniform(2, 7), warm * rng.uniform(0.3, 0.9))
            add_glow(picture, x + dx, y, r, warm * 1.5)


def lanterns(picture: Picture, rng: Rng) -> None:
    """A row of red festive lanterns, some lit from within."""
    h, w = picture.shape[:2]
    rx = max(w * rng.uniform(0.006, 0.035), 2)
    y, x, step = rng.uniform(0.1, 0.6) * h, rng.uniform(0, 0.5) * w, rx * rng.uniform(3, 6)
    lit = rng.random() < 0.5
    for i in range(int(rng.integers(1, 8))):
        at = (int(x + i * step), int(y + rng.normal(0, 0.3) * rx))
        size = (int(rx), max(int(rx * rng.uniform(0.7, 1.0)), 1))
        body = (20, 15, 190) if rng.random() < 0.7 else (25, 80, 210)
        if lit:
            add_glow(picture, *at, rx * 2.5, (15, 40, 130))
        cv2.ellipse(picture, at, size, 0, 0, 360, body, -1, cv2.LINE_AA)
        if lit:
            add_glow(picture, *at, rx * 0.6, (40, 110, 130))
        cv2.line(picture, (at[0], at[1] + size[1]), (at[0], at[1] + int(size[1] * 1.7)), (30, 160, 220), 1, cv2.LINE_AA)


def banner(picture: Picture, rng: Rng) -> None:
    """A red or orange banner, sign or tarpaulin with strokes on it."""
    h, w = picture.shape[:2]
    bw, bh = w * rng.uniform(0.05, 0.4), h * rng.uniform(0.03, 0.18)
    x, y = rng.uniform(-0.1, 0.9) * w, rng.uniform(0.05, 0.85) * h
    corners = np.array([[x, y], [x + bw, y], [x + bw, y + bh], [x, y + bh]]) + rng.normal(0, 0.08 * bh, (4, 2))
    red = (int(rng.integers(10, 60)), int(rng.integers(10, 130)), int(rng.integers(150, 255)))
    cv2.fillPoly(picture, [corners.astype(np.int32)], red, cv2.LINE_AA)
    ink = (250, 250, 250) if rng.random() < 0.5 else (40, 220, 255)
    for i in range(int(rng.integers(0, 9))):
        at = (int(x + bw * (0.08 + 0.1 * i)), int(y + bh * 0.7))
        cv2.putText(
            picture, "HEIKMWXZB"[i], at, cv2.FONT_HERSHEY_SIMPLEX, bh / 45, ink, max(int(bh / 14), 1), cv2.LINE_AA
        )


def sunset(picture: Picture, rng: Rng) -> None:
    """The upper part washed in orange and red, a low sun in it perhaps."""
    h, w = picture.shape[:2]
    horizon = rng.uniform(0.25, 0.7)
    ys = np.arange(h, dtype=np.float32)[:, None] / h
    band = np.exp(-(((ys - horizon) / rng.uniform(0.12, 0.4)) ** 2)) * (ys < horizon + 0.08)
    streaks = fractal_noise(rng, h, w, cell=max(h / 6, 4), octaves=3)
    weight = (band * (0.6 + 0.5 * streaks) * rng.uniform(0.4, 0.95)).clip(0, 1)[..., None]
    colour = np.array([rng.uniform(30, 120), rng.uniform(90, 170), rng.uniform(210, 255)], np.float32)
    picture[:] = (picture * (1 - weight) + colour * weight).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        r = h * rng.uniform(0.015, 0.05)
        x, y = rng.uniform(0, w), h * (horizon - rng.uniform(0, 0.1))
        add_glow(picture, x, y, r * 4, (60, 120, 160))
        add_glow(picture, x, y, r, (230, 245, 255))


def clouds(picture: Picture, rng: Rng) -> None:
    """Clouds across the top: wide, with no root on the ground."""
    h, w = picture.shape[:2]
    deep = int(h * rng.uniform(0.2, 0.5))
    noise = fractal_noise(rng, deep, w, cell=max(w / rng.uniform(2, 5), 4), octaves=5)
    fade = np.clip((deep - np.arange(deep, dtype=np.float32)) / (0.5 * deep), 0, 1)[:, None]
    alpha = (smoothstep(noise, 0.35, 0.85) * fade * rng.uniform(0.5, 0.95))[..., None]
    shade = np.float32(rng.uniform(150, 250))
    picture[:deep] = (picture[:deep] * (1 - alpha) + shade * alpha).clip(0, 255).astype(np.uint8)


def fog(picture: Picture, rng: Rng) -> None:
    """Haze over all of it, thicker far away (up), a little patchy."""
    h, w = picture.shape[:2]
    far = np.clip(1.2 - np.arange(h, dtype=np.float32)[:, None] / h * rng.uniform(0.6, 1.2), 0.15, 1)
    patches = fractal_noise(rng, h, w, cell=max(w / 2, 4), octaves=2)
    alpha = (far * (0.75 + 0.35 * patches) * rng.uniform(0.2, 0.75)).clip(0, 0.92)[..., None]
    picture[:] = (picture * (1 - alpha) + np.float32(rng.uniform(140, 225)) * alpha).clip(0, 255).astype(np.uint8)


def white_wall(picture: Picture, rng: Rng) -> None:
    """A pale, hard-edged, faintly shaded quadrilateral: a wall, a sheet, a white van's side."""
    h, w = picture.shape[:2]
    bw, bh = w * rng.uniform(0.06, 0.35), h * rng.uniform(0.08, 0.45)
    x, y = rng.uniform(-0.1, 0.9) * w, rng.uniform(0.1, 0.8) * h
    corners = np.array([[x, y], [x + bw, y], [x + bw, y + bh], [x, y + bh]]) + rng.normal(0, 0.06 * bh, (4, 2))
    mask = np.zeros((h, w), np.float32)
    cv2.fillPoly(mask, [corners.astype(np.int32)], 1.0, cv2.LINE_AA)
    shade = rng.uniform(150, 250) + 25 * (fractal_noise(rng, h, w, cell=max(w / 3, 4), octaves=2) - 0.5)
    alpha = (mask * rng.uniform(0.75, 1.0))[..., None]
    picture[:] = (picture * (1 - alpha) + shade[..., None] * alpha).clip(0, 255).astype(np.uint8)


LOOK_ALIKES: tuple[Callable[[Picture, Rng], None], ...] = (
    red_lamps,
    headlights,
    lanterns,
    banner,
    sunset,
    clouds,
    fog,
    white_wall,
)
