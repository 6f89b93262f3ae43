"""The half of an export that needs torch: `python -m detectors.export_worker ORDER`, started by `export.py` alone.

Promises: the file that the order (JSON) asks for lies in its folder when the process ends with 0; else the last line of
stderr says why not. Not here: what may be asked for, where the file goes (`export.py`).
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.boxes import PAD_GREY, Letterbox
from detectors.engine import Picture

CALIBRATION_PICTURES = 240
_PHOTOGRAPHS = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def make(order: dict[str, Any]) -> None:
    """Carry out the order. Raises ValueError with a sentence, or whatever torch and the exporters raise."""
    into, stem = Path(order["into"]), str(order["stem"])
    width, height = order["size"]
    form, precision = order["form"], order["precision"]
    checkpoint = _as_ultralytics(Path(order["checkpoint"]), into.parent / f"{stem}.pt", order["classes"])
    named = f"{stem}_{precision}_{width}x{height}"
    if form == "torch":
        shutil.copy(checkpoint, into / f"{stem}.pt")
        return
    if form == "openvino":
        folder = into / f"{named}_openvino_model"
        made = _exported(checkpoint, form, height, width, half=precision in ("fp16", "bf16"))
        shutil.move(made, folder)
        if precision == "int8":
            _to_int8(next(folder.glob("*.xml")), Path(order["pictures"]), (width, height))
    elif form == "onnx":
        # Without simplify: that needs one more library, and ONNX Runtime does the same when it loads.
        shutil.move(_exported(checkpoint, form, height, width, simplify=False), into / f"{named}.onnx")
    else:
        import torch

        if not torch.cuda.is_available():
            raise ValueError("a TensorRT engine can be built only on a box with the NVIDIA GPU that will run it")
        made = _exported(checkpoint, "engine", height, width, half=precision == "fp16", simplify=False)
        shutil.move(made, into / f"{named}.engine")


def _exported(checkpoint: Path, form: str, height: int, width: int, **more: Any) -> Path:
    from ultralytics import YOLO

    made = YOLO(str(checkpoint), task="detect").export(
        format=form, imgsz=(height, width), batch=1, dynamic=False, verbose=False, **more
    )
    return Path(made)


def _as_ultralytics(checkpoint: Path, copy: Path, classes: int) -> Path:
    """A copy that ultralytics loads, of its own .pt or of a checkpoint that training here wrote (weights alone).

    Raises ValueError for neither, or another number of classes.
    """
    import torch
    from ultralytics import YOLO

    try:
        kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:  # ultralytics' own hold whole modules, which only ultralytics may unpickle
        kept = None
    if isinstance(kept, dict) and "weights" in kept:
        from detectors.train import network

        load = network.load_coco if kept.get("family") == network.COCO else network.load
        torch.save({"model": load(checkpoint), "train_args": {}}, copy)
    else:
        shutil.copy(checkpoint, copy)
    try:
        found = len(YOLO(str(copy), task="detect").names)
    except Exception:  # whatever it says names the copy
        raise ValueError(
            f"{checkpoint.name} is no checkpoint, neither ultralytics' nor one of `python -m detectors.train`"
        ) from None
    if found != classes:
        raise ValueError(
            f"{checkpoint.name} has {found} classes where the catalogue says {classes}; it is another model"
        )
    return copy


def _to_int8(xml: Path, pictures: Path, size: tuple[int, int]) -> None:
    """Quantise the network in place. What it was is replaced only once all of the new one is written."""
    import openvino as ov

    from detectors.train.export import to_int8

    graph = to_int8(ov.Core().read_model(xml), _calibration(pictures, size))
    unfinished = xml.with_name("int8.xml")
    ov.save_model(graph, str(unfinished), compress_to_fp16=True)
    del graph
    unfinished.with_suffix(".bin").replace(xml.with_suffix(".bin"))
    unfinished.replace(xml)


def _calibration(folder: Path, size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Photographs below `folder`, taken evenly, as the network sees them: (1, 3, h, w) RGB, 0…1."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _PHOTOGRAPHS)
    chosen = paths[:: max(1, len(paths) // CALIBRATION_PICTURES)][:CALIBRATION_PICTURES]
    seen = []
    for path in chosen:
        read = cv2.imread(str(path))
        if read is None:
            continue
        canvas: Picture = np.full((size[1], size[0], 3), PAD_GREY, np.uint8)
        Letterbox.fit((read.shape[1], read.shape[0]), size).place(np.asarray(read, np.uint8), canvas)
        planes = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
        seen.append(planes / np.float32(255))
    if len(seen) < 30:
        raise ValueError(f"{folder} holds {len(seen)} photographs that can be read; int8 needs 30 at least, better 200")
    return seen


if __name__ == "__main__":
    try:
        make(json.loads(sys.argv[1]))
    except Exception as error:  # the caller shows the last line of stderr to a person
        sys.exit(
            f"{type(error).__name__}: {' '.join(str(error).split())}"
            if not isinstance(error, ValueError)
            else str(error)
        )
