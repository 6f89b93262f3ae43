"""`python -m detectors.train`: train and export our models without the rest of the program.

Promises: plain text progress, an exit code of 2 with one sentence when something is missing. `vbrain train smoke-fire`
and `vbrain train people-vehicles` call the same functions.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.train.sources import TrainOptions

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")

PROJECT = Path(__file__).resolve().parents[2]
SEED_IR = "weights/coco-yolo11n-int8-openvino/yolo11n_int8_openvino_model/yolo11n.xml"
#: PETS and the road are not among them: accuracy is reported on those.
ORDINARY_CLIPS = ("person-bicycle-car.gif", "people.gif")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train", description="From data to weights.")
    parser.add_argument(
        "--data", type=Path, default=PROJECT.parent / "shared" / "data", help="datasets/, clips/, weights/"
    )
    steps = parser.add_subparsers(dest="do", required=True)
    train = steps.add_parser("train", help="train, or go on with a run")
    train.add_argument("--family", choices=("smoke-fire", "people-vehicles", "both"), default="smoke-fire")
    train.add_argument("--run", type=Path, help="where checkpoints are kept; runs/FAMILY when not given")
    train.add_argument(
        "--start", type=Path, help="YOLO11n's OpenVINO IR, what `seed` made of it, or an earlier best.pt"
    )
    train.add_argument("--teacher", type=Path, help="who labels people: as --start, with COCO's classes")
    train.add_argument("--taught", type=Path, help="a table of what the teacher saw, made by `label`")
    train.add_argument("--feedback", type=Path, help="a data set of what operators confirmed and rejected")
    train.add_argument("--steps", type=int, default=8000)
    train.add_argument("--minutes", type=float, help="end by the clock instead of --steps")
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--rate", type=float, default=8e-4)
    train.add_argument("--frozen-layers", type=int, default=5)
    train.add_argument("--distil", type=float, default=1.0, help="how much the teacher's say on each batch counts")
    train.add_argument("--longest-average", type=float, default=0.998)
    train.add_argument("--seed", type=int, default=7)
    train.add_argument("--checks", type=int, default=16, help="how often to score on the choosing scenes")
    train.add_argument("--threads", type=int, default=0)
    train.add_argument("--workers", type=int, default=1, help="processes that make pictures")
    train.add_argument("--decode-all", action="store_true", help="keep all pictures in memory, some gigabytes")
    seed = steps.add_parser("seed", help="COCO's weights out of the OpenVINO IR, as a checkpoint to start from")
    seed.add_argument("--ir", type=Path)
    seed.add_argument("--to", type=Path, default=PROJECT / "runs" / "coco.pt")
    label = steps.add_parser("label", help="what COCO's network sees in the pictures, as a table for --taught")
    label.add_argument("--ir", type=Path)
    label.add_argument("--to", type=Path, default=PROJECT / "runs" / "taught.csv")
    export = steps.add_parser("export", help="a checkpoint to OpenVINO, fp16 and int8; or the mean of several exports")
    export.add_argument("checkpoint", type=Path, nargs="+", help="best.pt, or .xml of fp16 exports to be blended")
    export.add_argument("--only", choices=("smoke-fire", "people-vehicles"), help="of a network of both, one half")
    export.add_argument("--to", type=Path, help="weights/FAMILY when not given")
    export.add_argument("--size", action="append", help="width x height, repeatable")
    export.add_argument("--precision", action="append", choices=("fp16", "int8"))
    card = steps.add_parser("card", help="figures and pictures of the smoke and fire model's card")
    card.add_argument("model", type=Path, help="an export (.xml, or its folder)")
    card.add_argument("--older", action="append", default=[], metavar="NAME=PATH", help="another to draw beside it")
    card.add_argument("--to", type=Path, default=PROJECT / "docs" / "images")
    options = parser.parse_args(arguments)
    try:
        return {"train": _train, "seed": _seed, "label": _label, "export": _export, "card": _card}[options.do](options)
    except ImportError as fault:
        print(f"training needs torch and ultralytics: pip install 'village-brain[train]' ({fault})", file=sys.stderr)
    except Exception as fault:
        if type(fault).__name__ not in ("TrainingError", "DatasetError", "SeedWeightsError", "ExportError"):
            raise
        print(fault, file=sys.stderr)
    return 2


def _train(options: argparse.Namespace) -> int:
    from detectors.train.runs import Progress, train

    def tell(p: Progress) -> None:
        checked = ""
        if p.chosen is not None:
            for name, value in (("smoke and fire", p.chosen.smoke_fire), ("people", p.chosen.people_vehicles)):
                checked += "" if value is None else f"  mAP50 of {name} on the choosing scenes {value:.3f}"
        print(
            f"step {p.step} ({p.done:.0%})  loss {p.loss:.3f}  {p.pictures_per_second:.1f} pictures/s  "
            f"{p.seconds_left / 60:.1f} min left{checked}",
            flush=True,
        )

    print(f"best weights: {train(train_options(options), tell)}")
    return 0


def train_options(options: argparse.Namespace) -> "TrainOptions":
    """What was asked for on the command line."""
    from detectors.train.sources import TrainOptions

    clips = [options.data / "clips" / name for name in ORDINARY_CLIPS]
    return TrainOptions(
        data=options.data / "datasets",
        run=options.run or PROJECT / "runs" / options.family,
        start=options.start or options.data / SEED_IR,
        family=options.family,
        teacher=options.teacher,
        taught=options.taught,
        ordinary_clips=tuple(clip for clip in clips if clip.exists()),
        feedback=options.feedback,
        steps=options.steps,
        minutes=options.minutes,
        batch_size=options.batch_size,
        rate=options.rate,
        frozen_layers=options.frozen_layers,
        distil=options.distil,
        longest_average=options.longest_average,
        seed=options.seed,
        checks=options.checks,
        threads=options.threads,
        workers=options.workers,
        decode_all=options.decode_all,
    )


def _sources(options: argparse.Namespace, run: Path) -> "TrainOptions":
    from detectors.train.sources import TrainOptions

    clips = tuple(options.data / "clips" / name for name in ORDINARY_CLIPS)
    return TrainOptions(
        data=options.data / "datasets",
        run=run,
        start=options.ir or options.data / SEED_IR,
        family="both",
        ordinary_clips=tuple(clip for clip in clips if clip.exists()),
    )


def _seed(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from detectors.train import network, sources

    asked = replace(_sources(options, options.to.parent), family="smoke-fire")
    mixer = sources.mixer(asked, sources.gather(asked))
    network.save(sources.coco_network(asked.start, mixer), options.to, family=network.COCO)
    print(f"COCO's weights: {options.to}")
    return 0


def _label(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from detectors.train import sources

    sources.gather(replace(_sources(options, options.to.parent), taught=options.to))
    print(f"what the teacher saw: {options.to}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from detectors.train import export, network
    from detectors.train.blend import blend
    from detectors.train.classes import FAMILIES

    part = FAMILIES[options.only] if options.only else None
    if all(path.suffix == ".xml" for path in options.checkpoint):
        made = blend(options.checkpoint, part or FAMILIES["smoke-fire"])
    elif len(options.checkpoint) == 1:
        made = export.load(options.checkpoint[0], part)
    else:
        raise export.ExportError("of checkpoints, one at a time; only exports (.xml) can be blended")
    family = network.family_of(made)
    to = options.to or PROJECT / "weights" / family.name
    for size in options.size or ["416x256", "640x384"]:
        width, height = map(int, size.split("x"))
        graph = export.to_openvino(made, width, height)
        for precision in options.precision or ["fp16", "int8"]:
            finished = graph
            if precision == "int8":
                pictures = export.calibration_pictures(options.data / "datasets", family, width, height, 240)
                finished = export.to_int8(graph, pictures)
            xml = export.save(finished, to, family, precision=precision, width=width, height=height, note="")
            row = {"xml": str(xml), "milliseconds": round(export.milliseconds(xml), 2)}
            print(json.dumps(row), flush=True)
    return 0


def _card(options: argparse.Namespace) -> int:
    from detectors.train import card

    older = {name: Path(path) for name, _, path in (word.partition("=") for word in options.older)}
    print(card.make(options.model, older, options.data / "datasets", options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
