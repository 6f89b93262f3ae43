"""What is said of a crowd: level, people, density where the ground was measured out, growth.

Promises: a number that is not known is not said; people per square metre only where the square metres are known. Not
here: when it is said (`crowd.py`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from alerts.words import AlertDraft, Reason
from configs.areas import Zone
from configs.words import CameraId, IncidentKind, Instant

#: From about four people on a square metre on, a standing crowd moves its members and not they it: Fruin, The Causes
#: and Prevention of Crowd Disasters (1993); Still, Introduction to Crowd Science (2014).
CRUSH_PER_SQUARE_METRE = 4.0
#: A growth below this is none.
_LEAST_GROWTH = 1.0


class CrowdLevel(IntEnum):
    """How full a zone is."""

    FILLING = 1
    DANGEROUS = 2


@dataclass(frozen=True, slots=True)
class Gathered:
    """A crowd at the moment when it is told. `limit` is the level's number of people, reached at `since`."""

    level: CrowdLevel
    limit: int
    smoothed: float
    most: int
    since: Instant
    at: Instant
    square_metres: float | None
    growth_per_minute: float | None

    @property
    def people(self) -> int:
        return round(self.smoothed)

    @property
    def density(self) -> float | None:
        """People per square metre."""
        return self.smoothed / self.square_metres if self.square_metres else None


def crowd_alert(camera_id: CameraId, zone: Zone, crowd: Gathered) -> AlertDraft:
    """The alert for a zone that has been at a level for long enough."""
    return AlertDraft(
        kind=IncidentKind.CROWD,
        camera_id=camera_id,
        first_seen_at=crowd.since,
        raised_at=crowd.at,
        confidence=max(0.5, min(0.99, 0.5 + 0.5 * (crowd.smoothed - crowd.limit + 1) / (crowd.limit + 1))),
        severity=_severity(zone, crowd),
        reason=_reason(zone, crowd),
        numbers=_numbers(zone, crowd),
    )


def _severity(zone: Zone, crowd: Gathered) -> int:
    if crowd.density is not None and crowd.density >= CRUSH_PER_SQUARE_METRE:
        return 4
    # Where nobody said from how many on it is dangerous, half as many again are graver.
    grave = zone.crowd_dangerous_at is None and crowd.smoothed >= 1.5 * crowd.limit
    return 3 if grave or crowd.level is CrowdLevel.DANGEROUS else 2


def _reason(zone: Zone, crowd: Gathered) -> Reason:
    seconds, people, limit = f"{crowd.at - crowd.since:.0f}", crowd.people, crowd.limit
    if crowd.level is CrowdLevel.DANGEROUS:
        zh = f"“{zone.name.zh}”人数达到危险程度：约有 {people} 人，达到 {limit} 人的危险界限已 {seconds} 秒"
        en = f"“{zone.name.en}” is dangerously full: about {people} people, {limit} or more for {seconds} s"
    else:
        zh = f"“{zone.name.zh}”正在聚集人群：约有 {people} 人，达到 {limit} 人的界限已 {seconds} 秒"
        en = f"“{zone.name.en}” is filling: about {people} people, {limit} or more for {seconds} s"
    if crowd.density is not None:
        zh += f"，每平方米 {crowd.density:.1f} 人"
        en += f", {crowd.density:.1f} per square metre"
    growth = crowd.growth_per_minute
    if growth is not None:
        by = f"{abs(growth):.0f}"
        if abs(growth) < _LEAST_GROWTH:
            zh, en = zh + "，人数平稳", en + ", steady"
        elif growth > 0:
            zh, en = zh + f"，每分钟增加 {by} 人", en + f", {by} more each minute"
        else:
            zh, en = zh + f"，每分钟减少 {by} 人", en + f", {by} fewer each minute"
    return Reason(zh, en)


def _numbers(zone: Zone, crowd: Gathered) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "zone_id": zone.id,
        "level": crowd.level.name.lower(),
        "people": crowd.people,
        "most": crowd.most,
        "limit": crowd.limit,
        "seconds": round(crowd.at - crowd.since, 2),
    }
    if crowd.density is not None and crowd.square_metres is not None:
        numbers["square_metres"] = round(crowd.square_metres, 1)
        numbers["people_per_square_metre"] = round(crowd.density, 2)
    if crowd.growth_per_minute is not None:
        numbers["growth_per_minute"] = round(crowd.growth_per_minute, 1)
    return numbers
