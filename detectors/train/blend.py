"""One network out of several that began alike: the mean of their kernels.

Promises: `blend` reads trained networks back from their exports, so that weights already shipped can take part; what
it gives runs as fast as any one of them. Source: model soups (Wortsman et al., 2022): runs that start alike
end in one basin, and their mean errs less on scenes that none has seen. Not here: whether it does, `evaluate`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ultralytics.nn.tasks import DetectionModel

from detectors.train import network
from detectors.train.classes import Family
from detectors.train.seed_weights import SeedWeightsError, read_convolutions


@torch.no_grad()  # type: ignore[untyped-decorator]
def blend(irs: Sequence[Path], family: Family) -> DetectionModel:
    """The mean of exports (.xml, fp16 or fp32) of networks of one family, with its norms folded in. Raises
    `SeedWeightsError` when one is no export of such a network."""
    read = [read_convolutions(path) for path in irs]
    mean = network.build(family).fuse(verbose=False).eval()
    modules = dict(mean.named_modules())
    for name in read[0]:
        module = modules.get(name)
        for path, convolutions in zip(irs, read, strict=True):
            if name not in convolutions or module is None or tuple(module.weight.shape) != convolutions[name][0].shape:
                raise SeedWeightsError(f"{path} is no export of a network of {family.name}: {name} differs")
        if module is None or module.bias is None:  # the fixed 0…15 of the box distributions
            continue
        module.weight.copy_(torch.from_numpy(np.mean([convolutions[name][0] for convolutions in read], 0)))
        module.bias.copy_(torch.from_numpy(np.mean([convolutions[name][1] for convolutions in read], 0)))
    return mean
