"""Drawn events, look-alikes and the batches they end up in."""

from pathlib import Path

import numpy as np
import pytest

from detectors.train import composites
from detectors.train.augment import Mixer
from detectors.train.dataset import FIRE, SMOKE, Sample
from detectors.train.drawing import Picture
from detectors.train.framing import fit
from detectors.train.look_alikes import LOOK_ALIKES


def street(shade: int = 110) -> Picture:
    picture = np.full((256, 416, 3), shade, np.uint8)
    picture[150:] = shade // 2
    return picture


@pytest.mark.parametrize("size", [(10, 8), (40, 30), (200, 260)])
def test_smoke_changes_only_what_its_box_holds_or_its_thin_edge(size: tuple[int, int]) -> None:
    laid = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        before, after = street(60), street(60)
        box = composites.lay_smoke(after, composites.smoke(rng, *size), 100, 30, 1.0)
        if box is None:
            continue
        laid += 1
        changed = np.abs(after.astype(int) - before).max(2)
        inside = changed[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])]
        assert inside.sum() > 0.6 * changed.sum()
        assert 100 <= box[0] < box[2] <= 100 + size[1]
        assert 30 <= box[1] < box[3] <= 30 + size[0]
    assert laid > 4


def test_smoke_that_nobody_can_see_has_no_box() -> None:
    thin = composites.Sprite(np.full((60, 40, 3), 114, np.float32), np.full((60, 40), 0.3, np.float32))
    assert composites.lay_smoke(np.full((256, 416, 3), 112, np.uint8), thin, 50, 50, 1.0) is None


def test_flame_is_bright_warm_and_where_its_box_says() -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        picture = street(70)
        box = composites.lay_flame(picture, composites.flame(rng, 60, 40), 200, 80, 1.0, rng)
        assert box is not None
        left, top, right, bottom = (int(v) for v in box)
        inside = picture[top:bottom, left:right].reshape(-1, 3).astype(float)
        hottest = inside[inside.sum(1) >= np.percentile(inside.sum(1), 80)].mean(0)
        assert hottest[2] > 180 and hottest[2] > hottest[0] + 20


@pytest.mark.parametrize("at", [(-30, 20), (400, 240), (-500, -500)])
def test_events_over_the_edge_stay_in_the_picture(at: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    picture = street()
    box = composites.lay_flame(picture, composites.flame(rng, 80, 60), *at, 1.0, rng)
    if box is not None:
        assert 0 <= box[0] < box[2] <= 416 and 0 <= box[1] < box[3] <= 256


@pytest.mark.parametrize("draw", LOOK_ALIKES, ids=lambda d: d.__name__)
def test_look_alikes_are_the_same_for_the_same_seed_and_show(draw: object) -> None:
    assert callable(draw)
    shown = 0
    for seed in range(6):
        one, two = street(), street()
        draw(one, np.random.default_rng(seed))
        draw(two, np.random.default_rng(seed))
        np.testing.assert_array_equal(one, two)
        shown += bool((one != street()).any())
    assert shown >= 4


@pytest.mark.parametrize("shape", [(360, 640), (608, 608), (240, 426), (900, 300)])
def test_a_fitted_picture_keeps_its_shape_and_the_margins_are_grey(shape: tuple[int, int]) -> None:
    fitted, scale, left, top = fit(np.full((*shape, 3), 200, np.uint8), 416, 256)
    inside = (fitted != 114).any(2)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], columns[0]) == (top, left)
    assert abs(len(columns) / len(rows) - shape[1] / shape[0]) < 0.03
    assert abs(len(rows) - shape[0] * scale) <= 1


@pytest.fixture
def mixer(tmp_path: Path) -> Mixer:
    import cv2

    fire = street()
    fire[60:120, 100:180] = (30, 140, 255)
    cv2.imwrite(str(tmp_path / "fire.png"), fire)
    cv2.imwrite(str(tmp_path / "street.png"), street())
    cv2.imwrite(str(tmp_path / "dark.png"), street(90))
    box = np.array([[FIRE, 100 / 416, 60 / 256, 180 / 416, 120 / 256]], np.float32)
    none = np.zeros((0, 5), np.float32)
    positives = [Sample(tmp_path / "fire.png", "d", "s1", box), Sample(tmp_path / "fire.png", "e", "s2", box, False)]
    return Mixer(
        positives,
        [Sample(tmp_path / name, "d", "s3", none) for name in ("street.png", "dark.png")],
        width=416,
        height=256,
        batch_size=16,
        seed=5,
    )


def test_a_batch_depends_on_its_number_alone(mixer: Mixer) -> None:
    later = mixer.batch(7)
    for index in (3, 9):
        mixer.batch(index)
    again = mixer.batch(7)
    np.testing.assert_array_equal(later.pictures, again.pictures)
    np.testing.assert_array_equal(later.targets, again.targets)
    assert (mixer.batch(8).pictures != later.pictures).any()


def test_batches_hold_every_kind_and_sound_boxes(mixer: Mixer) -> None:
    kinds, sizes, labelled, empty = set(), [], [], 0
    for index in range(6):
        batch = mixer.batch(index)
        assert batch.pictures.shape == (16, 3, 256, 416)
        kinds |= set(batch.targets[:, 1].tolist())
        sizes.extend((batch.targets[:, 4] * batch.targets[:, 5]).tolist())
        labelled.extend(batch.smoke_labelled.tolist())
        empty += 16 - len(set(batch.targets[:, 0].tolist()))
        centre, half = batch.targets[:, 2:4], batch.targets[:, 4:6] / 2
        assert ((centre - half) > -1e-5).all() and ((centre + half) < 1 + 1e-5).all()
    assert kinds == {SMOKE, FIRE}
    assert min(sizes) < 0.005 and max(sizes) > 0.02
    assert not all(labelled) and any(labelled)
    assert empty > 10
