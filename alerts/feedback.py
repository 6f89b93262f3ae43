"""What operators confirm or reject, kept as a growing data set that training reads.

Promises: the picture that the model saw, its boxes and the numbers behind them wait in `pending/` until the incident is
judged; then they become a YOLO data set (`images/`, `labels/`, `scenes.csv`, one scene a camera, so that training and
test never share one), a rejected one with no boxes. Everything is written whole or not at all; what waits and what is
kept is bounded, the oldest goes first. Not here: training with it (`detectors/train`, `--feedback`).
"""

import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.states import IncidentState
from alerts.words import AlertDraft, Marked
from configs.words import ObjectClass
from models.tables import Alert, Incident

#: Pictures that wait for a judgement, for how long at most, and those that were judged.
MOST_PENDING, MOST_KEPT = 500, 5000
PENDING_SECONDS = 30 * 86_400.0
_NUMBER_OF = {ObjectClass.SMOKE: 0, ObjectClass.FIRE: 1}
_NOT_TRUE = {IncidentState.FALSE_ALARM.value}
_SAYS_NOTHING = {IncidentState.DUPLICATE.value}


class FeedbackStore:
    """A data set in `folder`. One writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending = folder / "pending"

    def keep(self, alert_id: str, draft: AlertDraft, jpeg: bytes) -> None:
        """A picture of an alert of smoke or fire waits for judgement. Raises OSError."""
        self._pending.mkdir(parents=True, exist_ok=True)
        about = {
            "camera_id": draft.camera_id,
            "raised_at": draft.raised_at,
            "labels": _yolo(draft.marked),
            "numbers": draft.numbers,
        }
        _write(self._pending / f"{alert_id}.jpg", jpeg)
        _write(self._pending / f"{alert_id}.json", json.dumps(about).encode())
        for old in sorted(self._pending.glob("*.json"), key=_age)[:-MOST_PENDING]:
            self._drop(old)

    def settle(self, session: Session, now: float | None = None) -> int:
        """Moves what has been judged since into the data set; how many. Raises OSError."""
        waiting = {path.stem: path for path in self._pending.glob("*.json")}
        if not waiting:
            return 0
        rows = (
            select(Alert.id, Incident.state, Incident.confirmed_at)
            .join(Incident, Incident.id == Alert.incident_id)
            .where(Alert.id.in_(waiting))
        )
        settled = 0
        for alert_id, state, confirmed_at in session.execute(rows):
            if state in _SAYS_NOTHING:
                self._drop(waiting[alert_id])
            elif state in _NOT_TRUE or confirmed_at is not None:
                self._settle(waiting[alert_id], is_true=state not in _NOT_TRUE)
                settled += 1
        too_old = (time.time() if now is None else now) - PENDING_SECONDS
        for path in waiting.values():
            if path.exists() and _age(path) < too_old:
                self._drop(path)
        if settled:
            self._forget_oldest()
            self._write_scenes()
        return settled

    def _settle(self, path: Path, is_true: bool) -> None:
        picture = path.with_suffix(".jpg")
        about = json.loads(path.read_text())
        about["verdict"] = "confirmed" if is_true else "rejected"
        for name in ("images", "labels", "details"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        _write(self.folder / "labels" / f"{path.stem}.txt", (about["labels"] if is_true else "").encode())
        _write(self.folder / "details" / path.name, json.dumps(about).encode())
        # The picture comes last: a label without a picture is harmless, the reverse would teach what nobody said.
        picture.rename(self.folder / "images" / picture.name)
        path.unlink()

    def _forget_oldest(self) -> None:
        for old in sorted((self.folder / "images").glob("*.jpg"), key=_age)[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
            (self.folder / "labels" / f"{old.stem}.txt").unlink(missing_ok=True)
            (self.folder / "details" / f"{old.stem}.json").unlink(missing_ok=True)

    def _write_scenes(self) -> None:
        rows = []
        for picture in sorted((self.folder / "images").glob("*.jpg")):
            about = json.loads((self.folder / "details" / f"{picture.stem}.json").read_text())
            rows.append((picture.name, f"camera-{about['camera_id']}"))
        part = self.folder / "scenes.csv.part"
        with part.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "scene"))
            writer.writerows(rows)
        part.rename(self.folder / "scenes.csv")

    @staticmethod
    def _drop(path: Path) -> None:
        path.with_suffix(".jpg").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _yolo(marked: Sequence[Marked]) -> str:
    """YOLO's text: class, centre, width and height, each 0…1, a box a line."""
    lines = []
    for mark in marked:
        if mark.object_class in _NUMBER_OF:
            left, top, right, bottom = mark.box
            middle = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
            lines.append(" ".join([str(_NUMBER_OF[mark.object_class]), *(f"{v:.6f}" for v in middle)]))
    return "\n".join(lines) + "\n"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.rename(path)
