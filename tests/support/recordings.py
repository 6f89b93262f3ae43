"""A past for a camera: real segments, written by the real writer from a clip's packets, with their rows.

Not here: recording as it happens (`runtime/recording.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import av

from configs.words import CameraId, Instant, StreamRole
from ingest.segment import FinishedSegment, SegmentWriter, release, seal
from ingest.words import Packet
from models.session import Database
from runtime.recording_rows import write_down


def packets_of(clip: Path, camera_id: str, role: StreamRole = StreamRole.MAIN) -> list[Packet]:
    """A clip's packets as ingest would give them, beginning at second 0."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        size = context.width, context.height
        to_annexb = av.BitStreamFilterContext(f"{context.codec.name}_mp4toannexb", stream)
        raw = [p for r in container.demux(stream) for p in to_annexb.filter(r) if p.size]
        first = min(float(p.pts * p.time_base) for p in raw)
        return [
            Packet(
                CameraId(camera_id), role, bytes(p), p.is_keyframe, float(p.pts * p.time_base) - first,
                Instant(float(p.pts * p.time_base) - first), context.codec.name, *size,
            )
            for p in raw
        ]  # fmt: skip


def record(
    store: Path,
    database: Database,
    packets: Sequence[Packet],
    begin: datetime,
    seconds: float,
    reason: str = "continuous",
    segment_seconds: float = 60.0,
) -> int:
    """Writes `seconds` of the packets, again and again from `begin` on, as segments with their rows; how many."""
    written = 0
    for segment in _segments(store, packets, begin.timestamp(), seconds, reason, segment_seconds):
        seal(store, segment)
        with database.session() as session:
            write_down(session, segment)
        release(segment)
        written += 1
    return written


def _segments(
    store: Path, packets: Sequence[Packet], begin: float, seconds: float, reason: str, segment_seconds: float
) -> Iterator[FinishedSegment]:
    writer: SegmentWriter | None = None
    for packet in _again(packets, begin, seconds):
        if (
            writer is not None
            and packet.is_keyframe
            and packet.captured_at - writer.first.captured_at >= segment_seconds
        ):
            if (done := writer.finish(packet)) is not None:
                yield done
            writer = None
        if writer is None:
            writer = SegmentWriter(store, packet, reason)
        writer.add(packet)
    if writer is not None and (done := writer.finish()) is not None:
        yield done


def _again(packets: Sequence[Packet], begin: float, seconds: float) -> Iterator[Packet]:
    length = max(p.stream_time for p in packets) + 0.1
    offset = 0.0
    while offset < seconds:
        for packet in packets:
            at = packet.stream_time + offset
            if at < seconds:
                yield replace(packet, stream_time=at, captured_at=Instant(begin + at))
        offset += length
