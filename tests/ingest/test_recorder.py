"""Recording: what the camera sent is on disk, whole and playable, whatever happens to the process or the disk."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest

from configs.words import CameraId, Instant, StreamRole
from ingest import segment as segment_module
from ingest.boxes import wholeness
from ingest.mp4 import Unmuxable, mp4_of
from ingest.recorder import Recorder, RecordingState
from ingest.ring import PacketRing
from ingest.segment import FinishedSegment, SegmentWriter, is_being_written, name_of, release, seal
from ingest.words import Packet
from tests.support.clips import make_clip

GATE, SUB = CameraId("gate"), StreamRole.SUB
START = 1_700_000_000.0


def packets_of(path: Path, camera_id: str = "gate", start: float = START, role: StreamRole = SUB) -> list[Packet]:
    """A clip as ingest would give it: Annex B, in decoding order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        size = stream.codec_context.width, stream.codec_context.height
        to_annexb = av.BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
        raw = [p for r in container.demux(stream) for p in to_annexb.filter(r) if p.size]
        first = min(float(p.pts * p.time_base) for p in raw)
        times = [float(p.pts * p.time_base) - first for p in raw]
        return [
            Packet(CameraId(camera_id), role, bytes(p), p.is_keyframe, 50 + t, Instant(start + t), codec, *size)
            for p, t in zip(raw, times, strict=True)
        ]


def shifted(packets: list[Packet], seconds: float) -> list[Packet]:
    return [
        replace(p, stream_time=p.stream_time + seconds, captured_at=Instant(p.captured_at + seconds)) for p in packets
    ]


def shown_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Packet]]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "h264": packets_of(make_clip(folder / "a.mp4")),
        "b-frames": packets_of(make_clip(folder / "b.mp4", b_frames=2)),
        "hevc": packets_of(make_clip(folder / "c.mp4", "hevc")),
        "large": packets_of(make_clip(folder / "d.mp4", size=(320, 192))),
    }


class Desk:
    """A recorder whose thread is turned by hand, and one camera's ring."""

    def __init__(self, store: Path, **options: float) -> None:
        self.now = 1000.0
        self.ring = PacketRing(10.0, 8 << 20)
        self.segments: list[FinishedSegment] = []
        self.full = 0
        self.store = store
        self.recorder = Recorder(store, self.segments.append, self._on_full, monotonic=lambda: self.now, **options)
        self.recorder.add(GATE, lambda role, seconds: self.ring.recent(seconds))

    def _on_full(self) -> None:
        self.full += 1

    def feed(self, packets: list[Packet]) -> None:
        for packet in packets:
            self.ring.append(packet)
            self.recorder.packet(packet)

    def turn(self) -> None:
        for track in self.recorder._tracks.values():
            self.recorder._drain(track, self.now)

    def end(self) -> list[Path]:
        self.turn()
        self.recorder._stopping.set()
        self.recorder._run()
        paths = [seal(self.store, s) for s in self.segments]
        for each in self.segments:
            release(each)
        return paths


