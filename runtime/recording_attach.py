"""From a gathered clip to evidence of its alert, or to a sentence in the incident's timeline that says why not.

Promises: the alert's row may come later than its clip (then again later); what a clip lacks is said; doing it twice
does no harm. Not here: gathering (`recording_clips.py`), when (`recording.py`).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from alerts.clips import ClipFault, attach_evidence, say_of_clip
from alerts.evidence import EvidenceFile, EvidenceStore
from alerts.words import Reason
from ingest.mp4 import Unmuxable, mp4_of
from models.session import Database
from runtime.recording_clips import Clip

log = logging.getLogger(__name__)

#: A clip that lacks less than this is whole.
SLACK_SECONDS = 2.5
_NO_PACKETS = Reason("摄像机当时没有画面，因此没有视频片段。", "The camera sent nothing then, so there is no clip.")
_NO_FILE = Reason(
    "摄像机的码流无法存成文件，因此没有视频片段。", "What the camera sent makes no file, so there is no clip."
)


def lacking(seconds: float, of: float) -> Reason:
    """What is said of a clip of which so many seconds are not there."""
    return Reason(
        f"视频片段不完整：应有 {of:.0f} 秒，缺 {seconds:.0f} 秒。",
        f"The clip is incomplete: {seconds:.0f} of its {of:.0f} seconds were not recorded.",
    )


@dataclass(slots=True)
class ClipJob:
    """A clip that waits to be attached. `fault` is what is to be said of it."""

    clip: Clip
    give_up_at: float
    file: EvidenceFile | None = None
    fault: tuple[ClipFault, Reason] | None = None


class ClipAttacher:
    """Attaches one shard's clips. `tell(kind, incident_id)` is called when one has joined an incident."""

    def __init__(self, database: Database, evidence: EvidenceStore, tell: Callable[[str, str], None]) -> None:
        self._database = database
        self._evidence = evidence
        self._tell = tell
        self.attached = self.lost = 0

    def attach(self, job: ClipJob) -> None:
        """Raises LookupError while the alert is not written yet, OSError, and the database's errors: try again."""
        if job.file is None and job.fault is None:
            self._make_file(job)
        alert_id = job.clip.alert_id
        with self._database.session() as session:
            incident_id = attach_evidence(session, alert_id, job.file) if job.file is not None else None
            if job.fault is not None:
                incident_id = say_of_clip(session, alert_id, *job.fault) or incident_id
        if job.file is not None:
            self.attached += 1
        else:
            self.lost += 1
        if incident_id is not None:
            self._tell("incident.changed", incident_id)

    def _make_file(self, job: ClipJob) -> None:
        clip = job.clip
        if not clip.packets:
            job.fault = ClipFault.MISSING, _NO_PACKETS
            return
        try:
            data = mp4_of(clip.packets)
        except Unmuxable as error:
            log.error("the clip of an alert on %s cannot be made: %s", clip.camera_id, error)
            job.fault = ClipFault.MISSING, _NO_FILE
            return
        job.file = self._evidence.save(data, "video/mp4", ".mp4", clip.packets[0].captured_at)
        missing = clip.until - max(packet.captured_at for packet in clip.packets)
        if missing > SLACK_SECONDS:
            job.fault = ClipFault.PARTIAL, lacking(missing, clip.until - clip.since)
        clip.packets = []
