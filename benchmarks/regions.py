"""Looking again at what moves: does it find more, for the network's time, than one look at a larger picture?

Far people and vehicles vanish at 416×256. Here each way of spending looks sees the same pictures: whole pictures at
several sizes (the frontier to beat), the small whole picture and then the motion gate's regions, cut at full resolution
and packed into one input or the largest alone, and tiles. Views: the campus clip as filmed and placed in larger
canvases as if farther away, against its ground truth; the road clip likewise, against what the largest network finds in
it in overlapping tiles at twice the size (a teacher, no ground truth). With "true regions" the places are told by the
truth: what a perfect gate would give. `ms` is CPU time on one core, network and all else, so that a busy box hardly
matters; `gain` is F1 less that of whole pictures which cost the same. The last line is JSON. Not here: the verdict
(`docs/regions.md`), the motion gate (`detectors/motion.py`).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from configs.words import Box, ObjectClass
from detectors.boxes import PAD_GREY
from detectors.catalogue import Catalogue, ModelError, Task
from detectors.engine import Engine, Picture, open_engine
from detectors.evaluate import Score, read_mot, score
from detectors.motion import CELL, MotionGate

PROJECT = Path(__file__).resolve().parent.parent
PETS, PETS_TRUTH, ROAD = "pets09-s2l1-view1.avi", "pets09-s2l1-gt.txt", "road-8-vehicles.mp4"
CONFIDENCE, OVERLAP = 0.3, 0.4
TEACHER_CONFIDENCE = 0.5
SMALL = (416, 256)
WHOLE_SIZES = (SMALL, (544, 320), (640, 384), (640, 640))
GATE_WIDTH = 160
#: Between packed regions, in pixels of the input, so that no box spans two.
GAP = 8
#: Regions are not blown up beyond this, and looked at again only if they come out this much larger than before.
MOST_ENLARGED, LEAST_GAIN = 2.0, 1.25
TOLD = "416×256 + true regions"
#: Of two boxes of which one lies so far inside the other, the weaker is the same thing.
INSIDE = 0.6
VEHICLES = frozenset({ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.MOTORCYCLE})
PEOPLE = frozenset({ObjectClass.PERSON})

Boxes = NDArray[np.float32]
Rectangle = tuple[int, int, int, int]
#: A picture and the regions to look at again in it to boxes (n, 4), 0…1, strongest first.
Way = Callable[[Picture, tuple[Box, ...]], Boxes]


@dataclass(frozen=True)
class View:
    """A clip as one camera would see it: pictures of `size`, with the clip scaled into `inset` of it."""

    name: str
    clip: str
    size: tuple[int, int]
    inset: Rectangle
    wanted: frozenset[ObjectClass]
    rate: float


VIEWS = (
    View("campus", PETS, (768, 576), (0, 0, 768, 576), PEOPLE, 7.0),
    View("campus, 1/2", PETS, (1536, 1152), (384, 288, 768, 576), PEOPLE, 7.0),
    View("campus, 1/2, wide", PETS, (1280, 720), (256, 100, 768, 576), PEOPLE, 7.0),
    View("campus, 1/3, wide", PETS, (1280, 720), (400, 200, 512, 384), PEOPLE, 7.0),
    View("road", ROAD, (640, 352), (0, 0, 640, 352), VEHICLES, 24.0),
    View("road, 1/2", ROAD, (1280, 704), (320, 176, 640, 352), VEHICLES, 24.0),
)


@dataclass
class Tally:
    """What one way found in one view, and what it cost."""

    score: Score = field(default_factory=lambda: Score(0, 0, 0))
    seconds: float = 0.0
    pictures: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.score.found / max(1, self.score.truths + self.score.boxes)

    @property
    def milliseconds(self) -> float:
        return 1000 * self.seconds / max(1, self.pictures)


def found_by(engine: Engine, wanted: frozenset[ObjectClass], picture: Picture) -> tuple[Boxes, Boxes]:
    """Boxes (n, 4) and scores (n,) of what is wanted."""
    seen = engine.detect(picture)
    ours = np.array([c in wanted for c in seen.classes], bool)
    return seen.boxes[ours], seen.scores[ours]


def strongest(boxes: Boxes, scores: Boxes, confidence: float = CONFIDENCE) -> Boxes:
    """Boxes of several looks, each thing once."""
    order = np.argsort(-scores, kind="stable")
    boxes = boxes[order[scores[order] >= confidence]]
    kept: list[NDArray[np.float32]] = []
    for box in boxes:
        others = np.array(kept, np.float32).reshape(-1, 4)
        near = (np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])).clip(0).prod(axis=1)
        smaller = np.minimum((others[:, 2:] - others[:, :2]).prod(axis=1), (box[2:] - box[:2]).prod())
        if not (near > INSIDE * smaller).any():
            kept.append(box)
    return np.array(kept, np.float32).reshape(-1, 4)


def whole(engine: Engine, wanted: frozenset[ObjectClass]) -> Way:
    def way(picture: Picture, regions: tuple[Box, ...]) -> Boxes:
        boxes, scores = found_by(engine, wanted, picture)
        return boxes[scores >= CONFIDENCE]

    return way


def tiled(engine: Engine, wanted: frozenset[ObjectClass], columns: int, rows: int) -> Way:
    def way(picture: Picture, regions: tuple[Box, ...]) -> Boxes:
        return strongest(*look_in_tiles(engine, wanted, picture, columns, rows))

    return way


def look_in_tiles(
    engine: Engine, wanted: frozenset[ObjectClass], picture: Picture, columns: int, rows: int
) -> tuple[Boxes, Boxes]:
    """Looks at tiles that overlap by about a sixth of themselves."""
    parts = []
    for left, right in spans(columns):
        for top, bottom in spans(rows):
            rectangle = in_pixels((left, top, right, bottom), picture)
            boxes, scores = found_by(engine, wanted, cut(picture, rectangle))
            parts.append((put_back(boxes, rectangle, picture), scores))
    return np.concatenate([b for b, _ in parts]), np.concatenate([s for _, s in parts])


def spans(count: int) -> list[tuple[float, float]]:
    length = 1.0 if count == 1 else 1.17 / (count + 0.17)
    return [(i * (1 - length) / max(1, count - 1), i * (1 - length) / max(1, count - 1) + length) for i in range(count)]


def again(engine: Engine, wanted: frozenset[ObjectClass], most: int) -> Way:
    """The whole picture, then at most `most` regions of it in one further look."""
    width, height = engine.input_size

    def way(picture: Picture, regions: tuple[Box, ...]) -> Boxes:
        boxes, scores = found_by(engine, wanted, picture)
        before = min(width / picture.shape[1], height / picture.shape[0])
        rectangles = joined([in_pixels(grown(r, picture), picture) for r in regions])[-most:]
        placed, scale = pack(rectangles, (width, height), least=LEAST_GAIN * before)
        if not placed:
            return boxes[scores >= CONFIDENCE]
        sheet: Picture = np.full((height, width, 3), PAD_GREY, np.uint8)
        for (left, top, w, h), (x, y) in placed:
            part = cv2.resize(cut(picture, (left, top, w, h)), (int(w * scale), int(h * scale)))
            sheet[y : y + part.shape[0], x : x + part.shape[1]] = part
        more, more_scores = found_by(engine, wanted, sheet)
        parts, part_scores = [boxes], [scores]
        more = more * np.array([width, height] * 2, np.float32)
        centres = (more[:, :2] + more[:, 2:]) / 2
        for rectangle, (x, y) in placed:
            size = np.array([rectangle[2] * scale, rectangle[3] * scale], np.float32)
            corner = np.array([x, y], np.float32)
            inside = ((centres >= corner) & (centres < corner + size)).all(axis=1)
            unit = (more[inside] - np.tile(corner, 2)) / np.tile(size, 2)
            uncut = ~at_a_cut(unit, rectangle, picture, 2 / size)
            parts.append(put_back(unit[uncut], rectangle, picture))
            part_scores.append(more_scores[inside][uncut])
        return strongest(np.concatenate(parts), np.concatenate(part_scores))

    return way


def at_a_cut(unit: Boxes, rectangle: Rectangle, picture: Picture, near: Boxes) -> NDArray[np.bool_]:
    """Which boxes (n, 4), 0…1 of `rectangle`, touch an edge of it that is none of the picture: only part is seen."""
    left, top, w, h = rectangle
    low = np.array([left > 0, top > 0]) & (unit[:, :2] < near)
    high = np.array([left + w < picture.shape[1], top + h < picture.shape[0]]) & (unit[:, 2:] > 1 - near)
    return np.asarray((low | high).any(axis=1))


def grown(region: Box, picture: Picture) -> Box:
    """A cell of the gate more on every side: what moves is seldom all of a thing."""
    across, down = CELL / GATE_WIDTH, CELL / GATE_WIDTH * picture.shape[1] / picture.shape[0]
    left, top, right, bottom = region
    return max(0.0, left - across), max(0.0, top - down), min(1.0, right + across), min(1.0, bottom + down)


def in_pixels(box: Box, picture: Picture) -> Rectangle:
    """Left, top, width, height."""
    height, width = picture.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    return left, top, max(1, round(box[2] * width) - left), max(1, round(box[3] * height) - top)


def cut(picture: Picture, rectangle: Rectangle) -> Picture:
    left, top, w, h = rectangle
    return picture[top : top + h, left : left + w]


def put_back(boxes: Boxes, rectangle: Rectangle, picture: Picture) -> Boxes:
    """Boxes 0…1 of `rectangle` to 0…1 of the picture."""
    left, top, w, h = rectangle
    pixels = boxes * np.array([w, h, w, h], np.float32) + np.array([left, top, left, top], np.float32)
    return np.asarray(pixels / np.array([*picture.shape[1::-1]] * 2, np.float32), np.float32)


def joined(rectangles: list[Rectangle]) -> list[Rectangle]:
    """Rectangles that overlap become one, largest last."""
    todo, done = list(rectangles), []
    while todo:
        left, top, w, h = todo.pop()
        for i, (x, y, ww, hh) in enumerate(todo):
            if left < x + ww and x < left + w and top < y + hh and y < top + h:
                right, bottom = max(left + w, x + ww), max(top + h, y + hh)
                left, top = min(left, x), min(top, y)
                todo[i] = (left, top, right - left, bottom - top)
                break
        else:
            done.append((left, top, w, h))
    return sorted(done, key=lambda r: r[2] * r[3])


def pack(
    rectangles: list[Rectangle], size: tuple[int, int], least: float
) -> tuple[list[tuple[Rectangle, tuple[int, int]]], float]:
    """Places on shelves at the largest common scale, and that scale. Where it would be below `least`, the largest
    rectangles are left out: what is near was seen in the whole picture."""
    chosen = list(rectangles)
    while chosen:
        scale = MOST_ENLARGED
        while scale >= least:
            places = shelves([(int(w * scale), int(h * scale)) for _, _, w, h in chosen], size)
            if places is not None:
                return list(zip(chosen, places, strict=True)), scale
            scale *= 0.95
        chosen.pop()
    return [], 0.0


def shelves(sizes: list[tuple[int, int]], room: tuple[int, int]) -> list[tuple[int, int]] | None:
    """Where each of `sizes` goes, tallest first on shelves from the top; None when they don't fit."""
    places = [(0, 0)] * len(sizes)
    x = y = tall = 0
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i][1]):
        w, h = sizes[i]
        if x and x + w > room[0]:
            x, y, tall = 0, y + tall + GAP, 0
        if x + w > room[0] or y + h > room[1] or min(w, h) < 1:
            return None
        places[i] = (x, y)
        x, tall = x + w + GAP, max(tall, h)
    return places


