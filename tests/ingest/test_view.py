"""Pictures that come but show too little."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.view import ViewHealth

Luma = NDArray[np.uint8]
CHANCE = np.random.default_rng(5)


def street(seed: int = 1) -> NDArray[np.float32]:
    """A view with houses and edges."""
    blocks = np.random.default_rng(seed).integers(50, 210, (9, 16)).astype(np.float32)
    return np.kron(blocks, np.ones((10, 10), np.float32))


def taken(view: NDArray[np.float32], noise: float = 2.0) -> Luma:
    return np.clip(view + CHANCE.normal(0, noise, view.shape), 0, 255).astype(np.uint8)


def blurred(view: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.GaussianBlur(view, (0, 0), 6), np.float32)


class Looking:
    """Looks once a second."""

    def __init__(self) -> None:
        self.health, self.now = ViewHealth(), 0.0

    def at(self, view: NDArray[np.float32] | None, seconds: int, luma: Luma | None = None) -> set[str | None]:
        said = set()
        for _ in range(seconds):
            self.now += 1.0
            picture = luma if luma is not None else taken(view if view is not None else street())
            self.health.keyframe(picture)
            said.add(self.health.look(picture, self.now))
        return said


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (np.full((90, 160), 17, np.float32), "black"),
        (np.full((90, 160), 120, np.float32), "covered"),
        (blurred(street()), "blurred"),
        (street(99), "turned"),
    ],
)
def test_a_view_that_goes_bad_is_named_and_taken_back(view: NDArray[np.float32], fault: str) -> None:
    looking = Looking()
    assert looking.at(street(), 120) == {None}
    assert looking.at(view, 8) == {None}, "not at once: a lorry may stop in front of the lens"
    assert fault in looking.at(view, 40)
    looking.at(street(), 6)
    assert looking.health.fault is None


def test_an_empty_car_park_in_haze_is_not_covered_and_a_cloth_before_it_is() -> None:
    asphalt = np.full((90, 160), 150, np.float32)
    for n in range(5):
        asphalt[10:80, 20 + 30 * n : 22 + 30 * n] = 172
    assert float(asphalt.std()) < 6, "as flat as what covers a lens"
    looking = Looking()
    assert looking.at(asphalt, 60) == {None}
    assert "covered" in looking.at(cloth(), 20)
    looking.at(asphalt, 6)
    assert looking.health.fault is None


def cloth() -> NDArray[np.float32]:
    """A cloth over the lens: dull, lighter on one side, and the sensor's noise is all there is."""
    return np.full((90, 160), 70, np.float32) + np.linspace(0, 15, 160, dtype=np.float32)


def test_a_frozen_picture_is_named() -> None:
    looking, still = Looking(), taken(street())
    assert looking.at(None, 15, still) == {None}
    assert "frozen" in looking.at(None, 10, still)
    looking.at(street(), 6)
    assert looking.health.fault is None


def test_dusk_clouds_and_passers_by_are_no_fault() -> None:
    looking = Looking()
    for n in range(600):
        view = street() * (1.0 - 0.8 * n / 600) + 15
        x = (n * 9) % 130
        view[40:90, x : x + 30] = 30
        looking.at(view, 1)
        assert looking.health.fault is None, n


def test_a_camera_moved_for_good_is_told_of_once() -> None:
    looking = Looking()
    looking.at(street(), 120)
    assert "turned" in looking.at(street(7), 60)
    looking.at(street(7), 600)
    assert looking.health.fault is None
