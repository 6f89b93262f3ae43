"""`vbrain models`: which models there are, how to get or make one, how fast and how good each is here."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from detectors.catalogue import Catalogue, ModelError, ModelFile, Task
from runtime.commands.screen import done, fail, out, step, warn
from runtime.folders import PROJECT

models = typer.Typer(help="The models that look: list, fetch, measure.", no_args_is_help=True)
_TASKS = (Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE)


def _catalogue() -> Catalogue:
    try:
        return Catalogue.load()
    except ModelError as error:
        fail(str(error))


def _size(model: ModelFile) -> str:
    return f"{model.size[0]}×{model.size[1]}" if model.size else "?"


@models.command("list")
def list_models() -> None:
    """List the models on this box, and how to get those that are not."""
    catalogue = _catalogue()
    for task in _TASKS:
        table = Table("model", "size", "precision", "P / R", "folder", title=task.value, title_justify="left")
        for model in catalogue.all(task, ("openvino", "onnx", "torch")):
            seen = model.accuracy
            figures = f"{seen.precision:.2f} / {seen.recall:.2f}" if seen else "–"
            folder = model.path.parent.name
            table.add_row(f"{model.name} ({model.licence})", _size(model), model.precision or "–", figures, folder)
        out.print(table)
    for problem in catalogue.broken.values():
        warn(problem)
    for task in _TASKS:
        try:
            catalogue.find(task)
        except ModelError as error:
            warn(str(error))


@models.command("fetch")
def fetch_model(name: Annotated[str, typer.Argument(help="a model of the catalogue")] = "coco-yolo11n") -> None:
    """Download a model from its makers and export it for this box."""
    from detectors.fetch import fetch

    try:
        with step(f"fetching and exporting {name} (some minutes)"):
            folder = fetch(name, _catalogue())
    except ModelError as error:
        fail(str(error))
    done(f"{name} is in {folder}")


@models.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="a model of the catalogue")],
    form: Annotated[str, typer.Option("--format", help="openvino, onnx, torch or tensorrt")] = "openvino",
    size: Annotated[str, typer.Option(help="width x height of its input, in multiples of 32")] = "416x256",
    precision: Annotated[str | None, typer.Option(help="fp32, fp16, bf16 or int8; fp32 (TensorRT: fp16)")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="the .pt to export, when the catalogue has none")] = None,
    pictures: Annotated[Path | None, typer.Option(help="a folder of photographs to calibrate int8 on")] = None,
) -> None:
    """Make a model for another engine, size or precision, into var/models. Needs the `train` extra."""
    from detectors.export import export, parse_size

    try:
        wanted = parse_size(size)
        with step(f"exporting {name} (some minutes)"):
            made = export(
                name,
                _catalogue(),
                form=form,
                size=wanted,
                precision=precision,
                checkpoint=checkpoint,
                pictures=pictures,
                say=lambda _: None,
            )
    except ModelError as error:
        fail(str(error))
    done(f"{name} is in {made}; `make bench-accuracy` says how well it sees")


@models.command("benchmark")
def benchmark_models(
    seconds: Annotated[float, typer.Option(help="how long each is measured")] = 3.0,
    threads: Annotated[int | None, typer.Option(help="cores to use; all of them when left out")] = None,
) -> None:
    """Measure how many looks a second each model gives on this box."""
    from detectors.choose import looks_per_second
    from detectors.engine import open_engine

    catalogue = _catalogue()
    table = Table("task", "model", "size", "precision", "looks a second")
    for task in _TASKS:
        for model in catalogue.all(task):
            try:
                engine = open_engine(model, threads=threads)
            except ModelError as error:
                warn(str(error))
                continue
            with step(f"measuring {model.name} at {_size(model)}"):
                rate = looks_per_second(engine, seconds)
            engine.close()
            table.add_row(task.value, model.name, _size(model), model.precision or "", f"{rate:.1f}")
    out.print(table)


@models.command("evaluate")
def evaluate_model(
    new: Annotated[Path, typer.Argument(help="the new smoke and fire model: its .xml, or the folder it lies in")],
    old: Annotated[Path | None, typer.Argument(help="the model to compare with; the one in use when left out")] = None,
    data: Annotated[Path | None, typer.Option(help="the folder of datasets/")] = None,
) -> None:
    """Compare a new smoke and fire model with the old one, on scenes that neither was trained on. Nothing is switched.

    Ends with status 1 unless the new one is better.
    """
    from detectors.train.dataset import DatasetError
    from detectors.train.evaluate import compare, evaluate
    from detectors.train.predict import openvino_predictor

    try:
        old_path = old or _catalogue().find(Task.SMOKE_FIRE).path
        folder = (data or PROJECT.parent / "shared" / "data") / "datasets"
        for path in (old_path, new):
            if not path.exists():
                fail(f"{path} is not there; give an OpenVINO model, its .xml or its folder")
        both = []
        for path in (old_path, new):
            with step(f"evaluating {path} (some minutes)"):
                both.append(evaluate(openvino_predictor(path)[0], folder))
    except (ModelError, DatasetError) as error:
        fail(str(error))
    verdict = compare(*both)
    table = Table("figure", "old", "new")
    for name, before, after in verdict.moved:
        table.add_row(name, f"{before:.3f}", f"{after:.3f}")
    out.print(table)
    if not verdict.better:
        fail("the new model is not better: it lost something, or gained nothing; keep the old one")
    done(f"the new model is better; to switch, put it into weights/smoke-fire in place of {old_path.parent.name}")
