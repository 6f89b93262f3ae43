"""The protocol that every inference engine keeps, and the one door to open one.

Promises: the same picture through any engine gives the same boxes: in float32, each edge within 0.005 of the picture
and each score within 0.01; where the CPU multiplies bfloat16, which keeps 8 bits, within 0.02 and 0.03 (int8 is another
network, whose accuracy is measured); a picture of any size is fitted into the network's input with its aspect ratio
kept; boxes come back normalised to the picture. Not here: the engines (`openvino_engine.py`, `onnx_engine.py`,
`ultralytics_engine.py`), decoding of heads (`boxes.py`), which model to open (`catalogue.py`, `choose.py`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from configs.words import ObjectClass
from detectors.catalogue import ModelBroken, ModelFile
from detectors.words import Detections

Picture = NDArray[np.uint8]
Done = Callable[[Detections | Exception], None]

#: The longest that one look, or closing, is waited for.
PATIENCE_SECONDS = 30.0
CONFIDENCE = 0.25
NMS_IOU = 0.5


class EngineClosed(Exception):
    """A look was asked of an engine that has been closed."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as a detection: the least confidence, and the overlap at which two boxes of a class are one."""

    confidence: float = CONFIDENCE
    nms_iou: float = NMS_IOU
    most: int = 300


def cores_for(threads: int | None) -> int:
    """How many cores an engine asked for `threads` (None: all) may use here."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(threads or cores, cores))


class Engine(Protocol):
    """A network ready to look. Safe to call from several threads."""

    name: str
    input_size: tuple[int, int]
    classes: tuple[ObjectClass | None, ...]
    parallel: int

    def detect(self, picture: Picture) -> Detections:
        """Look at one BGR picture, uint8 (height, width, 3), and wait. Raises EngineClosed, or what went wrong."""
        ...

    def submit(self, picture: Picture, done: Done) -> bool:
        """Start a look and return at once; False when all `parallel` requests are busy. `picture` may not be
        changed until `done` is called, which happens exactly once, on a thread of the engine, and must be quick."""
        ...

    def close(self) -> None:
        """Wait for looks under way, then free the network. Harmless when repeated."""
        ...


def open_engine(
    model: ModelFile, *, threads: int | None = None, confidence: float = CONFIDENCE, nms_iou: float = NMS_IOU
) -> Engine:
    """Open `model` with the engine of its format, on at most `threads` cores; see `Thresholds` for the rest.

    Raises ModelBroken, or ModelMissing when the engine's library is not installed.
    """
    if model.format == "openvino":
        from detectors.openvino_engine import open_openvino

        return open_openvino(model, threads=threads, confidence=confidence, nms_iou=nms_iou)
    if model.format == "onnx":
        from detectors.onnx_engine import open_onnx

        return open_onnx(model, threads=threads, confidence=confidence, nms_iou=nms_iou)
    if model.format == "torch":
        from detectors.ultralytics_engine import open_ultralytics

        return open_ultralytics(model, threads=threads, confidence=confidence, nms_iou=nms_iou)
    raise ModelBroken(f"the catalogue gives {model.path.name} the format {model.format!r}, which no engine reads")
