"""What a viewer costs: percent of a core, first picture, delay and loss, beside aiortc's own ways.

python benchmarks/live.py [--viewers 20,50,100] [--seconds 15]

Each server runs in a process of its own and only its CPU time is counted; a shard (encoded pictures at their own
pace) and the receivers (they decrypt and count, one decodes) are two more. `ours` is the whole API service; `relay`
is aiortc's MediaPlayer and MediaRelay with decode=False on the same pictures, `relay+decode` the same decoding and
encoding anew for each viewer, by few viewers because it costs so much. First picture: from the POST to the last RTP
packet of the first key frame. Delay: from publishing a picture to its being decoded by a receiver, on loopback. Ends
with one line of JSON.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing as mp
import os
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import httpx
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.sdp import SessionDescription
from fastapi import FastAPI, Request, Response
from rich.console import Console
from rich.table import Table

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
TARGETS = {"640x360x10": 0.40, "1280x720x15": 0.55}
GOP_SECONDS = 2
DECODING_VIEWERS = 4
SETTLE_SECONDS = 4.0


@dataclass
class Row:
    """One server, one format, one number of viewers."""

    server: str
    format: str
    viewers: int
    cpu_percent: float = 0.0
    percent_a_viewer: float = 0.0
    packets: int = 0
    lost: int = 0
    first_ms: list[float] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    memory_mb: float = 0.0


# The servers, each in its own process ---------------------------------------------------------------------------------


def serve(kind: str, folder: str, clip: str, pipe: Connection) -> None:
    logging.disable(logging.WARNING)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = _our_app(Path(folder)) if kind == "ours" else _relay_app(clip, decode=kind.endswith("decode"))
    pipe.send((os.getpid(), f"http://127.0.0.1:{listener.getsockname()[1]}"))
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run([listener])


def _our_app(folder: Path) -> FastAPI:
    name = {"zh": "村", "en": "village"}
    camera = {"id": "gate", "name": name, "place": {"x": 0, "y": 0}, "group": "all", "streams": {"sub": "rtsp://gate"}}
    site = Site.model_validate({"site": {"name": name}, "groups": [{"id": "all", "name": name}], "cameras": [camera]})
    database = open_database(None, folder)
    migrate(database)
    with database.session() as session:
        create_user(session, "viewer", PASSWORD, Role.VIEWER)
    database.close()
    live = LiveSettings(viewers_total=500, viewers_per_camera=500)
    endpoint = f"ipc://{folder}/shard"
    return create_app(
        ApiSettings(site=site, data_dir=folder, evidence_dir=folder, shard_endpoints=(endpoint,), live=live)
    )


def _relay_app(clip: str, decode: bool) -> FastAPI:
    app = FastAPI()
    relay = MediaRelay()
    peers: set[RTCPeerConnection] = set()
    players: list[MediaPlayer] = []

    @app.post("/api/session")
    def session() -> None:
        """Nobody need log in here."""

    @app.post("/api/whep/gate", status_code=201)
    async def whep(request: Request) -> Response:
        if not players:
            players.append(MediaPlayer(clip, loop=True, decode=decode))
        offer = (await request.body()).decode()
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.add(peer)
        transceiver = peer.addTransceiver(relay.subscribe(players[0].video), direction="sendonly")
        transceiver.setCodecPreferences(choose(SessionDescription.parse(offer), "42e01f").capabilities())
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return Response(peer.localDescription.sdp, 201, media_type="application/sdp")

    return app


def pictures(name: str) -> list[Packet]:
    """A multiple of twenty pictures and of whole groups, so that the last runs on into the first."""
    size, fps, bit_rate = FORMATS[name]
    return encode(frames=20 * GOP_SECONDS * 3, gop=fps * GOP_SECONDS, fps=fps, size=size, bit_rate=bit_rate)


def publish(folder: str, name: str, pipe: Connection) -> None:
    """The shard: publishes until told to stop, then gives the moment of each picture."""
    moments: dict[int, float] = {}

    class Timed(TestShard):
        def step(self, number: int) -> None:
            moments[number] = time.time()
            super().step(number)

    shard = Timed(f"ipc://{folder}/shard", [pictures(name)], FORMATS[name][1])
    shard.start()
    pipe.send(None)
    pipe.recv()
    shard.stop()
    pipe.send(moments)


# The receivers --------------------------------------------------------------------------------------------------------


class Counter:
    """One viewer that decrypts and counts, or decodes when it is to measure the delay."""

    def __init__(self, decodes: bool) -> None:
        self.decodes = decodes
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.receiver: RTCRtpReceiver = self.peer.addTransceiver("video", direction="recvonly").receiver
        self.packets = self.lost = 0
        self.first_at: float | None = None
        self._first = asyncio.Event()
        self.seen: list[tuple[float, float]] = []
        self._last: int | None = None
        self._streams: dict[int, StreamStatistics] = self.receiver._RTCRtpReceiver__remote_streams  # type: ignore
        self._reader: asyncio.Task[None] | None = None
        self._original = self.receiver._handle_rtp_packet
        self.receiver._handle_rtp_packet = self._handle  # type: ignore[method-assign]

    async def _handle(self, packet: Any, arrival_time_ms: int) -> None:
        self.packets += 1
        if packet.marker and self.first_at is None:
            self.first_at = time.monotonic()
            self._first.set()
        if self._last is not None:
            step = (packet.sequence_number - self._last) & 0xFFFF
            self.lost += step - 1 if 1 < step < 0x8000 else 0
        self._last = packet.sequence_number
        if self.decodes:
            await self._original(packet, arrival_time_ms)
        else:
            # Only what aiortc's receiver reports from, so that the server hears of its viewer as of any other.
            self._streams.setdefault(packet.ssrc, StreamStatistics(90_000)).add(packet)

    async def open(self, client: httpx.AsyncClient) -> float:
        if self.decodes:
            self.peer.on("track", self._read)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        posted = time.monotonic()
        headers = {"content-type": "application/sdp"}
        answer = await client.post("/api/whep/gate", content=self.peer.localDescription.sdp, headers=headers)
        assert answer.status_code == 201, answer.text
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        async with asyncio.timeout(60):
            await self._first.wait()
        assert self.first_at is not None
        return self.first_at - posted

    def _read(self, track: Any) -> None:
        async def read() -> None:
            while True:
                frame = await track.recv()
                self.seen.append((time.time(), float(frame.to_ndarray(format="gray")[::8, ::8].mean())))

        self._reader = asyncio.create_task(read())

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
        await self.peer.close()


def receive(url: str, viewers: int, seconds: float, decodes: bool, pipe: Connection) -> None:
    logging.disable(logging.WARNING)

    async def main() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
            counters = [Counter(decodes and n == 0) for n in range(viewers)]
            first = [await counter.open(client) for counter in counters]
            await asyncio.sleep(SETTLE_SECONDS)
            before = [(c.packets, c.lost) for c in counters]
            await asyncio.to_thread(pipe.send, "steady")
            await asyncio.sleep(seconds)
            packets = sum(c.packets - b[0] for c, b in zip(counters, before, strict=True))
            lost = sum(c.lost - b[1] for c, b in zip(counters, before, strict=True))
            pipe.send({"first": first, "packets": packets, "lost": lost, "seen": counters[0].seen})
            for counter in counters:
                await counter.close()

    asyncio.run(main())


# Measuring ------------------------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_clip(path: Path, packets: list[Packet], fps: int) -> None:
    """The same pictures as the shard's, as a file for aiortc's player."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = packets[0].width, packets[0].height, "yuv420p"
        for number, packet in enumerate(packets):
            written = av.Packet(packet.data)
            written.stream, written.time_base = stream, Fraction(1, fps)
            written.pts = written.dts = number
            written.is_keyframe = packet.is_keyframe
            sink.mux(written)


