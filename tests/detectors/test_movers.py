"""What moves among what is followed: at any distance, not by jitter, and not for ever."""

import numpy as np

from configs.words import CameraId, Instant, ObjectClass
from detectors.movers import WINDOW_SECONDS, Movers
from detectors.words import Track, TrackId, Tracks


def look(at: float, *things: tuple[int, float, float, float]) -> Tracks:
    """Tracks of one look: number, centre x, foot y, height."""
    tracks = tuple(
        Track(TrackId(n), ObjectClass.PERSON, (x - h / 6, y - h, x + h / 6, y), 0.8, Instant(0.0), Instant(at), 5)
        for n, x, y, h in things
    )
    return Tracks(CameraId("gate"), Instant(at), at, 16 / 9, tracks)


def test_one_who_walks_moves_near_and_far_and_one_who_stands_does_not():
    movers = Movers()
    chance = np.random.default_rng(3)
    counts = []
    for n in range(20):
        at = n * 0.5
        near, far = (1, 0.2 + 0.02 * n, 0.8, 0.4), (2, 0.5 + 0.001 * n * 2, 0.4, 0.04)
        stands = (3, 0.7 + chance.normal(0, 0.004), 0.8 + chance.normal(0, 0.004), 0.3)
        counts.append(movers.update(look(at, near, far, stands)))
    assert counts[-5:] == [2] * 5


def test_one_who_stops_no_longer_moves_and_is_forgotten_when_gone():
    movers = Movers()
    for n in range(10):
        movers.update(look(n * 0.5, (1, 0.1 + 0.03 * n, 0.8, 0.3)))
    assert movers.update(look(5.0, (1, 0.4, 0.8, 0.3))) == 1
    assert movers.update(look(5.0 + WINDOW_SECONDS + 1, (1, 0.4, 0.8, 0.3))) == 0
    movers.update(look(20.0))
    assert movers.update(look(20.5, (1, 0.9, 0.8, 0.3))) == 0, "a new thing of the same number, not one that leapt"
