"""Everything that flow makes of one camera's tracks: crossings, occupancy, visits, stopped vehicles, minute rows, and
the day's sums of where things stood, how they followed each other and how fast they went.

Promises: one `update` a look; what happened is given once. Not here: how a line counts (`line_counter.py`), a zone
watches (`zones.py`), a minute sums up (`minutes.py`); writing rows (`store.py`, `day_sums.py`).
"""

import uuid
from collections import deque
from dataclasses import replace
from zoneinfo import ZoneInfo

from configs.site import MonitoringPoint
from configs.words import PEOPLE, VEHICLES, Instant, LineId, ObjectClass, Watch, ZoneId
from detectors.words import TrackId, Tracks
from flow.day_sums import DaySums, local_day
from flow.ground import GroundPlane, SpeedGauge
from flow.heat import HeatGrid, step_between
from flow.line_counter import LineCounter
from flow.minutes import LONGEST_STEP_SECONDS, MinuteSums
from flow.passing import Followers, Passed
from flow.words import Crossing, MinuteRows, StoppedVehicle, Visit
from flow.zones import ZoneWatcher

#: Visits and stopped vehicles that nobody takes are kept this many deep, the newest ones.
MOST_UNTAKEN = 1000


class CameraFlow:
    """The flow of one monitoring point. `counts` maps a line to (in, out) since the start, `occupancy` a zone to how
    many of each class are in it now, `square_metres` a zone to the ground that it covers, where that is known."""

    def __init__(self, camera: MonitoringPoint) -> None:
        self.camera = camera
        self.counts: dict[LineId, tuple[int, int]] = {line.line_id: (0, 0) for line in camera.lines}
        self.occupancy: dict[ZoneId, dict[ObjectClass, int]] = {zone.zone_id: {} for zone in camera.zones}
        self._lines = [LineCounter(line) for line in camera.lines]
        self._zones = [ZoneWatcher(zone) for zone in camera.zones]
        watched = watched_classes(camera)
        self._minutes = MinuteSums(
            camera.camera_id,
            uuid.uuid4().hex,
            {line.line_id: tuple(line.counts) for line in camera.lines},
            {zone.zone_id: tuple(c for c in watched if c not in zone.ignore) for zone in camera.zones},
        )
        self._followers = Followers()
        plane = GroundPlane(camera.ground) if camera.ground else None
        self._gauge = SpeedGauge(plane) if plane else None
        covered = {z.zone_id: plane.square_metres(z.polygon) for z in camera.zones} if plane else {}
        self.square_metres = {zone_id: area for zone_id, area in covered.items() if area is not None}
        self._heat = HeatGrid(watched)
        self._passed: deque[Passed] = deque(maxlen=MOST_UNTAKEN)
        self._looked_at: Instant | None = None
        self._visits: deque[Visit] = deque(maxlen=MOST_UNTAKEN)
        self._stopped: deque[StoppedVehicle] = deque(maxlen=MOST_UNTAKEN)

    def update(self, tracks: Tracks) -> list[Crossing]:
        """Take in one look's tracks; returns the crossings that it completed."""
        step = step_between(self._looked_at, tracks.looked_at, LONGEST_STEP_SECONDS)
        self._looked_at = tracks.looked_at
        if step == 0:
            self._followers.forget()
        self._heat.look(tracks, step)
        if self._gauge is not None:
            self._gauge.update(tracks)
        crossings: list[Crossing] = []
        for counter in self._lines:
            crossings.extend(counter.update(tracks))
        if self._gauge is not None:
            crossings = [replace(c, speed=self._gauge.speed(c.track_id)) for c in crossings]
        for crossing in crossings:
            self._passed.append(Passed(crossing, self._followers.headway(crossing)))
            came, went = self.counts[crossing.line_id]
            is_in = crossing.direction == "in"
            self.counts[crossing.line_id] = (came + is_in, went + (not is_in))
        arrivals: dict[ZoneId, dict[ObjectClass, int]] = {}
        for watcher in self._zones:
            visits, stopped = watcher.update(tracks)
            arrivals[watcher.zone.zone_id] = dict(watcher.arrivals)
            self._visits.extend(visits)
            self._stopped.extend(stopped)
            self.occupancy[watcher.zone.zone_id] = dict(watcher.occupancy)
        self._minutes.look(tracks.looked_at, self.occupancy, crossings, arrivals)
        return crossings

    def speed(self, track_id: TrackId) -> float | None:
        """Metres a second of a thing now; None where that is not known."""
        return self._gauge.speed(track_id) if self._gauge is not None else None

    def take_visits(self) -> list[Visit]:
        """The visits that have ended since they were last taken."""
        taken = list(self._visits)
        self._visits.clear()
        return taken

    def take_sums(self, zone: ZoneInfo) -> DaySums:
        """Where things stood, how they followed and how fast they went since that was last taken, by local day."""
        sums = DaySums()
        grids, observed = self._heat.take()
        if self._looked_at is not None and observed > 0:
            sums.add_heat(local_day(self._looked_at, zone), self.camera.camera_id, grids, observed)
        for passed in self._passed:
            sums.add_passed(local_day(passed.crossing.at, zone), passed)
        self._passed.clear()
        return sums

    def take_stopped(self) -> list[StoppedVehicle]:
        """The vehicles found to have stood too long since they were last taken."""
        taken = list(self._stopped)
        self._stopped.clear()
        return taken

    def due_minutes(self, now: Instant) -> MinuteRows:
        """The rows of minutes that are over, given once."""
        return self._minutes.finished(now)

    def minutes_so_far(self) -> MinuteRows:
        """The rows of the minutes not yet given, the open one with them. To be written now and then, and at the end, so
        that a crash loses seconds rather than a minute; `due_minutes` gives the same minutes again, complete."""
        return self._minutes.so_far()


def watched_classes(camera: MonitoringPoint) -> tuple[ObjectClass, ...]:
    """The classes that a camera's zones have rows for: those it watches, all of them when it names none."""
    watch = set(camera.watch)
    people = bool(watch & {Watch.CROWD, Watch.PEOPLE_FLOW})
    vehicles = bool(watch & {Watch.VEHICLE_FLOW, Watch.STOPPED_VEHICLE})
    if not people and not vehicles:
        people = vehicles = True
    wanted = (PEOPLE if people else frozenset()) | (VEHICLES if vehicles else frozenset())
    return tuple(name for name in ObjectClass if name in wanted)
