"""Whether a look in tiles counts a crowd better: people counted on the PETS clip against its ground truth.

Every n-th frame, looked at whole and in tiles. `near`: the clip is the main stream, the sub stream half its size.
`far`: the clip is the middle of a main stream twice as wide and high, grey around it, and the sub stream a quarter of
that, so that people are half as high in it. Told are precision and recall at overlap 0.4, and how far the count
of a frame is off. Each size of network is measured. The last line is JSON. Not here: when a closer look is taken
(`alerts/crowd_looks.py`).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from accuracy import CLIP, PROJECT, labelled_frames
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from configs.words import ObjectClass
from detectors.catalogue import Catalogue, Task
from detectors.engine import Engine, Picture, open_engine
from detectors.evaluate import Score, score
from detectors.tiles import look_in_tiles
from detectors.words import Detections

SIZES = ((416, 256), (640, 384))
Frames = list[tuple[Picture, NDArray[np.float32]]]


def far_away(frames: Frames) -> Frames:
    """The same people at half the height: each frame in the middle of a grey picture of twice the width and height."""
    padded = []
    for picture, truth in frames:
        height, width = picture.shape[:2]
        canvas = np.full((2 * height, 2 * width, 3), 114, np.uint8)
        canvas[height // 2 : height // 2 + height, width // 2 : width // 2 + width] = picture
        padded.append((canvas, (truth / 2 + 0.25).astype(np.float32)))
    return padded


def measure(look: Callable[[Picture], Detections], frames: Frames, scale: float) -> dict[str, float]:
    """How well `look` counts the people in pictures scaled by `scale`."""
    total, off, counted, took = Score(0, 0, 0), 0, 0, 0.0
    for picture, truth in frames:
        shown = picture if scale == 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        began = time.perf_counter()
        found = look(np.asarray(shown, np.uint8))
        took += time.perf_counter() - began
        people = found.boxes[np.array([c is ObjectClass.PERSON for c in found.classes], bool)]
        total += score(people, truth, 0.4)
        off += abs(len(people) - len(truth))
        counted += len(people)
    return {
        "precision": round(total.precision, 3),
        "recall": round(total.recall, 3),
        "count_off_by": round(off / len(frames), 2),
        "counted": round(counted / len(frames), 2),
        "there": round(total.truths / len(frames), 2),
        "ms": round(1000 * took / len(frames), 1),
    }


def ways(engine: Engine, sub: float) -> list[tuple[str, Callable[[Picture], Detections], float]]:
    """What is compared: a name, a look, and how much the main stream is scaled for it."""
    return [
        ("sub, whole", engine.detect, sub),
        ("main, whole", engine.detect, 1.0),
        ("sub, tiles", lambda picture: look_in_tiles(engine, picture), sub),
        ("main, tiles", lambda picture: look_in_tiles(engine, picture), 1.0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--clips", type=Path, default=Path(os.environ.get("VBRAIN_CLIPS", PROJECT.parent / "shared/data/clips"))
    )
    parser.add_argument("--every", type=int, default=10)
    options = parser.parse_args()
    if not (options.clips / CLIP).is_file():
        print(f"{options.clips / CLIP} is missing; name the folder that holds it with --clips", file=sys.stderr)
        return 1
    frames = labelled_frames(options.clips, options.every)
    table = Table("size", "people", "look", "P", "R", "count off by", "counted", "there", "ms")
    rows: list[dict[str, object]] = []
    for size in SIZES:
        engine = open_engine(Catalogue.load().find(Task.PEOPLE_VEHICLES, size))
        for people, shown, sub in (("near", frames, 0.5), ("far", far_away(frames), 0.25)):
            for name, look, scale in ways(engine, sub):
                row: dict[str, object] = {"size": "x".join(map(str, size)), "people": people, "look": name}
                row |= measure(look, shown, scale)
                rows.append(row)
                table.add_row(*(str(value) for value in row.values()))
        engine.close()
    Console().print(table)
    print(json.dumps({"benchmark": "crowd", "frames": len(frames), "cores": os.cpu_count(), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
