"""Minute rows for tests of roll-ups and reports, written the way the shard writes them."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from configs.words import CameraId, LineId, ObjectClass, ZoneId
from flow.rollups import mark
from flow.store import MinuteStore
from flow.words import CrossingRow, MinuteRows, OccupancyRow
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
    zone: ZoneInfo = SHANGHAI,
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
        mark(session.connection(), batch, zone)
