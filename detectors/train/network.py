"""The network that is trained: YOLO11n with the classes of one family, and its loss.

Promises: `build` gives the same architecture for every checkpoint of a family; `MaskedLoss` learns nothing about smoke
from a picture whose smoke was never labelled, and nothing where a label is unsure. Not here: where its first weights
come from, `detectors.train.seed_weights`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss
from ultralytics.utils.tal import make_anchors

from detectors.train.classes import COCO_NUMBERS, FAMILIES, FIRST_ORDINARY, NAMES, Family

ARCHITECTURE = "yolo11n.yaml"
COCO = "coco"
_COCO_CLASSES = 80
#: In a network of both, smoke and fire count this much more than people, who are many more.
_RARE_WEIGHT = 2.0


def build(family: Family = FAMILIES["smoke-fire"], coco: DetectionModel | None = None) -> DetectionModel:
    """A YOLO11n with the family's classes. The class branch keeps COCO's width of 80 (a network for few classes would
    have 64), so that `coco`'s trained branch can stay. Of its last convolution, what COCO knows is kept, what is new is
    biased to say "nothing" at first."""
    model = coco or DetectionModel(ARCHITECTURE, nc=_COCO_CLASSES, verbose=False)
    head = model.model[-1]
    head.nc = len(family.names)
    head.no = head.nc + 4 * head.reg_max
    for branch, stride in zip(head.cv3, head.stride.tolist(), strict=True):
        last = nn.Conv2d(branch[-1].in_channels, head.nc, 1)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, -4.6 - 0.7 * (32 / stride - 1) / 3)
        if coco is not None:
            _keep_coco(branch[-1], last, family)
        branch[-1] = last
    model.nc = head.nc
    model.names = dict(enumerate(family.names))
    model.args = get_cfg()
    return model


@torch.no_grad()  # type: ignore[untyped-decorator]
def _keep_coco(old: nn.Conv2d, new: nn.Conv2d, family: Family) -> None:
    for row, number in enumerate(range(family.first, family.last)):
        if number >= FIRST_ORDINARY:
            new.weight[row] = old.weight[COCO_NUMBERS[number - FIRST_ORDINARY]]
            new.bias[row] = old.bias[COCO_NUMBERS[number - FIRST_ORDINARY]]


def family_of(model: DetectionModel) -> Family:
    """The family that a network was built for, by its classes."""
    names = tuple(model.names.values())
    return next(family for family in FAMILIES.values() if family.names == names)


def only(model: DetectionModel, family: Family) -> DetectionModel:
    """The network without the classes that `family` lacks: what it sees of the others stays as it was. Raises
    ValueError when the network does not have all of the family's."""
    whole = family_of(model)
    if not whole.first <= family.first < family.last <= whole.last:
        raise ValueError(f"a network of {whole.name} cannot be cut down to {family.name}")
    cut = build(family)
    weights, rows = model.state_dict(), slice(family.first - whole.first, family.last - whole.first)
    cut.load_state_dict(
        {
            name: weights[name][rows] if weights[name].shape != own.shape else weights[name]
            for name, own in cut.state_dict().items()
        }
    )
    return cut


def save(model: nn.Module, path: Path, /, **more: Any) -> None:
    """Weights alone, written whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save({"weights": model.state_dict(), **more}, partial)
    partial.replace(path)


def load(path: Path) -> DetectionModel:
    """The network with the weights of a checkpoint that `save` wrote."""
    kept = torch.load(path, map_location="cpu", weights_only=True)
    model = build(FAMILIES[kept.get("family", "smoke-fire")])
    model.load_state_dict(kept["weights"])
    return model


def load_coco(path: Path) -> DetectionModel:
    """The 80-class network of a checkpoint that `python -m detectors.train seed` wrote. Raises KeyError for another."""
    kept = torch.load(path, map_location="cpu", weights_only=True)
    if kept.get("family") != COCO:
        raise KeyError(COCO)
    model = DetectionModel(ARCHITECTURE, nc=_COCO_CLASSES, verbose=False)
    model.load_state_dict(kept["weights"])
    return model


class _MaskedCrossEntropy(nn.Module):  # type: ignore[misc]
    """Binary cross-entropy, element by element, times `mask` (pictures, anchors or 1, classes); where a target is
    positive it counts whatever `unsure` (pictures, anchors, classes) says."""

    mask: Tensor | None = None
    unsure: Tensor | None = None

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        if self.unsure is not None:
            loss = loss * ~(self.unsure & (targets <= 0))
        return loss if self.mask is None else loss * self.mask


class MaskedLoss:
    """ultralytics' detection loss, with the smoke column of the class loss left out for some pictures, and every column
    left out where its label is unsure.

    Box losses need no mask: only labelled boxes take part in them.
    """

    def __init__(self, model: DetectionModel) -> None:
        self._family = family_of(model)
        self._loss = v8DetectionLoss(model)
        self._cross_entropy = _MaskedCrossEntropy()
        self._loss.bce = self._cross_entropy
        weights = torch.ones(len(self._family.names))
        if self._family.sees_fire and self._family.sees_people:
            weights[:FIRST_ORDINARY] = _RARE_WEIGHT
        self._weights = weights.to(self._loss.device)

    def __call__(
        self, predictions: Any, targets: Tensor, smoke_labelled: Tensor, unsure: Tensor | None = None
    ) -> Tensor:
        """The loss summed over its parts. `targets` and `unsure` (m, 6) as in `augment.Batch`; `smoke_labelled` bool
        (n,)."""
        mask = self._weights.repeat(len(smoke_labelled), 1, 1)
        if self._family.sees_fire:
            mask[:, 0, NAMES.index("smoke")] *= smoke_labelled.to(mask.dtype)
        self._cross_entropy.mask = mask
        self._cross_entropy.unsure = None
        if unsure is not None and len(unsure):
            self._cross_entropy.unsure = self._unsure_anchors(predictions, self._mine(unsure), len(smoke_labelled))
        mine = self._mine(targets)
        batch = {"batch_idx": mine[:, 0], "cls": mine[:, 1:2], "bboxes": mine[:, 2:]}
        loss: Tensor = self._loss(predictions, batch)[0]
        return loss.sum()

    def _mine(self, rows: Tensor) -> Tensor:
        """The rows of this family's classes, in its own numbers."""
        mine = rows[(rows[:, 1] >= self._family.first) & (rows[:, 1] < self._family.last)].clone()
        mine[:, 1] -= self._family.first
        return mine

    def _unsure_anchors(self, predictions: Any, rows: Tensor, pictures: int) -> Tensor:
        """Which anchors' centres lie in an unsure box, for its class: bool (pictures, anchors, classes)."""
        features = predictions["feats"]
        points, strides = make_anchors(features, self._loss.stride, 0.5)
        size = torch.tensor(features[0].shape[:1:-1], device=rows.device) * self._loss.stride[0]
        points = points * strides / size
        near = (points[None] - rows[:, None, 2:4]).abs() * 2 <= rows[:, None, 4:6]
        where = torch.zeros(pictures, len(self._family.names), len(points), device=rows.device)
        where.index_put_((rows[:, 0].long(), rows[:, 1].long()), near.all(2).float(), accumulate=True)
        return where.transpose(1, 2) > 0
