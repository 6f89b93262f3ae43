"""The motion gate against what moves, and against what only looks like it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.motion import Motion, MotionGate

Plane = NDArray[np.float32]
WIDTH, HEIGHT = 160, 90
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]


def street() -> Plane:
    """A made scene with texture: walls, windows, a road."""
    random = np.random.default_rng(7)
    coarse = cv2.resize(
        random.uniform(60, 170, (9, 16)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.resize(random.normal(0, 14, (45, 80)).astype(np.float32), (WIDTH, HEIGHT))
    return np.asarray(coarse + fine, np.float32)


def frames(
    make: Callable[[int, Plane, np.random.Generator], Plane], count: int, noise: float = 2.0
) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    scene = street()
    made = []
    for n in range(count):
        plane = make(n, scene.copy(), random) + random.normal(0, noise, scene.shape)
        made.append(np.clip(plane, 0, 255).astype(np.uint8))
    return made


def watch(planes: Iterable[NDArray[np.uint8]], step: float = 0.2) -> list[Motion]:
    gate = MotionGate()
    return [gate.update(plane, n * step) for n, plane in enumerate(planes)]


def shifted(plane: Plane, dx: float, dy: float) -> Plane:
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(cv2.warpAffine(plane, move, plane.shape[::-1], borderMode=cv2.BORDER_REFLECT), np.float32)


def nothing(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    return plane


def exposure(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    return plane * 1.3 + 12 if n // 20 % 2 else plane


def headlights(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    return plane * 0.4 + 70 * np.exp(-((COLUMNS - 3 * n) ** 2 + (ROWS - 60) ** 2) / (2 * 30**2))


def dusk(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    return plane * (1 - 0.008 * n)


def tree(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    plane[:40, 60:120] = shifted(plane[:40, 60:120], 2 * np.sin(1.3 * n), np.cos(0.7 * n))
    return plane


def rain(n: int, plane: Plane, random: np.random.Generator) -> Plane:
    for x, y in zip(random.integers(0, WIDTH, 40), random.integers(0, HEIGHT - 8, 40), strict=True):
        plane[y : y + 8, x] += 30
    return plane


@pytest.mark.parametrize(
    "what, settled",
    [(nothing, 0), (exposure, 0), (headlights, 0), (dusk, 0), (tree, 75), (rain, 40)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_only_looks_like_motion_leaves_a_camera_still(
    what: Callable[[int, Plane, np.random.Generator], Plane], settled: int
) -> None:
    """Leaves and rain are taken for motion at first; after some seconds they are the scene's usual unrest."""
    seen = watch(frames(what, settled + 60))[settled:]
    assert sum(motion.moving for motion in seen) <= 0.05 * len(seen)


def test_strong_sensor_noise_leaves_a_camera_still() -> None:
    assert sum(motion.moving for motion in watch(frames(nothing, 60, noise=6.0))) <= 2


@pytest.mark.parametrize("height, width", [(6, 3), (12, 5), (30, 12)])
def test_somebody_who_walks_is_seen_where_he_walks(height: int, width: int) -> None:
    def walker(n: int, plane: Plane, random: np.random.Generator) -> Plane:
        plane[50 : 50 + height, 10 + 2 * n : 10 + 2 * n + width] = 30
        return plane

    seen = watch(frames(walker, 60))[3:]
    assert sum(motion.moving for motion in seen) >= 0.9 * len(seen)
    right = 0
    for n, motion in enumerate(seen, start=3):
        x, y = (10 + 2 * n + width / 2) / WIDTH, (50 + height / 2) / HEIGHT
        right += any(l <= x <= r and t <= y <= b for l, t, r, b in motion.regions)  # noqa: E741
    assert right >= 0.9 * len(seen)


def test_a_walker_is_seen_before_a_swaying_tree_and_in_rain() -> None:
    def walker(n: int, plane: Plane, random: np.random.Generator) -> Plane:
        plane = rain(n, tree(n, plane, random), random)
        if n >= 75:
            plane[50:70, 2 * (n - 75) : 2 * (n - 75) + 8] = 20
        return plane

    seen = watch(frames(walker, 135))[78:]
    assert sum(motion.moving for motion in seen) >= 0.9 * len(seen)


def test_a_camera_that_shakes_is_told_apart_from_motion() -> None:
    def shake(n: int, plane: Plane, random: np.random.Generator) -> Plane:
        return shifted(plane, 1.5 * (-1) ** n + random.normal(0, 0.5), random.normal(0, 1)) if n > 10 else plane

    seen = watch(frames(shake, 60))[11:]
    assert sum(motion.shaking for motion in seen) >= 0.8 * len(seen)
    assert sum(motion.moving for motion in seen) <= 0.1 * len(seen)


def test_a_turned_camera_gets_used_to_its_new_scene() -> None:
    def turned(n: int, plane: Plane, random: np.random.Generator) -> Plane:
        return np.ascontiguousarray(plane[::-1, ::-1]) if n >= 10 else plane

    seen = watch(frames(turned, 100))
    assert seen[11].moving
    assert not any(motion.moving for motion in seen[60:])


def test_who_comes_and_stays_becomes_part_of_the_scene() -> None:
    def parked(n: int, plane: Plane, random: np.random.Generator) -> Plane:
        if n >= 10:
            plane[40:60, 60:90] = 200
        return plane

    seen = watch(frames(parked, 900), step=0.2)
    assert seen[12].moving
    assert not any(motion.moving for motion in seen[-50:])


def test_the_first_frame_a_new_size_and_a_long_gap_start_anew() -> None:
    gate = MotionGate()
    planes = frames(nothing, 3)
    assert not gate.update(planes[0], 0.0).moving
    assert not gate.update(planes[1][:72, :128], 0.2).moving
    assert not gate.update(planes[1], 0.4).moving
    assert not gate.update(255 - planes[2], 500.0).moving


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (54, 96), (120, 160)])
def test_any_size_will_do_and_regions_stay_in_the_picture(size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    gate = MotionGate()
    for n in range(10):
        motion = gate.update(random.integers(0, 255, size, np.uint8), n * 0.2)
        assert all(0 <= l < r <= 1 and 0 <= t < b <= 1 for l, t, r, b in motion.regions)  # noqa: E741
        assert len(motion.regions) <= 16


@pytest.mark.shared_data
@pytest.mark.parametrize("clip, step, least", [("pets09-s2l1-view1.avi", 2, 0.9), ("road-8-vehicles.mp4", 5, 0.6)])
def test_real_streets_move(shared_data: Path, clip: str, step: int, least: float) -> None:
    video = cv2.VideoCapture(str(shared_data / "clips" / clip))
    rate = video.get(cv2.CAP_PROP_FPS) or 7.0
    gate, seen, number = MotionGate(), [], 0
    while (read := video.read())[0] and len(seen) < 150:
        if number % step == 0:
            small = cv2.resize(read[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            seen.append(gate.update(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8), number / rate))
        number += 1
    assert sum(motion.moving for motion in seen) >= least * len(seen)
    assert not any(motion.shaking for motion in seen)
