"""The split, the labels and their mends."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.train import dataset
from detectors.train.dataset import DatasetError, Part, Source


def make_set(root: Path, name: str, pictures: dict[str, tuple[str, str]]) -> None:
    """A data set of tiny pictures: image name → (scene, label text)."""
    (root / name / "images").mkdir(parents=True)
    (root / name / "labels").mkdir()
    rows = ["image,scene"]
    for image, (scene, label) in pictures.items():
        cv2.imwrite(str(root / name / "images" / image), np.full((32, 48, 3), 90, np.uint8))
        (root / name / "labels" / f"{Path(image).stem}.txt").write_text(label)
        rows.append(f"{image},{scene}")
    (root / name / "scenes.csv").write_text("\n".join(rows))


def everything(parts: dict[Part, list[dataset.Sample]]) -> dict[str, tuple[Part, dataset.Sample]]:
    return {s.path.name: (part, s) for part, samples in parts.items() for s in samples}


def test_a_scene_is_never_on_both_sides(tmp_path: Path) -> None:
    make_set(tmp_path, "a", {f"{i}.jpg": (f"S{i % 40:03}", "1 0.5 0.5 0.2 0.2") for i in range(200)})
    make_set(tmp_path, "b", {f"b{i}.jpg": (f"S{i % 40:03}", "") for i in range(80)})
    parts = dataset.load(tmp_path, [Source("a"), Source("b")])
    sides: dict[str, set[Part]] = {}
    for part, sample in everything(parts).values():
        sides.setdefault(sample.scene, set()).add(part)
    assert all(len(s) == 1 for s in sides.values())
    assert {p for s in sides.values() for p in s} == set(Part)


def test_adding_pictures_moves_no_other(tmp_path: Path) -> None:
    make_set(tmp_path / "before", "a", {f"{i}.jpg": (f"S{i}", "") for i in range(60)})
    make_set(tmp_path / "after", "a", {f"{i}.jpg": (f"S{i}", "") for i in range(90)})
    before = everything(dataset.load(tmp_path / "before", [Source("a")]))
    after = everything(dataset.load(tmp_path / "after", [Source("a")]))
    assert all(after[name][0] is part for name, (part, _) in before.items())


def test_frames_of_one_video_stay_together_whatever_their_scenes(tmp_path: Path) -> None:
    make_set(tmp_path, "a", {f"yard_mp4-{i}.jpg": (f"S{i}", "") for i in range(60)})
    assert sum(bool(v) for v in dataset.load(tmp_path, [Source("a")]).values()) == 1


def test_evaluation_only_data_is_never_trained_on(tmp_path: Path) -> None:
    make_set(tmp_path, "a", {f"{i}.jpg": (f"S{i}", "") for i in range(50)})
    parts = dataset.load(tmp_path, [Source("a", trained_on=False)])
    assert len(parts[Part.TEST]) == 50


def test_the_noncommercial_set_is_for_evaluation_only() -> None:
    source = next(s for s in dataset.SOURCES if s.folder == "early-smoke-noncommercial")
    assert not source.trained_on


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("", []),
        ("0 0.5 0.5 0.5 0.5\n", [[0, 0.25, 0.25, 0.75, 0.75]]),
        ("1 0.05 0.5 0.2 1.4", [[1, 0.0, 0.0, 0.15, 1.0]]),
        ("1 0.1 0.2 0.4 0.2 0.4 0.6", [[1, 0.1, 0.2, 0.4, 0.6]]),
        ("1 0.5 0.5 0 0.5", []),
    ],
)
def test_labels_become_boxes_inside_the_picture(tmp_path: Path, text: str, boxes: list[list[float]]) -> None:
    (tmp_path / "x.txt").write_text(text)
    np.testing.assert_allclose(dataset.read_labels(tmp_path / "x.txt"), np.array(boxes).reshape(-1, 5), atol=1e-6)


@pytest.mark.parametrize("text", ["smoke 1 2 3 4", "0 0.5 0.5"])
def test_a_label_that_is_none_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.txt").write_text("0 .5 .5 .1 .1\n" + text)
    with pytest.raises(DatasetError, match=r"x\.txt:2"):
        dataset.read_labels(tmp_path / "x.txt")


def test_mends_drop_empty_mask_and_add(tmp_path: Path) -> None:
    label = "0 0.5 0.5 0.5 0.5"
    make_set(tmp_path, "a", {f"{n}.jpg": (f"S{n}", label) for n in ("kept", "gone", "nothing", "unsure", "more")})
    mends = tmp_path / "mends.csv"
    mends.write_text(
        "dataset,image,action,reason\n"
        "a,gone.jpg,drop,upside down\n"
        "a,nothing.jpg,empty,a cloud\n"
        "a,unsure.jpg,smoke-unsure,haze everywhere\n"
        "a,more.jpg,add fire 0.2 0.2 0.1 0.1,a flame was missed\n"
    )
    found = {n: s for n, (_, s) in everything(dataset.load(tmp_path, [Source("a")], mends=mends)).items()}
    assert "gone.jpg" not in found
    assert found["nothing.jpg"].is_negative
    assert not found["unsure.jpg"].smoke_labelled
    assert found["more.jpg"].boxes[:, 0].tolist() == [0, 1]
    assert len(found["kept.jpg"].boxes) == 1


def test_unlabelled_smoke_is_no_negative(tmp_path: Path) -> None:
    make_set(tmp_path, "a", {"x.jpg": ("S1", "")})
    ((_, sample),) = everything(dataset.load(tmp_path, [Source("a", smoke_labelled=False)])).values()
    assert not sample.is_negative


def test_no_data_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--data"):
        dataset.load(tmp_path)


def test_every_committed_mend_is_understood() -> None:
    sample = dataset.Sample(Path("x.jpg"), "d", "s", np.zeros((0, 5), np.float32))
    mends = dataset.read_mends()
    assert mends
    for entry in mends.values():
        assert all(m.reason for m in entry)
        dataset._mended(sample, entry)
