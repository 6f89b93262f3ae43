"""A model of the catalogue, made anew for another engine, size or precision: `vbrain models export`.

Promises: it runs in a process of its own (`export_worker.py`), so torch never stays in memory; what was made is
complete, with its sums, where the catalogue finds it, or not there at all; what cannot be made is refused in one
sentence before anything is loaded. Not here: downloading (`fetch.py`), training (`train/`), running it (`engine.py`).
"""

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from detectors.catalogue import PROJECT, Catalogue, ModelEntry, ModelError, ModelMissing, made_folder
from detectors.workshop import TookTooLong, WorkFailed, put, work

PATIENCE_SECONDS = 1800.0
#: What each engine can be given. ONNX Runtime is fed float32; a .pt has its precision chosen when it runs.
PRECISIONS = {
    "openvino": ("fp32", "fp16", "bf16", "int8"),
    "onnx": ("fp32",),
    "torch": ("fp32",),
    "tensorrt": ("fp16", "fp32"),
}
#: What must be importable, beside torch and ultralytics.
_NEEDS = {"onnx": ("onnx",), "tensorrt": ("onnx", "tensorrt"), "int8": ("nncf",)}
_SIZE = re.compile(r"(\d{2,4})[x×](\d{2,4})")
_STRIDE, _LARGEST = 32, 2048


class ExportRefused(ModelError):
    """What was asked for cannot be made."""


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of `416x256`. Raises ExportRefused."""
    found = _SIZE.fullmatch(text.strip())
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_STRIDE <= n <= _LARGEST and n % _STRIDE == 0 for n in (width, height)):
        raise ExportRefused(
            f"the size {text!r} is not WIDTHxHEIGHT in multiples of {_STRIDE} up to {_LARGEST}, such as 416x256"
        )
    return width, height


def export(
    name: str,
    catalogue: Catalogue | None = None,
    *,
    form: str = "openvino",
    size: tuple[int, int] = (416, 256),
    precision: str | None = None,
    checkpoint: Path | None = None,
    pictures: Path | None = None,
    into: Path | None = None,
    say: Callable[[str], None] = print,
    python: str = sys.executable,
) -> Path:
    """Make `name` for the engine `form`, and give the file to open (.xml, .onnx, .pt or .engine).

    `checkpoint` is an ultralytics .pt or one that `python -m detectors.train` wrote; the catalogue's own .pt when None.
    `pictures` is a folder of photographs like those the cameras give, on which int8 is calibrated. Raises
    ExportRefused, or ModelMissing for what is not on this box.
    """
    catalogue = catalogue or Catalogue.load()
    entry = catalogue.entry(name)
    precision = precision or PRECISIONS.get(form, ("",))[0]
    _refuse_impossible(form, precision)
    if python == sys.executable:
        _need_libraries(form, precision)
    source = checkpoint or _own_checkpoint(catalogue, entry)
    if not source.is_file():
        raise ModelMissing(f"the checkpoint {source} is not there; name the .pt to export with --checkpoint")
    if precision == "int8":
        pictures = pictures or PROJECT.parent / "shared" / "data" / "datasets"
        if not pictures.is_dir():
            raise ModelMissing(
                "int8 is calibrated on pictures; name a folder of photographs like your cameras' with --pictures"
            )
    folder = (into or made_folder()) / name
    folder.mkdir(parents=True, exist_ok=True)
    stem = entry.fetch or name
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder.parent) as apart:
        made = Path(apart) / "made"
        made.mkdir()
        say(f"Exporting {source.name} ({entry.licence}) to {form} {precision} at {size[0]}x{size[1]} …")
        order = {
            "checkpoint": str(source.resolve()),
            "into": str(made),
            "stem": stem,
            "classes": entry.class_count,
            "form": form,
            "precision": precision,
            "size": size,
            "pictures": str(pictures.resolve()) if precision == "int8" and pictures else None,
        }
        _run(python, name, order, Path(apart))
        return _move(made, folder)


def _refuse_impossible(form: str, precision: str) -> None:
    if form not in PRECISIONS:
        raise ExportRefused(f"no engine reads {form!r}; the formats are {', '.join(PRECISIONS)}")
    if precision not in PRECISIONS[form]:
        raise ExportRefused(f"{form} is not made in {precision!r}; it is made in {' or '.join(PRECISIONS[form])}")


def _need_libraries(form: str, precision: str) -> None:
    wanted = ("torch", "ultralytics", *_NEEDS.get(form, ()), *_NEEDS.get(precision, ()))
    absent = [module for module in wanted if importlib.util.find_spec(module) is None]
    if absent == ["tensorrt"]:
        raise ModelMissing("a TensorRT engine is made with NVIDIA's library; run `pip install tensorrt` and try again")
    if absent:
        raise ModelMissing(
            f'exporting to {form} needs {absent[0]}; run `pip install "village-brain[train]"` and try again'
        )


def _own_checkpoint(catalogue: Catalogue, entry: ModelEntry) -> Path:
    for file in catalogue.all(entry.task, ("torch",)):
        if file.name == entry.name and file.path.suffix == ".pt":
            return file.path
    make = f"run `vbrain models fetch {entry.name}`" if entry.fetch else "train one with `python -m detectors.train`"
    raise ModelMissing(f"no checkpoint (.pt) of {entry.name} is on this box; {make}, or name one with --checkpoint")


def _run(python: str, name: str, order: dict[str, object], folder: Path) -> None:
    """The worker, in its own process and folder. Raises ExportRefused with the last line of what went wrong."""
    paths = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    arguments = ["-m", "detectors.export_worker", json.dumps(order)]
    try:
        work(python, arguments, folder, PATIENCE_SECONDS, PYTHONPATH=paths, YOLO_OFFLINE="true")
    except TookTooLong:
        raise ExportRefused(
            f"exporting {name} took longer than {PATIENCE_SECONDS:.0f} seconds; try a smaller size, or a faster machine"
        ) from None
    except WorkFailed as error:
        raise ExportRefused(f"{name} could not be exported: {error}") from None


def _move(made: Path, folder: Path) -> Path:
    """Put what was made into `folder`; the file to open."""
    for item in sorted(made.iterdir()):
        target = put(item, folder)
        return next(target.glob("*.xml")) if target.is_dir() else target
    raise ExportRefused("the exporter ended well and left nothing; try again")
