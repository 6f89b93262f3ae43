"""Keeping what COCO taught: the network that training started from says what it sees on the very same pictures.

Promises: `Distillation` adds a loss that draws the classes of people and vehicles, and their boxes, to the teacher's;
the teacher never changes. Source: learning without forgetting (Li and Hoiem, 2016), with the box distributions of
localisation distillation (Zheng et al., 2022). Not here: labels that the teacher gives ahead of training, `people`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from ultralytics.nn.tasks import DetectionModel

from detectors.train.classes import COCO_NUMBERS, FIRST_ORDINARY, Family

_CLASS_GAIN, _BOX_GAIN = 0.5, 1.5
#: Where the teacher sees less than this its boxes say nothing.
_LEAST = 0.05


class Distillation:
    """A frozen teacher with COCO's classes, for a student of `family`."""

    def __init__(self, teacher: DetectionModel, family: Family, device: torch.device) -> None:
        self._teacher = teacher.eval().to(device, memory_format=torch.channels_last)
        for parameter in self._teacher.parameters():
            parameter.requires_grad_(False)
        self._columns = torch.tensor(COCO_NUMBERS, device=device)
        self._first = FIRST_ORDINARY - family.first

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def look(self, pictures: Tensor) -> dict[str, Tensor]:
        """The teacher's raw output for pictures (n, 3, h, w), 0…1."""
        raw: dict[str, Tensor] = self._teacher(pictures)[1]
        return raw

    def __call__(self, student: Any, teacher: dict[str, Tensor]) -> Tensor:
        """How far the student's raw output lies from the teacher's."""
        sure = teacher["scores"][:, self._columns].float().sigmoid()
        scores = student["scores"][:, self._first :].float()
        weight = sure.amax(1)
        total = weight.sum().clamp_min(1)
        classes = functional.binary_cross_entropy_with_logits(scores, sure, reduction="sum") / total
        weight = weight * (weight > _LEAST)
        n, _, anchors = student["boxes"].shape
        mine = student["boxes"].float().view(n, 4, -1, anchors).log_softmax(2)
        theirs = teacher["boxes"].float().view(n, 4, -1, anchors).softmax(2)
        apart = functional.kl_div(mine, theirs, reduction="none").sum(2).mean(1)
        boxes = (apart * weight).sum() / weight.sum().clamp_min(1)
        return _CLASS_GAIN * classes + _BOX_GAIN * boxes
