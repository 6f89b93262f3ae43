"""The failure matrix, pictures and times: each way of failing is named, survived, and hurts no neighbour."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from configs.words import StreamRole
from ingest.view import HOLD_SECONDS
from ingest.words import StreamState
from runtime.demo.clip import Clip, Loop
from runtime.demo.thread import ThreadedServer
from tests.ingest.trouble import back_soon, gate_and_neighbour, tries
from tests.support.clips import make_clip, picture, undecodable
from tests.support.gstreamer import gst_server
from tests.support.watching import Watch

Bgr = NDArray[np.uint8]


def black(number: int) -> Bgr:
    return np.zeros((96, 160, 3), np.uint8)


def covered(number: int) -> Bgr:
    return np.full((96, 160, 3), 120, np.uint8)


def frozen(number: int) -> Bgr:
    return picture(1, 160, 96)


def blurred(number: int) -> Bgr:
    return np.asarray(cv2.GaussianBlur(picture(number, 160, 96), (0, 0), 9), np.uint8)


@pytest.mark.parametrize("scene", [black, covered, frozen, blurred])
def test_pictures_that_show_too_little_are_degraded(
    broken: ThreadedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Callable[[int], Bgr]
) -> None:
    """The same judgement as ever, in a hurry: half a second for what takes ten to thirty."""
    monkeypatch.setattr("ingest.view.HOLD_SECONDS", dict.fromkeys(HOLD_SECONDS, 0.6))
    monkeypatch.setattr("ingest.view.LOOK_SECONDS", 0.2)
    monkeypatch.setattr("ingest.view.LEARN_SECONDS", 1.5)
    well = broken.server.source("neighbour")
    assert well is not None
    bad = Loop(Clip.open(make_clip(tmp_path / "bad.mp4", scene=scene, seconds=6)))
    with gate_and_neighbour(broken) as gate:
        gate.until(lambda: len(gate.frames) > 60)  # what it usually shows
        broken.replace("gate", bad)
        health = gate.until_state(StreamState.DEGRADED)
        assert (health.cause, health.reconnects) == (scene.__name__, 1), "the one that brought the other pictures"
        gate.until(lambda: gate.camera.health(StreamRole.SUB).frames_per_second > 15)
        heard = len(gate.states)
        broken.replace("gate", well)
        gate.until(lambda: [s.state for s in gate.states[heard:]][-2:] == [StreamState.DEGRADED, StreamState.ONLINE])
        assert tries(gate) == 2 and gate.states[-1].cause == "online"


def test_what_cannot_be_decoded_is_stalled(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    well = broken.server.source("neighbour")
    assert well is not None
    broken.replace("gate", Loop(undecodable(clips["h264"])))
    with gate_and_neighbour(broken) as gate:
        assert gate.until_state(StreamState.STALLED).cause == "undecodable"
        assert all(s.state is not StreamState.ONLINE for s in gate.states) and gate.frames == []
        with back_soon(gate, lost=2):  # the connection that is cut, and the one that was under way
            broken.replace("gate", well)


def test_another_codec_after_a_reconnect(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        with back_soon(gate):
            broken.replace("gate", Loop(Clip.open(clips["hevc"])))
            gate.until(lambda: {p.codec for p in gate.packets} == {"h264", "hevc"})
        assert gate.camera.health(StreamRole.SUB).codec == "hevc"


def test_another_size_after_a_reconnect(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        with back_soon(gate):
            broken.replace("gate", Loop(Clip.open(clips["h264-large"])))
            gate.until(lambda: any(f.source_size == (320, 192) for f in gate.frames))
        assert gate.frames[-1].picture.shape == (96, 160, 3)
        assert gate.packets[-1].width == 320


def test_another_size_within_one_connection(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    small, large = Clip.open(clips["h264"]), Clip.open(clips["h264-large"])

    class Growing:
        fps = small.fps

        def at(self, number: int) -> tuple[Clip, int]:
            second = number // 20
            return (small if second % 2 == 0 else large), number % 20

    broken.replace("gate", Growing())
    with gate_and_neighbour(broken) as gate:
        gate.until(lambda: {f.source_size for f in gate.frames} == {(160, 96), (320, 192)})
        assert (gate.camera.health(StreamRole.SUB).state, tries(gate)) == (StreamState.ONLINE, 0)
        for packet in gate.packets:
            assert not packet.is_keyframe or packet.width in (160, 320)
        assert {p.width for p in gate.packets} == {160, 320}


def test_lost_packets_over_udp_leave_pictures(broken: ThreadedServer) -> None:
    broken.faults("gate").lose = 0.05
    with gate_and_neighbour(broken, transport="udp") as gate:
        gate.until_state(StreamState.ONLINE)
        gate.until(lambda: len(gate.frames) > 40)
        assert broken.faults("gate").lost_packets > 0
        assert (gate.camera.health(StreamRole.SUB).state, tries(gate)) == (StreamState.ONLINE, 0)
        span = gate.frames[-1].stream_time - gate.frames[0].stream_time
        assert len(gate.frames) / span > 12, "of twenty pictures a second, one in twenty is lost and a few are damaged"


def test_corrupted_packets_leave_the_stream_up(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.faults("gate").corrupt = 0.2
        given = len(gate.packets)
        gate.until(lambda: len(gate.packets) > given + 30)
        broken.faults("gate").corrupt = 0.0
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 5)
        assert (gate.camera.health(StreamRole.SUB).state, tries(gate)) == (StreamState.ONLINE, 0)


def is_true(gate: Watch) -> None:
    """Capture times in order, none in the future, none far from when the frames came."""
    captured = [frame.captured_at for frame in gate.frames]
    assert captured == sorted(captured)
    assert captured[-1] <= time.time()
    assert captured[-1] - captured[0] < 60
    assert (gate.camera.health(StreamRole.SUB).state, tries(gate)) == (StreamState.ONLINE, 0)


@pytest.mark.parametrize("shift", [3600.0, -3600.0, -5.0])
def test_timestamps_that_jump(broken: ThreadedServer, shift: float) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        gate.until(lambda: len(gate.frames) > 5)
        broken.faults("gate").shift_seconds = shift
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 10)
        is_true(gate)


def test_timestamps_that_wrap(broken: ThreadedServer) -> None:
    """RTP's 32 bits are through after 13 hours; here after two seconds of the stream."""
    feed = broken.server.feed("gate")
    now = broken.server.now()
    feed._base = (2**32 - round((now + 2.0) * 90_000)) & 0xFFFFFFFF
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        gate.until(lambda: feed.timestamp_at(broken.server.now()) < 2**31 and len(gate.frames) > 60)
        is_true(gate)
        steps = [b.stream_time - a.stream_time for a, b in zip(gate.frames, gate.frames[1:], strict=False)]
        assert max(steps) < 0.15 and min(steps) > 0, "nothing is lost where it wraps"


