"""What is said of vehicles where or as they may not be: standing too long, against a one-way line, among walkers.

Promises: one sentence in both languages; a speed is said only where it is known. Not here: who stands where and how
long (`flow/zones.py`), who drives the wrong way (`wrong_way.py`), who drives where only people walk (`walkways.py`).
"""

from alerts.words import AlertDraft, Marked, Reason
from configs.areas import Line, Zone
from configs.words import Box, CameraId, IncidentKind, Instant, ObjectClass
from detectors.words import Track
from flow.words import Crossing, StoppedVehicle

#: What is called a motor vehicle.
MOTOR_VEHICLES = frozenset({ObjectClass.CAR, ObjectClass.BUS, ObjectClass.TRUCK, ObjectClass.MOTORCYCLE})

_NAMES_ZH = {
    ObjectClass.CAR: "小汽车",
    ObjectClass.BUS: "客车",
    ObjectClass.TRUCK: "货车",
    ObjectClass.MOTORCYCLE: "摩托车",
    ObjectClass.BICYCLE: "自行车",
}


def stopped_vehicle_alert(stopped: StoppedVehicle, zone: Zone, box: Box | None, confidence: float) -> AlertDraft:
    """The alert for a vehicle that has stood in `zone` too long; `box` is where it is now, if it is still seen."""
    seconds = stopped.at - stopped.since
    return AlertDraft(
        kind=IncidentKind.TRAFFIC,
        camera_id=stopped.camera_id,
        first_seen_at=stopped.since,
        raised_at=stopped.at,
        confidence=confidence,
        severity=2,
        reason=Reason(
            zh=f"{_zh(stopped.object_class)}在“{zone.name.zh}”停留已 {seconds:.0f} 秒",
            en=f"A {stopped.object_class.value} has stood in “{zone.name.en}” for {seconds:.0f} s",
        ),
        marked=(Marked(stopped.object_class, confidence, box),) if box is not None else (),
        numbers={"zone_id": zone.id, "seconds": round(seconds, 1), "object_class": stopped.object_class.value},
    )


def wrong_way_alert(crossing: Crossing, line: Line, track: Track, raised_at: Instant) -> AlertDraft:
    """The alert for a vehicle that went over `line` the way it may not. A motor vehicle is graver than a bicycle."""
    speed_zh = speed_en = ""
    numbers: dict[str, object] = {
        "line_id": line.id,
        "direction": crossing.direction,
        "one_way": line.one_way.value,
        "object_class": crossing.object_class.value,
    }
    if crossing.speed is not None:
        kmh = crossing.speed * 3.6
        speed_zh, speed_en = f"，时速约 {kmh:.0f} 公里", f", at about {kmh:.0f} km/h"
        numbers["kilometres_per_hour"] = round(kmh, 1)
    return AlertDraft(
        kind=IncidentKind.TRAFFIC,
        camera_id=crossing.camera_id,
        first_seen_at=min(track.first_seen_at, raised_at),
        raised_at=raised_at,
        confidence=track.confidence,
        severity=3 if crossing.object_class in MOTOR_VEHICLES else 2,
        reason=Reason(
            zh=f"{_zh(crossing.object_class)}在“{line.name.zh}”逆行{speed_zh}",
            en=f"A {crossing.object_class.value} went the wrong way over “{line.name.en}”{speed_en}",
        ),
        marked=(Marked(track.object_class, track.confidence, track.box),),
        numbers=numbers,
    )


def vehicle_on_walkway_alert(
    camera_id: CameraId, zone: Zone, track: Track, since: Instant, at: Instant, speed: float | None
) -> AlertDraft:
    """The alert for a motor vehicle that has been in `zone`, where only people walk, since `since`. `speed` is in
    metres a second."""
    speed_zh = speed_en = ""
    numbers: dict[str, object] = {
        "zone_id": zone.id,
        "seconds": round(at - since, 1),
        "object_class": track.object_class.value,
    }
    if speed is not None:
        kmh = speed * 3.6
        speed_zh, speed_en = f"，时速约 {kmh:.0f} 公里", f", at about {kmh:.0f} km/h"
        numbers["kilometres_per_hour"] = round(kmh, 1)
    return AlertDraft(
        kind=IncidentKind.TRAFFIC,
        camera_id=camera_id,
        first_seen_at=since,
        raised_at=at,
        confidence=track.confidence,
        severity=2,
        reason=Reason(
            zh=f"{_zh(track.object_class)}进入步行区域“{zone.name.zh}”{speed_zh}",
            en=f"A {track.object_class.value} is in “{zone.name.en}”, where only people walk{speed_en}",
        ),
        marked=(Marked(track.object_class, track.confidence, track.box),),
        numbers=numbers,
    )


def _zh(object_class: ObjectClass) -> str:
    return _NAMES_ZH.get(object_class, "车辆")
