"""Letterboxing and reading of network heads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from configs.words import ObjectClass
from detectors.boxes import PAD_GREY, Decoder, Letterbox, strongest_of_each
from detectors.engine import Thresholds

PERSON, CAR = ObjectClass.PERSON, ObjectClass.CAR
SQUARE = Letterbox.fit((100, 100), (100, 100))


@pytest.mark.parametrize(
    "picture, expected",
    [
        ((640, 360), (0, 11, 416, 234)),  # wide: grey above and below
        ((416, 234), (0, 11, 416, 234)),  # already at the size that it is fitted to
        ((768, 576), (37, 0, 341, 256)),  # 4:3: grey left and right
        ((360, 640), (136, 0, 144, 256)),  # on end
        ((4000, 10), (0, 127, 416, 1)),
    ],
)
def test_a_picture_is_fitted_whole_and_centred(picture: tuple[int, int], expected: tuple[int, int, int, int]) -> None:
    box = Letterbox.fit(picture, (416, 256))
    assert (box.left, box.top, box.width, box.height) == expected


sizes = st.tuples(st.integers(16, 2000), st.integers(16, 2000))


@given(picture=sizes, where=st.tuples(*[st.floats(0, 1)] * 4))
def test_boxes_come_back_to_where_they_were(picture: tuple[int, int], where: tuple[float, ...]) -> None:
    fitted = Letterbox.fit(picture, (416, 256))
    unit = np.array([where], np.float32)
    scale = np.array([fitted.width, fitted.height] * 2, np.float32)
    shift = np.array([fitted.left, fitted.top] * 2, np.float32)
    assert np.abs(fitted.unfit(unit * scale + shift) - unit).max() < 1e-3


def test_placing_leaves_the_grey_alone_and_keeps_left_left() -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, :40] = (10, 20, 200)
    canvas = np.full((256, 416, 3), PAD_GREY, np.uint8)
    box = Letterbox.fit((80, 60), (416, 256))
    box.place(picture, canvas)
    assert (canvas[:, : box.left] == PAD_GREY).all()
    assert (canvas[:, box.left + box.width :] == PAD_GREY).all()
    assert tuple(canvas[128, box.left + 10]) == (10, 20, 200)
    assert tuple(canvas[128, box.left + box.width - 10]) == (0, 0, 0)


def raw_head(*anchors: tuple[float, float, float, float, list[float]]) -> NDArray[np.float32]:
    """A head as YOLO gives it, of anchors (centre x, centre y, width, height, class scores)."""
    return np.array([[*box, *scores] for *box, scores in anchors], np.float32).T[None]


def test_one_object_gives_one_box_and_classes_do_not_hide_each_other() -> None:
    head = raw_head(
        (50, 50, 20, 40, [0.6, 0.0, 0.1]),
        (51, 50, 20, 40, [0.9, 0.0, 0.1]),
        (50, 50, 20, 40, [0.1, 0.0, 0.8]),
        (10, 10, 8, 8, [0.3, 0.0, 0.0]),
        (80, 80, 8, 8, [0.2, 0.0, 0.0]),
    )
    found = Decoder((PERSON, None, CAR), Thresholds()).decode(head, SQUARE)
    assert found.classes == (PERSON, CAR, PERSON)
    assert found.scores.tolist() == pytest.approx([0.9, 0.8, 0.3])
    assert found.boxes[0].tolist() == pytest.approx([0.41, 0.3, 0.61, 0.7])
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_what_is_rather_of_a_class_we_ignore_is_not_ours() -> None:
    head = raw_head((50, 50, 20, 40, [0.5, 0.7]), (20, 20, 10, 10, [0.5, 0.4]))
    found = Decoder((PERSON, None), Thresholds()).decode(head, SQUARE)
    assert len(found) == 1
    assert found.boxes[0, 0] == pytest.approx(0.15)


def test_an_end_to_end_head_is_read_too() -> None:
    rows = [
        [10, 20, 30, 60, 0.4, 2],
        [0, 0, 50, 50, 0.9, 0],
        [0, 0, 9, 9, 0.9, 1],
        [0, 0, 9, 9, 0.1, 0],
        [0, 0, 9, 9, 0.9, 77],
    ]
    decoder = Decoder((PERSON, None, CAR), Thresholds())
    head = np.array([rows + [[0.0] * 6] * 295], np.float32)
    assert decoder.accepts(head.shape)
    found = decoder.decode(head, SQUARE)
    assert found.classes == (PERSON, CAR)
    assert found.boxes[1].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.6])


def test_a_two_class_head_is_not_mistaken_for_an_end_to_end_one() -> None:
    decoder = Decoder((ObjectClass.SMOKE, ObjectClass.FIRE), Thresholds())
    assert decoder.accepts((1, 6, 2184))
    found = decoder.decode(raw_head((50, 50, 20, 40, [0.1, 0.6])), SQUARE)
    assert found.classes == (ObjectClass.FIRE,)


@pytest.mark.parametrize("shape", [(1, 84, 2184), (2, 7, 100), (1, 7), (1, 5, 100)])
def test_a_head_for_other_classes_is_refused(shape: tuple[int, ...]) -> None:
    assert not Decoder((PERSON, None, CAR), Thresholds()).accepts(shape)


def test_nothing_found_is_an_empty_answer() -> None:
    found = Decoder((PERSON,), Thresholds()).decode(
        np.zeros((1, 5, 100), np.float32), Letterbox.fit((320, 160), (416, 256))
    )
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.aspect == 2.0


def greedy(boxes: NDArray[np.float32], numbers: NDArray[np.int32], limit: float) -> list[int]:
    """Suppression written out, as the definition has it."""
    kept: list[int] = []
    for i, (left, top, right, bottom) in enumerate(boxes.tolist()):
        for j in kept:
            a, b, c, d = boxes[j].tolist()
            shared = max(0.0, min(right, c) - max(left, a)) * max(0.0, min(bottom, d) - max(top, b))
            union = (right - left) * (bottom - top) + (c - a) * (d - b) - shared
            if numbers[i] == numbers[j] and shared > limit * union:
                break
        else:
            kept.append(i)
    return kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_suppression_is_what_its_definition_says(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    corner = random.integers(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + random.integers(1, 40, (count, 2))], axis=1).astype(np.float32)
    numbers = random.integers(0, 3, count).astype(np.int32)
    assert strongest_of_each(boxes, numbers, 0.5).tolist() == greedy(boxes, numbers, 0.5)