@pytest.mark.parametrize("error", [-1_700_000_000.0, 86_400.0])
def test_a_camera_whose_clock_is_wrong(broken: ThreadedServer, error: float) -> None:
    """In 1970 since it lost power; or a day ahead all of a sudden, by its own sender reports."""
    faults = broken.faults("gate")
    with gate_and_neighbour(broken) as gate:
        gate.until(lambda: len(gate.frames) > 5)
        faults.clock_error_seconds = error
        given = len(gate.frames)
        gate.until(lambda: faults.wrong_reports >= 1 and len(gate.frames) > given + 20)
        is_true(gate)
        assert abs(gate.frames[-1].captured_at - time.time()) < 5


@pytest.fixture(scope="module")
def gst() -> Iterator[str]:
    with gst_server("/bframes=h264-bframes", "/audio=audio") as address:
        yield address


@pytest.mark.gstreamer
def test_b_frames_come_out_in_order(broken: ThreadedServer, gst: str) -> None:
    with gate_and_neighbour(broken, url=f"rtsp://{gst}/bframes") as gate:
        gate.until(lambda: len(gate.frames) >= 20)
        is_true(gate)
        times = [frame.stream_time for frame in gate.frames]
        assert times == sorted(times) and max(np.diff(times)) < 0.25


@pytest.mark.gstreamer
def test_audio_only_is_named(broken: ThreadedServer, gst: str) -> None:
    with gate_and_neighbour(broken, url=f"rtsp://{gst}/audio") as gate:
        gate.until(lambda: tries(gate) >= 3 and gate.camera.health(StreamRole.SUB).cause == "no_video")
        assert gate.camera.health(StreamRole.SUB).state is StreamState.OFFLINE
        assert not any(said.state is StreamState.ONLINE for said in gate.states)
