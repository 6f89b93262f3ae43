"""Sums crossings and occupancy by the minute, with the seconds that were truly observed.

Promises: a minute without a look has no row; a minute that was watched and in which nothing happened has rows of zero.
A minute once given is closed: what belongs to it but comes to light later counts in the next open one. Seconds count as
observed between two looks that are close enough to have seen whatever went by. Memory holds the open minute and the few
not yet taken. Not here: crossings and zones themselves, the database (`store.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from configs.words import CameraId, Instant, LineId, ObjectClass, ZoneId
from flow.words import Crossing, CrossingRow, MinuteRows, OccupancyRow

#: Two looks farther apart than this leave a gap that nobody watched. A still scene is looked at every few seconds only,
#: with the motion gate awake in between: that is watching too.
LONGEST_STEP_SECONDS = 10.0
#: A crossing may be placed this much before the look that completed it, so a minute is kept open a little longer.
LATE_SECONDS = 5.0
MOST_MINUTES = 180


@dataclass(slots=True)
class _Occupancy:
    """Of one class in one zone in one minute: the extremes, people-seconds for the mean, and who came."""

    least: int | None = None
    most: int = 0
    integral: float = 0.0
    arrivals: int = 0


@dataclass(slots=True)
class _Minute:
    """One minute so far."""

    observed: float = 0.0
    crossings: dict[tuple[LineId, ObjectClass], list[int]] = field(default_factory=dict)
    occupancy: dict[tuple[ZoneId, ObjectClass], _Occupancy] = field(default_factory=dict)


class MinuteSums:
    """The minutes of one camera. `lines` and `zones` name which classes have rows on each."""

    def __init__(
        self,
        camera_id: CameraId,
        run: str,
        lines: dict[LineId, tuple[ObjectClass, ...]],
        zones: dict[ZoneId, tuple[ObjectClass, ...]],
    ) -> None:
        self.camera_id = camera_id
        self.run = run
        self._lines = lines
        self._zones = zones
        self._minutes: dict[int, _Minute] = {}
        self._looked_at: Instant | None = None
        self._present: dict[ZoneId, dict[ObjectClass, int]] = {}
        self._open_from = 0
        self.minutes_lost = 0

    def look(
        self,
        at: Instant,
        present: dict[ZoneId, dict[ObjectClass, int]],
        crossings: list[Crossing],
        arrivals: Mapping[ZoneId, Mapping[ObjectClass, int]] | None = None,
    ) -> None:
        """Take in one look: who is in each zone now, what has crossed and who has arrived since the last one."""
        before, self._looked_at = self._looked_at, at
        if before is not None and 0 < at - before <= LONGEST_STEP_SECONDS:
            self._observe(before, at)
        self._present = {zone: dict(counts) for zone, counts in present.items()}
        for crossing in crossings:
            minute = self._minute(max(_minute_of(crossing.at), self._open_from))
            pair = minute.crossings.setdefault((crossing.line_id, crossing.object_class), [0, 0])
            pair[0 if crossing.direction == "in" else 1] += 1
        for zone, classes in (arrivals or {}).items():
            for name in set(classes) & set(self._zones.get(zone, ())):
                minute = self._minute(max(_minute_of(at), self._open_from))
                minute.occupancy.setdefault((zone, name), _Occupancy()).arrivals += classes[name]

    def finished(self, now: Instant) -> MinuteRows:
        """The rows of minutes that are over, which are then forgotten here."""
        over = sorted(minute for minute in self._minutes if minute + 60 + LATE_SECONDS <= now)
        rows = self._rows(over)
        for minute in over:
            del self._minutes[minute]
            self._open_from = max(self._open_from, minute + 60)
        return rows

    def so_far(self) -> MinuteRows:
        """The rows of all minutes held, the open one with them; nothing is forgotten."""
        return self._rows(sorted(self._minutes))

    def _minute(self, start: int) -> _Minute:
        if start not in self._minutes:
            while len(self._minutes) >= MOST_MINUTES:
                del self._minutes[min(self._minutes)]
                self.minutes_lost += 1
            self._minutes[start] = _Minute()
        return self._minutes[start]

    def _observe(self, since: Instant, until: Instant) -> None:
        """Who was there at the last look is taken to have stayed until this one."""
        since = Instant(max(since, self._open_from))
        while since < until:
            start = _minute_of(since)
            upto = Instant(min(until, start + 60))
            minute = self._minute(start)
            minute.observed += upto - since
            for zone, classes in self._zones.items():
                present = self._present.get(zone, {})
                for name in classes:
                    count = present.get(name, 0)
                    held = minute.occupancy.setdefault((zone, name), _Occupancy())
                    held.least = count if held.least is None else min(held.least, count)
                    held.most = max(held.most, count)
                    held.integral += count * (upto - since)
            since = upto

    def _rows(self, minutes: list[int]) -> MinuteRows:
        crossings, occupancy = [], []
        for start in minutes:
            minute = self._minutes[start]
            seconds = min(minute.observed, 60.0)
            for line, classes in self._lines.items():
                for name in classes:
                    crossed = minute.crossings.get((line, name), [0, 0])
                    if seconds > 0 or any(crossed):
                        came, went = crossed
                        crossings.append(CrossingRow(self.camera_id, line, name, start, came, went, seconds))
            for (zone, name), held in minute.occupancy.items():
                if seconds > 0:
                    mean = held.integral / minute.observed
                    numbers = (held.least or 0, mean, held.most, seconds, held.arrivals)
                    occupancy.append(OccupancyRow(self.camera_id, zone, name, start, *numbers))
        return MinuteRows(self.camera_id, self.run, tuple(crossings), tuple(occupancy))


def _minute_of(at: Instant) -> int:
    return int(at // 60) * 60
