"""Average precision, picture figures, decoding: against answers worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from detectors.train import measure, predict
from detectors.train.dataset import Sample
from detectors.train.measure import Looked

SQUARE = [0.2, 0.2, 0.4, 0.4]
ELSEWHERE = [0.6, 0.6, 0.8, 0.8]


def looked(truth: list[list[float]], found: list[list[float]], smoke_labelled: bool = True) -> Looked:
    sample = Sample(Path("x"), "d", "s", np.array(truth, np.float32).reshape(-1, 5), smoke_labelled)
    return Looked(sample, np.array(found, np.float32).reshape(-1, 6))


@pytest.mark.parametrize(
    ("found", "ap"),
    [
        ([[*SQUARE, 0.9, 1]], 1.0),
        ([], 0.0),
        ([[*ELSEWHERE, 0.9, 1]], 0.0),
        ([[*SQUARE, 0.9, 0]], 0.0),
        ([[*ELSEWHERE, 0.9, 1], [*SQUARE, 0.5, 1]], 0.5),
        ([[*SQUARE, 0.9, 1], [*SQUARE, 0.8, 1]], 1.0),
    ],
    ids=["right", "nothing", "elsewhere", "other class", "second guess", "twice is one hit"],
)
def test_average_precision(found: list[list[float]], ap: float) -> None:
    assert measure.report([looked([[1, *SQUARE]], found)]).classes["fire"].ap50 == pytest.approx(ap, abs=0.01)


def test_half_found_is_half() -> None:
    report = measure.report([looked([[1, *SQUARE]], [[*SQUARE, 0.9, 1]]), looked([[1, *SQUARE]], [])])
    assert report.classes["fire"].ap50 == pytest.approx(0.5, abs=0.02)
    assert report.classes["fire"].recall == 0.5


def test_unlabelled_smoke_counts_neither_way() -> None:
    known = looked([[0, *SQUARE]], [[*SQUARE, 0.6, 0]])
    unknown = looked([[1, *SQUARE]], [[*ELSEWHERE, 0.9, 0], [*SQUARE, 0.8, 1]], smoke_labelled=False)
    report = measure.report([known, unknown])
    assert report.classes["smoke"].ap50 == pytest.approx(1.0)
    assert report.at[0].without_event == 0


def test_false_alarms_are_a_share_of_ordinary_pictures() -> None:
    pictures = [looked([], [[*SQUARE, 0.3, 0]]), *[looked([], []) for _ in range(3)], looked([[1, *SQUARE]], [])]
    at = measure.report(pictures, thresholds=(0.25, 0.4)).at
    assert [(p.false_alarms, p.seen) for p in at] == [(0.25, 0.0), (0.0, 0.0)]


def test_nothing_to_find_gives_no_figure_rather_than_a_zero() -> None:
    assert measure.report([looked([], [])]).classes["smoke"].ap50 is None


def test_decoding_undoes_the_fit_and_keeps_one_of_two_that_overlap() -> None:
    # a 640x360 picture in 416x256: scale 0.65, margin 11 above
    raw = np.zeros((6, 4), np.float32)
    raw[:, 0] = (208, 128, 104, 58.5, 0.1, 0.9)
    raw[:, 1] = (210, 128, 104, 58.5, 0.1, 0.8)
    raw[:, 2] = (50, 50, 20, 20, 0.7, 0.2)
    found = predict.decode(raw, (360, 640), (416, 256))
    assert found[:, 5].tolist() == [1, 0]
    np.testing.assert_allclose(found[0, :5], [0.375, 0.375, 0.625, 0.625, 0.9], atol=1e-5)


def test_nothing_found_is_an_empty_table() -> None:
    assert predict.decode(np.zeros((6, 8), np.float32), (100, 100), (416, 256)).shape == (0, 6)
