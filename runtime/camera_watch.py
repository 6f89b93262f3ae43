"""One camera's understanding: from what a look found to tracks, counts and alerts.

Promises: the same judgement live and in replay, given the same looks. Deterministic: time comes with the looks. Not
here: where looks come from (`shard.py`, `replay.py`), what becomes of a draft (`scribe.py`).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alerts.crowd import CrowdJudge
from alerts.crowd_looks import CrowdLooks
from alerts.fire_scope import FireScope
from alerts.known_sources import KnownSource
from alerts.passers import Passers
from alerts.smoke_fire import SmokeFireJudge
from alerts.suspicion import Observed
from alerts.vehicles import stopped_vehicle_alert
from alerts.walkways import WalkwayJudge
from alerts.words import AlertDraft, Marked
from alerts.wrong_way import WrongWayJudge
from configs.site import MonitoringPoint, Settings
from configs.words import PEOPLE, Box, Instant, ObjectClass, Watch
from detectors.behaviour import PatchKeeper
from detectors.catalogue import Task
from detectors.movers import Movers
from detectors.tracker import Tracker
from detectors.words import Detections, Sighting, Tracks
from flow.camera_flow import CameraFlow
from flow.day_sums import DaySums
from flow.words import Crossing, MinuteRows, Visit


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look led to."""

    tracks: Tracks | None = None
    crossings: tuple[Crossing, ...] = ()
    drafts: tuple[AlertDraft, ...] = ()


