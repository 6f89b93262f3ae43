"""Training the smoke and fire detector, from data to weights.

Promises: `train_smoke_fire` repeats what made the shipped model: seeded, on a CPU or a GPU, resumable at the last
checkpoint, with progress told as it goes. The test side of the split is never read here.
Not here: what a picture goes through, `augment`; turning the weights into what ships, `detectors.train.export`.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from ultralytics.nn.tasks import DetectionModel

from detectors.train import dataset, measure, network, seed_weights
from detectors.train.augment import Batch, Mixer
from detectors.train.dataset import Part, Picture
from detectors.train.predict import torch_predictor


class TrainingError(Exception):
    """Training cannot start or go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a run is. Two runs with equal options on equal data see the same batches."""

    data: Path
    run: Path
    #: where to start: an OpenVINO IR of YOLO11n, or a checkpoint of an earlier run
    start: Path
    #: clips of ordinary life, whose frames certainly hold neither smoke nor fire
    ordinary_clips: tuple[Path, ...] = ()
    #: a data set of what operators confirmed and rejected, trained on beside the others
    feedback: Path | None = None
    width: int = 416
    height: int = 256
    steps: int = 8000
    batch_size: int = 16
    rate: float = 8e-4
    #: layers of the backbone left as they are: 5 is the first two scales
    frozen_layers: int = 5
    check_every: int = 500
    seed: int = 7
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `chosen_map50` is the mean AP50 on the choosing scenes at the last check."""

    step: int
    steps: int
    loss: float
    pictures_per_second: float
    seconds_left: float
    chosen_map50: float | None = None


@dataclass(slots=True)
class _Run:
    """All that a checkpoint keeps."""

    model: DetectionModel
    averaged: DetectionModel
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: float = -1.0
    history: list[dict[str, Any]] = field(default_factory=list)


def train_smoke_fire(options: TrainOptions, progress: Callable[[Progress], None] = lambda _: None) -> Path:
    """Trains, or goes on with, the run in `options.run`. Returns the best checkpoint, `best.pt`.

    Best is by mean AP50 on scenes kept for choosing. Raises `TrainingError`, or `dataset.DatasetError`, with a sentence
    that says what to do.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parts = dataset.load(options.data, _sources(options))
    mixer = _mixer(options, parts[Part.TRAIN])
    choosing = parts[Part.CHOOSE]
    run = _begin(options, mixer, device)
    loss_of = network.MaskedLoss(run.model)
    started, first, running = time.monotonic(), run.step, math.nan
    with _Loader(mixer, run.step, options.steps) as batches:
        for batch in batches:
            loss = _step(run, loss_of, batch, options, device)
            running = loss if math.isnan(running) else 0.95 * running + 0.05 * loss
            run.step += 1
            chosen = None
            if run.step % options.check_every == 0 or run.step == options.steps:
                chosen = _check(run, choosing, options)
                run.history.append({"step": run.step, "loss": round(running, 4), "map50": round(chosen, 4)})
                _save(run, options)
            if run.step % 20 == 0 or chosen is not None:
                pace = (time.monotonic() - started) / (run.step - first)
                left = pace * (options.steps - run.step)
                progress(Progress(run.step, options.steps, running, options.batch_size / pace, left, chosen))
    return options.run / "best.pt"


def _sources(options: TrainOptions) -> tuple[dataset.Source, ...]:
    if options.feedback is None:
        return dataset.SOURCES
    if not (options.feedback / "images").is_dir():
        raise TrainingError(f"{options.feedback} holds no images/ folder: nothing has been confirmed or rejected yet")
    return (*dataset.SOURCES, dataset.Source(str(options.feedback.resolve())))


def _mixer(options: TrainOptions, samples: list[dataset.Sample]) -> Mixer:
    return Mixer(
        [s for s in samples if len(s.boxes)],
        [s for s in samples if s.is_negative],
        width=options.width,
        height=options.height,
        batch_size=options.batch_size,
        seed=options.seed,
        backgrounds=[frame for clip in options.ordinary_clips for frame in clip_frames(clip, 40)],
    )


def clip_frames(path: Path, count: int) -> list[Picture]:
    """About `count` frames of a clip, evenly spread."""
    clip = cv2.VideoCapture(str(path))
    total = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
    every = max(total // count, 1)
    frames: list[Picture] = []
    index = 0
    while True:
        read, frame = clip.read()
        if not read:
            break
        if index % every == 0:
            frames.append(np.asarray(frame, np.uint8))
        index += 1
    clip.release()
    if not frames:
        raise TrainingError(f"{path} cannot be read as a clip")
    return frames


def _begin(options: TrainOptions, mixer: Mixer, device: torch.device) -> _Run:
    """The run's last checkpoint when it has one, else its start."""
    last = options.run / "last.pt"
    model = _start_network(options, mixer)
    averaged = network.build()
    averaged.load_state_dict(model.state_dict())
    model.to(device, memory_format=torch.channels_last)
    averaged.to(device).eval()
    for parameter in averaged.parameters():
        parameter.requires_grad_(False)
    for parameter in model.model[: options.frozen_layers].parameters():
        parameter.requires_grad_(False)
    run = _Run(model, averaged, _optimizer(model, options))
    if last.exists():
        kept = torch.load(last, map_location=device, weights_only=True)
        if kept["options"] != _plain(options):
            raise TrainingError(
                f"{last} was made with other options; give another folder with --run, or the same options"
            )
        model.load_state_dict(kept["model"])
        averaged.load_state_dict(kept["weights"])
        run.optimizer.load_state_dict(kept["optimizer"])
        run.step, run.best, run.history = kept["step"], kept["best"], kept["history"]
    return run


