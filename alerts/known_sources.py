"""Static look-alikes, learned for each camera from what operators called a false alarm.

Promises: a false alarm of smoke or fire suppresses what looks like this, here, and nothing else: another place, another
size or another look on the same camera is judged as ever, and so is everything on other cameras. When the incident is
reopened it is forgotten. Learning twice changes nothing. Not here: the table (`models/known_sources.py`), how much a
resemblance weighs (`smoke_fire.py`).
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.states import IncidentState
from configs.words import Box, CameraId, IncidentKind, ObjectClass
from models.known_sources import KnownSourceRow
from models.tables import Alert, Incident

_CLASS_OF = {IncidentKind.FIRE.value: ObjectClass.FIRE, IncidentKind.SMOKE.value: ObjectClass.SMOKE}
#: The newest so many of a camera are kept in mind.
MOST_OF_A_CAMERA = 32
_LOOK_LENGTH = 36


@dataclass(frozen=True, slots=True)
class KnownSource:
    """One harmless look-alike. `look` is a colour histogram that sums to 1, empty when it is not known."""

    object_class: ObjectClass
    box: Box
    look: tuple[float, ...] = ()


def resemblance(known: Sequence[KnownSource], cls: ObjectClass, box: Box, look: Sequence[float] | None) -> float:
    """How much a place is like the known source most like it, 0…1: the product of how far the boxes agree (overlap
    over union, square root, since boxes of one thing jitter) and how alike the colours are (Bhattacharyya, steepened).
    Of unknown colours, half."""
    best = 0.0
    for source in known:
        if source.object_class is cls:
            best = max(best, math.sqrt(_overlap(source.box, box)) * _alike(source.look, look or ()))
    return best


def _alike(a: Sequence[float], b: Sequence[float]) -> float:
    if not a or len(a) != len(b):
        return 0.5
    shared = sum(math.sqrt(x * y) for x, y in zip(a, b, strict=True))
    return min(max((shared - 0.6) / 0.35, 0.0), 1.0)


def _overlap(a: Box, b: Box) -> float:
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


def learn(session: Session, camera_ids: Collection[str], now: datetime) -> int:
    """Takes in what was called a false alarm on these cameras since, and forgets what no longer is; how many rows
    changed. An alert without a box (of a citizen's report, or an older version) teaches nothing."""
    taught = select(KnownSourceRow.alert_id)
    rejected = (
        select(Alert)
        .join(Incident, Incident.id == Alert.incident_id)
        .where(
            Incident.state == IncidentState.FALSE_ALARM.value,
            Alert.kind.in_(_CLASS_OF),
            Alert.camera_id.in_(camera_ids),
            Alert.id.not_in(taught),
        )
    )
    changed = 0
    for alert in session.scalars(rejected):
        box = _numbers(alert.numbers.get("box"), 4)
        if box is None or alert.camera_id is None:
            continue
        left, top, right, bottom = box
        session.add(
            KnownSourceRow(
                camera_id=alert.camera_id, object_class=_CLASS_OF[alert.kind].value, left=left, top=top, right=right,
                bottom=bottom, look=_numbers(alert.numbers.get("look"), _LOOK_LENGTH) or [], alert_id=alert.id,
                learned_at=now,
            )
        )  # fmt: skip
        changed += 1
    rows = (
        select(KnownSourceRow, Incident.state)
        .join(Alert, Alert.id == KnownSourceRow.alert_id)
        .join(Incident, Incident.id == Alert.incident_id)
        .where(KnownSourceRow.camera_id.in_(camera_ids))
    )
    for row, state in session.execute(rows):
        harmless = state == IncidentState.FALSE_ALARM.value
        if harmless == (row.forgotten_at is not None):
            row.forgotten_at = None if harmless else now
            changed += 1
    session.flush()
    return changed


def load(session: Session, camera_ids: Collection[str]) -> dict[CameraId, tuple[KnownSource, ...]]:
    """What is known of each of these cameras now, the newest `MOST_OF_A_CAMERA` of each."""
    rows = select(KnownSourceRow).where(KnownSourceRow.camera_id.in_(camera_ids), KnownSourceRow.forgotten_at.is_(None))
    found: dict[CameraId, list[KnownSource]] = {CameraId(c): [] for c in camera_ids}
    for row in session.scalars(rows.order_by(KnownSourceRow.learned_at.desc())):
        sources = found[CameraId(row.camera_id)]
        if len(sources) < MOST_OF_A_CAMERA:
            box = (row.left, row.top, row.right, row.bottom)
            sources.append(KnownSource(ObjectClass(row.object_class), box, tuple(row.look)))
    return {camera_id: tuple(sources) for camera_id, sources in found.items()}


def _numbers(value: object, count: int) -> list[float] | None:
    """So many finite numbers, or None: `numbers` of an alert may have been written by another version."""
    if not isinstance(value, list) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in value):
        return None
    return [float(v) for v in value]
