"""What training makes of a picture: framed, zoomed, lit, worn, with drawn events and look-alikes.

Promises: `Mixer.batch(index)` depends on the seed and the index alone, so a resumed run sees what it would have seen.
Not here: framing (`framing`), how smoke is drawn (`composites`) and lamps (`look_alikes`), light and wear (`wear`).
"""

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train import composites, look_alikes
from detectors.train.classes import FAMILIES, FIRST_ORDINARY, UNSURE, Family
from detectors.train.dataset import FIRE, SMOKE, Boxes, Picture, Sample
from detectors.train.drawing import PixelBox, Rng
from detectors.train.framing import GREY, Frame
from detectors.train.landscapes import landscape
from detectors.train.wear import worn

_TINY = 8  # pixels; people and vehicles below this are not to be learnt from


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` uint8 (n, 3, h, w) RGB; `targets` float32 (m, 6): picture, class, centre x, centre y, width, height,
    each 0…1; `smoke_labelled` bool (n,); `unsure` float32 (k, 6) as `targets`: neither there nor not there."""

    pictures: NDArray[np.uint8]
    targets: NDArray[np.float32]
    smoke_labelled: NDArray[np.bool_]
    unsure: NDArray[np.float32]


class Mixer:
    """Makes batches out of positives, negatives and drawings.

    `positives` hold smoke or fire; `negatives` certainly hold neither; both may be read from many threads. `sizes` are
    the (width, height) that batches take, each with its share; `width` x `height` alone when there are none.
    """

    def __init__(
        self,
        positives: Sequence[Sample],
        negatives: Sequence[Sample],
        *,
        width: int,
        height: int,
        batch_size: int,
        seed: int,
        family: Family = FAMILIES["smoke-fire"],
        sizes: Sequence[tuple[int, int, float]] = (),
    ) -> None:
        if not positives or not negatives:
            raise ValueError("training needs pictures with smoke or fire, and pictures without")
        self._scenes = _by_scene(positives)
        self._negative_scenes = _by_scene(negatives)
        self._fires, self._smokes = ([s for s in positives if (s.boxes[:, 0] == kind).any()] for kind in (FIRE, SMOKE))
        self._frame = Frame(width, height)
        self._batch_size, self._seed = batch_size, seed
        self._until = np.cumsum(family.mix)
        self._sizes = tuple(sizes)
        self._decoded: dict[Path, Picture] = {}

    def decode_all(self) -> None:
        """Keeps every picture decoded from now on: some gigabytes, for a machine that has them."""
        samples = [s for scenes, _ in (self._scenes, self._negative_scenes) for scene in scenes for s in scene]
        with ThreadPoolExecutor() as pool:
            for sample, picture in zip(samples, pool.map(Sample.read, samples), strict=True):
                self._decoded[sample.path] = picture

    def batch(self, index: int) -> Batch:
        """The batch with this number, always the same."""
        rng = np.random.default_rng((self._seed, index))
        if self._sizes:
            return self._at_size(rng).batch_of(rng)
        return self.batch_of(rng)

    def _at_size(self, rng: Rng) -> "Mixer":
        width, height, _ = self._sizes[int(rng.choice(len(self._sizes), p=[share for *_, share in self._sizes]))]
        sized = copy.copy(self)
        sized._frame = Frame(width, height)
        return sized

    def batch_of(self, rng: Rng) -> Batch:
        """A batch from this state of the generator."""
        pictures, targets, labelled = [], [], []
        for i in range(self._batch_size):
            picture, boxes, smoke_labelled = self.example(rng)
            pictures.append(picture[..., ::-1].transpose(2, 0, 1))
            labelled.append(smoke_labelled)
            centre = (boxes[:, 1:3] + boxes[:, 3:5]) / 2
            size = boxes[:, 3:5] - boxes[:, 1:3]
            kinds = boxes[:, 0].copy()
            small = (size * [self._frame.width, self._frame.height] < _TINY).all(1)
            tiny = (kinds >= FIRST_ORDINARY) & (kinds < UNSURE) & small
            kinds[tiny] += UNSURE
            targets.append(np.column_stack([np.full(len(boxes), i), kinds, centre, size]))
        rows = np.concatenate(targets).astype(np.float32).reshape(-1, 6)
        unsure = rows[rows[:, 1] >= UNSURE]
        unsure[:, 1] -= UNSURE
        return Batch(np.ascontiguousarray(np.stack(pictures)), rows[rows[:, 1] < UNSURE], np.array(labelled), unsure)

    def example(self, rng: Rng) -> tuple[Picture, Boxes, bool]:
        """One picture of the trained size, its boxes, and whether its smoke is labelled."""
        photographed, mosaics, far, events, _ = self._until
        kind = rng.random()
        labelled = True
        if kind < photographed:
            sample = self._positive(rng)
            labelled = sample.smoke_labelled
            picture, boxes = self._frame.framed(self._read(sample), _all_boxes(sample), rng)
            if rng.random() < 0.2:
                picture, boxes = self._over_ordinary(picture, boxes, rng)
        elif kind < mosaics:
            picture, boxes, labelled = self._mosaic(rng)
        elif kind < far:
            picture, boxes = self._far_view(rng)
        elif kind < events:
            picture, boxes = self._ordinary(rng, cover=rng.random() < 0.75)
            ambient = self._maybe_night(picture, rng)
            if rng.random() < 0.35:
                _look_alike(picture, rng)
            boxes = np.concatenate([boxes, self._with_events(picture, ambient, rng)])
        else:
            picture, boxes = self._ordinary(rng, cover=rng.random() < 0.75)
            self._maybe_night(picture, rng)
            for _ in range(int(rng.integers(0, 4))):
                _look_alike(picture, rng)
        # a whole forest fire in grey would teach that a bright sky burns
        picture = worn(picture, rng, grey=0.02 if kind < mosaics else 0.2)
        if rng.random() < 0.5:
            picture = picture[:, ::-1]
            boxes = boxes.copy()
            boxes[:, [1, 3]] = 1 - boxes[:, [3, 1]]
        return picture, boxes, labelled

    def _over_ordinary(self, picture: Picture, boxes: Boxes, rng: Rng) -> tuple[Picture, Boxes]:
        """The picture with an ordinary one shining through: the same smoke before other places."""
        behind, others = self._ordinary(rng, cover=True)
        share = rng.uniform(0.6, 0.85)
        others = others[others[:, 0] < UNSURE]
        others[:, 0] += UNSURE
        return cv2.addWeighted(picture, share, behind, 1 - share, 0), np.concatenate([boxes, others])

    def _positive(self, rng: Rng) -> Sample:
        """A picture of a scene drawn with weight √(pictures in it): long clips don't drown the rest."""
        return _draw(self._scenes, rng)

    def _ordinary(self, rng: Rng, cover: bool = False) -> tuple[Picture, Boxes]:
        """A framed picture without smoke or fire, and what else is in it."""
        sample = _draw(self._negative_scenes, rng)
        return self._frame.framed(self._read(sample), sample.others, rng, cover=cover)

    def _read(self, sample: Sample) -> Picture:
        kept = self._decoded.get(sample.path)
        return sample.read() if kept is None else kept

    def _mosaic(self, rng: Rng) -> tuple[Picture, Boxes, bool]:
        """Four pictures around a point: small things, odd neighbours."""
        cx, cy = int(self._frame.width * rng.uniform(0.3, 0.7)), int(self._frame.height * rng.uniform(0.3, 0.7))
        out = np.full((self._frame.height, self._frame.width, 3), GREY, np.uint8)
        boxes, labelled = [], True
        for left, top, right, bottom in (
            (0, 0, cx, cy),
            (cx, 0, self._frame.width, cy),
            (0, cy, cx, self._frame.height),
            (cx, cy, self._frame.width, self._frame.height),
        ):
            if rng.random() < 0.65:
                sample = self._positive(rng)
                labelled &= sample.smoke_labelled
                part, inside = self._frame.framed(self._read(sample), _all_boxes(sample), rng, whole=1.0)
            else:
                part, inside = self._ordinary(rng)
            w, h = right - left, bottom - top
            out[top:bottom, left:right] = cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA)
            placed = inside.copy()
            placed[:, [1, 3]] = (inside[:, [1, 3]] * w + left) / self._frame.width
            placed[:, [2, 4]] = (inside[:, [2, 4]] * h + top) / self._frame.height
            boxes.append(placed)
        return out, self._frame.clipped(np.concatenate(boxes)), labelled

    def _far_view(self, rng: Rng) -> tuple[Picture, Boxes]:
        """A drawn landscape, three times in four with a plume far away in it."""
        picture, roots = landscape(rng, self._frame.height, self._frame.width)
        found: list[tuple[float, ...]] = []
        if rng.random() < 0.75:
            x, y = roots[int(rng.integers(len(roots)))]
            area = np.exp(rng.uniform(np.log(0.0008), np.log(0.12))) * self._frame.width * self._frame.height
            tall = float(np.clip(np.sqrt(area * rng.uniform(0.4, 2.0)), 7, self._frame.height * 0.8))
            wide = float(np.clip(area / tall, 8, self._frame.width * 0.8))
            sprite = composites.smoke(rng, round(tall), round(wide))
            box = composites.lay_smoke(picture, sprite, round(x - wide / 2), round(y - 0.93 * tall), 1.0)
            if box:
                found.append((SMOKE, *box))
            if box and rng.random() < 0.15:  # the fire itself, seldom seen from afar
                size = max(tall * rng.uniform(0.08, 0.25), 5)
                flame = composites.lay_flame(
                    picture,
                    composites.flame(rng, round(size), round(size)),
                    round(x - size / 2),
                    round(y - size),
                    1.0,
                    rng,
                )
                if flame:
                    found.append((FIRE, *flame))
        elif rng.random() < 0.5:
            (look_alikes.clouds if rng.random() < 0.5 else look_alikes.fog)(picture, rng)
        if rng.random() < 0.2:  # at dusk
            picture[:] = (picture * rng.uniform(0.35, 0.8)).astype(np.uint8)
        return picture, self._frame.in_frame(found)

    def _maybe_night(self, picture: Picture, rng: Rng) -> float:
        """Turns some scenes to dusk or night, in place. How light it is, 0…1."""
        ambient = min(float(picture.mean()) / 120, 1.0)
        if rng.random() < 0.3:
            dark = rng.uniform(0.12, 0.5)
            cool = np.array([1.15, 1.0, 0.85], np.float32)
            levels = np.linspace(0, 1, 256)[:, None] ** rng.uniform(1.0, 1.6) * dark * cool
            picture[:] = cv2.LUT(picture, (255 * levels).clip(0, 255).astype(np.uint8)[None])
            ambient *= dark
            if rng.random() < 0.6:
                look_alikes.headlights(picture, rng)
        return ambient

    def _with_events(self, picture: Picture, ambient: float, rng: Rng) -> Boxes:
        """Draws one or two events, in place; sizes from distant to near, evenly in log area."""
        found: list[tuple[float, ...]] = []
        for _ in range(1 if rng.random() < 0.75 else 2):
            area = np.exp(rng.uniform(np.log(0.0012), np.log(0.25))) * self._frame.width * self._frame.height
            kind = rng.random()
            flame_box = None
            x, y = rng.uniform(0.03, 0.97) * self._frame.width, rng.uniform(0.25, 0.98) * self._frame.height
            if kind < 0.5:
                tall = float(np.clip(np.sqrt(area * rng.uniform(0.8, 2.5)), 6, self._frame.height * 0.9))
                wide = max(area / tall, 5)
                sprite = self._flame_sprite(rng, round(tall), round(wide))
                at = round(x - wide / 2), round(y - tall)
                flame_box = composites.lay_flame(picture, sprite, *at, ambient, rng)
                if flame_box:
                    found.append((FIRE, *flame_box))
            if kind > 0.35:
                if flame_box:  # smoke rises from its fire, and is larger
                    x, y = (flame_box[0] + flame_box[2]) / 2, flame_box[1] + 0.3 * (flame_box[3] - flame_box[1])
                    area *= rng.uniform(2, 8)
                tall = float(np.clip(np.sqrt(area * rng.uniform(0.5, 2.5)), 10, self._frame.height * 1.1))
                wide = float(np.clip(area / tall, 10, self._frame.width * 0.9))
                sprite = self._smoke_sprite(rng, round(tall), round(wide))
                if rng.random() < 0.5:
                    sprite = composites.Sprite(sprite.colour[:, ::-1], sprite.alpha[:, ::-1])
                box = composites.lay_smoke(picture, sprite, round(x - wide / 2), round(y - tall), ambient)
                if box:
                    found.append((SMOKE, *box))
        return self._frame.in_frame(found)

    def _flame_sprite(self, rng: Rng, height: int, width: int) -> composites.Sprite:
        """A real flame cut from a training picture when one comes out well, else a drawn one."""
        if self._fires and rng.random() < 0.55:
            picture, box = self._box_of(self._fires, FIRE, rng)
            cut = composites.flame_from_picture(picture, box)
            if cut is not None:
                return cut.resized(height * width)
        return composites.flame(rng, max(height, 6), max(width, 5))

    def _smoke_sprite(self, rng: Rng, height: int, width: int) -> composites.Sprite:
        """Real smoke cut from a training picture, or drawn."""
        if self._smokes and rng.random() < 0.4:
            picture, box = self._box_of(self._smokes, SMOKE, rng)
            cut = composites.smoke_from_picture(picture, box, rng.uniform(0.6, 1.0))
            if cut is not None:
                return cut.resized(height * width)
        return composites.smoke(rng, height, width)

    def _box_of(self, samples: Sequence[Sample], kind: int, rng: Rng) -> tuple[Picture, PixelBox]:
        """Some picture, and a box of one kind in it, in pixels."""
        sample = samples[int(rng.integers(len(samples)))]
        picture = self._read(sample)
        h, w = picture.shape[:2]
        rows = sample.boxes[sample.boxes[:, 0] == kind]
        left, top, right, bottom = rows[int(rng.integers(len(rows))), 1:].tolist()
        return picture, (left * w, top * h, right * w, bottom * h)


def _all_boxes(sample: Sample) -> Boxes:
    return np.concatenate([sample.boxes, sample.others]) if len(sample.others) else sample.boxes


def _by_scene(samples: Sequence[Sample]) -> tuple[list[list[Sample]], NDArray[np.float64]]:
    scenes: dict[str, list[Sample]] = {}
    for sample in samples:
        scenes.setdefault(f"{sample.dataset}/{sample.scene}", []).append(sample)
    weights = np.sqrt([len(s) for s in scenes.values()])
    return list(scenes.values()), weights / max(weights.sum(), 1e-9)


def _draw(scenes: tuple[list[list[Sample]], NDArray[np.float64]], rng: Rng) -> Sample:
    scene = scenes[0][int(rng.choice(len(scenes[0]), p=scenes[1]))]
    return scene[int(rng.integers(len(scene)))]


def _look_alike(picture: Picture, rng: Rng) -> None:
    look_alikes.LOOK_ALIKES[int(rng.integers(len(look_alikes.LOOK_ALIKES)))](picture, rng)
