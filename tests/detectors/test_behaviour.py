"""What pixels say of a suspected place: flame flickers where it stands; lamps, walkers and sunsets do not."""

import cv2
import numpy as np
import pytest

from configs.words import Instant
from detectors.behaviour import MOST_PATCHES, MOST_PLACES, Behaviour, PatchKeeper, look_of, measure
from runtime.demo.plume import Spot, lay, simulate
from runtime.footage import read_footage

BOX = (0.45, 0.40, 0.60, 0.60)
RATE = 10.0


def yard(seed: int = 3, bright: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(50, 150, (18, 32, 3)).astype(np.float32) * bright
    return cv2.resize(small, (416, 234), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, rng: np.random.Generator, by: float = 2.0) -> np.ndarray:
    return (picture + rng.normal(0, by, picture.shape)).clip(0, 255).astype(np.uint8)


def behaviour_of(draw, box=BOX, frames: int = 40, rate: float = RATE) -> Behaviour:
    keeper = PatchKeeper()
    keeper.follow({1: box})
    for index in range(frames):
        keeper.offer(draw(index / rate), Instant(index / rate))
    found = keeper.measure(1)
    assert found is not None
    return found


def lamp(rng):
    def draw(t: float) -> np.ndarray:
        picture = yard(bright=0.3)
        cv2.circle(picture, (218, 117), 16, (60, 60, 255), -1)
        return noisy(picture, rng)

    return draw


def truck(rng):
    def draw(t: float) -> np.ndarray:
        picture = yard()
        left = int(100 + 60 * t)
        cv2.rectangle(picture, (left, 90), (left + 90, 145), (20, 30, 210), -1)
        return noisy(picture, rng)

    return draw


def sunset(rng):
    def draw(t: float) -> np.ndarray:
        picture = yard().astype(np.float32)
        return noisy((picture * (1 - 0.03 * t) + np.array([20, 60, 140]) * 0.03 * t).clip(0, 255), rng)

    return draw


def rain(rng):
    def draw(t: float) -> np.ndarray:
        picture = yard()
        for _ in range(60):
            x, y = int(rng.integers(0, 416)), int(rng.integers(0, 234))
            cv2.line(picture, (x, y), (x + 1, y + 9), (200, 200, 200), 1)
        return noisy(picture, rng)

    return draw


def fire(rng):
    plume = simulate(40, seed=4)

    def draw(t: float) -> np.ndarray:
        return noisy(lay(yard(), plume, round(t * RATE), Spot((225, 140), 150)), rng)

    return draw


@pytest.mark.parametrize("ordinary", [lamp, truck, sunset, rain])
def test_flame_flickers_and_what_is_ordinary_does_not(ordinary):
    rng = np.random.default_rng(1)
    burning, quiet = behaviour_of(fire(rng)), behaviour_of(ordinary(rng))
    assert burning.flicker > 4
    assert quiet.flicker < 0.4 * burning.flicker


def test_a_lamp_does_not_change_and_a_change_of_light_is_nowhere_in_particular():
    rng = np.random.default_rng(2)
    assert behaviour_of(lamp(rng)).change < 1.5
    assert behaviour_of(sunset(rng)).local < 0.62
    assert behaviour_of(fire(rng)).local > 0.62


def test_smoke_spreads_rises_and_is_softer_than_a_wall():
    rng = np.random.default_rng(5)
    texture = cv2.resize(rng.random((60, 12)).astype(np.float32), (120, 600), interpolation=cv2.INTER_CUBIC)
    ys, xs = np.mgrid[0:234, 0:416].astype(np.float32)

    def smoke(t: float) -> np.ndarray:
        spread = 20 + 10 * t
        alpha = np.exp(-(((xs - 218) / spread) ** 2) - ((ys - 117) / spread) ** 2)
        alpha *= 0.4 + 0.6 * texture[(ys + 25 * t).astype(int) % 600, xs.astype(int) % 120].clip(0, 1)
        return noisy(yard() * (1 - alpha[..., None]) + 190 * alpha[..., None], rng)

    def wall(t: float) -> np.ndarray:
        picture = yard()
        cv2.rectangle(picture, (195, 100), (245, 135), (215, 215, 215), -1)
        return noisy(picture, rng)

    seen, still = behaviour_of(smoke), behaviour_of(wall)
    assert seen.growth > 0.03 > still.growth + 0.02
    assert seen.rise > 0.03
    assert seen.softness > still.softness + 0.1
    assert seen.change > still.change + 2


def test_too_few_pictures_say_nothing():
    assert measure([yard()[:32, :32]] * 3, [0.0, 0.5, 1.0]) is None


def test_memory_is_bounded_and_a_place_that_is_dropped_is_forgotten():
    keeper = PatchKeeper()
    keeper.follow(dict.fromkeys(range(20), BOX))
    for index in range(300):
        keeper.offer(yard(), Instant(index / 25))
    assert len(keeper._places) == MOST_PLACES
    assert all(len(place.patches) <= MOST_PATCHES for place in keeper._places.values())
    keeper.follow({})
    assert keeper.is_idle
    assert keeper.measure(0) is None


def test_a_place_at_the_edge_of_the_picture_can_be_measured():
    assert behaviour_of(lamp(np.random.default_rng(1)), box=(0.0, 0.9, 0.05, 1.0)).seconds > 3


def test_looks_tell_a_red_lamp_from_a_grey_wall():
    red, wall = np.full((32, 32, 3), (40, 30, 220), np.uint8), np.full((32, 32, 3), 200, np.uint8)
    assert sum(look_of(red)) == pytest.approx(1, abs=0.01)
    assert sum(np.sqrt(np.multiply(look_of(red), look_of(wall)))) < 0.2


def clip(path, box, first: float, seconds: float, step: int) -> Behaviour:
    keeper = PatchKeeper()
    keeper.follow({1: box})
    for index, picture in enumerate(read_footage(path)):
        if picture.seconds > first + seconds:
            break
        if picture.seconds >= first and index % step == 0:
            keeper.offer(picture.pixels, Instant(picture.seconds))
    found = keeper.measure(1)
    assert found is not None
    return found


@pytest.mark.shared_data
def test_a_real_fire_flickers_more_than_a_street_and_a_campus(shared_data):
    burning = clip(shared_data / "clips" / "house-fire.mp4", (0.40, 0.35, 0.50, 0.50), 1, 4, 3)
    street = clip(shared_data / "clips" / "road-8-vehicles.mp4", (0.40, 0.45, 0.60, 0.70), 1, 4, 2)
    campus = clip(shared_data / "clips" / "pets09-s2l1-view1.avi", (0.40, 0.35, 0.50, 0.50), 1, 4, 1)
    assert burning.flicker > 1.2 * max(street.flicker, campus.flicker)
    assert burning.core > 0.4 > 0.2 > max(street.core, campus.core)
