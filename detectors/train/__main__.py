"""`python -m detectors.train`: train, export and evaluate the smoke and fire model without the rest of the program.

Promises: plain text progress, an exit code of 2 with one sentence when something is missing. `vbrain train smoke-fire`
calls the same functions.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")

PROJECT = Path(__file__).resolve().parents[2]
SEED_IR = "weights/coco-yolo11n-int8-openvino/yolo11n_int8_openvino_model/yolo11n.xml"
ORDINARY_CLIPS = ("pets09-s2l1-view1.avi", "person-bicycle-car.gif", "people.gif")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m detectors.train", description="Smoke and fire: from data to weights."
    )
    parser.add_argument(
        "--data", type=Path, default=PROJECT.parent / "shared" / "data", help="datasets/, clips/, weights/"
    )
    steps = parser.add_subparsers(dest="do", required=True)
    train = steps.add_parser("train", help="train, or go on with a run")
    train.add_argument("--run", type=Path, default=PROJECT / "runs" / "smoke-fire")
    train.add_argument("--start", type=Path, help="YOLO11n's OpenVINO IR, or an earlier best.pt")
    train.add_argument("--feedback", type=Path, help="a data set of what operators confirmed and rejected")
    train.add_argument("--steps", type=int, default=8000)
    train.add_argument("--batch-size", type=int, default=16)
    train.add_argument("--rate", type=float, default=8e-4)
    train.add_argument("--frozen-layers", type=int, default=5)
    train.add_argument("--seed", type=int, default=7)
    train.add_argument("--threads", type=int, default=0)
    export = steps.add_parser("export", help="a checkpoint to OpenVINO, fp16 and int8")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("--to", type=Path, default=PROJECT / "weights" / "smoke-fire")
    export.add_argument("--size", action="append", help="width x height, repeatable")
    export.add_argument("--precision", action="append", choices=("fp16", "int8"))
    options = parser.parse_args(arguments)
    try:
        return _train(options) if options.do == "train" else _export(options)
    except ImportError as fault:
        print(f"training needs torch and ultralytics: pip install 'village-brain[train]' ({fault})", file=sys.stderr)
    except Exception as fault:
        if type(fault).__name__ not in ("TrainingError", "DatasetError", "SeedWeightsError"):
            raise
        print(fault, file=sys.stderr)
    return 2


def _train(options: argparse.Namespace) -> int:
    from detectors.train.smoke_fire import Progress, TrainOptions, train_smoke_fire

    def tell(p: Progress) -> None:
        checked = "" if p.chosen_map50 is None else f"  mAP50 on the choosing scenes {p.chosen_map50:.3f}"
        print(
            f"step {p.step}/{p.steps}  loss {p.loss:.3f}  {p.pictures_per_second:.1f} pictures/s  "
            f"{p.seconds_left / 60:.0f} min left{checked}",
            flush=True,
        )

    clips = [options.data / "clips" / name for name in ORDINARY_CLIPS]
    best = train_smoke_fire(
        TrainOptions(
            data=options.data / "datasets",
            run=options.run,
            start=options.start or options.data / SEED_IR,
            ordinary_clips=tuple(clip for clip in clips if clip.exists()),
            feedback=options.feedback,
            steps=options.steps,
            batch_size=options.batch_size,
            rate=options.rate,
            frozen_layers=options.frozen_layers,
            seed=options.seed,
            threads=options.threads,
        ),
        tell,
    )
    print(f"best weights: {best}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from detectors.train import dataset, export
    from detectors.train.augment import Mixer

    for size in options.size or ["416x256", "640x384"]:
        width, height = map(int, size.split("x"))
        graph = export.to_openvino(options.checkpoint, width, height)
        for precision in options.precision or ["fp16", "int8"]:
            made = graph
            if precision == "int8":
                train = dataset.load(options.data / "datasets")[dataset.Part.TRAIN]
                mixer = Mixer(
                    [s for s in train if len(s.boxes)],
                    [s for s in train if s.is_negative],
                    width=width,
                    height=height,
                    batch_size=16,
                    seed=11,
                )
                made = export.to_int8(graph, export.calibration_pictures(mixer, 240))
            xml = export.save(made, options.to, precision=precision, width=width, height=height, note="")
            row = {"xml": str(xml), "milliseconds": round(export.milliseconds(xml), 2)}
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
