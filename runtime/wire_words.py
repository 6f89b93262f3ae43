"""What a shard knows, in the words that travel to the API process.

Promises: pure. Not here: sending them (`live/publisher.py`), knowing (`shard.py`, `camera_watch.py`).
"""

from dataclasses import fields

from detectors.attention import CameraCounters
from detectors.words import Tracks
from ingest.recorder import RecordingHealth
from ingest.words import Frame, StreamHealth
from live.wire import AttentionFigures, OverlayBox, OverlayMessage, StateMessage
from runtime.camera_watch import CameraWatch

_SMOKE_FIRE_SHOWN_SECONDS = 3.0
#: Weaker sightings are doubted, but not drawn.
_SMOKE_FIRE_SHOWN_SCORE = 0.25
_HEALTH_FIELDS = tuple(known.name for known in fields(StreamHealth))


def state_of(
    health: StreamHealth,
    looks_per_second: float,
    moving: bool,
    failures: dict[str, int] | None = None,
    recording: RecordingHealth | None = None,
    attention: AttentionFigures | None = None,
) -> StateMessage:
    """A stream's health as it travels."""
    return StateMessage(
        **{name: getattr(health, name) for name in _HEALTH_FIELDS},
        looks_per_second=looks_per_second,
        moving=moving,
        failures=failures or {},
        recording=recording.state.value if recording else None,
        recorded_bytes=recording.bytes_written if recording else 0,
        recorded_segments=recording.segments if recording else 0,
        recording_dropped=recording.packets_dropped if recording else 0,
        attention=attention,
    )


def attention_of(counters: CameraCounters, rests: bool) -> AttentionFigures:
    """What became of a camera's frames, as it travels."""
    return AttentionFigures(
        counters.bids,
        counters.shed,
        counters.unwanted,
        counters.age_seconds,
        {task.value: looks for task, looks in counters.looks.items()},
        {task.value: gap for task, gap in counters.longest_gap.items()},
        rests,
    )


def overlay_of(watch: CameraWatch, frame: Frame) -> OverlayMessage:
    """What the browser draws for this look: live tracks, and smoke and fire of the last few seconds."""
    boxes: list[OverlayBox] = []
    tracks: Tracks | None = watch.last_tracks
    if tracks is not None:
        boxes += [OverlayBox(t.box, t.object_class.value, t.confidence, t.track_id) for t in tracks.tracks]
    sighting = watch.last_sighting
    if sighting is not None and frame.captured_at - sighting.looked_at < _SMOKE_FIRE_SHOWN_SECONDS:
        found = sighting.detections
        for row in range(len(found)):
            if found.scores[row] < _SMOKE_FIRE_SHOWN_SCORE:
                continue
            left, top, right, bottom = (float(v) for v in found.boxes[row])
            boxes.append(OverlayBox((left, top, right, bottom), found.classes[row].value, float(found.scores[row])))
    return OverlayMessage(
        camera_id=watch.camera.id,
        stream_time=frame.stream_time,
        captured_at=frame.captured_at,
        boxes=boxes,
        counts={str(line): both for line, both in watch.flow.counts.items()},
        occupancy=watch.people_by_zone(),
    )
