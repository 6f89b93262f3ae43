"""How well the smoke and fire network sees, picture by picture, against other networks.

Run: python benchmarks/fire_model.py [--data ../shared/data] [--model NAME=PATH …]
A PATH is an OpenVINO .xml (or its folder), an ultralytics .pt (needs the `train` extra), or fire-detector (the package
of that name from PyPI, when installed);
`--swap` names those whose classes are fire, smoke in that order. Without --model: all that lies in weights/smoke-fire.
Prints a table, then one line of JSON. Judgement over time is measured elsewhere.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")

from detectors.train.dataset import DatasetError, Picture  # noqa: E402
from detectors.train.evaluate import Evaluation, evaluate  # noqa: E402
from detectors.train.predict import Found, Predictor, openvino_predictor, torch_predictor  # noqa: E402

FIRE_DETECTOR = "fire-detector"


def predictor(path: Path, size: tuple[int, int], swap: bool) -> Predictor:
    """A predictor for an IR at its own size, or for an ultralytics checkpoint at `size`."""
    if path.name == FIRE_DETECTOR:  # the package: a YOLOv8s with layers of its own
        import fire_detector

        path = Path(fire_detector.__file__).parent / "models" / "light_yolov8_flame.pt"
    if path.suffix == ".pt":
        from ultralytics import YOLO

        plain = torch_predictor(YOLO(str(path)).model.float(), *size)
    else:
        plain, _ = openvino_predictor(path)
    if not swap:
        return plain

    def swapped(picture: Picture) -> Found:
        found = plain(picture)
        return np.column_stack([found[:, :5], 1 - found[:, 5]]).astype(np.float32)

    return swapped


def print_table(results: dict[str, Evaluation]) -> None:
    """One block a model."""
    for name, result in results.items():
        print(f"\n{name}")
        print(
            f"  {'test set':28}{'pictures':>9}{'smoke AP50':>12}{'fire AP50':>11}   seen / false alarms at each score"
        )
        for title, figures in result.sets.items():
            ap = [figures.classes[c].ap50 for c in ("smoke", "fire")]
            cells = [f"{at.threshold}: {_percent(at.seen)}/{_percent(at.false_alarms)}" for at in figures.at]
            print(f"  {title:28}{figures.pictures:>9}{_figure(ap[0]):>12}{_figure(ap[1]):>11}   {'  '.join(cells)}")
        for title, clip in result.ordinary_clips.items():
            cells = [f"{t}: {share:.1%}" for t, share in clip.false_alarms.items()]
            print(f"  {title}: frames with a false alarm, of {clip.frames}: {'  '.join(cells)}")
        if result.fire_clip:
            cells = [f"{t}: {s:.0%} ({result.fire_clip.boxes_recall[t]:.0%})" for t, s in result.fire_clip.seen.items()]
            print(f"  house-fire.mp4: frames in which the fire is seen (boxes): {'  '.join(cells)}")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--swap", action="append", default=[], metavar="NAME")
    parser.add_argument("--size", default="416x256", help="input width x height for .pt models")
    parser.add_argument("--every", type=int, default=10, help="look at each n-th frame of the clips")
    options = parser.parse_args()
    models = dict(m.split("=", 1) for m in options.model) or {
        p.parent.name: str(p) for p in sorted((PROJECT / "weights" / "smoke-fire").glob("*/*.xml"))
    }
    width, height = map(int, options.size.split("x"))
    clips = options.data / "clips"
    cv2.setNumThreads(1)
    results: dict[str, Evaluation] = {}
    try:
        for name, path in models.items():
            results[name] = evaluate(
                predictor(Path(path), (width, height), name in options.swap),
                options.data / "datasets",
                ordinary_clips=[clips / "road-8-vehicles.mp4", clips / "pets09-s2l1-view1.avi"],
                fire_clip=(clips / "house-fire.mp4", clips / "house-fire-boxes.xml"),
                every=options.every,
            )
    except DatasetError as fault:
        print(f"fire_model: {fault}", file=sys.stderr)
        return 2
    print_table(results)
    print(json.dumps({name: result.plain() for name, result in results.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
