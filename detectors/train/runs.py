"""A training run, from data to weights.

Promises: `train` repeats what made a shipped model: seeded, on a CPU or a GPU, resumable at the last checkpoint, with
progress told as it goes. The test side of the split is never read here.
Not here: what a run is and where its pictures and first weights come from, `sources`; what a picture goes through,
`augment`; turning the weights into what ships, `export`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from detectors.train import network, sources
from detectors.train.choosing import Chooser, Score
from detectors.train.distil import Distillation
from detectors.train.loader import Tensors, batches
from detectors.train.sources import TrainingError, TrainOptions

_TELL_EVERY = 20
_FAR_AWAY = 1_000_000  # steps; a run by the clock ends before


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `chosen` is how it did on the choosing scenes at the last check."""

    step: int
    done: float
    loss: float
    pictures_per_second: float
    seconds_left: float
    chosen: Score | None = None


@dataclass(slots=True)
class _Run:
    """All that a checkpoint keeps."""

    model: DetectionModel
    averaged: DetectionModel
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    history: list[dict[str, Any]] = field(default_factory=list)


def train(options: TrainOptions, progress: Callable[[Progress], None] = lambda _: None) -> Path:
    """Trains, or goes on with, the run in `options.run`. Returns the best checkpoint, `best.pt`.

    Best is by mean AP50 on scenes kept for choosing. Raises `TrainingError`, or `dataset.DatasetError`, with a sentence
    that says what to do.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    pictures = sources.gather(options)
    mixer = sources.mixer(options, pictures)
    if options.decode_all:
        mixer.decode_all()
    choose = Chooser(pictures.choose, options.kind, options.width, options.height)
    start = sources.start_network(options, mixer)
    if network.family_of(start) is not options.kind:
        raise TrainingError(f"{options.start} has other classes than {options.family}; give another --start")
    run = _begin(options, start, device)
    loss_of = network.MaskedLoss(run.model)
    teacher = None
    if options.kind.sees_people and options.distil:
        teacher = Distillation(sources.teacher_network(options), options.kind, device)
    return _loop(run, options, batches, mixer, choose, _Stepper(run, options, loss_of, teacher, device), progress)


def _loop(
    run: _Run,
    options: TrainOptions,
    make: Callable[..., Any],
    mixer: Any,
    choose: Chooser,
    step: "_Stepper",
    progress: Callable[[Progress], None],
) -> Path:
    started, first, before = time.monotonic(), run.step, run.seconds
    running, last_share = math.nan, _share(run, options)
    on_gpu = step.device.type == "cuda"
    for batch in make(mixer, run.step, _FAR_AWAY if options.minutes else options.steps, options.workers, on_gpu):
        loss = step(batch, _share(run, options))
        run.step += 1
        run.seconds = before + time.monotonic() - started
        share = _share(run, options)
        ended = share >= 1
        tell = run.step % _TELL_EVERY == 0 or ended
        if tell:
            now = float(loss)
            if not math.isfinite(now):
                raise TrainingError(f"the loss is no longer a number at step {run.step}; resume with a lower --rate")
            running = now if math.isnan(running) else 0.7 * running + 0.3 * now
        chosen = None
        if ended or math.floor(share * options.checks) > math.floor(last_share * options.checks):
            chosen = _check(run, choose, options, running if tell else float(loss))
        last_share = share
        if tell or chosen is not None:
            taken = run.seconds - before
            pace = taken / (run.step - first)
            left = options.minutes * 60 - run.seconds if options.minutes else pace * (options.steps - run.step)
            progress(Progress(run.step, share, running, options.batch_size / pace, max(left, 0.0), chosen))
        if ended:
            break
    return options.run / "best.pt"


def _share(run: _Run, options: TrainOptions) -> float:
    """How much of the run is done, 0…1: by the clock when it was given minutes, else by steps."""
    return min(run.seconds / (options.minutes * 60) if options.minutes else run.step / options.steps, 1.0)


def _begin(options: TrainOptions, model: DetectionModel, device: torch.device) -> _Run:
    """The run's last checkpoint when it has one, else its start."""
    last = options.run / "last.pt"
    averaged = network.build(options.kind)
    averaged.load_state_dict(model.state_dict())
    model.to(device, memory_format=torch.channels_last)
    averaged.to(device).eval()
    for parameter in averaged.parameters():
        parameter.requires_grad_(False)
    for parameter in model.model[: options.frozen_layers].parameters():
        parameter.requires_grad_(False)
    run = _Run(model, averaged, _optimizer(model, options, device))
    if last.exists():
        kept = torch.load(last, map_location=device, weights_only=True)
        if kept["options"] != options.plain():
            raise TrainingError(
                f"{last} was made with other options; give another folder with --run, or the same options"
            )
        model.load_state_dict(kept["model"])
        averaged.load_state_dict(kept["weights"])
        run.optimizer.load_state_dict(kept["optimizer"])
        run.step, run.seconds, run.best, run.history = kept["step"], kept["seconds"], kept["best"], kept["history"]
    return run


