"""The network that is trained: YOLO11n with two classes, and its loss.

Promises: `build` gives the same architecture for every checkpoint; `MaskedLoss` learns nothing about smoke from a
picture whose smoke was never labelled. Not here: where its first weights come from, `detectors.train.seed_weights`.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss

from detectors.train.dataset import CLASS_NAMES, SMOKE

ARCHITECTURE = "yolo11n.yaml"
_COCO_CLASSES = 80


def build(coco: DetectionModel | None = None) -> DetectionModel:
    """A two-class YOLO11n. The class branch keeps COCO's width of 80 (a network for two classes would have 64), so that
    `coco`'s trained branch can stay; only its last convolution is new, biased to say "nothing" at first."""
    model = coco or DetectionModel(ARCHITECTURE, nc=_COCO_CLASSES, verbose=False)
    head = model.model[-1]
    head.nc = len(CLASS_NAMES)
    head.no = head.nc + 4 * head.reg_max
    for branch, stride in zip(head.cv3, head.stride.tolist(), strict=True):
        last = nn.Conv2d(branch[-1].in_channels, head.nc, 1)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, -4.6 - 0.7 * (32 / stride - 1) / 3)
        branch[-1] = last
    model.nc = head.nc
    model.names = dict(enumerate(CLASS_NAMES))
    model.args = get_cfg()
    return model


def save(model: nn.Module, path: Path, /, **more: Any) -> None:
    """Weights alone, written whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save({"weights": model.state_dict(), **more}, partial)
    partial.replace(path)


def load(path: Path) -> DetectionModel:
    """The network with the weights of a checkpoint that `save` wrote."""
    model = build()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["weights"])
    return model


class _MaskedCrossEntropy(nn.Module):  # type: ignore[misc]
    """Binary cross-entropy, element by element, times `mask` (pictures, 1, classes)."""

    mask: Tensor | None = None

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return loss if self.mask is None else loss * self.mask


class MaskedLoss:
    """ultralytics' detection loss, with the smoke column of the class loss left out for some pictures.

    Box losses need no mask: only labelled boxes take part in them.
    """

    def __init__(self, model: DetectionModel) -> None:
        self._loss = v8DetectionLoss(model)
        self._cross_entropy = _MaskedCrossEntropy()
        self._loss.bce = self._cross_entropy

    def __call__(self, predictions: Any, targets: Tensor, smoke_labelled: Tensor) -> Tensor:
        """The loss summed over its parts. `targets` (m, 6) as in `augment.Batch`; `smoke_labelled` bool (n,)."""
        mask = torch.ones(len(smoke_labelled), 1, len(CLASS_NAMES), device=targets.device)
        mask[:, 0, SMOKE] = smoke_labelled.to(mask.dtype)
        self._cross_entropy.mask = mask
        batch = {"batch_idx": targets[:, 0], "cls": targets[:, 1:2], "bboxes": targets[:, 2:]}
        loss: Tensor = self._loss(predictions, batch)[0]
        return loss.sum()
