"""What a training run is, and where its pictures and its first weights come from.

Promises: two runs with equal options on equal data see the same batches; what is missing is said with the option that
gives it. Not here: the training itself, `runs`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from ultralytics.nn.tasks import DetectionModel

from detectors.train import dataset, network, people, seed_weights
from detectors.train.augment import Mixer
from detectors.train.classes import FAMILIES, Family
from detectors.train.dataset import Part, Sample
from detectors.train.predict import Predictor, openvino_predictor, torch_predictor

#: At how many times the base size a batch may be, and how often.
_SCALES = ((1.0, 0.65), (1.25, 0.2), (1.5, 0.15))


class TrainingError(Exception):
    """Training cannot start or go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a run is. Two runs with equal options on equal data see the same batches."""

    data: Path
    run: Path
    #: where to start: an OpenVINO IR of YOLO11n, what `seed` made of it, or a checkpoint of an earlier run
    start: Path
    family: str = "smoke-fire"
    #: who labels people and vehicles: as `start`, but COCO's classes. The start itself when it has them
    teacher: Path | None = None
    #: what the teacher saw, when it has looked already; else it looks first, and the run keeps it
    taught: Path | None = None
    #: clips of ordinary life, whose frames certainly hold neither smoke nor fire
    ordinary_clips: tuple[Path, ...] = ()
    #: a data set of what operators confirmed and rejected, trained on beside the others
    feedback: Path | None = None
    width: int = 416
    height: int = 256
    #: now and then larger batches, up to half as large again
    several_sizes: bool = True
    steps: int = 8000
    #: end by the clock instead; the rate then falls with the time that is left
    minutes: float | None = None
    batch_size: int = 16
    rate: float = 8e-4
    #: layers of the backbone left as they are: 5 is the first two scales
    frozen_layers: int = 5
    #: how much the teacher's say on each batch counts
    distil: float = 1.0
    longest_average: float = 0.998
    seed: int = 7
    #: how often to check in all
    checks: int = 16
    threads: int = 0
    #: processes that make pictures; 0: the training thread itself
    workers: int = 1
    #: keep all pictures decoded in memory (some gigabytes)
    decode_all: bool = False

    @property
    def kind(self) -> Family:
        return FAMILIES[self.family]

    def plain(self) -> dict[str, Any]:
        """The options that decide what is learnt, as plain values."""
        kept = asdict(self)
        for name in ("run", "threads", "checks", "workers", "decode_all", "taught"):
            del kept[name]
        assert kept.keys() <= {f.name for f in fields(self)}
        return {
            k: [str(x) for x in v] if isinstance(v, tuple) else str(v) if isinstance(v, Path) else v
            for k, v in kept.items()
        }


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is trained on, and what chooses."""

    train: list[Sample]
    choose: list[Sample]


def gather(options: TrainOptions) -> Pictures:
    """The pictures of a run; with people and vehicles in them when the network is to see those."""
    parts = dataset.load(options.data, _sets(options))
    train, choose = parts[Part.TRAIN], parts[Part.CHOOSE]
    for clip in options.ordinary_clips:
        train = [*train, *people.frames_as_samples(clip, options.run / "frames", 40)]
    if not options.kind.sees_people:
        return Pictures(train, choose)
    kept = options.taught or options.run / "taught.csv"
    if not kept.exists():
        people.write(people.teach(_labeller(options), [*train, *choose]), kept)
    taught = people.read(kept)
    return Pictures(*([people.with_others(s, taught, options.data) for s in group] for group in (train, choose)))


def _labeller(options: TrainOptions) -> Predictor:
    """The teacher as it labels pictures: an IR at its own size, a network in torch at 640 x 640."""
    teacher = teacher_network(options)
    path = options.teacher or options.start
    if path.suffix == ".xml":
        return openvino_predictor(path)[0]
    return torch_predictor(teacher.cuda() if torch.cuda.is_available() else teacher, 640, 640)


def _sets(options: TrainOptions) -> tuple[dataset.Source, ...]:
    if options.feedback is None:
        return dataset.SOURCES
    if not (options.feedback / "images").is_dir():
        raise TrainingError(f"{options.feedback} holds no images/ folder: nothing has been confirmed or rejected yet")
    return (*dataset.SOURCES, dataset.Source(str(options.feedback.resolve())))


def mixer(options: TrainOptions, pictures: Pictures) -> Mixer:
    """Batches out of these pictures."""
    return Mixer(
        [s for s in pictures.train if len(s.boxes)],
        [s for s in pictures.train if s.is_negative],
        width=options.width,
        height=options.height,
        batch_size=options.batch_size,
        seed=options.seed,
        family=options.kind,
        sizes=_sizes(options.width, options.height) if options.several_sizes else (),
    )


def _sizes(width: int, height: int) -> Sequence[tuple[int, int, float]]:
    return [(round(width * x / 32) * 32, round(height * x / 32) * 32, share) for x, share in _SCALES]


def start_network(options: TrainOptions, mixer: Mixer) -> DetectionModel:
    """The network as training begins."""
    if not options.start.exists():
        raise TrainingError(
            f"{options.start} is not there; give YOLO11n's OpenVINO IR or an earlier best.pt with --start"
        )
    if options.start.suffix == ".pt":
        try:
            return network.build(options.kind, network.load_coco(options.start))
        except KeyError:
            return network.load(options.start)
    return network.build(options.kind, coco_network(options.start, mixer))


def coco_network(ir: Path, mixer: Mixer | None = None) -> DetectionModel:
    """YOLO11n with COCO's classes from its IR; with the statistics of `mixer`'s pictures, when there is one, fit to be
    trained."""
    coco = DetectionModel(network.ARCHITECTURE, verbose=False)
    seed_weights.load_into(coco, ir)
    if mixer is not None:
        seed_weights.give_norms_statistics(
            coco, (torch.from_numpy(mixer.batch(-1 - i & 0xFFFF).pictures).float() / 255 for i in range(6))
        )
    return coco


def teacher_network(options: TrainOptions) -> DetectionModel:
    """The network that says what people and vehicles there are."""
    path = options.teacher or options.start
    if not path.exists():
        raise TrainingError(f"{path} is not there; give YOLO11n's OpenVINO IR with --teacher")
    try:
        return network.load_coco(path) if path.suffix == ".pt" else coco_network(path)
    except KeyError:
        raise TrainingError(f"{path} has not COCO's classes; give YOLO11n's OpenVINO IR with --teacher") from None
