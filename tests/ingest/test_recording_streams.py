"""Whatever codec a camera speaks is recorded as it came: from GStreamer's RTSP server to a file and to a clip of it."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from configs.words import CameraId, StreamRole
from ingest.cut import Piece, cut
from ingest.mp4 import mp4_of
from ingest.recorder import Recorder, RecordingState
from ingest.segment import FinishedSegment, release, seal
from ingest.words import Packet
from tests.ingest.test_recorder import shown_times
from tests.support.gstreamer import gst_server
from tests.support.watching import NOTHING, Watch

pytestmark = pytest.mark.gstreamer
GATE, SUB = CameraId("gate"), StreamRole.SUB


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gst_server("/h264=ball", "/bframes=h264-reordered", "/h265=h265", "/mjpeg=mjpeg") as address:
        yield address


@pytest.mark.parametrize(
    ("path", "codec"), [("h264", "h264"), ("bframes", "h264"), ("h265", "hevc"), ("mjpeg", "mjpeg")]
)
def test_a_stream_is_recorded_cut_and_kept_as_a_clip(server: str, path: str, codec: str, tmp_path: Path) -> None:
    store, segments = tmp_path / "store", list[FinishedSegment]()
    recorder = Recorder(store, segments.append)
    with Watch(f"rtsp://{server}/{path}", wish=NOTHING) as watch:
        recorder.add(GATE, watch.camera.recent)
        recorder.start()
        recorder.want(GATE, SUB, float("inf"), 0.0, "continuous")

        handed_on = 0

        def is_recorded() -> bool:
            nonlocal handed_on
            for packet in watch.packets[handed_on:]:
                recorder.packet(packet)
                handed_on += 1
            return recorder.health(GATE).bytes_written > 0 and spans(watch.packets) > 3.0

        watch.until(is_recorded, limit=40.0)
        assert recorder.health(GATE).state is RecordingState.RECORDING
        packets = list(watch.packets)
    recorder.stop(10)
    (segment,) = segments
    file = seal(store, segment)
    release(segment)
    assert (segment.codec, segment.width) == (codec, 320)
    assert segment.height in (180, 184), "JPEG over RTP counts in eights"
    times = shown_times(file)
    assert len(times) >= 25 and times == sorted(times) and times[-1] == pytest.approx(len(times) / 10 - 0.1, abs=0.5)

    began, clip_file = segment.started_at, tmp_path / "clip.mp4"
    made = cut([Piece(file, began)], began + 1.2, began + 2.2, clip_file, 1 << 30)
    assert made.begins <= began + 1.21 and made.ends >= began + 2.19
    assert 10 <= len(shown_times(clip_file)) <= 41
    with av.open(str(clip_file)) as clip:
        assert clip.streams.video[0].codec_context.name == codec

    evidence = tmp_path / "evidence.mp4"
    evidence.write_bytes(mp4_of([p for p in packets if p.captured_at <= packets[0].captured_at + 2]))
    assert len(shown_times(evidence)) >= 15


def spans(packets: list[Packet]) -> float:
    return packets[-1].captured_at - packets[0].captured_at if packets else 0.0
