"""The words of what is configured, shared by every room.

Promises: identities that cannot be mistaken for each other, and geometry normalised to 0…1 of the picture with the
origin at the top left. Not here: what a room gives (packets, tracks, alerts); each lives in its own room's `words.py`.
"""

import re
from enum import StrEnum
from typing import NewType

CameraId = NewType("CameraId", str)
ZoneId = NewType("ZoneId", str)
LineId = NewType("LineId", str)

#: Seconds since the Unix epoch, UTC. Used on hot paths; whatever is stored or shown is a timezone-aware datetime.
Instant = NewType("Instant", float)

#: (x, y), each 0…1 of the picture, origin top left.
Point = tuple[float, float]
#: (left, top, right, bottom), each 0…1 of the picture.
Box = tuple[float, float, float, float]


def is_phone(camera_id: str) -> bool:
    """Whether the id is one of those kept for phones that are cameras for a while (`phones.py`).

    >>> is_phone("phone-2"), is_phone("phone-shop")
    (True, False)
    """
    return re.fullmatch(r"phone-[1-9]\d*", camera_id) is not None


class StreamRole(StrEnum):
    """Which of a camera's two RTSP streams: the sub for analysis and grid view, the main for the rest."""

    MAIN = "main"
    SUB = "sub"


class Watch(StrEnum):
    """What a monitoring point watches for."""

    SMOKE_FIRE = "smoke_fire"
    CROWD = "crowd"
    PEOPLE_FLOW = "people_flow"
    VEHICLE_FLOW = "vehicle_flow"
    STOPPED_VEHICLE = "stopped_vehicle"


class ObjectClass(StrEnum):
    """What the models can see, by COCO's names for people and vehicles."""

    PERSON = "person"
    BICYCLE = "bicycle"
    CAR = "car"
    MOTORCYCLE = "motorcycle"
    BUS = "bus"
    TRUCK = "truck"
    SMOKE = "smoke"
    FIRE = "fire"


PEOPLE = frozenset({ObjectClass.PERSON})
VEHICLES = frozenset({ObjectClass.BICYCLE, ObjectClass.CAR, ObjectClass.MOTORCYCLE, ObjectClass.BUS, ObjectClass.TRUCK})
SMOKE_AND_FIRE = frozenset({ObjectClass.SMOKE, ObjectClass.FIRE})


class Role(StrEnum):
    """Who somebody is to the service. Every route names the roles that may call it."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    GRID_WORKER = "grid_worker"
    ENFORCEMENT_OFFICER = "enforcement_officer"
    PLANNER = "planner"
    VIEWER = "viewer"
    CITIZEN = "citizen"


class IncidentKind(StrEnum):
    """What an incident is about."""

    FIRE = "fire"
    SMOKE = "smoke"
    CROWD = "crowd"
    TRAFFIC = "traffic"
    ENVIRONMENT = "environment"
    FACILITY = "facility"
    DISPUTE = "dispute"
    OTHER = "other"
