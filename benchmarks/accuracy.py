"""Precision and recall for persons, and looks a second, by size, precision and engine: the figures of the catalogue.

Every tenth frame of the PETS clip at confidence 0.3 and overlap 0.4, against its ground truth. Speed is of whole looks
(fit, network, boxes) on all cores, with every request busy. Each model file that the catalogue finds is measured; with
`--formats openvino,onnx,torch` other engines too. The last line is JSON. Not here: smoke and fire, whose figures come
from `python -m detectors.train`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from detectors.catalogue import Catalogue, ModelError, Task
from detectors.choose import looks_per_second
from detectors.engine import Picture, open_engine
from detectors.evaluate import evaluate, read_mot

PROJECT = Path(__file__).resolve().parent.parent
CLIP, TRUTH = "pets09-s2l1-view1.avi", "pets09-s2l1-gt.txt"


def labelled_frames(clips: Path, every: int) -> list[tuple[Picture, NDArray[np.float32]]]:
    """Every n-th frame of the PETS clip with its true boxes."""
    video = cv2.VideoCapture(str(clips / CLIP))
    size = (int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    truth = read_mot(clips / TRUTH, size)
    frames, number = [], 0
    while (read := video.read())[0]:
        number += 1
        if number % every == 1 or every == 1:
            frames.append((np.asarray(read[1], np.uint8), truth.get(number, np.zeros((0, 4), np.float32))))
    video.release()
    return frames


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--clips", type=Path, default=Path(os.environ.get("VBRAIN_CLIPS", PROJECT.parent / "shared/data/clips"))
    )
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--formats", default="openvino")
    options = parser.parse_args()
    if not (options.clips / CLIP).is_file():
        print(f"{options.clips / CLIP} is missing; name the folder that holds it with --clips", file=sys.stderr)
        return 1
    frames = labelled_frames(options.clips, options.every)
    table = Table("model", "engine", "size", "precision", "P", "R", "looks/s")
    rows: list[dict[str, object]] = []
    for model in Catalogue.load().all(Task.PEOPLE_VEHICLES, options.formats.split(",")):
        try:
            engine = open_engine(model)
        except ModelError as error:
            print(error, file=sys.stderr)
            continue
        result = evaluate(engine, frames)
        speed = looks_per_second(engine, options.seconds, [picture for picture, _ in frames])
        engine.close()
        size = "x".join(map(str, engine.input_size))
        table.add_row(
            model.name,
            model.format,
            size,
            model.precision,
            f"{result.precision:.3f}",
            f"{result.recall:.3f}",
            f"{speed:.1f}",
        )
        rows.append(
            {
                "model": model.name,
                "engine": model.format,
                "size": size,
                "precision_of_numbers": model.precision,
                "precision": round(result.precision, 4),
                "recall": round(result.recall, 4),
                "looks_per_second": round(speed, 1),
            }
        )
    Console().print(table)
    print(json.dumps({"benchmark": "accuracy", "frames": len(frames), "cores": os.cpu_count(), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