def _optimizer(model: DetectionModel, options: TrainOptions, device: torch.device) -> torch.optim.Optimizer:
    """AdamW; no decay on norms and biases; new class layers learn three times as fast as the rest."""
    factor = 3.0 if options.kind.sees_fire and options.start.suffix == ".xml" else 1.0
    new = {id(p) for branch in model.model[-1].cv3 for p in branch[-1].parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in new, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "factor": factor if is_new else 1.0, "weight_decay": 5e-4 if decays else 0.0}
            for (is_new, decays), parameters in groups.items()
        ],
        lr=options.rate,
        betas=(0.9, 0.99),
        fused=device.type == "cuda",
    )


@dataclass(slots=True)
class _Stepper:
    """One step of training. Gives the loss without waiting for the device."""

    run: _Run
    options: TrainOptions
    loss_of: network.MaskedLoss
    teacher: Distillation | None
    device: torch.device

    def __call__(self, batch: Tensors, share: float) -> Tensor:
        run, options = self.run, self.options
        rate = options.rate * _schedule(share)
        for group in run.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        run.model.train()
        for layer in run.model.model[: options.frozen_layers]:
            layer.eval()
        pictures, targets, labelled, unsure = (part.to(self.device, non_blocking=True) for part in batch)
        pictures = pictures.to(memory_format=torch.channels_last).float() / 255
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            predictions = run.model(pictures)
            seen = self.teacher.look(pictures) if self.teacher else None
        predictions = {
            name: value.float() if isinstance(value, Tensor) else [level.float() for level in value]
            for name, value in predictions.items()
        }
        loss: Tensor = self.loss_of(predictions, targets, labelled, unsure) / len(pictures)
        if self.teacher and seen is not None:
            loss = loss + options.distil * self.teacher(predictions, seen)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_([p for p in run.model.parameters() if p.requires_grad], 10.0)
        run.optimizer.step()
        _average(run, options.longest_average)
        return loss.detach()


def _schedule(share: float, warm: float = 0.03) -> float:
    """Warm up over the first 3 %, then a cosine down to 3 %."""
    if share < warm:
        return share / warm + 0.01
    return 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * (share - warm) / (1 - warm)))


@torch.no_grad()  # type: ignore[untyped-decorator]
def _average(run: _Run, longest: float) -> None:
    """An exponential moving average of the weights, short at first."""
    decay = min(longest, (run.step + 1) / (run.step + 20))
    means, values = list(run.averaged.state_dict().values()), list(run.model.state_dict().values())
    floats = [i for i, mean in enumerate(means) if mean.dtype.is_floating_point]
    torch._foreach_lerp_([means[i] for i in floats], [values[i] for i in floats], 1 - decay)
    for i in set(range(len(means))) - set(floats):
        means[i].copy_(values[i])


def _check(run: _Run, choose: Chooser, options: TrainOptions, loss: float) -> Score:
    """Scores the averaged network on the choosing scenes, keeps it when it is the best yet, and saves the run."""
    score: Score = choose(run.averaged)
    row: dict[str, float | None] = {"step": run.step, "loss": round(loss, 4)}
    for name in ("smoke_fire", "people_vehicles"):
        value = getattr(score, name)
        row[name] = None if value is None else round(value, 4)
    run.history.append(row)
    if score.mean > run.best:
        run.best = score.mean
        network.save(
            run.averaged,
            options.run / "best.pt",
            family=options.family,
            step=run.step,
            pictures=run.step * options.batch_size,
            score=score.mean,
            history=run.history,
        )
    network.save(
        run.averaged,
        options.run / "last.pt",
        family=options.family,
        model=run.model.state_dict(),
        optimizer=run.optimizer.state_dict(),
        step=run.step,
        seconds=run.seconds,
        best=run.best,
        history=run.history,
        options=options.plain(),
    )
    return score
