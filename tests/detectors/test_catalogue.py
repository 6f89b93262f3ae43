"""The model catalogue: what is found where, and what is said of a file that cannot be used."""

import hashlib
from pathlib import Path

import pytest

from configs.words import ObjectClass
from detectors.catalogue import PROJECT, SUMS_FILE, Catalogue, ModelBroken, ModelMissing, Task
from detectors.choose import LEAST_RECALL

TWO_MODELS = """
models:
  - name: better
    task: people_vehicles
    licence: MIT
    source: a test
    how_to_get: run the fetcher
    class_count: 3
    classes: {0: person, 2: car}
    files:
      - {pattern: "*small/net.xml", format: openvino, size: [416, 256], precision: int8}
      - {pattern: "*large/net.xml", format: openvino, size: [640, 384]}
      - {pattern: "*net.onnx", format: onnx}
  - name: own
    task: both
    licence: MIT
    source: a test
    how_to_get: it ships with the project
    class_count: 1
    classes: {0: person}
    files:
      - {pattern: "own/*.xml", format: openvino}
"""


def put(folder: Path, weights: bytes = b"weights", graph: bytes = b"<net/>") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.xml").write_bytes(graph)
    (folder / "net.bin").write_bytes(weights)
    return folder / "net.xml"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    file = tmp_path / "catalogue.yaml"
    file.write_text(TWO_MODELS, "utf-8")
    return Catalogue.load(file, [tmp_path / "first", tmp_path / "second"])


