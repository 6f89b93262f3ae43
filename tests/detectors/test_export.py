"""Making a model for another engine, size or precision: what is refused, where it goes, and that it sees the same."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detectors.catalogue import SUMS_FILE, Catalogue, ModelBroken, ModelError, ModelMissing, Task
from detectors.export import ExportRefused, export, parse_size
from runtime.commands.models import models

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
      - {pattern: "net/*.xml", format: openvino}
      - {pattern: "net/*.onnx", format: onnx}
      - {pattern: "net/*.pt", format: torch, size: [416, 256]}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "catalogue.yaml").write_text(ENTRY, "utf-8")
    (tmp_path / "models" / "net").mkdir(parents=True)
    (tmp_path / "models" / "net" / "net11n.pt").write_bytes(b"a checkpoint")
    return Catalogue.load(tmp_path / "catalogue.yaml", [tmp_path / "models"])


def python_that(folder: Path, does: str) -> str:
    """Stands for the interpreter that has torch, which is not installed where tests run."""
    script = folder / "python"
    script.write_text(
        f"#!{sys.executable}\nimport json, pathlib, sys\norder = json.loads(sys.argv[3])\n"
        f"made, (w, h) = pathlib.Path(order['into']), order['size']\n{does}\n"
    )
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize("text, size", [("416x256", (416, 256)), (" 640×384 ", (640, 384)), ("32x2048", (32, 2048))])
def test_a_size_is_width_by_height(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "416", "416x250", "0x0", "416x256x3", "-416x256", "4160x256", "wide"])
def test_a_size_that_no_network_takes_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ExportRefused, match="416x256"):
        parse_size(text)


@pytest.mark.parametrize(
    "form, precision, says",
    [
        ("onnx", "int8", "onnx is not made in 'int8'; it is made in fp32"),
        ("torch", "fp16", "torch is not made in 'fp16'; it is made in fp32"),
        ("tensorrt", "int8", "tensorrt is not made in 'int8'; it is made in fp16 or fp32"),
        ("openvino", "fp8", "openvino is not made in 'fp8'; it is made in fp32 or fp16 or bf16 or int8"),
        ("coreml", None, "no engine reads 'coreml'; the formats are openvino, onnx, torch, tensorrt"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_loaded(
    catalogue: Catalogue, form: str, precision: str | None, says: str
) -> None:
    with pytest.raises(ExportRefused, match=says):
        export("net", catalogue, form=form, precision=precision, python="/nowhere")


@pytest.mark.parametrize(
    "absent, form, precision, says",
    [
        ({"torch", "ultralytics"}, "openvino", "fp32", r"needs torch; run `pip install \"village-brain\[train\]\"`"),
        ({"onnx"}, "onnx", "fp32", r"needs onnx; run `pip install \"village-brain\[train\]\"`"),
        ({"nncf"}, "openvino", "int8", r"needs nncf; run `pip install \"village-brain\[train\]\"`"),
        ({"tensorrt"}, "tensorrt", "fp16", "run `pip install tensorrt`"),
    ],
)
def test_a_library_that_is_absent_is_named_with_what_to_install(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, absent: set[str], form: str, precision: str, says: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in absent else object())
    with pytest.raises(ModelMissing, match=says):
        export("net", catalogue, form=form, precision=precision)


def test_a_checkpoint_that_is_absent_is_said_with_how_to_get_one(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"gone\.pt is not there; .*--checkpoint"):
        export("net", catalogue, checkpoint=tmp_path / "gone.pt", python="/nowhere")
    (tmp_path / "models" / "net" / "net11n.pt").unlink()
    with pytest.raises(ModelMissing, match=r"no checkpoint .* `vbrain models fetch net`, or .*--checkpoint"):
        export("net", catalogue, python="/nowhere")
    with pytest.raises(ModelMissing, match="the catalogue has net"):
        export("nit", catalogue, python="/nowhere")


def test_int8_without_pictures_asks_for_them(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="--pictures"):
        export("net", catalogue, precision="int8", pictures=tmp_path / "none", python="/nowhere")


def test_what_was_made_is_found_by_the_catalogue_and_a_damaged_one_is_not(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(
        tmp_path,
        "folder = made / f\"{order['stem']}_{order['precision']}_{w}x{h}_openvino_model\"; folder.mkdir()\n"
        "(folder / 'net.xml').write_text('<net/>'); (folder / 'net.bin').write_text('weights')",
    )
    into = tmp_path / "models"
    for _ in range(2):  # again over what is there
        made = export("net", catalogue, size=(640, 384), precision="bf16", into=into, python=python, say=lambda _: None)
    found = catalogue.find(Task.PEOPLE_VEHICLES, (640, 384))
    assert (found.path, found.precision, found.format) == (made, "bf16", "openvino")
    assert [p.name for p in into.iterdir()] == ["net"]
    made.with_suffix(".bin").write_text("damaged")
    with pytest.raises(ModelBroken, match="damaged"):
        catalogue.find(Task.PEOPLE_VEHICLES, (640, 384))


def test_files_in_one_folder_keep_each_its_own_sum(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(tmp_path, "(made / f'net11n_fp32_{w}x{h}.onnx').write_text(f'{w}')")
    into = tmp_path / "models"
    for width in (320, 416, 320):
        export("net", catalogue, form="onnx", size=(width, 256), into=into, python=python, say=lambda _: None)
    names = [line.split("  ")[1] for line in (into / "net" / SUMS_FILE).read_text().splitlines()]
    assert sorted(names) == ["net11n_fp32_320x256.onnx", "net11n_fp32_416x256.onnx"]
    assert {f.size for f in catalogue.all(Task.PEOPLE_VEHICLES, ("onnx",))} == {(320, 256), (416, 256)}
    (into / "net" / "net11n_fp32_320x256.onnx").write_text("damaged")
    assert {f.size for f in catalogue.all(Task.PEOPLE_VEHICLES, ("onnx",))} == {(416, 256)}


def test_an_export_that_fails_says_why_and_leaves_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(tmp_path, "(made / 'half').mkdir()\nsys.exit('it has 3 classes where the catalogue says 1')")
    into = tmp_path / "made"
    with pytest.raises(ExportRefused, match="net could not be exported: it has 3 classes"):
        export("net", catalogue, into=into, python=python, say=lambda _: None)
    assert [p for p in into.rglob("*") if p.name != "net"] == []


def test_the_worker_gets_what_was_asked_for(catalogue: Catalogue, tmp_path: Path) -> None:
    python = python_that(tmp_path, f"pathlib.Path({str(tmp_path / 'order')!r}).write_text(sys.argv[3])\nsys.exit('no')")
    with pytest.raises(ModelError):
        export(
            "net", catalogue, form="tensorrt", size=(640, 384), into=tmp_path / "m", python=python, say=lambda _: None
        )
    order = json.loads((tmp_path / "order").read_text())
    assert (order["form"], order["precision"], order["size"]) == ("tensorrt", "fp16", [640, 384])
    assert (order["classes"], order["checkpoint"]) == (1, str(tmp_path / "models" / "net" / "net11n.pt"))


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["coco-yolo11n", "--size", "large"], "WIDTHxHEIGHT"),
        (["coco-yolo11n", "--format", "onnx", "--precision", "int8"], "onnx is not made in 'int8'"),
        (["yolo99"], "no model is called 'yolo99'"),
    ],
)
def test_the_command_ends_with_one_sentence(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(models, ["export", *arguments])
    assert result.exit_code == 1
    assert says in " ".join(result.output.split())
    assert "Traceback" not in result.output
