"""What flow gives: crossings, visits, stopped vehicles, minute rows.

Promises: plain values. Not here: how they come about (`line_counter.py`, `zones.py`, `minutes.py`), their tables
(`models/`).
"""

from dataclasses import dataclass, field
from typing import Literal

from configs.words import CameraId, Instant, LineId, ObjectClass, Point, ZoneId
from detectors.words import TrackId

#: `in` is from a line's left to its right, seen walking on the screen from its start to its end.
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One thing went over one line. `at` is when its foot point passed the line, interpolated between looks; `place` is
    where, normalised; `speed` in metres a second, where the camera's ground was measured out."""

    camera_id: CameraId
    line_id: LineId
    track_id: TrackId
    object_class: ObjectClass
    direction: Direction
    at: Instant
    place: Point
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One thing's stay in one zone, given when it has left or has not been seen for a while. Seconds of dwell are
    `left_at - entered_at`."""

    camera_id: CameraId
    zone_id: ZoneId
    track_id: TrackId
    object_class: ObjectClass
    entered_at: Instant
    left_at: Instant


@dataclass(frozen=True, slots=True)
class StoppedVehicle:
    """A motor vehicle that has stood in a no-parking zone for longer than it may. Given once for each stay."""

    camera_id: CameraId
    zone_id: ZoneId
    track_id: TrackId
    object_class: ObjectClass
    since: Instant
    at: Instant
    place: Point


@dataclass(frozen=True, slots=True)
class CrossingRow:
    """Crossings of one line by one class in one minute, of one run so far. `minute` is the Unix time of its start."""

    camera_id: CameraId
    line_id: LineId
    object_class: ObjectClass
    minute: int
    crossed_in: int
    crossed_out: int
    observed_seconds: float


@dataclass(frozen=True, slots=True)
class OccupancyRow:
    """How many of one class stood in one zone in one minute, of one run so far; `mean` is weighted by time. `arrivals`
    are those that came to be in it, by whatever way."""

    camera_id: CameraId
    zone_id: ZoneId
    object_class: ObjectClass
    minute: int
    least: int
    mean: float
    most: int
    observed_seconds: float
    arrivals: int = 0


@dataclass(frozen=True, slots=True)
class MinuteRows:
    """Minute rows of one camera. `run` names the run of counting that they come from: the values are that run's totals
    for the minute, so writing them twice changes nothing, and another run's are added to them."""

    camera_id: CameraId
    run: str
    crossings: tuple[CrossingRow, ...] = field(default=())
    occupancy: tuple[OccupancyRow, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.crossings or self.occupancy)
