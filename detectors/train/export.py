"""From a checkpoint to what ships: OpenVINO IR at fixed sizes, in half precision and in int8, and which of the two.

Promises: one folder a size and precision, `<name>_<precision>_<W>x<H>/` with .xml, .bin and metadata.yaml, laid out
as ultralytics lays out its exports. int8 is calibrated on training pictures, never on the test side.
Not here: running it; the catalogue entry, `weights/catalogue.yaml`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import DetectionModel

from detectors.train import dataset, network
from detectors.train.augment import Mixer
from detectors.train.classes import Family


class ExportError(Exception):
    """What was asked for cannot be exported; the message says why."""


_ABOUT = {
    "smoke-fire": "Smoke and fire",
    "people-vehicles": "People and vehicles",
    "both": "Smoke, fire, people and vehicles",
}


def load(checkpoint: Path, part: Family | None = None) -> DetectionModel:
    """A checkpoint's network, or the `part` of its classes that is wanted, with its norms folded in."""
    trained = network.load(checkpoint)
    if part is not None:
        trained = network.only(trained, part)
    return trained.fuse(verbose=False)


def to_openvino(fused: DetectionModel, width: int, height: int) -> ov.Model:
    """The network as a graph.

    Input (1, 3, height, width) float 0…1 RGB; output (1, 4 + classes, anchors), boxes as centre and size in pixels of
    the input.
    """
    model = fused.eval()
    head = model.model[-1]
    head.export, head.format = True, "openvino"
    example = torch.zeros(1, 3, height, width)
    with torch.no_grad():
        model(example)  # lays down the anchors of this size
        graph = ov.convert_model(model, example_input=example, input=[1, 3, height, width])
    graph.input(0).get_tensor().set_names({"images"})
    graph.output(0).get_tensor().set_names({"output0"})
    return graph


def calibration_pictures(data: Path, family: Family, width: int, height: int, count: int) -> list[NDArray[np.float32]]:
    """`count` training pictures under `data` as the network sees them in training: (1, 3, h, w)."""
    train = dataset.load(data)[dataset.Part.TRAIN]
    mixer = Mixer(
        [s for s in train if len(s.boxes)],
        [s for s in train if s.is_negative],
        width=width,
        height=height,
        batch_size=16,
        seed=11,
        family=family,
    )
    pictures: list[NDArray[np.float32]] = []
    index = 0
    while len(pictures) < count:
        batch = mixer.batch(1_000_000 + index).pictures.astype(np.float32) / np.float32(255)
        pictures.extend(batch[i : i + 1] for i in range(len(batch)))
        index += 1
    return pictures[:count]


def to_int8(graph: ov.Model, pictures: Sequence[NDArray[np.float32]]) -> ov.Model:
    """The graph with int8 convolutions, calibrated on `pictures`.

    The head's box arithmetic stays in float: its values run to hundreds of pixels, where 256 steps are not enough. So
    do the first layers and the last convolution of each branch: measured on smoke and fire, they carry two thirds of
    what int8 takes from the scores (the error of a score's logit falls from 0.33 to 0.13) and a twentieth of its speed.
    """
    import nncf

    head = [op.get_friendly_name() for op in graph.get_ordered_ops() if "dfl" in op.get_friendly_name()]
    ignored: dict[str, Any] = {
        "patterns": [
            *(rf".*model\.23/.*{arithmetic}.*" for arithmetic in ("/Add", "Sub", "Mul", "Div")),
            r".*model\.[0-2][/.].*",
            r".*model\.23.*cv[23]\.\d\.2.*",
        ],
        "names": [name for name in head if name],
        "types": ["Sigmoid"],
    }
    return nncf.quantize(
        graph,
        nncf.Dataset(list(pictures)),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(**ignored, validate=False),
    )


def save(graph: ov.Model, folder: Path, family: Family, *, precision: str, width: int, height: int, note: str) -> Path:
    """Writes the IR, weights in half precision where they are floats, and its metadata. Returns the .xml."""
    name = f"{family.name}-yolo11n"
    target = folder / f"{name}_{precision}_{width}x{height}"
    target.mkdir(parents=True, exist_ok=True)
    xml = target / f"{name}.xml"
    ov.save_model(graph, str(xml), compress_to_fp16=True)
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(family.names))
    (target / "metadata.yaml").write_text(
        f"description: {_ABOUT[family.name]} for village monitoring points. {note}\n"
        "author: village-brain\nlicense: AGPL-3.0-or-later\ntask: detect\n"
        f"precision: {precision}\nstride: 32\nbatch: 1\nchannels: 3\nimgsz:\n- {height}\n- {width}\nnames:\n{names}"
    )
    return xml


def milliseconds(xml: Path, *, threads: int = 1, runs: int = 60) -> float:
    """The median time of one look on this machine, milliseconds, on `threads` threads, random input."""
    compiled = ov.Core().compile_model(
        str(xml), "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    )
    request = compiled.create_infer_request()
    tensor = np.random.default_rng(0).random(tuple(compiled.input(0).shape), np.float32)
    taken = []
    for i in range(runs + 5):
        start = time.perf_counter()
        request.infer([tensor])
        if i >= 5:
            taken.append(time.perf_counter() - start)
    return float(np.median(taken) * 1000)
