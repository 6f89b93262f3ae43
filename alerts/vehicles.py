"""When a vehicle that stands where it may not becomes an alert.

Promises: one alert for one stay. Not here: who stands where and how long (`flow/zones.py`).
"""

from alerts.words import AlertDraft, Marked, Reason
from configs.site import Zone
from configs.words import Box, IncidentKind, ObjectClass
from flow.words import StoppedVehicle

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
            zh=f"{_NAMES_ZH.get(stopped.object_class, '车辆')}在“{zone.name.zh}”停留已 {seconds:.0f} 秒",
            en=f"A {stopped.object_class.value} has stood in “{zone.name.en}” for {seconds:.0f} s",
        ),
        marked=(Marked(stopped.object_class, confidence, box),) if box is not None else (),
        numbers={"zone_id": zone.id, "seconds": round(seconds, 1), "object_class": stopped.object_class.value},
    )
