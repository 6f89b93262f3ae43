"""How good a network in training is on the scenes kept for choosing.

Promises: a mean AP50 for each half that the network has, smoke and fire, people and vehicles; pictures are fitted once
and looked at by the batch. What counts as truth for people is what the teacher saw. Not here: figures for the model
card, `evaluate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from detectors.train.classes import FAMILIES, FIRST_ORDINARY, UNSURE, Family
from detectors.train.dataset import Sample
from detectors.train.framing import fit
from detectors.train.measure import Looked, report
from detectors.train.predict import decode

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Score:
    """Mean AP50; None for a half that the network does not have."""

    smoke_fire: float | None
    people_vehicles: float | None

    @property
    def mean(self) -> float:
        return float(np.mean([x for x in (self.smoke_fire, self.people_vehicles) if x is not None]))


class Chooser:
    """Scores networks of one family on the same pictures, at one size."""

    def __init__(self, samples: Sequence[Sample], family: Family, width: int, height: int) -> None:
        self._samples, self._family, self._size = list(samples), family, (width, height)
        self._shapes: list[tuple[int, int]] = []
        fitted = []
        for sample in self._samples:
            picture = sample.read()
            self._shapes.append((picture.shape[0], picture.shape[1]))
            fitted.append(fit(picture, width, height)[0][..., ::-1].transpose(2, 0, 1))
        self._pictures = torch.from_numpy(np.ascontiguousarray(np.stack(fitted)))

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def __call__(self, network: nn.Module) -> Score:
        """The network is put in evaluation mode."""
        network.eval()
        device = next(network.parameters()).device
        raw = torch.cat([self._look(network, part.to(device)) for part in self._pictures.split(_AT_ONCE)]).numpy()
        halves: dict[str, float | None] = {"smoke-fire": None, "people-vehicles": None}
        for name in halves:
            half = FAMILIES[name]
            if not self._family.first <= half.first < half.last <= self._family.last:
                continue
            columns = [0, 1, 2, 3, *(4 + c - self._family.first for c in range(half.first, half.last))]
            looked = [
                Looked(_truth(sample, half), decode(one[columns], shape, self._size))
                for sample, one, shape in zip(self._samples, raw, self._shapes, strict=True)
            ]
            halves[name] = report(looked, names=half.names).map50
        return Score(halves["smoke-fire"], halves["people-vehicles"])

    @staticmethod
    def _look(network: nn.Module, pictures: Tensor) -> Tensor:
        out = network(pictures.float() / 255)
        return (out[0] if isinstance(out, tuple) else out).float().cpu()


def _truth(sample: Sample, half: Family) -> Sample:
    if half.sees_fire:
        return sample
    boxes = sample.others[sample.others[:, 0] < UNSURE].copy()
    boxes[:, 0] -= FIRST_ORDINARY
    return replace(sample, boxes=boxes, smoke_labelled=True)
