"""What monitoring points ask of the models.

Promises: light to import: no engine, no OpenCV. Not here: opening models (`engines.py`).
"""

from collections.abc import Iterable
from datetime import datetime

from alerts.duty import within_hours
from configs.areas import OneWay
from configs.site import MonitoringPoint
from configs.words import Watch
from detectors.catalogue import Task


def tasks_of(point: MonitoringPoint) -> set[Task]:
    """What a monitoring point asks the models for: what it watches, and what its lines and zones forbid."""
    tasks = set()
    if Watch.SMOKE_FIRE in point.watch:
        tasks.add(Task.SMOKE_FIRE)
    guards = any(line.one_way is not OneWay.ANY for line in point.lines) or any(
        zone.no_vehicles or zone.no_parking_after_seconds is not None for zone in point.zones
    )
    if guards or set(point.watch) - {Watch.SMOKE_FIRE}:
        tasks.add(Task.PEOPLE_VEHICLES)
    return tasks


def tasks_at(point: MonitoringPoint, now: datetime) -> set[Task]:
    """What it asks for at a moment of the site's local time: `schedule.active` outside its hours asks for nothing but
    smoke and fire, which have hours of their own."""
    tasks = tasks_of(point)
    return tasks if within_hours(point.schedule.active, now.time()) else tasks & {Task.SMOKE_FIRE}


def looks_asked(points: Iterable[MonitoringPoint]) -> float:
    """Looks a second for people and vehicles that these cameras would like together, when all are busy."""
    return sum(p.looks_per_second for p in points if Task.PEOPLE_VEHICLES in tasks_of(p))