def test_the_first_folder_wins_and_a_better_model_in_a_later_folder_wins_over_it(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    own = put(tmp_path / "first" / "own")
    assert catalogue.find(Task.PEOPLE_VEHICLES).path == own
    later = put(tmp_path / "second" / "deep" / "down" / "small")
    assert catalogue.find(Task.PEOPLE_VEHICLES).path == later
    sooner = put(tmp_path / "first" / "small")
    found = catalogue.find(Task.PEOPLE_VEHICLES)
    assert (found.path, found.size, found.precision) == (sooner, (416, 256), "int8")
    assert found.classes == (ObjectClass.PERSON, None, ObjectClass.CAR)


def test_a_size_can_be_asked_for(catalogue: Catalogue, tmp_path: Path) -> None:
    put(tmp_path / "first" / "small")
    large = put(tmp_path / "second" / "large")
    assert catalogue.find(Task.PEOPLE_VEHICLES, (640, 384)).path == large
    with pytest.raises(ModelMissing, match="at 544x320"):
        catalogue.find(Task.PEOPLE_VEHICLES, (544, 320))


def test_one_model_for_both_tasks_serves_each(catalogue: Catalogue, tmp_path: Path) -> None:
    own = put(tmp_path / "first" / "own")
    assert {catalogue.find(task).path for task in (Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE, Task.BOTH)} == {own}


def test_a_missing_model_says_where_it_was_looked_for_and_how_to_get_it(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        catalogue.find(Task.PEOPLE_VEHICLES)
    assert "run the fetcher" in str(caught.value)
    assert str(tmp_path / "second") in str(caught.value)


@pytest.mark.parametrize(
    "weights, graph, what", [(b"", b"<net/>", "net.bin is empty"), (b"w", b"", "net.xml is empty")]
)
def test_an_empty_file_is_broken(catalogue: Catalogue, tmp_path: Path, weights: bytes, graph: bytes, what: str) -> None:
    put(tmp_path / "first" / "small", weights, graph)
    with pytest.raises(ModelBroken, match=what):
        catalogue.find(Task.PEOPLE_VEHICLES)


def test_a_graph_without_its_weights_is_broken(catalogue: Catalogue, tmp_path: Path) -> None:
    put(tmp_path / "first" / "small").with_suffix(".bin").unlink()
    with pytest.raises(ModelBroken, match=r"net\.bin is missing"):
        catalogue.find(Task.PEOPLE_VEHICLES)


def test_a_whole_file_elsewhere_serves_instead_of_a_broken_one_which_is_remembered(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    broken = put(tmp_path / "first" / "small", b"")
    whole = put(tmp_path / "second" / "small")
    assert catalogue.find(Task.PEOPLE_VEHICLES).path == whole
    assert list(catalogue.broken) == [broken]
    assert [f.path for f in catalogue.all(Task.PEOPLE_VEHICLES)] == [whole]


def test_a_file_that_does_not_match_the_sums_beside_it_is_broken(catalogue: Catalogue, tmp_path: Path) -> None:
    xml = put(tmp_path / "first" / "small")
    sums = xml.parent / SUMS_FILE
    sums.write_text(f"{hashlib.sha256(b'weights').hexdigest()}  net.bin\n", "utf-8")
    assert catalogue.find(Task.PEOPLE_VEHICLES).path == xml
    xml.with_suffix(".bin").write_bytes(b"weightz")
    with pytest.raises(ModelBroken, match="damaged"):
        catalogue.find(Task.PEOPLE_VEHICLES)


def test_the_digest_changes_with_any_part(catalogue: Catalogue, tmp_path: Path) -> None:
    put(tmp_path / "first" / "small")
    before = catalogue.find(Task.PEOPLE_VEHICLES).digest
    put(tmp_path / "first" / "small", b"other weights")
    assert catalogue.find(Task.PEOPLE_VEHICLES).digest != before


def test_the_environment_names_the_first_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBRAIN_WEIGHTS", str(tmp_path))
    assert Catalogue.load().folders[0] == tmp_path


def test_the_projects_own_catalogue_reads_and_covers_both_tasks() -> None:
    catalogue = Catalogue.load()
    assert {m.task for m in catalogue.models} >= {Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE}
    names = catalogue.entry("coco-yolo11n").class_names
    assert (len(names), names[0], names[5], names[7], names[4]) == (80, "person", "bus", "truck", None)


@pytest.mark.parametrize(
    "text, says",
    [
        ("models: [", "not valid YAML"),
        ("models: []", "at least 1"),
        (TWO_MODELS.replace("task: both", "task: bothh"), r"models\.1\.task"),
        (TWO_MODELS.replace("precision: int8", "presicion: int8"), r"presicion"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "catalogue.yaml").write_text(text, "utf-8")
    with pytest.raises(ModelBroken, match=says):
        Catalogue.load(tmp_path / "catalogue.yaml", [])


def test_a_box_with_nothing_but_the_project_sees_people_vehicles_and_fire() -> None:
    catalogue = Catalogue.load(folders=[PROJECT / "weights"])
    people = catalogue.all(Task.PEOPLE_VEHICLES)
    assert {(file.name, file.size, file.precision) for file in people} == {
        ("people-vehicles", (416, 256), "int8"),
        ("people-vehicles", (640, 384), "int8"),
    }
    assert set(people[0].classes) == {*ObjectClass} - {ObjectClass.SMOKE, ObjectClass.FIRE}
    assert all(file.accuracy and file.accuracy.recall >= LEAST_RECALL for file in people)
    assert catalogue.all(Task.SMOKE_FIRE)
    assert not catalogue.broken
    shipped = [path for path in (PROJECT / "weights" / "people-vehicles").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in shipped) <= 12_000_000


@pytest.mark.shared_data
def test_cocos_weights_are_preferred_where_they_are(shared_data: Path) -> None:
    catalogue = Catalogue.load(folders=[PROJECT / "weights", shared_data / "weights"])
    assert catalogue.find(Task.PEOPLE_VEHICLES).name == "coco-yolo11n"
    assert catalogue.find(Task.PEOPLE_VEHICLES, (640, 384)).name == "coco-yolo11n"


@pytest.mark.shared_data
def test_the_development_weights_are_found_and_match_their_sums(shared_data: Path) -> None:
    catalogue = Catalogue.load(folders=[shared_data / "weights"])
    sizes = [file.size for file in catalogue.all(Task.PEOPLE_VEHICLES)]
    assert sizes == [(416, 256), (544, 320), (640, 384), (640, 480), (640, 640)]
    assert not catalogue.broken


def test_size_and_precision_may_be_read_from_an_exports_name(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "first" / "own" / "net_int8_320x192_openvino_model"
    put(folder)
    found = catalogue.find(Task.SMOKE_FIRE)
    assert (found.size, found.precision) == ((320, 192), "int8")
    assert catalogue.find(Task.SMOKE_FIRE, (320, 192)).path == found.path
    with pytest.raises(ModelMissing):
        catalogue.find(Task.SMOKE_FIRE, (416, 256))
