"""People and vehicles in the training pictures: whose word counts, and what is left unsaid."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.train import people
from detectors.train.augment import Mixer
from detectors.train.classes import FAMILIES, NAMES, UNSURE
from detectors.train.dataset import FIRE, DatasetError, Part, Picture, Sample, load
from detectors.train.predict import Found
from tests.train.test_dataset import make_set

PERSON, CAR = NAMES.index("person"), NAMES.index("car")
NONE = np.zeros((0, 5), np.float32)


def found(*rows: tuple[float, ...]) -> Found:
    return np.array(rows, np.float32).reshape(-1, 6)


def test_what_both_looks_see_keeps_its_score_and_what_one_sees_half_of_it() -> None:
    picture: Picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 30:] = 255  # so that the two looks differ

    def teacher(shown: Picture) -> Found:
        mirrored = shown[0, 0, 0] == 255
        person = (0.1, 0.2, 0.3, 0.9, 0.8, 0) if not mirrored else (0.7, 0.2, 0.9, 0.9, 0.6, 0)
        rows = [person] if mirrored else [person, (0.5, 0.1, 0.9, 0.5, 0.5, 7), (0.4, 0.4, 0.6, 0.6, 0.9, 16)]
        return found(*rows)

    seen = people.look_twice(teacher, picture)
    assert seen[:, 5].tolist() == [PERSON, NAMES.index("truck")]  # 16 is a dog, which is nothing to us
    assert seen[:, 4].tolist() == pytest.approx([0.7, 0.25])
    assert seen[0, :4].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.9])


def test_a_table_of_what_was_seen_is_read_as_it_was_written(tmp_path: Path) -> None:
    taught = {("a", "1.jpg"): found((0.1, 0.2, 0.3, 0.4, 0.55, PERSON)), ("a", "2.jpg"): found()}
    people.write(taught, tmp_path / "taught.csv")
    again = people.read(tmp_path / "taught.csv")
    assert again.keys() == taught.keys()
    np.testing.assert_allclose(again["a", "1.jpg"], taught["a", "1.jpg"], atol=1e-5)
    (tmp_path / "taught.csv").write_text("dataset,image\nx,y\n")
    with pytest.raises(DatasetError, match="delete it"):
        people.read(tmp_path / "taught.csv")


def test_labels_come_before_the_teacher_and_doubt_teaches_nothing(tmp_path: Path) -> None:
    make_set(tmp_path, people.STREET, {"1.jpg": ("T1", "2 0.5 0.5 0.2 0.2")})
    sample = Sample(tmp_path / people.STREET / "images" / "1.jpg", people.STREET, "T1", NONE)
    seen = found(
        (0.41, 0.41, 0.6, 0.6, 0.9, NAMES.index("truck")),  # the labelled car, by another name
        (0.0, 0.0, 0.2, 0.2, 0.9, CAR),  # a car that nobody labelled, perhaps
        (0.7, 0.7, 0.8, 0.95, 0.9, PERSON),
        (0.1, 0.7, 0.2, 0.95, 0.2, PERSON),
    )
    boxes = people.with_others(sample, {(people.STREET, "1.jpg"): seen}, tmp_path).others
    assert boxes[:, 0].tolist() == [CAR, UNSURE + CAR, PERSON, UNSURE + PERSON]
    elsewhere = people.with_others(Sample(sample.path, "x", "s", NONE), {("x", "1.jpg"): seen}, tmp_path).others
    assert elsewhere[:, 0].tolist() == [NAMES.index("truck"), CAR, PERSON, UNSURE + PERSON]


def test_vehicles_are_scored_in_the_network_s_own_numbers(tmp_path: Path) -> None:
    make_set(tmp_path, people.STREET, {f"{i}.jpg": (f"T{i}", "2 0.5 0.5 0.2 0.2") for i in range(30)})
    parts = load(tmp_path)
    scored = [s for part in Part for s in people.street_samples(tmp_path, parts, part)]
    assert len(scored) == 30
    names = FAMILIES["people-vehicles"].names
    assert {names[int(kind)] for s in scored for kind in s.boxes[:, 0]} == {"car"}


def test_batches_keep_people_apart_from_what_is_unsure(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), np.full((256, 416, 3), 90, np.uint8))
    others = np.array([[PERSON, 0.1, 0.1, 0.4, 0.9], [UNSURE + CAR, 0.5, 0.2, 0.9, 0.8]], np.float32)
    tiny = np.array([[PERSON, 0.5, 0.5, 0.505, 0.51]], np.float32)
    fire = np.array([[FIRE, 0.4, 0.4, 0.6, 0.6]], np.float32)
    path = tmp_path / "x.png"
    mixer = Mixer(
        [Sample(path, "d", "s", fire, others=others)],
        [Sample(path, "d", "t", NONE, others=others), Sample(path, "d", "u", NONE, others=tiny)],
        width=416,
        height=256,
        batch_size=24,
        seed=2,
        family=FAMILIES["both"],
        sizes=((416, 256, 0.5), (640, 384, 0.5)),
    )
    shapes, unsure = set(), set()
    for index in range(6):
        batch = mixer.batch(index)
        shapes.add(batch.pictures.shape[2:])
        unsure |= set(batch.unsure[:, 1].tolist())
        assert batch.targets[:, 1].max() < UNSURE
        assert CAR not in batch.targets[:, 1]
        sizes = batch.targets[batch.targets[:, 1] == PERSON][:, 4:] * batch.pictures.shape[:1:-1]
        assert (sizes.max(1) >= 8).all()
    assert shapes == {(256, 416), (384, 640)}
    assert unsure == {PERSON, CAR}
