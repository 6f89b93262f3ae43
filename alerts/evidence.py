"""Evidence on disk: annotated pictures with their SHA-256.

Promises: when `save` returns, the file and then its folder are synced; a file is whole or not there. Evidence comes
before the row that names it, so a row never names a missing file. Not here: the rows (`incidents.py`).
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from alerts.words import Marked
from configs.words import Instant, ObjectClass
from models.base import new_id

_COLOURS: dict[ObjectClass, tuple[int, int, int]] = {
    ObjectClass.FIRE: (40, 60, 240),
    ObjectClass.SMOKE: (230, 200, 120),
    ObjectClass.PERSON: (120, 210, 90),
}
_OTHER_COLOUR = (60, 190, 240)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A saved file; `path` is relative to the store's folder."""

    path: str
    media_type: str
    sha256: str
    size_bytes: int
    captured_at: Instant
    phash: str | None = None


def annotate(picture: NDArray[np.uint8], marked: tuple[Marked, ...], captured_at: Instant) -> bytes:
    """JPEG of a BGR picture (height, width, 3) with boxes drawn on and the UTC moment in the corner."""
    canvas = picture.copy()
    height, width = canvas.shape[:2]
    thickness = max(2, round(height / 240))
    scale = max(0.45, height / 900)
    for mark in marked:
        colour = _COLOURS.get(mark.object_class, _OTHER_COLOUR)
        left, top = round(mark.box[0] * width), round(mark.box[1] * height)
        right, bottom = round(mark.box[2] * width), round(mark.box[3] * height)
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, thickness)
        _label(canvas, f"{mark.object_class.value} {mark.confidence:.2f}", (left, max(top - 4, 14)), scale, colour)
    moment = datetime.fromtimestamp(captured_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    _label(canvas, moment, (6, height - 8), scale, (255, 255, 255))
    return encode_jpeg(canvas)


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 88) -> bytes:
    """JPEG of a BGR picture. Raises ValueError when it cannot be encoded."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} could not be encoded as JPEG")
    return bytes(data)


def _label(
    canvas: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]
) -> None:
    """Light text on a dark plate, its lower left corner at `at`, moved so that it stays in the picture."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    margin = max(2, round(height / 3))
    left = max(0, min(at[0], canvas.shape[1] - width - 2 * margin))
    bottom = max(height + 2 * margin, min(at[1], canvas.shape[0]))
    cv2.rectangle(canvas, (left, bottom - height - 2 * margin), (left + width + 2 * margin, bottom), (24, 18, 14), -1)
    origin = (left + margin, bottom - margin)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


class EvidenceStore:
    """A folder of evidence, one subfolder a day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, data: bytes, media_type: str, suffix: str, captured_at: Instant) -> EvidenceFile:
        """Writes `data` durably. Raises OSError (a full disk, say); then nothing is left behind."""
        day = datetime.fromtimestamp(captured_at, UTC).strftime("%Y-%m-%d")
        folder = self.folder / day
        folder.mkdir(parents=True, exist_ok=True)
        name = new_id() + suffix
        path, part = folder / name, folder / (name + ".part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self.sync(folder)
        return EvidenceFile(f"{day}/{name}", media_type, hashlib.sha256(data).hexdigest(), len(data), captured_at)

    def sync(self, folder: Path) -> None:
        """Makes sure that the names of the files in this subfolder are on disk."""
        for synced in (folder, self.folder):
            _sync_folder(synced)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
