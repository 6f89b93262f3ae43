"""ultralytics on torch: the engine for CUDA, and for TensorRT engines exported from a .pt.

Promises: as `engine.Engine`; torch is imported only when such a model is opened, and ultralytics may not install or
download anything. Pictures are fitted by our own `Letterbox`: ultralytics' shrinks with another filter, and boxes would
differ from those of other engines. Not here: fetching and exporting (`fetch.py`, `export.py`).
"""

import os
import threading

import numpy as np

from configs.words import ObjectClass
from detectors.boxes import PAD_GREY, Letterbox
from detectors.catalogue import ModelBroken, ModelFile, ModelMissing
from detectors.engine import CONFIDENCE, NMS_IOU, Picture, Thresholds, cores_for
from detectors.pooled import PooledEngine
from detectors.words import Detections

#: What a .pt runs at when the catalogue names no size.
DEFAULT_SIZE = (640, 640)


def open_ultralytics(
    model: ModelFile, *, threads: int | None = None, confidence: float = CONFIDENCE, nms_iou: float = NMS_IOU
) -> PooledEngine:
    """Open `model` on the GPU where there is one, else on at most `threads` cores.

    Raises ModelMissing when ultralytics is not installed, ModelBroken when the file cannot be loaded.
    """
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_OFFLINE", "true")
    try:
        import torch
        from ultralytics import YOLO
    except ImportError:
        raise ModelMissing(f'{model.path.name} needs ultralytics; run `pip install "village-brain[train]"`') from None
    torch.set_num_threads(cores_for(threads))
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    limits = Thresholds(confidence, nms_iou)
    width, height = model.size or DEFAULT_SIZE
    ours = [i for i, name in enumerate(model.classes) if name is not None]
    lock = threading.Lock()  # a YOLO object keeps state between calls
    try:
        network = YOLO(str(model.path), task="detect")
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelBroken(
            f"the model file {model.path} cannot be loaded ({reason}); restore it or fetch it again"
        ) from None

    def look(picture: Picture) -> Detections:
        letterbox = Letterbox.fit((picture.shape[1], picture.shape[0]), (width, height))
        canvas: Picture = np.full((height, width, 3), PAD_GREY, np.uint8)
        letterbox.place(picture, canvas)
        with lock:
            found = network.predict(
                canvas,
                imgsz=(height, width),
                rect=False,
                conf=limits.confidence,
                iou=limits.nms_iou,
                max_det=limits.most,
                classes=ours,
                device=device,
                verbose=False,
            )[0].boxes
        numbers = found.cls.int().tolist()
        names: list[ObjectClass] = [name for n in numbers if (name := model.classes[n]) is not None]
        boxes = letterbox.unfit(found.xyxy.cpu().numpy().astype(np.float32))
        return Detections(boxes, found.conf.cpu().numpy().astype(np.float32), tuple(names), letterbox.aspect)

    return PooledEngine(look, f"{model.name} {width}x{height} torch {device}", (width, height), model.classes, 1)
