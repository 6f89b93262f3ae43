"""Where and when smoke and fire are judged on one camera: its masks and its schedule.

Promises: what lies in a zone that ignores a class is not seen by the judge; outside the hours nothing is judged. Pure:
time is given. Not here: the judge (`smoke_fire.py`).
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from alerts.duty import within_hours
from configs.site import MonitoringPoint
from configs.words import SMOKE_AND_FIRE, Instant, ObjectClass, Point
from detectors.words import Detections
from flow.geometry import contains


class FireScope:
    """One camera's masks and hours."""

    def __init__(self, camera: MonitoringPoint, zone: ZoneInfo) -> None:
        self._hours = camera.schedule.smoke_fire
        self._zone = zone
        self._masks = [(frozenset(z.ignore) & SMOKE_AND_FIRE, z.polygon) for z in camera.zones if z.ignore]

    def is_active(self, now: Instant) -> bool:
        """Whether smoke and fire are watched for at this moment."""
        return within_hours(self._hours, datetime.fromtimestamp(now, self._zone).time())

    def kept(self, detections: Detections) -> Detections:
        """Without what has its middle in a zone that ignores it."""
        if not self._masks:
            return detections
        return detections.only(row for row in range(len(detections)) if not self._is_masked(detections, row))

    def _is_masked(self, detections: Detections, row: int) -> bool:
        left, top, right, bottom = (float(v) for v in detections.boxes[row])
        middle: Point = ((left + right) / 2, (top + bottom) / 2)
        cls: ObjectClass = detections.classes[row]
        return any(cls in classes and contains(polygon, middle) for classes, polygon in self._masks)