class CameraWatch:
    """Tracker, flow and judges of one camera. Safe to call from several threads; one at a time gets in."""

    def __init__(self, camera: MonitoringPoint, settings: Settings) -> None:
        self.camera = camera
        self.flow = CameraFlow(camera)
        self._tracker = Tracker(camera.camera_id)
        self._smoke_fire = SmokeFireJudge(camera.camera_id, settings.smoke_fire.sensitivity)
        self._scope = FireScope(camera, settings.zone_info)
        self._patches = PatchKeeper()
        zones = camera.zones if Watch.CROWD in camera.watch else []
        self._crowd = CrowdJudge(camera.camera_id, zones, settings.crowd_persists_seconds, self.flow.square_metres)
        self._crowd_looks = CrowdLooks(zones)
        self._people_in: dict[str, int] = {str(zone.zone_id): 0 for zone in camera.zones}
        self._wrong_way = WrongWayJudge(camera.lines)
        self._walkways = WalkwayJudge(camera.camera_id, camera.zones)
        self._lock = threading.Lock()
        self._movers = Movers()
        self._passers = Passers()
        self.moving_tracks = 0
        self.last_tracks: Tracks | None = None
        self.last_sighting: Sighting | None = None

    def confirming(self, task: Task) -> bool:
        """True while an alert of that task's is being confirmed: the camera deserves more looks."""
        return self._smoke_fire.is_suspicious if task is Task.SMOKE_FIRE else self._crowd.is_suspicious

    def see_objects(self, detections: Detections, looked_at: Instant, stream_time: float) -> Seen:
        """Takes one look's people and vehicles."""
        with self._lock:
            tracks = self._tracker.update(detections, looked_at, stream_time)
            self.last_tracks = tracks
            self.moving_tracks = self._movers.update(tracks)
            self._passers.update(tracks, self._movers.moving)
            crossings = self.flow.update(tracks)
            counted = {str(z): self._people(counts) for z, counts in self.flow.occupancy.items()}
            self._people_in = self._crowd_looks.better(counted, looked_at)
            drafts = self._crowd.update(self._people_in, looked_at)
            marked = tuple(
                Marked(t.object_class, t.confidence, t.box) for t in tracks.tracks if t.object_class in PEOPLE
            )
            drafts = [replace(draft, marked=marked) for draft in drafts] + self._stopped_vehicles(tracks)
            drafts += self._wrong_way.update(tracks, self.flow.speed)
            drafts += self._walkways.update(tracks, self.flow.speed)
            return Seen(tracks, tuple(crossings), tuple(drafts))

    def closer_count_due(self) -> bool:
        """Whether the people of the last look should be counted by a closer one; true once in some seconds at most."""
        with self._lock:
            return self.last_tracks is not None and self._crowd_looks.is_due(self.last_tracks, self._people_in)

    def take_closer_count(self, found: Detections, looked_at: Instant) -> None:
        """What a closer look at the whole picture found."""
        with self._lock:
            self._crowd_looks.take(found, looked_at)

    def see_smoke_fire(self, detections: Detections, looked_at: Instant, stream_time: float) -> Seen:
        """Takes one look's smoke and fire: what is masked or out of hours is not judged."""
        if not self._scope.is_active(looked_at):
            detections = Detections.none(detections.aspect)
        with self._lock:
            detections = self._not_on_people(self._scope.kept(detections), looked_at)
            sighting = Sighting(self.camera.camera_id, looked_at, stream_time, detections)
            self.last_sighting = sighting
            kept, passers = self._patches, self._passers
            observed = {
                key: Observed(kept.measure(key), kept.look(key))
                for key, box in self._smoke_fire.places.items()
                if not passers.has_passed(box, looked_at)  # then what was observed before holds
            }
            drafts = self._smoke_fire.update(sighting, observed)
            kept.follow(self._smoke_fire.places)
            return Seen(drafts=tuple(drafts))

    def _not_on_people(self, detections: Detections, now: Instant) -> Detections:
        boxes = [(float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in detections.boxes]
        return detections.only(n for n, box in enumerate(boxes) if not self._passers.is_on_somebody(box, now))

    @property
    def wants_pictures(self) -> bool:
        """Whether a place is suspected, so that every picture tells something."""
        return not self._patches.is_idle

    def see_picture(self, picture: NDArray[np.uint8], captured_at: Instant) -> None:
        """Takes every picture there is, looked at or not: how a suspected place behaves shows between looks. May be
        called from another thread than the looks."""
        self._patches.offer(picture, captured_at)

    def second_looks(self, now: Instant) -> dict[int, Box]:
        """The places where smoke or fire is suspected and a closer look is due, by key."""
        with self._lock:
            return self._smoke_fire.second_looks(now)

    def take_second_look(self, key: int, scores: Mapping[ObjectClass, float]) -> None:
        """What a closer look at such a place found: the best score of each class."""
        with self._lock:
            self._smoke_fire.take_second_look(key, scores)

    def learn_known_sources(self, known: tuple[KnownSource, ...]) -> None:
        """What is known to be harmless on this camera, from now on."""
        with self._lock:
            self._smoke_fire.known = known

    def _stopped_vehicles(self, tracks: Tracks) -> list[AlertDraft]:
        stopped = self.flow.take_stopped()
        zones = {zone.zone_id: zone for zone in self.camera.zones}
        now_at = {track.track_id: track for track in tracks.tracks}
        drafts = []
        for vehicle in stopped:
            track = now_at.get(vehicle.track_id)
            confidence = track.confidence if track else 0.5
            drafts.append(
                stopped_vehicle_alert(vehicle, zones[vehicle.zone_id], track.box if track else None, confidence)
            )
        return drafts

    def due_minutes(self, now: Instant, at_end: bool) -> MinuteRows:
        """The minute rows that are finished; at the end, those of the open minute too."""
        with self._lock:
            return self.flow.minutes_so_far() if at_end else self.flow.due_minutes(now)

    def due_sums(self, zone: ZoneInfo) -> DaySums:
        """What is summed by day alone, since it was last taken."""
        with self._lock:
            return self.flow.take_sums(zone)

    def due_visits(self) -> list[Visit]:
        """The visits to zones that have ended, given once."""
        with self._lock:
            return self.flow.take_visits()

    def people_by_zone(self) -> dict[str, int]:
        """How many people stand in each zone as of the last look, those that only a closer look saw among them."""
        return dict(self._people_in)

    @staticmethod
    def _people(counts: dict[ObjectClass, int]) -> int:
        return sum(counts.get(c, 0) for c in PEOPLE)