def measure(server: str, name: str, viewers: int, seconds: float, folder: Path) -> Row:
    spawn = mp.get_context("spawn")
    clip = folder / f"{name}.ts"
    children: list[Any] = []

    def child(target: Any, *arguments: Any) -> Connection:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=target, args=(*arguments, theirs), daemon=True)
        process.start()
        children.append(process)
        return ours

    row = Row(server, name, viewers)
    with tempfile.TemporaryDirectory(prefix="live-bench-") as work:
        try:
            shard = None
            if server == "ours":
                shard = child(publish, work, name)
                shard.recv()
            elif not clip.exists():
                write_clip(clip, pictures(name), FORMATS[name][1])
            pid, url = child(serve, server, work, str(clip)).recv()
            with httpx.Client(base_url=url) as client:
                for _ in range(200):
                    try:
                        client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
                        break
                    except httpx.HTTPError:
                        time.sleep(0.1)
            receivers = child(receive, url, viewers, seconds, server == "ours")
            assert receivers.recv() == "steady"
            cpu, began = cpu_seconds(pid), time.monotonic()
            result = receivers.recv()
            row.cpu_percent = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
            row.memory_mb = memory_mb(pid)
            row.percent_a_viewer = row.cpu_percent / viewers
            row.packets, row.lost = result["packets"], result["lost"]
            row.first_ms = [1000 * s for s in result["first"]]
            if shard is not None:
                shard.send(None)
                row.delay_ms = delays(result["seen"], shard.recv())
        finally:
            for process in children:
                process.terminate()
                process.join(5)
    return row