def frames(path: Path) -> Iterator[Picture]:
    video = cv2.VideoCapture(str(path))
    try:
        while (read := video.read())[0]:
            yield np.asarray(read[1], np.uint8)
    finally:
        video.release()


def truths(clips: Path, clip: str, teacher: Engine, every: int) -> dict[int, Boxes]:
    """By picture number from 1, boxes 0…1 of the clip."""
    if clip == PETS:
        return read_mot(clips / PETS_TRUTH, (768, 576))
    return {
        number: strongest(*look_in_tiles(teacher, VEHICLES, picture, 3, 2), TEACHER_CONFIDENCE)
        for number, picture in enumerate(frames(clips / clip), 1)
        if number % every == 1
    }


def watch(clips: Path, view: View, truth: dict[int, Boxes], ways: dict[str, Way], every: int) -> dict[str, Tally]:
    """Every n-th picture of the view in each way; the gate sees as many a second as it does in a village."""
    tallies = {name: Tally() for name in ways}
    tallies["covered"] = Tally()
    gate, left_until = MotionGate(), 0.0
    x, y, w, h = view.inset
    canvas = cv2.resize(still_scene(clips / view.clip), view.size)
    to_canvas = np.array([w, h, w, h], np.float32), np.array([x, y, x, y], np.float32)
    for number, picture in enumerate(frames(clips / view.clip), 1):
        at = number / view.rate
        if at < left_until and number % every != 1:
            continue
        left_until = at + 0.13
        shown = canvas.copy()
        shown[y : y + h, x : x + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
        luma = cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY)
        plane = cv2.resize(luma, (GATE_WIDTH, round(GATE_WIDTH * view.size[1] / view.size[0])), interpolation=3)
        regions = gate.update(np.asarray(plane, np.uint8), at).regions
        if number % every != 1:
            continue
        there = (truth[number] * to_canvas[0] + to_canvas[1]) / np.array([*view.size] * 2, np.float32)
        told: tuple[Box, ...] = tuple((a, b, c, d) for a, b, c, d in there.tolist())
        for name, way in ways.items():
            began = time.process_time()
            boxes = way(shown, told if name == TOLD else regions)
            tallies[name].seconds += time.process_time() - began
            tallies[name].pictures += 1
            tallies[name].score += score(boxes, np.asarray(there, np.float32), OVERLAP)
        middles = (there[:, :2] + there[:, 2:]) / 2
        seen = sum(any(r[0] <= cx <= r[2] and r[1] <= cy <= r[3] for r in regions) for cx, cy in middles.tolist())
        tallies["covered"].score += Score(len(there), 0, seen)
    return tallies


