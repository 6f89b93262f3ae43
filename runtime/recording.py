"""The archive of one shard: what is recorded when, its rows, its retention, and the clip of each alert.

Promises: nothing here blocks a stream or holds back an alert; a file's row comes after the file is durable; what waits
is bounded, and what could not be written down is found by the check at the next start. A full disk makes room by
deleting the oldest, and is said. Not here: files (`ingest/recorder.py`), rows (`recording_rows.py`), gathering clips
(`recording_clips.py`), the audit (`recording_check.py`).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from alerts.duty import within_hours
from alerts.evidence import EvidenceStore
from alerts.words import AlertDraft
from configs.site import Hours, MonitoringPoint, RecordingMode, Settings
from configs.words import CameraId, Instant, StreamRole
from ingest.camera import Camera
from ingest.recorder import Recorder, RecordingHealth, RecordingState
from ingest.segment import FinishedSegment, release, seal
from ingest.words import Packet
from models.errors import DatabaseUnavailable
from models.session import Database
from runtime.recording_attach import ClipAttacher, ClipJob
from runtime.recording_check import audit
from runtime.recording_clips import ClipDesk
from runtime.recording_late import LateClips
from runtime.recording_rows import Limits, sweep, write_down

log = logging.getLogger(__name__)

#: So much of the disk stays free for the database and the evidence.
FREE_BYTES = 2 << 30
MOST_SEGMENTS_WAITING = 200
_SWEEP_SECONDS = 60.0
_LATE_SECONDS = 15.0
_RETRY_SECONDS = 1.0
_GIVE_UP_SECONDS = 600.0
#: A main stream that was opened only for the alert is good enough when it holds this much from before it.
_MAIN_SECONDS = 2.0
_FOR_EVER = float("inf")


@dataclass(slots=True)
class _Place:
    point: MonitoringPoint
    camera: Camera
    holds_main: bool = False
    event_holds: bool = False


class Archive:
    """Records the cameras it was given. `tell(kind, incident_id)` is called when a clip has joined an incident."""

    def __init__(
        self,
        store: Path,
        database: Database,
        evidence: EvidenceStore,
        settings: Settings,
        tell: Callable[[str, str], None],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._database = database
        self._evidence = evidence
        self._settings = settings
        self._tell = tell
        self._wall = wall
        self._places: dict[CameraId, _Place] = {}
        self._recorder = Recorder(store, self._segment_done, self._disk_full)
        self._clips = ClipDesk(wall=wall)
        self._segments: queue.Queue[FinishedSegment] = queue.Queue(MOST_SEGMENTS_WAITING)
        self._jobs: list[ClipJob] = []
        self._attacher = ClipAttacher(database, evidence, tell)
        self._late: LateClips | None = None
        self._is_caught_up = False
        self._started_at = wall()
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._room_needed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self.segments_unwritten = 0

    @property
    def clips_attached(self) -> int:
        """Clips that have joined their alerts since the start."""
        return self._attacher.attached

    def add(self, point: MonitoringPoint, camera: Camera) -> None:
        """A camera of this shard; before `start`."""
        self._places[point.camera_id] = _Place(point, camera)
        self._recorder.add(point.camera_id, camera.recent)
        self._clips.add(point.camera_id, camera.recent)

    def start(self) -> None:
        """Raises OSError when the recordings' folder cannot be made."""
        self._store.mkdir(parents=True, exist_ok=True)
        self._recorder.start()
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End all files and clips with what there is, and write them down; at most `timeout` seconds. The cameras and
        the writer of alerts should have stopped before."""
        deadline = time.monotonic() + timeout
        self._recorder.stop(timeout / 2)
        self._stopping.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline - time.monotonic()))

    def packet(self, packet: Packet) -> None:
        """A packet came; call it from the stream's thread, after its ring has it."""
        self._recorder.packet(packet)
        self._clips.packet(packet)

    def alert(self, alert_id: str, draft: AlertDraft) -> None:
        """An alert was handed to the scribe: its clip begins, and its event is recorded."""
        place = self._places.get(draft.camera_id) if draft.camera_id else None
        if place is None:
            return
        recording = place.point.recording
        since = Instant(draft.first_seen_at - recording.pre_roll_seconds)
        role = self._best_role(place)
        if role is StreamRole.MAIN:
            place.camera.hold_main("archive-event")
            place.event_holds = True
        self._clips.begin(alert_id, place.point.camera_id, role, since, recording.post_roll_seconds)
        if recording.mode in (RecordingMode.EVENTS, RecordingMode.MOTION) and self._is_in_hours(place):
            back = max(0.0, self._wall() - since)
            self._recorder.want(place.point.camera_id, role, recording.post_roll_seconds, back, "event")

    def tick(self, camera_id: CameraId, moving: bool) -> None:
        """Once a second: follow the hours, and motion."""
        place = self._places[camera_id]
        recording = place.point.recording
        wants_always = recording.mode in (RecordingMode.CONTINUOUS, RecordingMode.MOTION) and self._is_in_hours(place)
        self._hold(place, wants_always)
        role = self._whole_role(place)
        if recording.mode is RecordingMode.CONTINUOUS:
            if wants_always:
                self._recorder.want(camera_id, role, _FOR_EVER, 0.0, "continuous")
            else:
                self._recorder.unwant(camera_id)
        elif wants_always and moving:
            post, pre = recording.post_roll_seconds, recording.pre_roll_seconds
            self._recorder.want(camera_id, role, max(post, 2.0), pre, "motion")

    def health(self, camera_id: CameraId) -> RecordingHealth:
        """What the camera's recording does now."""
        place = self._places[camera_id]
        if place.point.recording.mode is RecordingMode.OFF:
            return RecordingHealth(RecordingState.OFF)
        return self._recorder.health(camera_id)

    def _hold(self, place: _Place, wanted: bool) -> None:
        if wanted and not place.holds_main:
            place.camera.hold_main("archive")
        elif place.holds_main and not wanted:
            place.camera.release_main("archive")
        place.holds_main = wanted

    def _is_in_hours(self, place: _Place) -> bool:
        hours = place.point.recording.hours
        return not isinstance(hours, list) or within(hours, self._wall(), self._settings.zone_info)

    @staticmethod
    def _whole_role(place: _Place) -> StreamRole:
        return StreamRole.MAIN if place.point.streams.main is not None else StreamRole.SUB

    def _best_role(self, place: _Place) -> StreamRole:
        """The main stream, if it holds enough from before now; opening it only now would miss what led to the alert."""
        if place.point.streams.main is None:
            return StreamRole.SUB
        taking = self._recorder.is_taking(place.point.camera_id)
        if taking is StreamRole.MAIN:
            return taking
        held = place.camera.recent(StreamRole.MAIN, _FOR_EVER)
        is_enough = bool(held) and self._wall() - held[0].captured_at >= _MAIN_SECONDS
        return StreamRole.MAIN if is_enough else StreamRole.SUB

    # What the recorder's thread tells.

    def _segment_done(self, segment: FinishedSegment) -> None:
        try:
            self._segments.put_nowait(segment)
        except queue.Full:
            # The file stays as it is: the check at the next start makes it durable and writes its row.
            self.segments_unwritten += 1
            release(segment)
        self._work.set()

    def _disk_full(self) -> None:
        self._room_needed.set()
        self._work.set()

    # The archive's own thread.

    def _run(self) -> None:
        next_sweep = next_late = time.monotonic()
        while True:
            self._work.wait(0.5)
            self._work.clear()
            is_last = self._stopping.is_set()
            self._write_segments()
            self._save_clips(is_last)
            if not is_last and time.monotonic() >= next_late:
                next_late = time.monotonic() + _LATE_SECONDS
                self._carefully("putting in order what an earlier end had left", self._catch_up)
            if self._room_needed.is_set() or time.monotonic() >= next_sweep:
                self._room_needed.clear()
                next_sweep = time.monotonic() + _SWEEP_SECONDS
                self._carefully("deleting old recordings", self._sweep)
            if is_last:
                return

    @staticmethod
    def _carefully(what: str, work: Callable[[], object]) -> None:
        try:
            work()
        except (OSError, DatabaseUnavailable, SQLAlchemyError) as error:
            log.error("%s failed and is tried again: %s", what, _named(error))

    def _catch_up(self) -> None:
        """What the process before this one left unfinished: its files first, then the clips it could not make."""
        if not self._is_caught_up:
            found = audit(self._database, self._store, None, repair=True, cameras=self._places, only_unfinished=True)
            if found.repaired:
                log.warning("%d recordings that an earlier end had left unfinished were put in order", found.repaired)
            self._is_caught_up = True
        if self._late is None:
            wanted = {camera_id: place.point.recording for camera_id, place in self._places.items()}
            self._late = LateClips(self._database, self._store, self._evidence, wanted, self._tell, self._started_at)
        self._late.work(self._wall())

    def _sweep(self) -> None:
        limits = Limits(
            {str(camera_id): place.point.recording.keep_days for camera_id, place in self._places.items()},
            round(self._settings.recordings_gigabytes * 1e9),
            FREE_BYTES,
        )
        sweep(self._database, self._store, limits, datetime.fromtimestamp(self._wall(), UTC))

    def _write_segments(self) -> None:
        batch: list[FinishedSegment] = []
        while len(batch) < MOST_SEGMENTS_WAITING:
            try:
                batch.append(self._segments.get_nowait())
            except queue.Empty:
                break
        batch = [segment for segment in batch if self._seal(segment)]
        while batch:
            try:
                with self._database.session() as session:
                    for segment in batch:
                        write_down(session, segment)
                break
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                log.error("recordings could not be written down, trying again: %s", _named(error))
                if self._stopping.wait(_RETRY_SECONDS):
                    self.segments_unwritten += len(batch)
                    break
        for segment in batch:
            release(segment)

    def _seal(self, segment: FinishedSegment) -> bool:
        try:
            seal(self._store, segment)
            return True
        except OSError as error:
            log.error("%s could not be made durable: %s", segment.path, error.strerror)
            self.segments_unwritten += 1
            release(segment)
            return False

    def _save_clips(self, is_last: bool) -> None:
        finished = self._clips.take_all() if is_last else self._clips.take_finished()
        give_up_at = time.monotonic() + _GIVE_UP_SECONDS
        self._jobs += [ClipJob(clip, give_up_at) for clip in finished]
        for job in list(self._jobs):
            if self._save_clip(job) or time.monotonic() > job.give_up_at:
                self._jobs.remove(job)
        for camera_id, place in self._places.items():
            if place.event_holds and not self._clips.has(camera_id) and self._recorder.is_taking(camera_id) is None:
                place.event_holds = False
                place.camera.release_main("archive-event")

    def _save_clip(self, job: ClipJob) -> bool:
        """True when nothing is left to do for it."""
        try:
            self._attacher.attach(job)
        except LookupError:
            return False  # the alert is not written yet
        except (OSError, DatabaseUnavailable, SQLAlchemyError) as error:
            log.error("the clip of an alert on %s waits: %s", job.clip.camera_id, _named(error))
            self._room_needed.set()
            return False
        return True


def within(hours: list[Hours], now: float, zone: ZoneInfo) -> bool:
    """Whether that moment lies in one of the daily spans of local time; one may run over midnight."""
    return within_hours(hours, datetime.fromtimestamp(now, zone).time())


def _named(error: Exception) -> str:
    """What went wrong, without the values that a database's message may quote."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
