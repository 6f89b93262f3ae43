"""The server as FFmpeg and hand-written clients see it."""

from __future__ import annotations

import base64
import errno
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import av
import pytest

from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import PortTakenError
from runtime.demo.script import Scripted, Span
from runtime.demo.thread import ThreadedServer, serve_in_thread

PATIENCE = 10.0


def packets(url: str) -> Iterator[tuple[av.Packet, list[av.VideoFrame]]]:
    """All packets but the first, to which FFmpeg's RTSP reader gives no time."""
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=PATIENCE) as container:
        for index, packet in enumerate(container.demux(video=0)):
            frames = packet.decode()
            if index:
                yield packet, frames


def play(url: str, count: int, transport: str = "tcp") -> tuple[list[int], int, str]:
    """Timestamps of `count` packets after the first, how many frames they decoded to, and the codec."""
    times: list[int] = []
    frames = 0
    with av.open(url, options={"rtsp_transport": transport}, timeout=PATIENCE) as container:
        codec = container.streams.video[0].codec_context.name
        for packet in container.demux(video=0):
            times.append(packet.pts)
            frames += len(packet.decode())
            if len(times) == count + 1:
                break
    return times[1:], frames, codec


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread, within reason."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


class Client:
    """A bare RTSP client on a socket."""

    def __init__(self, server: ThreadedServer, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((server.server.host, server.server.port))
        self.file = self.socket.makefile("rb")
        self.cseq = 0

    def ask(self, method: str, url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        self.cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}", *(f"{k}: {v}" for k, v in headers.items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.answer()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        while (first := self.file.readline()).startswith(b"$"):
            raise AssertionError("media before the answer")
        status = int(first.split()[1])
        fields = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            fields[name] = value
        return status, fields, self.file.read(int(fields.get("Content-Length", 0)))

    def start(self, url: str, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> dict[str, str]:
        assert self.ask("DESCRIBE", url)[0] == 200
        status, fields, _ = self.ask("SETUP", f"{url}/trackID=0", Transport=transport)
        assert status == 200
        status, fields, _ = self.ask("PLAY", url, Session=fields["Session"])
        assert status == 200
        return fields

    def media(self) -> tuple[int, bytes]:
        mark, channel, size = struct.unpack(">cBH", self.file.read(4))
        assert mark == b"$"
        return channel, self.file.read(size)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_plays_every_picture_in_time(clip: Clip, transport: str) -> None:
    with serve_in_thread({"gate-1/sub": Loop(clip)}) as server:
        times, frames, codec = play(server.url("gate-1/sub"), 20, transport)
    assert codec == "h264"
    assert [later - earlier for earlier, later in pairwise(times)] == [9_000] * 19
    assert frames >= 18


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h265_is_served_by_its_own_rfc(hevc_clip: Clip, transport: str) -> None:
    with serve_in_thread({"a/main": Loop(hevc_clip)}) as server:
        _, frames, codec = play(server.url("a/main"), 15, transport)
    assert codec == "hevc"
    assert frames >= 10


def test_a_client_over_tcp_sees_a_picture_at_once(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        client = Client(server)
        client.start(server.url("a/sub"))
        channel, report = client.media()
        assert (channel, report[1]) == (1, 200)
        channel, first = client.media()
        assert channel == 0
        assert first[12] & 0x1F == 24  # the parameter sets, and so a key frame, come first


@pytest.mark.parametrize("scheme", ["digest", "basic"])
def test_only_the_right_password_opens(clip: Clip, scheme: str) -> None:
    users = {"viewer": "p@ss:w/rd"}
    with serve_in_thread({"a/sub": Loop(clip)}, users=users, auth_schemes=(scheme,)) as server:
        _, frames, _ = play(server.url("a/sub", "viewer", "p@ss:w/rd"), 3)
        assert frames
        for user, password in (("viewer", "wrong"), ("nobody", "p@ss:w/rd"), (None, "")):
            with pytest.raises(av.error.HTTPUnauthorizedError):
                play(server.url("a/sub", user, password), 3)


def test_a_password_for_another_scheme_does_not_open(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}, users={"viewer": "secret"}, auth_schemes=("digest",)) as server:
        client = Client(server)
        basic = base64.b64encode(b"viewer:secret").decode()
        status, fields, _ = client.ask("DESCRIBE", server.url("a/sub"), Authorization=f"Basic {basic}")
        assert status == 401
        assert fields["WWW-Authenticate"].startswith("Digest ")


def test_many_clients_share_the_bytes(clip: Clip) -> None:
    # The first client reads only after the last has come: on a slow machine that is much to keep for it.
    with serve_in_thread({"a/sub": Loop(clip)}, write_limit=64 << 20) as server:
        clients = [Client(server) for _ in range(30)]
        for client in clients:
            client.start(server.url("a/sub"))
        deadline = time.monotonic() + 10  # the last is counted just after it has its answer
        while server.server.clients < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.server.clients == 30

        def by_sequence(client: Client) -> dict[int, bytes]:
            read = [client.media() for _ in range(60)]
            return {int.from_bytes(packet[2:4], "big"): packet for channel, packet in read if channel == 0}

        seen = [by_sequence(client) for client in clients]
        common = set.intersection(*(set(one) for one in seen))
        assert common
        for number in common:
            assert len({one[number] for one in seen}) == 1


def test_a_client_that_does_not_read_is_dropped_and_the_others_go_on(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}, write_limit=40_000) as server:
        slow = Client(server, receive_buffer=4_096)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.start(server.url("a/sub"))
        # The kernel takes some megabytes for the client before the server notices, so give it much to send.
        feed = server.server.feed("a/sub")
        stop = threading.Event()

        def hurry() -> None:
            receiver = next(iter(server.server._connections))
            for _ in range(20_000):
                if stop.is_set() or not receiver.is_playing:
                    return
                for emission in list(feed._group):
                    receiver.deliver(emission)

        assert server.server._loop is not None
        server.server._loop.call_soon_threadsafe(hurry)
        until(lambda: server.server.counters["slow_clients_dropped"] == 1)
        stop.set()
        assert play(server.url("a/sub"), 5)[1]
        until(lambda: server.server.clients == 0)


def test_a_taken_port_is_said_in_words(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        with pytest.raises(PortTakenError) as caught:
            serve_in_thread({"a/sub": Loop(clip)}, port=server.server.port)
        assert caught.value.errno == errno.EADDRINUSE
        assert f"port {server.server.port} is taken by another program" in str(caught.value)


def test_restart_on_the_same_port(clip: Clip) -> None:
    server = serve_in_thread({"a/sub": Loop(clip)})
    url = server.url("a/sub")
    assert play(url, 3)[1]
    server.stop()
    with pytest.raises(OSError):
        play(url, 3)
    server.start()
    try:
        assert server.url("a/sub") == url
        assert play(url, 3)[1]
    finally:
        server.stop()


def test_clips_change_on_one_timeline(clip: Clip, dark_clip: Clip) -> None:
    """Two changes within a second and a half; every picture 0.1 s after the one before, and decodable."""
    source = Scripted(clip, (Span(4, 9, (dark_clip,)),), period=12, starts_at=0)
    with serve_in_thread({"a/sub": source}) as server:
        light: list[float] = []
        times: list[int] = []
        for packet, frames in packets(server.url("a/sub")):
            times.append(packet.pts)
            light += [frame.to_ndarray(format="gray").mean() for frame in frames]
            if len(times) == 30:
                break
    assert {later - earlier for earlier, later in pairwise(times)} == {9_000}
    assert min(light) < 50 < 80 < max(light)


def test_an_idle_session_ends(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}, session_timeout=0.2) as server:
        client = Client(server)
        assert client.ask("OPTIONS", server.url("a/sub"))[0] == 200
        assert client.file.read(1) == b""
        assert server.server.counters["sessions_timed_out"] == 1


def test_requests_in_the_wrong_state_are_refused(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        url = server.url("a/sub")
        client = Client(server)
        assert client.ask("DESCRIBE", server.url("nowhere"))[0] == 404
        assert client.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP;multicast")[0] == 461
        assert client.ask("PLAY", url, Session="guessed")[0] == 454
        assert client.ask("RECORD", url)[0] == 405
        client.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.answer()[0] == 400


def test_pause_keepalive_and_teardown(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        url = server.url("a/sub")
        client = Client(server)
        client.ask("DESCRIBE", url)
        _, fields, _ = client.ask("SETUP", f"{url}/trackID=0", Transport="RTP/AVP;unicast;client_port=40000-40001")
        session = fields["Session"].partition(";")[0]
        assert client.ask("PLAY", url, Session=session)[0] == 200
        assert client.ask("GET_PARAMETER", url, Session=session)[0] == 200
        assert client.ask("PAUSE", url, Session=session)[0] == 200
        assert server.server.clients == 0
        assert client.ask("TEARDOWN", url, Session=session)[0] == 200
        assert client.ask("PLAY", url, Session=session)[0] == 454


# Faults.


def test_lost_packets_are_counted(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        server.faults("a/sub").lose = 0.5
        client = Client(server)
        client.start(server.url("a/sub"))
        numbers = [int.from_bytes(p[2:4], "big") for channel, p in (client.media() for _ in range(20)) if channel == 0]
        assert (numbers[-1] - numbers[0]) & 0xFFFF > len(numbers)
        assert server.faults("a/sub").lost_packets > 0


def test_silence_refusal_and_no_answer(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip), "b/sub": Loop(clip)}) as server:
        url = server.url("a/sub")
        server.faults("a/sub").refuse = 503
        assert Client(server).ask("DESCRIBE", url)[0] == 503
        server.faults("a/sub").refuse = None
        server.faults("a/sub").silent = True
        quiet = Client(server)
        quiet.start(url)
        server.faults("a/sub").ignore_requests = True
        mute = Client(server)
        mute.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            mute.ask("OPTIONS", url)
        quiet.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            quiet.media()
        assert play(server.url("b/sub"), 3)[1]


def test_timestamps_jump_when_told_to(clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        times = []
        for packet, _ in packets(server.url("a/sub")):
            times.append(packet.pts)
            server.faults("a/sub").shift_seconds = 100.0
            if times[-1] - times[0] > 90 * 90_000 or len(times) > 100:
                break
        assert times[-1] - times[0] > 90 * 90_000


def test_a_dropped_client_comes_back_to_another_codec(clip: Clip, hevc_clip: Clip) -> None:
    with serve_in_thread({"a/sub": Loop(clip)}) as server:
        client = Client(server)
        client.start(server.url("a/sub"))
        server.replace("a/sub", Loop(hevc_clip))
        while client.file.read(4_096):
            pass
        assert play(server.url("a/sub"), 3)[2] == "hevc"
