"""Minute rows for tests of roll-ups and reports, written the way the shard writes them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from configs.footfall import Footfall
from configs.site import Site
from configs.words import CameraId, LineId, ObjectClass, ZoneId
from flow.profiles import pack
from flow.rollups import mark
from flow.store import MinuteStore
from flow.words import CrossingRow, MinuteRows, OccupancyRow
from models.footfall import DayCrossing
from models.session import Database

SHANGHAI = ZoneInfo("Asia/Shanghai")


def crossed(
    camera: str,
    line: str,
    at: datetime,
    came: int,
    went: int = 0,
    seconds: float = 60.0,
    kind: ObjectClass = ObjectClass.PERSON,
) -> CrossingRow:
    """One minute's row of a line."""
    minute = int(at.timestamp()) // 60 * 60
    return CrossingRow(CameraId(camera), LineId(line), kind, minute, came, went, seconds)


def stood(
    camera: str, zone: str, at: datetime, least: int, mean: float, most: int, seconds: float = 60.0
) -> OccupancyRow:
    """One minute's row of a zone."""
    minute = int(at.timestamp()) // 60 * 60
    return OccupancyRow(CameraId(camera), ZoneId(zone), ObjectClass.PERSON, minute, least, mean, most, seconds)


def write(
    database: Database,
    crossings: Iterable[CrossingRow] = (),
    occupancy: Iterable[OccupancyRow] = (),
    run: str = "run",
) -> None:
    """Write rows, and their marks in the same transaction."""
    by_camera: dict[CameraId, tuple[list[CrossingRow], list[OccupancyRow]]] = {}
    for row in crossings:
        by_camera.setdefault(row.camera_id, ([], []))[0].append(row)
    for stand in occupancy:
        by_camera.setdefault(stand.camera_id, ([], []))[1].append(stand)
    batch = [MinuteRows(camera, run, tuple(c), tuple(o)) for camera, (c, o) in by_camera.items()]
    with database.session() as session:
        MinuteStore().write(session.connection(), batch)
        mark(session.connection(), batch)


def day_row(
    day: date,
    camera: str,
    line: str,
    came: Sequence[float],
    went: Sequence[float] | None = None,
    kind: str = "person",
    seconds: Sequence[float] | None = None,
) -> DayCrossing:
    """A day as rolled up: 24 numbers each; observed all day when not said otherwise."""
    went = [0.0] * 24 if went is None else went
    seconds = [3600.0] * 24 if seconds is None else seconds
    return DayCrossing(
        day=day,
        camera_id=camera,
        line_id=line,
        object_class=kind,
        crossed_in=round(sum(came)),
        crossed_out=round(sum(went)),
        observed_seconds=sum(seconds),
        profile=pack(np.array([came, went, seconds])),
    )


def village() -> Site:
    """A gate whose line looks outward, a road, a square with a line and a zone."""

    def camera(camera_id: str, line: str, counts: list[str], **more: object) -> dict[str, object]:
        ends = {"start": [0.5, 0.1], "end": [0.5, 0.9]}
        return {
            "id": camera_id,
            "name": {"zh": f"点位{camera_id}", "en": f"Point {camera_id}"},
            "place": {"x": 0.5, "y": 0.5},
            "group": "all",
            "streams": {"sub": f"rtsp://{camera_id}/sub"},
            "lines": [{"id": line, "name": {"zh": "线", "en": "line"}, "counts": counts, **ends}],
            **more,
        }

    corners = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
    zone = {"id": "yard", "name": {"zh": "场", "en": "yard"}, "polygon": corners}
    return Site.model_validate(
        {
            "site": {"name": {"zh": "余东<村>", "en": "Yudong <village>"}},
            "groups": [{"id": "all", "name": {"zh": "全", "en": "all"}}],
            "cameras": [
                camera("arch", "walk", ["person"]),
                camera("road", "lane", ["car", "bus"]),
                camera("square", "path", ["person"], zones=[zone]),
            ],
        }
    )


def plan() -> Footfall:
    """The arch and the road are gates; at the arch `out` leads in. One gate does not exist."""
    return Footfall.model_validate(
        {
            "gates": [
                {"camera": "arch", "line": "walk", "inward": "out"},
                {"camera": "road", "line": "lane"},
                {"camera": "gone", "line": "walk"},
            ],
            "capacities": [{"camera": "square", "zone": "yard", "people": 10}],
        }
    )
