"""The failure matrix, connections: each way of failing is named, survived, and hurts no neighbour.

One row, one test; `docs/failures.md` lists them. What every row asserts is in `trouble.py`. Pictures and times are in
`test_failures_pictures.py`, recording is in `test_failures_recording.py`.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from configs.words import StreamRole
from ingest.words import StreamState
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.ingest.trouble import back_soon, gate_and_neighbour, neighbour_of, tries
from tests.support.watching import HURRY, Watch


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_refused_at_start_then_comes_up(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    port = free_port()
    with gate_and_neighbour(broken, url=f"rtsp://127.0.0.1:{port}/gate") as gate:
        health = gate.until_state(StreamState.OFFLINE)
        assert health.cause == "refused"
        gate.until(lambda: tries(gate) >= 3)
        server = ThreadedServer(RtspServer({"gate": Loop(Clip.open(clips["h264"]))}, port=port))
        try:
            with back_soon(gate):
                server.start()
        finally:
            server.stop()


def test_a_host_name_that_does_not_exist(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken, url="rtsp://no-such-camera.invalid/gate") as gate:
        assert gate.until_state(StreamState.OFFLINE).cause == "dns"
        gate.until(lambda: tries(gate) >= 3)
        assert gate.camera.health(StreamRole.SUB).state is StreamState.OFFLINE


def test_a_name_server_that_is_back(broken: ThreadedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    real, down = socket.getaddrinfo, threading.Event()
    down.set()

    def look_up(host: str, *rest: object, **more: object) -> object:
        if host == "localhost" and down.is_set():
            raise socket.gaierror("the name server is away")
        return real(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("ingest.opener.socket.getaddrinfo", look_up)
    with gate_and_neighbour(broken, url=broken.url("gate").replace("127.0.0.1", "localhost")) as gate:
        assert gate.until_state(StreamState.OFFLINE).cause == "dns"
        with back_soon(gate):
            down.clear()


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_a_wrong_password(broken: ThreadedServer, clips: dict[str, Path], scheme: str) -> None:
    """Named, and not tried again for minutes; here the minutes are short, to see that it comes back."""
    users = {"admin": "right"}
    server = RtspServer({"gate": Loop(Clip.open(clips["h264"]))}, users=users, auth_schemes=(scheme,))
    with ThreadedServer(server) as locked:
        url = locked.url("gate", "admin", "changed")
        with gate_and_neighbour(broken, url=url) as gate:
            health = gate.until_state(StreamState.UNAUTHORISED)
            assert health.cause == "unauthorised" and "changed" not in health.reason
            asked = server.counters["connections"]
            gate.until(lambda: server.counters["connections"] > asked, limit=2.0, hoped=False)
            assert server.counters["connections"] == asked, "so many wrong tries would lock the account"
        short = replace(HURRY, unauthorised_first_seconds=0.3)
        with gate_and_neighbour(broken, url=url, patience=short) as gate:
            gate.until_state(StreamState.UNAUTHORISED)
            with back_soon(gate):
                users["admin"] = "changed"


def test_an_open_port_that_never_answers(broken: ThreadedServer) -> None:
    broken.faults("gate").ignore_requests = True
    with gate_and_neighbour(broken) as gate:
        assert gate.until_state(StreamState.OFFLINE).cause == "timeout"
        with back_soon(gate):
            broken.faults("gate").ignore_requests = False


def test_a_server_that_accepts_and_says_nothing_at_all(broken: ThreadedServer) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        gate_and_neighbour(broken, url=f"rtsp://127.0.0.1:{mute.getsockname()[1]}/gate") as gate,
    ):
        assert gate.until_state(StreamState.OFFLINE).cause == "timeout"


def test_stop_during_an_endless_opening_leaves_no_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with Watch(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/gate", patience=HURRY):
            connection, _ = mute.accept()
        connection.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("ingest-gate")]


@contextmanager
def dripping(port: int) -> Iterator[None]:
    """A server whose answer comes byte by byte and never ends."""
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        while not ended.is_set():
            connection, _ = server.accept()
            with connection:
                while not ended.wait(0.05):
                    try:
                        connection.send(b"x")
                    except OSError:
                        break

    with socket.create_server(("127.0.0.1", port)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        yield
        ended.set()
        with socket.create_connection(("127.0.0.1", port)):
            thread.join(5)


def test_an_opening_that_drips_one_byte_at_a_time_is_ended(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    """Each byte comes in time, the answer never does."""
    port = free_port()
    with gate_and_neighbour(broken, url=f"rtsp://127.0.0.1:{port}/gate") as gate:
        with dripping(port):
            gate.until(lambda: any(s.cause == "timeout" for s in gate.states))
        server = ThreadedServer(RtspServer({"gate": Loop(Clip.open(clips["h264"]))}, port=port))
        try:
            with back_soon(gate, lost=3):  # it may be refused until the other listens
                server.start()
        finally:
            server.stop()


def test_pictures_that_stop_are_stalled_and_come_back(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.faults("gate").silent = True
        assert gate.until_state(StreamState.STALLED).cause == "silent"
        with back_soon(gate):
            broken.faults("gate").silent = False


def test_a_connection_that_breaks_is_made_anew(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        heard = len(gate.states)
        with back_soon(gate):
            broken.drop("gate")
            assert gate.until_state(StreamState.OFFLINE, after=heard).cause == "ended"


def test_an_orderly_end_is_made_anew(broken: ThreadedServer) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until_state(StreamState.ONLINE)
        heard = len(gate.states)
        with back_soon(gate):
            broken.server.end("gate")
            assert gate.until_state(StreamState.OFFLINE, after=heard).cause == "ended"


@pytest.mark.parametrize(("status", "cause"), [(404, "not_found"), (503, "server_error")])
def test_an_answer_with_an_error_is_named(broken: ThreadedServer, status: int, cause: str) -> None:
    broken.faults("gate").refuse = status
    with gate_and_neighbour(broken) as gate:
        assert gate.until_state(StreamState.OFFLINE).cause == cause
        with back_soon(gate):
            broken.faults("gate").refuse = None


def test_a_server_that_restarts(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    with (
        ThreadedServer(RtspServer({"gate": Loop(Clip.open(clips["h264"]))})) as server,
        gate_and_neighbour(broken, url=server.url("gate")) as gate,
    ):
        gate.until_state(StreamState.ONLINE)
        server.stop()
        gate.until_state(StreamState.OFFLINE)
        gate.until(lambda: any(s.cause == "refused" for s in gate.states))
        with back_soon(gate):
            server.start()


def test_a_listener_that_raises_hurts_nobody(broken: ThreadedServer, caplog: pytest.LogCaptureFixture) -> None:
    with gate_and_neighbour(broken) as gate:
        gate.until(lambda: len(gate.frames) > 2)
        gate.fails = RuntimeError("a listener of the test")
        counted = len(gate.packets)
        gate.until(lambda: len(gate.packets) > counted + 5)
        assert gate.camera.health(StreamRole.SUB).state is StreamState.ONLINE
    assert "a listener of the test" in caplog.text


def test_thirty_seven_gone_and_back_at_once(broken: ThreadedServer, clips: dict[str, Path]) -> None:
    clip = Clip.open(clips["h264"])
    township = ThreadedServer(RtspServer({f"cam-{n}": Loop(clip, phase=n % 40) for n in range(37)})).start()
    watches = [Watch(township.url(f"cam-{n}"), camera_id=f"cam-{n}", patience=HURRY) for n in range(37)]
    with neighbour_of(broken):
        for watch in watches:
            watch.camera.start()
        try:
            for watch in watches:
                watch.until_state(StreamState.ONLINE)
            township.stop()
            for watch in watches:
                watch.until_state(StreamState.OFFLINE)
            heard, failed = [len(watch.states) for watch in watches], [tries(watch) for watch in watches]
            township.start()
            for watch, known, lost in zip(watches, heard, failed, strict=True):
                watch.until_state(StreamState.ONLINE, after=known)
                assert tries(watch) - lost <= 2, "back with the first tries that could succeed"
        finally:
            for watch in watches:
                watch.camera._streams[StreamRole.SUB].request_stop()
            for watch in watches:
                watch.__exit__(None, None, None)
            township.stop()
