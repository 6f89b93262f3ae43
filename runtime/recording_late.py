"""The clips of alerts that were raised before this process began: made from what was recorded, or said to be missing.

A process that is killed takes the clips with it that it was gathering. Promises: each alert of the last days that has
no clip gets one from the segments on disk, once what may still come is there; what a clip lacks, or that there is none,
is said in the incident's timeline, once. Not here: gathering clips as packets come (`recording_clips.py`), cutting
(`ingest/cut.py`).
"""

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av.error

from alerts.clips import ClipFault, alerts_without_clip, attach_evidence, say_of_clip
from alerts.evidence import EvidenceStore
from alerts.words import Reason
from configs.site import Recording as Wanted
from configs.words import CameraId, Instant, StreamRole
from ingest.cut import NothingToCut, Piece, cut
from models.recordings import Recording
from models.session import Database
from runtime.recording_attach import SLACK_SECONDS, lacking
from runtime.recording_rows import kept_between

log = logging.getLogger(__name__)

#: Alerts older than this are left as they are.
_BACK = timedelta(days=7)
#: What is recorded after the start is written down when its segment ends, within a minute, and some.
_SETTLE_SECONDS = 90.0
CLIP_BYTES = 48 << 20

NOTHING_RECORDED = Reason(
    "程序中断时片段尚未存完，且当时没有录像，因此没有视频片段。",
    "The recorder was stopped before the clip was complete, and nothing was recorded then, so there is no clip.",
)


@dataclass(frozen=True, slots=True)
class _Alert:
    id: str
    camera_id: str
    since: float
    until: float


class LateClips:
    """One shard's alerts without clips. Used by the archive's thread."""

    def __init__(
        self,
        database: Database,
        store: Path,
        evidence: EvidenceStore,
        wanted: Mapping[CameraId, Wanted],
        tell: Callable[[str, str], None],
        started_at: float,
    ) -> None:
        """`wanted`: this shard's cameras, as they are to be recorded. Alerts from `started_at` on are not looked at."""
        self._database = database
        self._store = store
        self._evidence = evidence
        self._wanted = wanted
        self._tell = tell
        self._started_at = started_at
        self._waiting: list[_Alert] | None = None
        self.made = self.missing = 0

    def work(self, now: float) -> None:
        """Makes what can be made by now, and says what cannot. Raises OSError and the database's errors; then the rest
        is for the next time."""
        if self._waiting is None:
            self._waiting = self._look()
        for alert in list(self._waiting):
            is_settled = alert.until <= self._started_at or now >= alert.until + _SETTLE_SECONDS
            if is_settled:
                self._make(alert)
                self._waiting.remove(alert)

    def _look(self) -> list[_Alert]:
        start = datetime.fromtimestamp(self._started_at, UTC)
        with self._database.reading() as session:
            found = alerts_without_clip(session, {str(c) for c in self._wanted}, start - _BACK, start)
        return [
            _Alert(
                alert.id,
                camera_id := str(alert.camera_id),
                alert.first_seen_at.timestamp() - self._wanted[CameraId(camera_id)].pre_roll_seconds,
                alert.raised_at.timestamp() + self._wanted[CameraId(camera_id)].post_roll_seconds,
            )
            for alert in found
        ]

    def _make(self, alert: _Alert) -> None:
        rows = self._rows(alert)
        pieces = [Piece(self._store / row.path, row.started_at.timestamp()) for row in rows]
        with tempfile.TemporaryDirectory(prefix="clip-") as folder:
            target = Path(folder) / "clip.mp4"
            try:
                made = cut(pieces, alert.since, alert.until, target, CLIP_BYTES)
            except (NothingToCut, av.error.FFmpegError):
                self._say(alert, ClipFault.MISSING, NOTHING_RECORDED)
                self.missing += 1
                return
            file = self._evidence.save(target.read_bytes(), "video/mp4", ".mp4", Instant(made.begins))
        lacks = alert.until - alert.since - _seconds(rows, alert.since, min(alert.until, made.ends))
        with self._database.session() as session:
            incident_id = attach_evidence(session, alert.id, file)
        self.made += 1
        log.warning("an alert on %s got its clip from what was recorded", alert.camera_id)
        if lacks > SLACK_SECONDS:
            self._say(alert, ClipFault.PARTIAL, lacking(lacks, alert.until - alert.since))
        elif incident_id is not None:
            self._tell("incident.changed", incident_id)

    def _say(self, alert: _Alert, fault: ClipFault, reason: Reason) -> None:
        with self._database.session() as session:
            incident_id = say_of_clip(session, alert.id, fault, reason)
        if incident_id is not None:
            self._tell("incident.changed", incident_id)

    def _rows(self, alert: _Alert) -> list[Recording]:
        """What was recorded then, of the stream of which there is more."""
        begin, end = datetime.fromtimestamp(alert.since, UTC), datetime.fromtimestamp(alert.until, UTC)
        with self._database.reading() as session:
            rows = kept_between(session, alert.camera_id, begin, end)
        by_role = [[row for row in rows if row.role == role] for role in StreamRole]
        return max(by_role, key=lambda of_role: _seconds(of_role, alert.since, alert.until))


def _seconds(rows: Sequence[Recording], begin: float, end: float) -> float:
    spans = ((max(row.started_at.timestamp(), begin), min(row.ended_at.timestamp(), end)) for row in rows)
    return sum(max(0.0, until - since) for since, until in spans)
