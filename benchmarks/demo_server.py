"""What serving a township costs: 37 main and 37 sub streams over TCP, percent of one core, beside bare socket writes.

python benchmarks/demo_server.py [--seconds 15]

The server runs in a process of its own and only its CPU time is counted; the clients, bare sockets that throw away what
they get, live in this one. The baseline writes the same pictures at the same pace to as many socket pairs: what the
kernel's part of it costs. Ends with one line of JSON.
"""

import argparse
import contextlib
import json
import multiprocessing as mp
import os
import selectors
import socket
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rich.console import Console
from rich.table import Table

from runtime.demo.clip import Clip, Loop
from runtime.demo.encode import FPS, ClipWriter
from runtime.demo.thread import serve_in_thread

CAMERAS = 37
SIZES = {"sub": ((640, 360), 500), "main": ((1280, 720), 2_000)}


def make_clips(folder: Path) -> dict[str, Path]:
    """Noise that drifts, so that each picture fills its share of the bitrate."""
    made = {}
    rng = np.random.default_rng(1)
    for role, ((width, height), kilobits) in SIZES.items():
        big = rng.integers(0, 255, (height // 4, width // 4 + 60, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
        made[role] = folder / f"{role}.mp4"
        with ClipWriter(made[role], (width, height), kilobits) as writer:
            for index in range(60):
                writer.write(big[:, index * 4 : index * 4 + width])
    return made


def serve(files: dict[str, Path], pipe: Connection) -> None:
    clips = {role: Clip.open(path) for role, path in files.items()}
    sources = {f"c{i}/{role}": Loop(clips[role], i * 3) for i in range(CAMERAS) for role in SIZES}
    with serve_in_thread(sources) as server:
        pipe.send(server.server.port)
        while pipe.recv() == "cpu":
            pipe.send((time.process_time(), server.server.clients, dict(server.server.counters)))


def write_bare(files: dict[str, Path], pipe: Connection) -> None:
    """The same bytes at the same pace, straight into sockets; descriptors of the reading ends are not needed."""
    clips = {role: Clip.open(path) for role, path in files.items()}
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    sockets = [listener.accept()[0] for _ in range(2 * CAMERAS)]
    for each in sockets:
        each.setblocking(False)
    pipe.send("ready")
    stop = threading.Event()

    def run() -> None:
        picture, begun = 0, time.monotonic()
        while not stop.is_set():
            for slot in range(10):
                for at in range(slot, len(sockets), 10):
                    clip = clips["sub" if at % 2 else "main"]
                    unit = clip.units[(picture + at * 3) % len(clip.units)]
                    with contextlib.suppress(BlockingIOError):
                        sockets[at].send(unit.template)
                time.sleep(max(0.0, begun + picture / FPS + (slot + 1) / FPS / 10 - time.monotonic()))
            picture += 1

    thread = threading.Thread(target=run)
    thread.start()
    while pipe.recv() == "cpu":
        pipe.send((time.process_time(), len(sockets), {}))
    stop.set()
    thread.join()


def ask(port: int, path: str) -> socket.socket:
    """A client that plays."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    url = f"rtsp://127.0.0.1:{port}/{path}"
    client.sendall(
        f"SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".encode()
    )
    answer = client.recv(4_096).decode()
    session = answer.split("Session: ")[1].split(";")[0]
    client.sendall(f"PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {session}\r\n\r\n".encode())
    return client


def drain(clients: list[socket.socket], stop: threading.Event, total: list[int]) -> None:
    with selectors.DefaultSelector() as selector:
        for client in clients:
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ)
        while not stop.is_set():
            for key, _ in selector.select(0.1):
                total[0] += len(key.fileobj.recv(1 << 18))  # type: ignore[union-attr]
            time.sleep(0.02)


def measure(target: object, files: dict[str, Path], seconds: float, bare: bool) -> dict[str, float]:
    ours, theirs = mp.Pipe()
    process = mp.get_context("spawn").Process(target=target, args=(files, theirs))  # type: ignore[arg-type]
    process.start()
    port = ours.recv()
    if bare:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * CAMERAS)]
        ours.recv()
    else:
        clients = [ask(port, f"c{i}/{role}") for i in range(CAMERAS) for role in SIZES]
    stop, total = threading.Event(), [0]
    reader = threading.Thread(target=drain, args=(clients, stop, total))
    reader.start()
    time.sleep(2)
    ours.send("cpu")
    before, _, _ = ours.recv()
    bytes_before, begun = total[0], time.monotonic()
    time.sleep(seconds)
    ours.send("cpu")
    after, playing, counters = ours.recv()
    elapsed = time.monotonic() - begun
    megabits = (total[0] - bytes_before) * 8e-6 / elapsed
    ours.send("stop")
    process.join(10)
    stop.set()
    reader.join()
    for client in clients:
        client.close()
    dropped = counters.get("slow_clients_dropped", 0)
    return {"percent": 100 * (after - before) / elapsed, "megabits": megabits, "playing": playing, "dropped": dropped}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_clips(Path(folder))
        bare = measure(write_bare, files, options.seconds, bare=True)
        server = measure(serve, files, options.seconds, bare=False)
    table = Table("", "percent of a core", "Mbit/s", "streams", "dropped")
    for name, row in (("bare socket writes", bare), ("the demo's RTSP server", server)):
        table.add_row(
            name, f"{row['percent']:.1f}", f"{row['megabits']:.1f}", f"{row['playing']:.0f}", f"{row['dropped']:.0f}"
        )
    Console().print(table)
    print(json.dumps({"benchmark": "demo-server", "load": os.getloadavg()[0], "bare": bare, "server": server}))


if __name__ == "__main__":
    main()