def still_scene(path: Path) -> Picture:
    """The clip without what moves in it: the median of some thirty pictures."""
    return np.asarray(np.median([p for n, p in enumerate(frames(path)) if n % 29 == 0], axis=0), np.uint8)


def gain(tally: Tally, frontier: list[Tally]) -> float:
    """F1 beyond that of whole pictures at the same cost: between two sizes, pictures shared between them."""
    costs = [t.milliseconds for t in frontier]
    best = np.maximum.accumulate([t.f1 for t in frontier])
    return tally.f1 - float(np.interp(tally.milliseconds, costs, best))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--clips", type=Path, default=Path(os.environ.get("VBRAIN_CLIPS", PROJECT.parent / "shared/data/clips"))
    )
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    for name in (PETS, PETS_TRUTH, ROAD):
        if not (options.clips / name).is_file():
            print(f"{options.clips / name} is missing; name the folder that holds it with --clips", file=sys.stderr)
            return 1
    catalogue = Catalogue.load()
    try:
        engines = {s: open_engine(catalogue.find(Task.PEOPLE_VEHICLES, s), threads=1) for s in WHOLE_SIZES}
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    small, teacher = engines[SMALL], engines[(640, 640)]
    every = {PETS: options.every, ROAD: 2 * options.every}
    truth = {clip: truths(options.clips, clip, teacher, every[clip]) for clip in (PETS, ROAD)}
    table = Table("view", "way", "P", "R", "F1", "ms", "F1/ms", "gain")
    rows: list[dict[str, object]] = []
    for view in VIEWS:
        ways = {f"whole {w}×{h}": whole(engine, view.wanted) for (w, h), engine in engines.items()}
        count = len(ways)
        ways["416×256 + regions packed"] = again(small, view.wanted, 16)
        ways["416×256 + largest region"] = again(small, view.wanted, 1)
        ways[TOLD] = again(small, view.wanted, 100)
        ways["2 tiles of 416×256"] = tiled(small, view.wanted, 2, 1)
        ways["4 tiles of 416×256"] = tiled(small, view.wanted, 2, 2)
        tallies = watch(options.clips, view, truth[view.clip], ways, every[view.clip])
        covered = tallies.pop("covered").score.recall
        frontier = list(tallies.values())[:count]
        for i, (name, tally) in enumerate(tallies.items()):
            p, r, f1, ms = tally.score.precision, tally.score.recall, tally.f1, tally.milliseconds
            more = gain(tally, frontier) if i >= count else 0.0
            shown = f"{view.name} ({covered:.0%} in regions)" if not i else ""
            table.add_row(
                shown, name, f"{p:.3f}", f"{r:.3f}", f"{f1:.3f}", f"{ms:.1f}", f"{f1 / ms:.3f}", f"{more:+.3f}"
            )
            rows.append({"view": view.name, "way": name, "precision": p, "recall": r, "f1": f1, "ms": ms, "gain": more})
        table.add_section()
    for engine in engines.values():
        engine.close()
    Console(width=120).print(table)
    print(json.dumps({"benchmark": "regions", "every": every, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
