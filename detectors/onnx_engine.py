"""ONNX Runtime: an engine for boxes where OpenVINO is not wanted.

Promises: as `engine.Engine`; onnxruntime is imported only when such a model is opened. Not here: heads (`boxes.py`).
"""

import threading
from typing import Any

import numpy as np

from detectors.boxes import PAD_GREY, Decoder, Letterbox
from detectors.catalogue import ModelBroken, ModelFile, ModelMissing
from detectors.engine import CONFIDENCE, NMS_IOU, Picture, Thresholds, cores_for
from detectors.pooled import PooledEngine
from detectors.words import Detections


def open_onnx(
    model: ModelFile, *, threads: int | None = None, confidence: float = CONFIDENCE, nms_iou: float = NMS_IOU
) -> PooledEngine:
    """Open `model`, a picture on each of at most `threads` cores. Raises ModelBroken, or ModelMissing (the library)."""
    try:
        import onnxruntime as ort
    except ImportError:
        raise ModelMissing(f"{model.path.name} needs ONNX Runtime; run `pip install onnxruntime`") from None
    cores = cores_for(threads)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(model.path), options, providers=ort.get_available_providers())
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelBroken(
            f"the model file {model.path} cannot be loaded ({reason}); restore it or fetch it again"
        ) from None
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or shape[:2] != [1, 3] or not all(isinstance(n, int) for n in shape):
        raise ModelBroken(
            f"the model {model.path} takes {shape}, not one picture of a fixed size; export it with batch 1"
        )
    input_size = (int(shape[3]), int(shape[2]))
    decoder = Decoder(model.classes, Thresholds(confidence, nms_iou))
    head = tuple(session.get_outputs()[0].shape)
    if not decoder.accepts(head):
        raise ModelBroken(f"the model {model.path} gives {head}, which does not fit its classes; check the catalogue")
    look = _Look(session, decoder, input_size)
    return PooledEngine(look, f"{model.name} {input_size[0]}x{input_size[1]} ONNX", input_size, model.classes, cores)


class _Look:
    """One picture through an ONNX session. Each thread has its own canvas."""

    def __init__(self, session: Any, decoder: Decoder, input_size: tuple[int, int]) -> None:
        self._session = session
        self._decoder = decoder
        self._input_size = input_size
        self._input_name = session.get_inputs()[0].name
        self._own = threading.local()

    def __call__(self, picture: Picture) -> Detections:
        width, height = self._input_size
        letterbox = Letterbox.fit((picture.shape[1], picture.shape[0]), self._input_size)
        canvas: Picture | None = getattr(self._own, "canvas", None)
        if canvas is None or self._own.letterbox != letterbox:
            canvas = np.full((height, width, 3), PAD_GREY, np.uint8)
            self._own.canvas, self._own.letterbox = canvas, letterbox
        letterbox.place(picture, canvas)
        planes = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
        planes *= np.float32(1 / 255)
        return self._decoder.decode(self._session.run(None, {self._input_name: planes})[0], letterbox)