def delays(seen: list[tuple[float, float]], moments: dict[int, float]) -> list[float]:
    """The grey of a picture is its number modulo 20; the newest one of that grey published before is the one seen."""
    if len(seen) < 50:
        return []
    low, high = min(g for _, g in seen), max(g for _, g in seen)
    found = []
    for moment, grey in seen[40:]:
        number = round((grey - low) / (high - low) * 19)
        published = max((at for n, at in moments.items() if n % 20 == number and at <= moment), default=None)
        if published is not None:
            found.append(1000 * (moment - published))
    return found


def percentile(values: list[float], share: float) -> float | None:
    return statistics.quantiles(values, n=100)[round(share * 100) - 1] if len(values) > 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--viewers", default="20,50")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--servers", default="ours,relay,relay+decode")
    options = parser.parse_args()
    console = Console()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="live-clips-") as folder:
        for name in options.formats.split(","):
            for server in options.servers.split(","):
                counts = [int(v) for v in options.viewers.split(",")]
                for viewers in [DECODING_VIEWERS] if server == "relay+decode" else counts:
                    console.print(f"{server}, {name}, {viewers} viewers …")
                    rows.append(measure(server, name, viewers, options.seconds, Path(folder)))
    table = Table(
        "server", "stream", "viewers", "% core", "a viewer", "target", "lost", "first ms", "delay ms", "MB",
        title="percent of a core; first picture and delay: p50 / p95 in ms",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.server, row.format, str(row.viewers), f"{row.cpu_percent:.1f}", f"{row.percent_a_viewer:.2f}",
            f"{TARGETS[row.format]:.2f}", f"{row.lost} of {row.packets}", _pair(row.first_ms), _pair(row.delay_ms),
            f"{row.memory_mb:.0f}",
        )  # fmt: skip
    console.print(table)
    print(json.dumps({"benchmark": "live", "load": os.getloadavg()[0], "rows": [_short(row) for row in rows]}))


def _pair(values: list[float]) -> str:
    p50, p95 = percentile(values, 0.50), percentile(values, 0.95)
    return "" if p50 is None or p95 is None else f"{p50:.0f} / {p95:.0f}"


def _short(row: Row) -> dict[str, Any]:
    short = asdict(row)
    for name in ("first_ms", "delay_ms"):
        values = short.pop(name)
        short[name.replace("_ms", "_p50_ms")] = percentile(values, 0.50)
        short[name.replace("_ms", "_p95_ms")] = percentile(values, 0.95)
    return short


if __name__ == "__main__":
    main()
