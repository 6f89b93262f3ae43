"""The failure matrix: each failure that real cameras have is survived, named, and hurts no neighbour.

One row, one test; `docs/failures.md` lists them.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from configs.words import StreamRole
from ingest.view import HOLD_SECONDS
from ingest.words import FrameWish, StreamState
from runtime.demo.clip import Clip, Loop
from runtime.demo.thread import ThreadedServer
from tests.support.clips import make_clip, picture
from tests.support.watching import HURRY, Watch

EVERY = FrameWish(160, 160, 30.0)


@contextmanager
def gate_and_neighbour(server: ThreadedServer, wish: FrameWish = EVERY, transport: str = "tcp") -> Iterator[Watch]:
    """A camera at `gate`, and one at `neighbour` whose frames must come evenly all the while."""
    with (
        Watch(server.url("neighbour"), camera_id="neighbour", wish=EVERY) as neighbour,
        Watch(server.url("gate"), transport=transport, wish=wish, patience=HURRY) as gate,
    ):
        neighbour.until_state(StreamState.ONLINE)
        yield gate
        health = neighbour.camera.health(StreamRole.SUB)
        assert (health.state, health.reconnects) == (StreamState.ONLINE, 0)
        steps = [b.stream_time - a.stream_time for a, b in zip(neighbour.frames, neighbour.frames[1:], strict=False)]
        assert max(steps, default=0) < 0.15, "the neighbour lost frames"


def test_refused_at_start_then_comes_up() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with Watch(f"rtsp://127.0.0.1:{held.getsockname()[1]}/gate", patience=HURRY) as watch:
            health = watch.until_state(StreamState.OFFLINE)
            assert health.cause == "refused"
            watch.until(lambda: watch.camera.health(StreamRole.SUB).reconnects >= 3)


def test_a_host_name_that_does_not_exist() -> None:
    with Watch("rtsp://no-such-camera.invalid/gate", patience=HURRY) as watch:
        assert watch.until_state(StreamState.OFFLINE).cause == "dns"


def test_an_open_port_that_never_answers(broken: ThreadedServer) -> None:
    broken.faults("gate").ignore_requests = True
    with gate_and_neighbour(broken) as gate:
        assert gate.until_state(StreamState.OFFLINE).cause == "timeout"
        broken.faults("gate").ignore_requests = False
        gate.until_state(StreamState.ONLINE)


def test_a_server_that_accepts_and_says_nothing_at_all() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        Watch(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/gate", patience=HURRY) as watch,
    ):
        assert watch.until_state(StreamState.OFFLINE).cause == "timeout"


def test_stop_during_an_endless_opening_leaves_no_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with Watch(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/gate", patience=HURRY):
            connection, _ = mute.accept()
        connection.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("ingest-gate")]


def test_an_opening_that_drips_one_byte_at_a_time_is_ended() -> None:
    """Each byte comes in time, the answer never does."""
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while not ended.wait(0.05):
                try:
                    connection.send(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        with Watch(f"rtsp://127.0.0.1:{server.getsockname()[1]}/gate", patience=HURRY) as watch:
            assert watch.until_state(StreamState.OFFLINE).cause == "timeout"
        ended.set()
        thread.join(5)


def test_pictures_that_stop_are_stalled_and_come_back(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.faults("gate").silent = True
        assert gate.until_state(StreamState.STALLED).cause == "silent"
        heard = len(gate.states)
        broken.faults("gate").silent = False
        gate.until_state(StreamState.ONLINE, after=heard)


def test_a_connection_that_breaks_is_made_anew(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        heard = len(gate.states)
        broken.drop("gate")
        assert gate.until_state(StreamState.OFFLINE, after=heard).cause == "ended"
        gate.until_state(StreamState.ONLINE, after=heard)


def test_an_orderly_end_is_made_anew(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        heard = len(gate.states)
        broken.server.end("gate")
        assert gate.until_state(StreamState.OFFLINE, after=heard).cause == "ended"
        gate.until_state(StreamState.ONLINE, after=heard)


@pytest.mark.parametrize(("status", "cause"), [(404, "not_found"), (503, "server_error"), (401, "unauthorised")])
def test_an_answer_with_an_error_is_named(broken: ThreadedServer, status: int, cause: str) -> None:
    broken.faults("gate").refuse = status
    with gate_and_neighbour(broken) as gate:
        gate.until(lambda: any(s.cause == cause for s in gate.states))


def test_another_codec_after_a_reconnect(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.replace("gate", Loop(Clip.open(clips["hevc"])))
        gate.until(lambda: {p.codec for p in gate.packets} == {"h264", "hevc"})
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 3)
        assert gate.camera.health(StreamRole.SUB).codec == "hevc"


def test_another_size_after_a_reconnect(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
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
        assert gate.camera.health(StreamRole.SUB).reconnects == 0
        for packet in gate.packets:
            assert not packet.is_keyframe or packet.width in (160, 320)
        assert {p.width for p in gate.packets} == {160, 320}


@pytest.mark.parametrize("shift", [3600.0, -3600.0, -5.0])
def test_timestamps_that_jump(broken: ThreadedServer, shift: float) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        gate.until(lambda: len(gate.frames) > 5)
        broken.faults("gate").shift_seconds = shift
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 10)
        assert gate.camera.health(StreamRole.SUB).reconnects == 0
        captured = [f.captured_at for f in gate.frames]
        assert captured == sorted(captured)
        assert captured[-1] <= time.time()
        assert captured[-1] - captured[0] < 60


def test_lost_packets_over_udp_leave_pictures(broken: ThreadedServer) -> None:
    broken.faults("gate").lose = 0.05
    with gate_and_neighbour(broken, transport="udp") as gate:
        gate.until_state(StreamState.ONLINE)
        gate.until(lambda: len(gate.frames) > 20)
        assert broken.faults("gate").lost_packets > 0


def test_corrupted_packets_leave_the_stream_up(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.faults("gate").corrupt = 0.2
        given = len(gate.packets)
        gate.until(lambda: len(gate.packets) > given + 30)
        broken.faults("gate").corrupt = 0.0
        given = len(gate.frames)
        gate.until(lambda: len(gate.frames) > given + 5)
        assert gate.camera.health(StreamRole.SUB).state is StreamState.ONLINE


def test_a_server_that_restarts(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate"), patience=HURRY) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.stop()
        gate.until_state(StreamState.OFFLINE)
        heard = len(gate.states)
        broken.start()
        gate.until_state(StreamState.ONLINE, after=heard)


@pytest.mark.parametrize(("level", "fault"), [(0, "black"), (120, "covered"), (None, "frozen")])
def test_pictures_that_show_nothing_are_degraded(
    broken: ThreadedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: int | None, fault: str
) -> None:
    monkeypatch.setattr("ingest.view.HOLD_SECONDS", dict.fromkeys(HOLD_SECONDS, 1.5))
    monkeypatch.setattr("ingest.view.LOOK_SECONDS", 0.2)
    still = picture(1, 160, 96) if level is None else np.full((96, 160, 3), level, np.uint8)
    broken.replace("gate", Loop(Clip.open(make_clip(tmp_path / "still.mp4", still=still, seconds=6))))
    with gate_and_neighbour(broken) as gate:
        health = gate.until_state(StreamState.DEGRADED)
        assert (health.cause, health.reconnects) == (fault, 0)
        heard = len(gate.states)
        broken.replace("gate", broken.server.source("neighbour"))
        gate.until_state(StreamState.ONLINE, after=heard + 1)


def test_a_listener_that_raises_hurts_nobody(broken: ThreadedServer, caplog: pytest.LogCaptureFixture) -> None:
    with Watch(broken.url("gate"), wish=EVERY) as gate:
        gate.until(lambda: len(gate.frames) > 2)

        def fail(_: object) -> None:
            raise RuntimeError("a listener of the test")

        stream = gate.camera._streams[StreamRole.SUB]
        object.__setattr__(stream._listeners, "on_frame", fail)
        counted = len(gate.packets)
        gate.until(lambda: len(gate.packets) > counted + 5)
        assert gate.camera.health(StreamRole.SUB).state is StreamState.ONLINE
    assert "a listener of the test" in caplog.text


def test_thirty_seven_gone_and_back_at_once(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    clip = Clip.open(clips["h264"])
    for n in range(37):
        broken.server.replace(f"cam-{n}", Loop(clip, phase=n % 40))
    watches = [Watch(broken.url(f"cam-{n}"), camera_id=f"cam-{n}", patience=HURRY) for n in range(37)]
    for watch in watches:
        watch.camera.start()
    try:
        for watch in watches:
            watch.until_state(StreamState.ONLINE)
        broken.stop()
        for watch in watches:
            watch.until_state(StreamState.OFFLINE)
        heard = [len(watch.states) for watch in watches]
        broken.start()
        for watch, known in zip(watches, heard, strict=True):
            watch.until_state(StreamState.ONLINE, after=known)
    finally:
        for watch in watches:
            watch.camera._streams[StreamRole.SUB].request_stop()
        for watch in watches:
            watch.__exit__(None, None, None)
