"""The shard's one writer to the database.

Promises: an alert that was handed over is written once, however often the database or the disk fails in between; counts
follow as they can. Alerts wait in a bounded queue and are never dropped while the process lives; what has to be shed is
counted minutes, and that is counted. Not here: the rules of incidents (`alerts/incidents.py`).
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from alerts.evidence import EvidenceFile, EvidenceStore, annotate
from alerts.incidents import Sighted, raise_alerts
from alerts.words import AlertDraft
from configs.site import Place
from flow.day_sums import DaySums
from flow.rollups import mark
from flow.stays import StayRow, add_stays
from flow.store import MinuteStore
from flow.words import MinuteRows
from models.base import new_id
from models.errors import DatabaseUnavailable
from models.session import Database

log = logging.getLogger(__name__)

MOST_ALERTS_WAITING = 1000
MOST_MINUTES_WAITING = 100_000
MOST_STAYS_WAITING = 20_000
_RETRY_SECONDS = 1.0
#: Alerts that are written in one transaction when several wait.
_MOST_AT_ONCE = 64

#: A picture for evidence: BGR, and the boxes of the draft are normalised, so any resolution will do.
PictureSource = Callable[[], NDArray[np.uint8] | None]


@dataclass(slots=True)
class _AlertJob:
    draft: AlertDraft
    place: Place | None
    picture: PictureSource
    alert_id: str = field(default_factory=new_id)
    files: tuple[EvidenceFile, ...] | None = None

    @property
    def sighted(self) -> Sighted:
        return Sighted(self.alert_id, self.draft, self.place, self.files or ())


class Scribe:
    """Writes alerts and minute rows from one thread. `tell(kind, incident_id)` is called after each commit."""

    def __init__(self, database: Database, evidence: EvidenceStore, tell: Callable[[str, str], None]) -> None:
        self._database = database
        self._evidence = evidence
        self._tell = tell
        self._alerts: queue.Queue[_AlertJob] = queue.Queue(MOST_ALERTS_WAITING)
        self._minutes: deque[MinuteRows] = deque()
        self._stays: deque[StayRow] = deque(maxlen=MOST_STAYS_WAITING)
        self._sums = DaySums()
        self._minute_store = MinuteStore()
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self.minutes_shed = 0
        self.stays_shed = 0
        self.alerts_written = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Writes what waits, for at most `timeout` seconds."""
        self._stopping.set()
        self._work.set()
        self._thread.join(timeout)
        if waiting := self._alerts.qsize():
            log.error("%d alerts could not be written before the end", waiting)
        if self._minutes:
            log.error("%d minutes of counts could not be written before the end", len(self._minutes))

    def alert(self, draft: AlertDraft, place: Place | None, picture: PictureSource) -> str:
        """Hands over an alert; the id it will have. Blocks when a thousand wait already, rather than lose one."""
        job = _AlertJob(draft, place, picture)
        self._alerts.put(job)
        self._work.set()
        return job.alert_id

    def minutes(self, rows: MinuteRows) -> None:
        """Hands over minute rows; the oldest are shed, and counted, when the database has been away for hours."""
        if not rows:
            return
        with self._lock:
            self._minutes.append(rows)
            while len(self._minutes) > MOST_MINUTES_WAITING:
                self._minutes.popleft()
                self.minutes_shed += 1
        self._work.set()

    def stays(self, rows: list[StayRow]) -> None:
        """Hands over how long people stayed; the oldest are shed, and counted, like minutes."""
        if not rows:
            return
        with self._lock:
            self.stays_shed += max(0, len(self._stays) + len(rows) - MOST_STAYS_WAITING)
            self._stays.extend(rows)
        self._work.set()

    def day_sums(self, sums: DaySums) -> None:
        """Hands over what is summed by day alone; sums that wait are merged, so they take no more room by waiting."""
        if not sums:
            return
        with self._lock:
            self._sums.merge(sums)
        self._work.set()

    def _run(self) -> None:
        while True:
            self._work.wait(1.0)
            self._work.clear()
            self._drain_alerts()
            self._drain_minutes()
            if self._stopping.is_set() and self._alerts.empty():
                return

    def _drain_alerts(self) -> None:
        while batch := self._next_alerts():
            while not self._write_alerts(batch):
                if self._stopping.wait(_RETRY_SECONDS) and not self._write_alerts(batch):
                    for job in batch:
                        self._alerts.put(job)
                    return

    def _next_alerts(self) -> list[_AlertJob]:
        """What waits, in order, up to what is written at once: a disk syncs a batch as fast as one alert."""
        batch: list[_AlertJob] = []
        while len(batch) < _MOST_AT_ONCE:
            try:
                batch.append(self._alerts.get_nowait())
            except queue.Empty:
                break
        return batch

    def _write_alerts(self, batch: list[_AlertJob]) -> bool:
        """Writes these in one transaction; if that fails, each in its own, so that one cannot hold up the others.
        What was written leaves `batch`; whether all was."""
        if self._write_together(batch):
            batch.clear()
        elif len(batch) > 1:
            batch[:] = [job for job in batch if not self._write_together([job])]
        return not batch

    def _write_together(self, jobs: list[_AlertJob]) -> bool:
        try:
            for job in jobs:
                if job.files is None:
                    job.files = self._save_evidence(job)
            with self._database.session() as session:
                found = raise_alerts(session, [job.sighted for job in jobs])
                told = [("incident.opened" if r.opened else "incident.changed", r.incident.id) for r in found]
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            log.error("%d alerts could not be written, trying again: %s", len(jobs), _named(error))
            return False
        self.alerts_written += len(jobs)
        for job, (kind, incident_id) in zip(jobs, told, strict=True):
            log.warning("%s on %s: %s", job.draft.kind.value, job.draft.camera_id, job.draft.reason.en)
            self._tell(kind, incident_id)
        return True

    def _save_evidence(self, job: _AlertJob) -> tuple[EvidenceFile, ...]:
        """A missing picture must not hold back the alert."""
        try:
            picture = job.picture()
            if picture is None:
                return ()
            data = annotate(picture, job.draft.marked, job.draft.raised_at)
            return (self._evidence.save(data, "image/jpeg", ".jpg", job.draft.raised_at),)
        except (OSError, ValueError) as error:
            log.error("evidence for an alert on %s could not be saved: %s", job.draft.camera_id, error)
            return ()

    def _drain_minutes(self) -> None:
        with self._lock:
            batch, stays = list(self._minutes), list(self._stays)
            sums, self._sums = self._sums, DaySums()
        if not batch and not stays and not sums:
            return
        try:
            with self._database.session() as session:
                self._minute_store.write(session.connection(), batch)
                mark(session.connection(), batch)
                add_stays(session.connection(), stays)
                sums.write(session.connection())
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            with self._lock:
                self._sums.merge(sums)
            log.error("counts could not be written, they are kept and tried again: %s", _named(error))
            self._stopping.wait(_RETRY_SECONDS)
            return
        with self._lock:
            written = set(map(id, batch))
            self._minutes = deque(rows for rows in self._minutes if id(rows) not in written)
            stayed = set(map(id, stays))
            left = (row for row in self._stays if id(row) not in stayed)
            self._stays = deque(left, maxlen=MOST_STAYS_WAITING)


def _named(error: Exception) -> str:
    """What went wrong, without the values that a database's message may quote."""
    return str(error) if isinstance(error, DatabaseUnavailable) else type(error).__name__
