"""A look in tiles: each thing once, whole where a tile has all of it."""

import numpy as np
import pytest

from configs.words import Box, ObjectClass
from detectors.tiles import SHARE, join, look_in_tiles, tiles
from detectors.words import Detections
from tests.support.walks import Seen, detections

ASPECT = 4 / 3
PERSON, CAR = ObjectClass.PERSON, ObjectClass.CAR


def seen_in(tile: Box, things: list[Seen]) -> Detections:
    """What an engine that misses nothing gives for one tile: what lies in it, cut off at its sides."""
    x0, y0, x1, y1 = tile
    found = []
    for name, (left, top, right, bottom), score in things:
        box = (max(left, x0), max(top, y0), min(right, x1), min(bottom, y1))
        shown = (box[2] - box[0]) * (box[3] - box[1]) / ((right - left) * (bottom - top))
        if box[2] > box[0] and box[3] > box[1] and shown > 0.2:
            within = (box[0] - x0) / SHARE, (box[1] - y0) / SHARE, (box[2] - x0) / SHARE, (box[3] - y0) / SHARE
            found.append((name, within, score if shown > 0.99 else score + 0.05))
    return detections(found, ASPECT)


def look(things: list[Seen]) -> Detections:
    return join([(seen_in(tile, things), tile) for tile in tiles()], ASPECT)


def test_tiles_cover_the_picture_and_overlap():
    assert len(tiles()) == 4
    assert {t[:2] for t in tiles()} == {(0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.4, 0.4)}
    assert max(t[2] for t in tiles()) == 1.0 and max(t[3] for t in tiles()) == 1.0


@pytest.mark.parametrize("x", [0.02, 0.3, 0.37, 0.41, 0.5, 0.57, 0.59, 0.9])
@pytest.mark.parametrize("y", [0.02, 0.35, 0.45, 0.58, 0.8])
def test_a_person_anywhere_is_one_and_whole(x: float, y: float):
    box = (x, y, x + 0.04, y + 0.15)
    found = look([(PERSON, box, 0.8)])
    assert len(found) == 1
    assert np.allclose(found.boxes[0], box, atol=1e-5)


def test_people_side_by_side_stay_two_and_another_class_is_not_hidden():
    things = [
        (PERSON, (0.45, 0.45, 0.50, 0.58), 0.9),
        (PERSON, (0.49, 0.45, 0.54, 0.58), 0.7),
        (CAR, (0.45, 0.45, 0.50, 0.58), 0.6),
    ]
    found = look(things)
    assert list(found.classes) == [PERSON, PERSON, CAR]
    assert list(found.scores) == sorted(found.scores, reverse=True)


def test_nothing_seen_is_nothing_found():
    assert len(look([])) == 0 and look([]).aspect == ASPECT


def test_the_engine_is_shown_each_part_at_full_size():
    class Engine:
        def __init__(self):
            self.shown = []

        def detect(self, picture):
            self.shown.append(picture.shape)
            bright = np.argwhere(picture[:, :, 0] > 0)
            if not len(bright):
                return detections([], ASPECT)
            (y0, x0), (y1, x1) = bright.min(axis=0), bright.max(axis=0) + 1
            high, wide = picture.shape[:2]
            return detections([(PERSON, (x0 / wide, y0 / high, x1 / wide, y1 / high), 0.8)], ASPECT)

    picture, engine = np.zeros((600, 800, 3), np.uint8), Engine()
    picture[280:340, 390:410] = 255
    found = look_in_tiles(engine, picture)
    assert engine.shown == [(360, 480, 3)] * 4
    assert len(found) == 1
    assert np.allclose(found.boxes[0], (390 / 800, 280 / 600, 410 / 800, 340 / 600), atol=1e-5)
