"""Views over fields and hills, drawn, in which a plume can stand far away.

Promises: the same pixels for the same state of the generator. Why: the data sets hold few small, distant plumes.
Not here: the plume (`composites`), how often it is there (`augment`).
"""

import numpy as np

from detectors.train.drawing import Picture, Rng, fractal_noise, smoothstep


def landscape(rng: Rng, height: int, width: int) -> tuple[Picture, list[tuple[float, float]]]:
    """A view over fields and hills to a far horizon, as from a mast; and points (x, y) in pixels on its slopes from
    which a distant plume could rise."""
    ys = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    zenith = np.array([rng.uniform(120, 220), rng.uniform(90, 170), rng.uniform(50, 150)], np.float32)
    low_sky = np.array([rng.uniform(190, 240), rng.uniform(185, 235), rng.uniform(170, 235)], np.float32)
    horizon = rng.uniform(0.2, 0.6)
    t = (ys / horizon).clip(0, 1) ** rng.uniform(0.6, 1.6)
    view = np.repeat(zenith * (1 - t) + low_sky * t, width, 1)
    if rng.random() < 0.5:
        sheet = fractal_noise(rng, height, width, cell=width / rng.uniform(2, 6), octaves=5)[..., None]
        view += (245 - view) * smoothstep(sheet, 0.45, 0.95) * rng.uniform(0.2, 0.9) * (1 - 0.6 * t)
    haze = low_sky * rng.uniform(0.7, 1.0)
    ground = np.array([rng.uniform(30, 90), rng.uniform(60, 120), rng.uniform(50, 120)], np.float32)
    roots: list[tuple[float, float]] = []
    ridges = int(rng.integers(2, 6))
    rows = np.arange(height, dtype=np.float32)[:, None]
    for i in range(ridges):
        near = (i + 1) / ridges
        line = fractal_noise(rng, 2, width, cell=width / rng.uniform(1.5, 6), octaves=5)[0]
        level = height * (horizon + (0.75 - horizon) * near**1.8 * rng.uniform(0.7, 1.1))
        edge = level - (line - 0.5) * height * rng.uniform(0.04, 0.2)
        inside = np.clip(rows - edge[None, :] + 0.5, 0, 1)[..., None]
        grain = fractal_noise(rng, height, width, cell=3 + 14 * near, octaves=4)[..., None] - 0.5
        colour = ground * rng.uniform(0.7, 1.25) * (1 + rng.uniform(0.3, 0.9) * near * grain)
        thick = rng.uniform(0.5, 0.9) * (1 - near)
        view = view * (1 - inside) + (colour * (1 - thick) + haze * thick) * inside
        places = rng.uniform(0.05, 0.95, 3) * width
        roots.extend((float(x), float(edge[int(x)] + rng.uniform(0, 0.06) * height)) for x in places)
    return view.clip(0, 255).astype(np.uint8), roots