@pytest.mark.parametrize("kind", ["h264", "b-frames", "hevc"])
def test_a_segment_holds_every_picture_unchanged_and_in_order(
    kind: str, clips: dict[str, list[Packet]], tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    desk.feed(clips[kind])
    (path,) = desk.end()
    times = shown_times(path)
    assert len(times) == 40 and times == sorted(times)
    steps = [b - a for a, b in pairwise(times)]
    assert steps == pytest.approx([0.05] * 39, abs=0.002)
    (segment,) = desk.segments
    assert segment.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert segment.size_bytes == path.stat().st_size
    assert segment.ended_at - segment.started_at == pytest.approx(2.0, abs=0.06)
    assert wholeness(path).fragments == 4, "one fragment a group of pictures"
    said = name_of(str(path.relative_to(tmp_path)))
    assert said is not None and (said.camera_id, said.reason, said.id) == ("gate", "continuous", segment.id)
    assert said.started_at == pytest.approx(segment.started_at, abs=0.001)


def test_the_file_is_copied_not_encoded(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    desk.feed(clips["h264"])
    (path,) = desk.end()
    again = packets_of(path)
    slices = [p.data.rsplit(b"\x00\x00\x01", 1)[1] for p in clips["h264"]]
    assert [p.data.rsplit(b"\x00\x00\x01", 1)[1] for p in again] == slices


def test_segments_are_cut_at_key_frames_and_leave_no_gap(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    desk = Desk(tmp_path, segment_seconds=1.0)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    for n in range(3):
        desk.feed(shifted(clips["h264"], n * 2.0))
    paths = desk.end()
    assert sum(len(shown_times(p)) for p in paths) == 120
    assert len(paths) >= 4
    for one, next_one in zip(desk.segments, desk.segments[1:], strict=False):
        assert one.ended_at == next_one.started_at


def test_an_event_is_recorded_from_before_to_after(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for n in range(3):
        desk.feed(shifted(clips["h264"], n * 2.0))
    assert desk.recorder.health(GATE).state is RecordingState.WAITING
    desk.recorder.want(GATE, SUB, 2.0, 3.0, "event")
    desk.feed(shifted(clips["h264"], 6.0))
    desk.turn()
    assert desk.recorder.health(GATE).state is RecordingState.RECORDING
    desk.now += 1.0
    desk.recorder.want(GATE, SUB, 2.0, 3.0, "event")
    desk.feed(shifted(clips["h264"], 8.0))
    desk.now += 2.5
    desk.feed(shifted(clips["h264"], 10.0))
    desk.end()
    (segment,) = desk.segments
    assert START + 2.5 <= segment.started_at <= START + 3.1, "three seconds before the event, from a key frame"
    assert segment.ended_at == pytest.approx(START + 10.0, abs=0.06), "the second event made it longer"
    assert segment.reason == "event"


@pytest.mark.parametrize("change", ["size", "codec", "clock", "gap"])
def test_what_cannot_follow_in_one_file_begins_another(
    change: str, clips: dict[str, list[Packet]], tmp_path: Path
) -> None:
    following = {
        "size": shifted(clips["large"], 2.0),
        "codec": shifted(clips["hevc"], 2.0),
        "clock": [replace(p, stream_time=p.stream_time - 40) for p in shifted(clips["h264"], 2.0)],
        "gap": shifted(clips["h264"], 32.0),
    }[change]
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    desk.feed(clips["h264"])
    desk.feed(following)
    paths = desk.end()
    assert [len(shown_times(p)) for p in paths] == [40, 40]


def test_a_stream_that_goes_silent_ends_its_segment(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    desk.feed(clips["h264"])
    desk.turn()
    assert not desk.segments
    desk.now += 11
    desk.turn()
    assert len(desk.segments) == 1
    desk.end()


def full_after(monkeypatch: pytest.MonkeyPatch, most: int) -> Callable[[], None]:
    """The disk takes so many more bytes; the function given back makes room again."""
    left, real = [most], os.write

    def write(handle: int, data: memoryview) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = real(handle, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(segment_module.os, "write", write)
    return lambda: monkeypatch.setattr(segment_module.os, "write", real)


def test_a_full_disk_costs_what_did_not_fit_and_recording_comes_back(
    clips: dict[str, list[Packet]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room = full_after(monkeypatch, 40_000)
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    for n in range(8):
        desk.feed(shifted(clips["h264"], n * 2.0))
    desk.turn()
    health = desk.recorder.health(GATE)
    assert health.state is RecordingState.DISK_FULL and desk.full >= 1
    assert health.packets_dropped > 0
    (kept,) = desk.segments
    make_room()
    desk.now += 6
    desk.feed(shifted(clips["h264"], 16.0))
    desk.turn()
    assert desk.recorder.health(GATE).state is RecordingState.RECORDING
    paths = desk.end()
    assert len(paths) == 2 and len(shown_times(paths[1])) == 40
    assert wholeness(paths[0]).is_whole and len(shown_times(paths[0])) % 10 == 0
    assert hashlib.sha256(paths[0].read_bytes()).hexdigest() == kept.sha256
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_does_not_keep_up_drops_whole_groups_and_counts(
    clips: dict[str, list[Packet]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.recorder.TRACK_BYTES", 20_000)
    desk = Desk(tmp_path)
    desk.recorder.want(GATE, SUB, float("inf"), 0, "continuous")
    desk.feed(clips["h264"])
    desk.feed(shifted(clips["h264"], 2.0))
    desk.turn()
    dropped = desk.recorder.health(GATE).packets_dropped
    assert 0 < dropped < 80
    desk.feed(shifted(clips["h264"], 4.0)[:20])
    paths = desk.end()
    assert sum(len(shown_times(p)) for p in paths) == 100 - desk.recorder.health(GATE).packets_dropped


def test_a_clip_is_one_whole_file(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    for kind in ("h264", "b-frames", "hevc"):
        path = tmp_path / f"{kind}.mp4"
        path.write_bytes(mp4_of(clips[kind]))
        assert len(shown_times(path)) == 40
    with pytest.raises(Unmuxable):
        mp4_of(clips["h264"][1:])


def test_a_file_that_is_being_written_is_known(clips: dict[str, list[Packet]], tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, clips["h264"][0], "event")
    for packet in clips["h264"]:
        writer.add(packet)
    (part,) = tmp_path.rglob("*.part")
    assert is_being_written(part)
    segment = writer.finish()
    assert segment is not None
    path = seal(tmp_path, segment)
    assert is_being_written(path)
    release(segment)
    assert not is_being_written(path)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from ingest.segment import SegmentWriter
from tests.ingest.test_recorder import packets_of, shifted
packets = packets_of(Path(sys.argv[1]))
writer = SegmentWriter(Path(sys.argv[2]), packets[0], "continuous")
for n in range(10_000):
    for number, packet in enumerate(shifted(packets, n * 2.0)):
        writer.add(packet)
        if packet.is_keyframe:
            print(n * 4 + number // 10, flush=True)  # so many groups are complete
"""


def test_kill_nine_loses_at_most_the_running_fragment(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    store = tmp_path / "store"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(clip), str(store), str(Path(__file__).parents[2])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    complete = 0
    while complete < 25:
        complete = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    complete = max([complete, *(int(line) for line in process.stdout.read().split())])
    process.wait(10)
    process.stdout.close()
    (part,) = store.rglob("*.part")
    found = wholeness(part)
    assert found.fragments >= complete
    assert not is_being_written(part), "its lock went with the process"
    os.truncate(part, found.whole_bytes)
    assert len(shown_times(part)) == found.fragments * 10
