"""Batches made ahead of training, on as many cores as are given.

Promises: batches come in the order of their numbers whatever the number of workers, so a run can be repeated and
resumed; workers end with the block. Not here: what a batch is, `augment.Mixer`.
"""

import os
from collections.abc import Iterator

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from detectors.train.augment import Mixer

#: pictures uint8 (n, 3, h, w), targets (m, 6), smoke labelled (n,), unsure (k, 6)
Tensors = tuple[Tensor, Tensor, Tensor, Tensor]


class _Batches(Dataset):  # type: ignore[misc]
    def __init__(self, mixer: Mixer, last: int) -> None:
        self._mixer, self._last = mixer, last

    def __len__(self) -> int:
        return self._last

    def __getitem__(self, index: int) -> Tensors:
        made = self._mixer.batch(index)
        return (
            torch.from_numpy(made.pictures),
            torch.from_numpy(made.targets),
            torch.from_numpy(made.smoke_labelled),
            torch.from_numpy(made.unsure),
        )


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    os.nice(5)  # the network's own thread goes first


def batches(mixer: Mixer, first: int, last: int, workers: int, pin: bool) -> Iterator[Tensors]:
    """Batches number `first` to `last` - 1. `workers` 0 makes them in the calling thread, when they are asked for."""
    loader: DataLoader[Tensors] = DataLoader(
        _Batches(mixer, last),
        batch_size=None,
        sampler=range(first, last),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=_start_worker,
        pin_memory=pin,
    )
    yield from loader