def _start_network(options: TrainOptions, mixer: Mixer) -> DetectionModel:
    if not options.start.exists():
        raise TrainingError(
            f"{options.start} is not there; give YOLO11n's OpenVINO IR or an earlier best.pt with --start"
        )
    if options.start.suffix == ".pt":
        return network.load(options.start)
    coco = DetectionModel(network.ARCHITECTURE, verbose=False)
    seed_weights.load_into(coco, options.start)
    seed_weights.give_norms_statistics(
        coco, (torch.from_numpy(mixer.batch(-1 - i & 0xFFFF).pictures).float() / 255 for i in range(6))
    )
    return network.build(coco)


def _optimizer(model: DetectionModel, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW; no decay on norms and biases; the new class layers learn three times as fast as the rest."""
    new = {id(p) for branch in model.model[-1].cv3 for p in branch[-1].parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in new, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "factor": 3.0 if is_new else 1.0, "weight_decay": 5e-4 if decays else 0.0}
            for (is_new, decays), parameters in groups.items()
        ],
        lr=options.rate,
        betas=(0.9, 0.99),
    )


def _step(run: _Run, loss_of: network.MaskedLoss, batch: Batch, options: TrainOptions, device: torch.device) -> float:
    rate = options.rate * _schedule(run.step, options.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    run.model.train()
    for layer in run.model.model[: options.frozen_layers]:
        layer.eval()
    pictures = torch.from_numpy(batch.pictures).to(device, memory_format=torch.channels_last).float() / 255
    targets = torch.from_numpy(batch.targets).to(device)
    labelled = torch.from_numpy(batch.smoke_labelled).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        predictions = run.model(pictures)
    loss = loss_of(predictions, targets, labelled) / options.batch_size
    if not torch.isfinite(loss):
        raise TrainingError(f"the loss is no longer a number at step {run.step}; resume with a lower --rate")
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_((p for p in run.model.parameters() if p.requires_grad), 10.0)
    run.optimizer.step()
    _average(run)
    return float(loss.detach())


def _schedule(step: int, steps: int) -> float:
    """Warm up over the first 3 %, then a cosine down to 3 %."""
    warm = max(steps * 0.03, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _average(run: _Run) -> None:
    """An exponential moving average of the weights, short at first."""
    decay = min(0.998, (run.step + 1) / (run.step + 20))
    for mean, value in zip(run.averaged.state_dict().values(), run.model.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def _check(run: _Run, choosing: list[dataset.Sample], options: TrainOptions) -> float:
    """Mean AP50 of the averaged network on the choosing scenes; keeps it when it is the best yet."""
    predict = torch_predictor(run.averaged, options.width, options.height)
    score = measure.report(measure.look(predict, choosing)).map50
    if score > run.best:
        run.best = score
        network.save(run.averaged, options.run / "best.pt", step=run.step, map50=score)
    return score


def _save(run: _Run, options: TrainOptions) -> None:
    network.save(
        run.averaged,
        options.run / "last.pt",
        model=run.model.state_dict(),
        optimizer=run.optimizer.state_dict(),
        step=run.step,
        best=run.best,
        history=run.history,
        options=_plain(options),
    )


def _plain(options: TrainOptions) -> dict[str, Any]:
    """The options that decide what is learnt, as plain values."""
    kept = asdict(options)
    for name in ("run", "threads", "check_every"):
        del kept[name]
    return {
        k: [str(x) for x in v] if isinstance(v, tuple) else str(v) if isinstance(v, Path) else v
        for k, v in kept.items()
    }


class _Loader:
    """Batches made one thread ahead; the queue is short, the thread ends with the block."""

    def __init__(self, mixer: Mixer, first: int, last: int) -> None:
        self._mixer, self._first, self._last = mixer, first, last
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=4)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._make, name="training-batches", daemon=True)

    def __enter__(self) -> Iterator[Batch]:
        self._thread.start()
        return self._batches()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    def _batches(self) -> Iterator[Batch]:
        for _ in range(self._first, self._last):
            made = self._ready.get(timeout=600)
            if isinstance(made, BaseException):
                raise made
            yield made

    def _make(self) -> None:
        for index in range(self._first, self._last):
            try:
                made: Batch | BaseException = self._mixer.batch(index)
            except Exception as fault:
                made = fault
            while not self._stop.is_set():
                try:
                    self._ready.put(made, timeout=0.5)
                    break
                except queue.Full:
                    continue
            if self._stop.is_set() or isinstance(made, BaseException):
                return
