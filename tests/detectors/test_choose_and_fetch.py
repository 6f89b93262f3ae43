"""Choosing a model's size by what the machine can do, and fetching one."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from detectors.catalogue import Catalogue, ModelBroken, ModelFile, ModelMissing, Task
from detectors.choose import SPEEDS_FILE, choose_model
from detectors.fetch import fetch

ENTRY = """
models:
  - name: net
    task: people_vehicles
    licence: MIT
    source: a test
    how_to_get: fetch it
    fetch: net11n
    class_count: 1
    classes: {0: person}
    files:
      - {pattern: "small/net.xml", format: openvino, size: [416, 256], accuracy: {on: x, precision: 0.9, recall: 0.88}}
      - {pattern: "large/net.xml", format: openvino, size: [640, 384], accuracy: {on: x, precision: 0.9, recall: 0.93}}
      - {pattern: "tall/net.xml", format: openvino, size: [256, 416], accuracy: {on: x, precision: 0.9, recall: 0.99}}
      - {pattern: "blind/net.xml", format: openvino, size: [320, 192], accuracy: {on: x, precision: 0.9, recall: 0.70}}
      - {pattern: "net/*/*.xml", format: openvino}
"""
SPEEDS = {"small": 120.0, "large": 50.0, "tall": 120.0, "blind": 200.0}


@dataclass
class Stopwatch:
    """A machine of known speed, that remembers what it was asked to measure."""

    asked: list[str] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    def __call__(self, file: ModelFile, threads: int | None) -> float:
        name = file.path.parent.name
        self.asked.append(name)
        if name in self.broken:
            raise ModelBroken(f"{name} cannot be loaded")
        return SPEEDS[name]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "catalogue.yaml").write_text(ENTRY, "utf-8")
    for name in SPEEDS:
        folder = tmp_path / "weights" / name
        folder.mkdir(parents=True)
        (folder / "net.xml").write_text(f"<{name}/>")
        (folder / "net.bin").write_bytes(b"w")
    return Catalogue.load(tmp_path / "catalogue.yaml", [tmp_path / "weights"])


@pytest.mark.parametrize("wanted, chosen", [(40, "large"), (50, "large"), (51, "small"), (185, "small")])
def test_the_most_accurate_that_is_fast_enough_else_the_fastest_that_is_accurate_enough(
    catalogue: Catalogue, tmp_path: Path, wanted: float, chosen: str
) -> None:
    found = choose_model(
        catalogue, Task.PEOPLE_VEHICLES, looks_per_second=wanted, cache_folder=tmp_path, measured_by=Stopwatch()
    )
    assert found.path.parent.name == chosen


@pytest.mark.parametrize("left, says", [("blind", "finds 70% of what is there"), ("net", "was never measured")])
def test_what_sees_too_little_is_used_only_where_there_is_nothing_else_and_that_is_said(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture, left: str, says: str
) -> None:
    def choose() -> ModelFile:
        return choose_model(
            catalogue, Task.PEOPLE_VEHICLES, looks_per_second=1e9, cache_folder=tmp_path, measured_by=Stopwatch()
        )

    assert choose().path.parent.name == "small"  # though `blind` is faster
    assert not caplog.records
    unmeasured = tmp_path / "weights" / "net" / "some"
    unmeasured.mkdir(parents=True)
    (unmeasured / "net.xml").write_text("<net/>")
    (unmeasured / "net.bin").write_bytes(b"w")
    assert choose().path.parent.name == "small"
    assert not caplog.records
    for name in SPEEDS:
        if name != left:
            (tmp_path / "weights" / name / "net.xml").unlink()
    assert left in choose().path.parts
    assert says in caplog.text


def test_what_was_measured_is_remembered_until_the_model_or_the_cores_change(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    def choose(threads: int | None = 1) -> list[str]:
        watch = Stopwatch()
        choose_model(
            catalogue,
            Task.PEOPLE_VEHICLES,
            looks_per_second=40,
            cache_folder=tmp_path,
            threads=threads,
            measured_by=watch,
        )
        return watch.asked

    assert choose() == ["small", "large"]
    assert choose() == []
    (tmp_path / "weights" / "large" / "net.bin").write_bytes(b"other")
    assert choose() == ["large"]
    if len(os.sched_getaffinity(0)) > 1:
        assert choose(threads=2) == ["small", "large"]


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"a": "b"}', "{"])
def test_a_damaged_memory_is_measured_anew(catalogue: Catalogue, tmp_path: Path, content: str) -> None:
    (tmp_path / SPEEDS_FILE).write_text(content)
    watch = Stopwatch()
    choose_model(catalogue, Task.PEOPLE_VEHICLES, looks_per_second=40, cache_folder=tmp_path, measured_by=watch)
    assert watch.asked == ["small", "large"]
    assert len(json.loads((tmp_path / SPEEDS_FILE).read_text())) == 2


def test_a_model_that_cannot_be_opened_is_passed_over(catalogue: Catalogue, tmp_path: Path) -> None:
    watch = Stopwatch(broken=frozenset({"large"}))
    found = choose_model(catalogue, Task.PEOPLE_VEHICLES, looks_per_second=1, cache_folder=tmp_path, measured_by=watch)
    assert found.path.parent.name == "small"
    with pytest.raises(ModelBroken, match="none of the models"):
        choose_model(
            catalogue,
            Task.PEOPLE_VEHICLES,
            looks_per_second=1,
            cache_folder=tmp_path / "other",
            measured_by=Stopwatch(broken=frozenset(SPEEDS)),
        )


@pytest.mark.shared_data
def test_real_models_are_measured_and_one_is_chosen(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectors.choose.MEASURE_SECONDS", 0.1)
    catalogue = Catalogue.load(folders=[shared_data / "weights"])
    found = choose_model(catalogue, Task.PEOPLE_VEHICLES, looks_per_second=1e9, cache_folder=tmp_path, threads=1)
    speeds = json.loads((tmp_path / SPEEDS_FILE).read_text())
    assert len(speeds) >= 4
    assert all(speed > 0 for speed in speeds.values())
    assert found.size is not None


def python_that(folder: Path, does: str) -> str:
    """Stands for the interpreter that runs ultralytics, which is not installed where tests run."""
    script = folder / "python"
    script.write_text(f"#!{sys.executable}\nimport sys, pathlib\nname, made, sizes = sys.argv[3:6]\n{does}\n")
    script.chmod(0o755)
    return str(script)


def test_what_was_fetched_is_found_and_its_sums_are_kept(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(
        tmp_path,
        "for size in sizes.split(','):\n"
        "    folder = pathlib.Path(made, f'{name}_fp16_{size}_openvino_model'); folder.mkdir()\n"
        "    (folder / 'net.xml').write_text('<net/>'); (folder / 'net.bin').write_text('weights')\n",
    )
    said: list[str] = []
    folder = fetch("net", catalogue, into=tmp_path / "weights", sizes=[(320, 320)], say=said.append, python=python)
    assert folder == tmp_path / "weights" / "net"
    assert "MIT" in said[0]
    found = catalogue.find(Task.PEOPLE_VEHICLES, (320, 320))
    assert (found.precision, found.path.parent.parent) == ("fp16", folder)
    found.path.with_suffix(".bin").write_text("damaged")
    with pytest.raises(ModelBroken, match="damaged"):
        catalogue.find(Task.PEOPLE_VEHICLES, (320, 320))


def test_a_fetch_that_fails_says_why_and_leaves_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(tmp_path, "pathlib.Path(made, 'half').mkdir()\nraise ConnectionError('no route to host')")
    with pytest.raises(ModelMissing, match=r"no route to host.*VBRAIN_WEIGHTS"):
        fetch("net", catalogue, into=tmp_path / "made", say=lambda _: None, python=python)
    assert list((tmp_path / "made").iterdir()) == []


def test_fetching_what_is_unknown_or_needs_what_is_not_installed_says_what_to_do(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelMissing, match="the catalogue has net"):
        fetch("nit", catalogue, into=tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match=r"village-brain\[train\]"):
        fetch("net", catalogue, into=tmp_path)
