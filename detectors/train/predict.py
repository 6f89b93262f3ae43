"""Running a smoke and fire detector over pictures, for evaluation.

Promises: boxes in the picture's own 0…1 coordinates from any of: a torch network, an OpenVINO IR. One picture is
fitted as the running system fits it. Not here: the running system's engine, which is asynchronous and batched.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.train.dataset import Picture
from detectors.train.framing import fit

#: (n, 6) float32: left, top, right, bottom (0…1 of the picture), score, class. Strongest first.
Found = NDArray[np.float32]
Predictor = Callable[[Picture], Found]

LOWEST_SCORE = 0.005
OVERLAP = 0.5
MOST = 100


def decode(raw: NDArray[np.float32], shape: tuple[int, int], size: tuple[int, int]) -> Found:
    """One picture's raw output (4 + classes, anchors), boxes as centre and size in input pixels, to boxes kept.

    `shape` is the picture's (height, width), `size` the input's (width, height). Suppression is per class.
    """
    scores = raw[4:]
    classes = scores.argmax(0)
    best = scores[classes, np.arange(scores.shape[1])]
    keep = np.flatnonzero(best > LOWEST_SCORE)
    keep = keep[np.argsort(-best[keep], kind="stable")][:1000]
    if not len(keep):
        return np.zeros((0, 6), np.float32)
    x, y, w, h = raw[:4, keep]
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    kept = _suppress(corners + (classes[keep] * 4096)[:, None], OVERLAP)[:MOST]
    corners, keep = corners[kept], keep[kept]
    height, width = shape
    scale = min(size[0] / width, size[1] / height)
    left, top = (size[0] - round(width * scale)) // 2, (size[1] - round(height * scale)) // 2
    corners -= np.array([left, top, left, top], np.float32)
    corners /= np.array([width, height, width, height], np.float32) * scale
    return np.column_stack([corners.clip(0, 1), best[keep], classes[keep]]).astype(np.float32)


def _suppress(boxes: NDArray[np.float32], overlap: float) -> list[int]:
    """Indices kept by greedy suppression; boxes come strongest first."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = np.ones(len(boxes), bool)
    kept: list[int] = []
    for i in range(len(boxes)):
        if not alive[i]:
            continue
        kept.append(i)
        near = np.minimum(boxes[i, 2:], boxes[i + 1 :, 2:]) - np.maximum(boxes[i, :2], boxes[i + 1 :, :2])
        both = near.clip(0).prod(1)
        alive[i + 1 :] &= both <= overlap * (area[i] + area[i + 1 :] - both)
    return kept


def openvino_predictor(model: Path, threads: int = 0) -> tuple[Predictor, tuple[int, int]]:
    """A predictor for an IR (the .xml, or the folder it lies in), and its input's (width, height)."""
    import openvino as ov

    xml = model if model.suffix == ".xml" else next(iter(sorted(model.glob("*.xml"))))
    settings = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    compiled = ov.Core().compile_model(str(xml), "CPU", settings)
    _, _, height, width = compiled.input(0).shape
    request = compiled.create_infer_request()

    def predict(picture: Picture) -> Found:
        fitted = fit(picture, width, height)[0]
        tensor = np.ascontiguousarray(fitted[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
        return decode(request.infer([tensor])[compiled.output(0)][0], picture.shape[:2], (width, height))

    return predict, (width, height)


def torch_predictor(network: object, width: int, height: int) -> Predictor:
    """A predictor for a network in torch, which is put in evaluation mode."""
    import torch

    assert isinstance(network, torch.nn.Module)
    network.eval()
    device = next(network.parameters()).device

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def predict(picture: Picture) -> Found:
        fitted = fit(picture, width, height)[0]
        tensor = torch.from_numpy(np.ascontiguousarray(fitted[..., ::-1].transpose(2, 0, 1)[None])).to(device).float()
        raw = network(tensor / 255)
        raw = raw[0] if isinstance(raw, tuple) else raw
        return decode(raw[0].cpu().numpy(), picture.shape[:2], (width, height))

    looker: Predictor = predict
    return looker


def draw(picture: Picture, found: Found, threshold: float) -> Picture:
    """A copy with boxes drawn: smoke blue, fire red."""
    out = picture.copy()
    h, w = out.shape[:2]
    for left, top, right, bottom, score, kind in found[found[:, 4] >= threshold].tolist():
        colour = (40, 40, 240) if kind else (240, 170, 30)
        cv2.rectangle(out, (int(left * w), int(top * h)), (int(right * w), int(bottom * h)), colour, 2)
        at = (int(left * w) + 2, max(int(top * h) - 3, 10))
        cv2.putText(out, f"{'fire' if kind else 'smoke'} {score:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1)
    return out
