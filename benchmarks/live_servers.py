"""What the live benchmark measures, each in a process of its own: our service, aiortc's ways, the shards before them.

`ours` is the whole API service; `relay` is aiortc's MediaPlayer and MediaRelay with decode=False on the same pictures,
`relay+decode` the same decoding, and encoding anew for each viewer. Children are told to end through their pipes and
killed when they do not.
"""

import itertools
import logging
import multiprocessing as mp
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import httpx
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay
from aiortc.sdp import SessionDescription
from fastapi import FastAPI, Request, Response

from api.app import create_app
from api.identity import create_user
from api.settings import ApiSettings, LiveSettings
from configs.site import Site
from configs.words import Role
from ingest.words import Packet
from live.codecs import choose
from models.migrate import migrate
from models.session import open_database
from tests.live.pictures import TestShard, encode

PASSWORD = "benchmark password"
#: Size, pictures and bits a second, as cameras are set up.
FORMATS = {"640x360x10": ((640, 360), 10, 500_000), "1280x720x15": ((1280, 720), 15, 2_000_000)}
GOP_SECONDS = 2
_START_SECONDS = 120.0
#: Longer than any measurement: a player that loops keeps no pace after the first time, and floods its viewers.
CLIP_SECONDS = 600


class Children:
    """Processes that end with the measurement."""

    def __init__(self) -> None:
        self._spawn = mp.get_context("spawn")
        self._running: list[Any] = []
        #: A child whose pipe is closed would end.
        self._pipes: list[Connection] = []

    def start(self, target: Any, *arguments: Any) -> Connection:
        """Our end of the pipe whose other end is `target`'s last argument."""
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(target=target, args=(*arguments, theirs), daemon=True)
        process.start()
        theirs.close()
        self._running.append(process)
        self._pipes.append(ours)
        return ours

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.join(5)
            if process.is_alive():
                process.kill()


@contextmanager
def children() -> Iterator[Children]:
    """Whatever happens, nothing is left behind."""
    started = Children()
    try:
        yield started
    finally:
        started.stop()


def heard(pipe: Connection, seconds: float = _START_SECONDS) -> Any:
    """What a child says; a clear end when it says nothing in time."""
    try:
        if pipe.poll(seconds):
            return pipe.recv()
    except EOFError:
        raise SystemExit("a process of the benchmark ended before it had said what it was asked for") from None
    raise SystemExit(f"a process of the benchmark said nothing for {seconds:.0f} s")


def site_of(urls: dict[str, str]) -> Site:
    """A site of these cameras."""
    name = {"zh": "村", "en": "village"}
    return Site.model_validate(
        {
            "site": {"name": name},
            "groups": [{"id": "all", "name": name}],
            "cameras": [
                {"id": c, "name": name, "place": {"x": 0, "y": 0}, "group": "all", "streams": {"sub": url}}
                for c, url in urls.items()
            ],
        }
    )


def serve(kind: str, folder: str, clip: str, cameras: int, pipe: Connection) -> None:
    """One server; says its process id and address."""
    logging.disable(logging.WARNING)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    ours = kind.startswith("ours")
    app = _our_app(Path(folder), cameras) if ours else _relay_app(clip, decode=kind.endswith("decode"))
    pipe.send((os.getpid(), f"http://127.0.0.1:{listener.getsockname()[1]}"))
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listener])


def logged_in(url: str) -> None:
    """Waits until the server answers."""
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(base_url=url) as client:
        while True:
            try:
                client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
                return
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{url} does not answer") from None
                time.sleep(0.1)


def _our_app(folder: Path, cameras: int) -> FastAPI:
    database = open_database(None, folder)
    migrate(database)
    with database.session() as session:
        for role in (Role.VIEWER, Role.ADMINISTRATOR):
            create_user(session, role.value, PASSWORD, role)
    database.close()
    live = LiveSettings(viewers_total=500, viewers_per_camera=500, megabits=10_000)
    return create_app(
        ApiSettings(
            site=site_of({f"c{n}": f"rtsp://c{n}" for n in range(cameras)}), data_dir=folder, evidence_dir=folder,
            shard_endpoints=(f"ipc://{folder}/shard",), live=live,
        )
    )  # fmt: skip


def _relay_app(clip: str, decode: bool) -> FastAPI:
    app = FastAPI()
    relay = MediaRelay()
    peers: set[RTCPeerConnection] = set()
    players: list[MediaPlayer] = []

    @app.post("/api/session")
    def session() -> None:
        """Nobody need log in here."""

    @app.post("/api/whep/c0", status_code=201)
    async def whep(request: Request) -> Response:
        if not players:
            players.append(MediaPlayer(clip, decode=decode))
        offer = (await request.body()).decode()
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.add(peer)
        transceiver = peer.addTransceiver(relay.subscribe(players[0].video), direction="sendonly")
        transceiver.setCodecPreferences(choose(SessionDescription.parse(offer), "42e01f").capabilities())
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return Response(peer.localDescription.sdp, 201, media_type="application/sdp")

    return app


def pictures(name: str, codec: str = "h264") -> list[Packet]:
    """A multiple of twenty pictures and of whole groups, so that the last runs on into the first."""
    size, fps, bit_rate = FORMATS[name]
    gop = fps * GOP_SECONDS
    return encode("c0", frames=20 * GOP_SECONDS * 3, gop=gop, fps=fps, size=size, bit_rate=bit_rate, codec=codec)


def publish(folder: str, name: str, codec: str, pipe: Connection) -> None:
    """The shard: publishes until told to stop, then gives the moment of each picture."""
    moments: dict[int, float] = {}

    class Timed(TestShard):
        def step(self, number: int) -> None:
            moments[number] = time.time()
            super().step(number)

    shard = Timed(f"ipc://{folder}/shard", [pictures(name, codec)], FORMATS[name][1])
    shard.start()
    pipe.send(None)
    pipe.recv()
    shard.stop()
    pipe.send(moments)


def write_clip(path: Path, packets: list[Packet], fps: int, seconds: int | None = None) -> None:
    """The same pictures as the shard's, as a file for players and RTSP servers; over and over for so many seconds."""
    count = len(packets) if seconds is None else seconds * fps
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = packets[0].width, packets[0].height, "yuv420p"
        for number, packet in enumerate(itertools.islice(itertools.cycle(packets), count)):
            written = av.Packet(packet.data)
            written.stream, written.time_base = stream, Fraction(1, fps)
            written.pts = written.dts = number
            written.is_keyframe = packet.is_keyframe
            sink.mux(written)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def threads_of(pid: int) -> int:
    """Threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def files_of(pid: int) -> int:
    """Open files and sockets of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
