"""OpenVINO: the engine for CPUs and Intel GPUs.

Promises: colour order, scale and layout are done inside the graph, so a look copies one uint8 picture and nothing else;
`parallel` requests run at once, a stream on each of at most `threads` cores, so that decoding keeps the others. (A
thread for each request measured the same as OpenVINO's own asynchronous queue, and an error in the network reaches the
caller.) Not here: the protocol (`engine.py`), heads (`boxes.py`), threads (`pooled.py`).
"""

import queue
from pathlib import Path
from typing import Any

import numpy as np

from detectors.boxes import PAD_GREY, Decoder, Letterbox
from detectors.catalogue import ModelBroken, ModelFile
from detectors.engine import CONFIDENCE, NMS_IOU, PATIENCE_SECONDS, Picture, Thresholds, cores_for
from detectors.pooled import PooledEngine
from detectors.words import Detections
from detectors.yielding import behind


class _Request:
    """One inference request with the input it owns: the canvas that the graph reads in place."""

    def __init__(self, compiled: Any, input_size: tuple[int, int]) -> None:
        import openvino as ov

        self._input_size = input_size
        self._canvas: Picture = np.full((1, input_size[1], input_size[0], 3), PAD_GREY, np.uint8)
        self._letterbox: Letterbox | None = None
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(ov.Tensor(self._canvas, shared_memory=True))

    def run(self, picture: Picture, decoder: Decoder) -> Detections:
        letterbox = Letterbox.fit((picture.shape[1], picture.shape[0]), self._input_size)
        if letterbox != self._letterbox:
            self._canvas[...] = PAD_GREY
            self._letterbox = letterbox
        letterbox.place(picture, self._canvas[0])
        self._request.infer()  # lets go of the GIL
        return decoder.decode(self._request.get_output_tensor(0).data, letterbox)


class _Look:
    """One picture through whichever request is free."""

    def __init__(self, compiled: Any, decoder: Decoder, input_size: tuple[int, int], parallel: int) -> None:
        self._decoder = decoder
        self._free: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        for _ in range(parallel):
            self._free.put(_Request(compiled, input_size))

    def __call__(self, picture: Picture) -> Detections:
        request = self._free.get(timeout=PATIENCE_SECONDS)
        try:
            return request.run(picture, self._decoder)
        finally:
            self._free.put(request)


def open_openvino(
    model: ModelFile,
    *,
    threads: int | None = None,
    confidence: float = CONFIDENCE,
    nms_iou: float = NMS_IOU,
    device: str = "CPU",
) -> PooledEngine:
    """Compile `model` for `device`, on at most `threads` cores (all when None). Raises ModelBroken."""
    import openvino as ov
    from openvino.preprocess import ColorFormat, PrePostProcessor

    core = ov.Core()
    try:
        network = core.read_model(str(model.path))
        shape = tuple(int(n) for n in network.input(0).shape)
    except Exception as error:
        raise ModelBroken(_sentence(model.path, error)) from None
    if len(shape) != 4 or shape[0] != 1 or shape[1] != 3:
        raise ModelBroken(
            f"the model {model.path} takes {shape}, not one picture of three colours; export it with batch 1"
        )
    input_size = (shape[3], shape[2])
    if model.size is not None and model.size != input_size:
        raise ModelBroken(f"the model {model.path} is {input_size[0]}x{input_size[1]}; the catalogue says otherwise")
    decoder = Decoder(model.classes, Thresholds(confidence, nms_iou))
    head = tuple(int(n) for n in network.output(0).shape)
    if not decoder.accepts(head):
        raise ModelBroken(
            f"the model {model.path} gives {head}, which does not fit {len(model.classes)} classes; check the catalogue"
        )
    steps = PrePostProcessor(network)
    steps.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    steps.input(0).preprocess().convert_color(ColorFormat.RGB).convert_element_type(ov.Type.f32).scale(255.0)
    steps.input(0).model().set_layout(ov.Layout("NCHW"))
    try:
        with behind():
            settings = _settings(threads, device) | _numbers(
                model, core.get_property(device, "OPTIMIZATION_CAPABILITIES")
            )
            compiled = core.compile_model(steps.build(), device, settings)
            # One more than the streams: while one result is read, its stream already has the next picture.
            parallel = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
            look = _Look(compiled, decoder, input_size, parallel)
            look(np.zeros((input_size[1], input_size[0], 3), np.uint8))  # its threads start with the first picture
    except Exception as error:
        raise ModelBroken(_sentence(model.path, error)) from None
    name = f"{model.name} {input_size[0]}x{input_size[1]} OpenVINO {device}"
    return PooledEngine(look, name, input_size, model.classes, parallel)


def _settings(threads: int | None, device: str) -> dict[str, Any]:
    """One stream a core: measured faster than one stream on all cores, and than the hint's own choice."""
    if device != "CPU":
        return {"PERFORMANCE_HINT": "THROUGHPUT"}
    used = cores_for(threads)
    return {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": str(used), "INFERENCE_NUM_THREADS": used}


def _numbers(model: ModelFile, capabilities: list[str]) -> dict[str, Any]:
    """What the network multiplies. int8 and fp16 say how weights are kept; the rest is in what suits the device."""
    if model.precision == "fp32":
        return {"INFERENCE_PRECISION_HINT": "f32"}
    # Where the device lacks bfloat16 it would be imitated, slowly.
    return {"INFERENCE_PRECISION_HINT": "bf16"} if model.precision == "bf16" and "BF16" in capabilities else {}


def _sentence(path: Path, error: Exception) -> str:
    reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
    return f"the model file {path} cannot be loaded ({reason[:160]}); restore it or fetch it again"
