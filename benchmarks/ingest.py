"""What ingest costs over bare PyAV, for a township of cameras on one machine.

    python benchmarks/ingest.py [--cameras 37] [--seconds 20]

Each figure and its baseline run at the same time, in processes of their own, on the same streams, so that whatever else
the machine does falls on both. The server is a third process. Ends with one line of JSON.

- `decode`: every picture decoded, four a second scaled to fit 320x192 BGR; the baseline is a PyAV loop that does just
  this.
- `demux`: nothing wished; the baseline reads packets and drops them.
- `record`: nothing wished, and every stream copied to files in segments of a minute; the baseline is ours without it.
- `start`: seconds until every camera is online. `memory`: resident MB with rings of 10 s.
- `reconnects`: 1,000 broken connections; memory and threads before and after.
"""

import argparse
import json
import multiprocessing as mp
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from rich.console import Console
from rich.table import Table

from configs.words import CameraId, StreamRole
from ingest.camera import Camera
from ingest.recorder import Recorder
from ingest.segment import release, seal
from ingest.state import Patience
from ingest.words import FrameWish, Packet, StreamState
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer

WIDTH, HEIGHT, FPS = 640, 360, 10
WISH = FrameWish(320, 192, 4.0)
WARM_UP = 6.0
PETS = Path(__file__).resolve().parents[2] / "shared" / "data" / "clips" / "pets09-s2l1-view1.avi"


def make_clip(path: Path, seconds: int = 20) -> None:
    """A clip as a cheap camera would send it: real footage where it is at hand, else a drawn scene with grain."""
    chance = np.random.default_rng(3)
    ground = cv2.GaussianBlur(chance.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 5)
    footage = cv2.VideoCapture(str(PETS)) if PETS.exists() else None
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 2
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "g": "20", "crf": "27"}
        for number in range(seconds * FPS):
            taken, image = footage.read() if footage else (False, None)
            if taken:
                image = cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            else:
                image = ground.copy()
                for walker in range(5):
                    x, y = (number * (3 + walker) + 90 * walker) % (WIDTH - 30), 60 + 50 * walker
                    cv2.rectangle(image, (x, y), (x + 20, y + 50), (40 * walker, 200, 90), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))


def serve(clip: Path, cameras: int, pipe: Connection) -> None:
    """The server's process: says the base address, obeys `drop PATH`, ends when told."""
    opened = Clip.open(clip)
    sources = {f"cam-{n}": Loop(opened, phase=(n * 7) % len(opened.units)) for n in range(cameras)}
    with ThreadedServer(RtspServer(sources)) as server:
        pipe.send(server.url(""))
        while (word := pipe.recv()) != "end":
            server.drop(word)


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(pipe: Connection, seconds: float, counters: Callable[[], tuple[int, int]]) -> dict[str, float]:
    """Process CPU over some seconds, after the other side is warm too."""
    time.sleep(WARM_UP)
    pipe.send("warm")
    pipe.recv()
    began, cpu, (packets, frames) = time.monotonic(), time.process_time(), counters()
    time.sleep(seconds)
    spent, wall = time.process_time() - cpu, time.monotonic() - began
    packets, frames = counters()[0] - packets, counters()[1] - frames
    return {"cpu_percent": 100 * spent / wall, "packets": packets / wall, "frames": frames / wall, "mb": resident_mb()}


def bare(base: str, cameras: int, seconds: float, decode: bool, pipe: Connection) -> None:
    """The baseline: a thread a stream, PyAV, and nothing else."""
    packets, frames, over = [0] * cameras, [0] * cameras, threading.Event()
    options = {"rtsp_transport": "tcp", "allowed_media_types": "video", "analyzeduration": "500000",
               "probesize": "65536", "fpsprobesize": "0"}  # fmt: skip

    def read(number: int) -> None:
        with av.open(f"{base}cam-{number}", options=options, timeout=(10, 10)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            scaler, due = VideoReformatter(), 0.0
            for packet in container.demux(stream):
                packets[number] += 1
                if over.is_set():
                    return
                if not decode:
                    continue
                for frame in packet.decode():
                    if frame.time is not None and frame.time + 0.004 >= due:
                        due = max(due + 1 / WISH.per_second, frame.time + 0.5 / WISH.per_second)
                        scaler.reformat(
                            frame,
                            width=320,
                            height=180,
                            format="bgr24",
                            interpolation=Interpolation.BILINEAR,
                            threads=1,
                        ).to_ndarray()
                        frames[number] += 1

    threads = [threading.Thread(target=read, args=(n,), daemon=True) for n in range(cameras)]
    for thread in threads:
        thread.start()
    pipe.send(measured(pipe, seconds, lambda: (sum(packets), sum(frames))))
    over.set()
    for thread in threads:
        thread.join(10)


def recording(base: str, cameras: int, seconds: float, decode: bool, pipe: Connection) -> None:
    """Ingest that records everything."""
    with tempfile.TemporaryDirectory() as folder:
        ours(base, cameras, seconds, decode, pipe, Path(folder))


def ours(base: str, cameras: int, seconds: float, decode: bool, pipe: Connection, store: Path | None = None) -> None:
    """Ingest itself, with rings of 10 s."""
    recorder = Recorder(store, lambda s: (seal(store, s), release(s))) if store else None
    packets, frames = [0] * cameras, [0] * cameras
    online: dict[str, float] = {}

    def camera(number: int) -> Camera:
        def on_packet(packet: Packet) -> None:
            packets[number] += 1
            if recorder is not None:
                recorder.packet(packet)

        def on_frame(_: object) -> None:
            frames[number] += 1

        made = Camera(
            CameraId(f"cam-{number}"),
            f"{base}cam-{number}",
            None,
            "tcp",
            ring_seconds=10,
            on_packet=on_packet,
            on_frame=on_frame,
            on_health=lambda h: (
                online.setdefault(h.camera_id, time.monotonic()) if h.state is StreamState.ONLINE else 0
            ),
        )
        made.set_wish(WISH if decode else FrameWish(2, 2, 0.0))
        if recorder is not None:
            recorder.add(made.camera_id, made.recent)
            recorder.want(made.camera_id, StreamRole.SUB, float("inf"), 0.0, "continuous")
        return made

    all_cameras = [camera(n) for n in range(cameras)]
    if recorder is not None:
        recorder.start()
    began = time.monotonic()
    for each in all_cameras:
        each.start()
    figures = measured(pipe, seconds, lambda: (sum(packets), sum(frames)))
    figures["online"] = len(online)
    figures["start_seconds"] = max(online.values(), default=float("inf")) - began
    figures["shed"] = sum(c.health(StreamRole.SUB).frames_shed for c in all_cameras)
    if recorder is not None:
        health = [recorder.health(c.camera_id) for c in all_cameras]
        figures["recorded_mb"] = sum(h.bytes_written for h in health) / 1e6
        figures["record_dropped"] = sum(h.packets_dropped for h in health)
    pipe.send(figures)
    for each in all_cameras:
        each.stop(10)
    if recorder is not None:
        recorder.stop(30)


def reconnect(base: str, cameras: int, times: int, pipe: Connection) -> None:
    """Breaks connections until each camera has come back often enough; memory and threads on the way."""
    patience = Patience(retry_first_seconds=0.01, retry_most_seconds=0.02)
    nothing: Callable[[Any], None] = lambda _: None  # noqa: E731
    made = [
        Camera(CameraId(f"cam-{n}"), f"{base}cam-{n}", None, "tcp", ring_seconds=2, on_packet=nothing, on_frame=nothing,
               on_health=nothing, patience=patience, start_spread_seconds=0.1)
        for n in range(cameras)
    ]  # fmt: skip
    for each in made:
        each.set_wish(WISH)
        each.start()
    marks: list[tuple[float, int]] = []
    done = 0
    while done < times:
        limit = time.monotonic() + 20
        while time.monotonic() < limit and any(c.health(StreamRole.SUB).state is not StreamState.ONLINE for c in made):
            time.sleep(0.02)
        if not marks or (len(marks) < 2 and done >= times / 5):
            marks.append((resident_mb(), threading.active_count()))
        pipe.send("drop")
        done += cameras
        limit = time.monotonic() + 20
        while time.monotonic() < limit and sum(c.health(StreamRole.SUB).reconnects for c in made) < done:
            time.sleep(0.02)
    time.sleep(2)
    after = (resident_mb(), threading.active_count())
    total = sum(c.health(StreamRole.SUB).reconnects for c in made)
    for each in made:
        each.stop(10)
    pipe.send({"reconnects": total, "mb_before": marks[-1][0], "mb_after": after[0], "threads_before": marks[-1][1],
               "threads_after": after[1], "threads_left": threading.active_count() - 1})  # fmt: skip


Side = Callable[[str, int, float, bool, Connection], None]


def pair(
    base: str, cameras: int, seconds: float, decode: bool, sides: tuple[Side, Side]
) -> tuple[dict[str, float], dict[str, float]]:
    """Two ways, at the same time."""
    context = mp.get_context("spawn")
    runs = []
    for side in sides:
        here, there = context.Pipe()
        process = context.Process(target=side, args=(base, cameras, seconds, decode, there))
        process.start()
        runs.append((process, here))
    for _, pipe in runs:
        pipe.recv()
    for _, pipe in runs:
        pipe.send("go")
    figures = [pipe.recv() for _, pipe in runs]
    for process, _ in runs:
        process.join(30)
    return figures[0], figures[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=37)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--reconnects", type=int, default=1000)
    options = parser.parse_args()
    context = mp.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(clip)
        here, there = context.Pipe()
        server = context.Process(target=serve, args=(clip, options.cameras, there))
        server.start()
        base = here.recv()
        try:
            decode, decode_bare = pair(base, options.cameras, options.seconds, True, (ours, bare))
            demux, demux_bare = pair(base, options.cameras, options.seconds, False, (ours, bare))
            record, record_not = pair(base, options.cameras, options.seconds, False, (recording, ours))
            pipe, other = context.Pipe()
            breaker = context.Process(target=reconnect, args=(base, 10, options.reconnects, other))
            breaker.start()
            while (said := pipe.recv()) == "drop":
                for n in range(10):
                    here.send(f"cam-{n}")
            breaker.join(30)
        finally:
            here.send("end")
            server.join(10)
    report(options.cameras, decode, decode_bare, demux, demux_bare, record, record_not, said)


def report(
    cameras: int, decode: Any, decode_bare: Any, demux: Any, demux_bare: Any, record: Any, record_not: Any,
    reconnects: Any,
) -> None:  # fmt: skip
    """The table, and the line of JSON."""
    table = Table(title=f"{cameras} streams of {WIDTH}x{HEIGHT} at {FPS} fps")
    for column in ("", "CPU, % of a core", "over bare", "packets/s", "frames/s", "MB"):
        table.add_column(column, justify="left" if not column else "right")
    for name, run, base in (
        ("decode, 4 frames/s given", decode, decode_bare),
        ("  bare PyAV", decode_bare, None),
        ("nothing wished", demux, demux_bare),
        ("  bare PyAV", demux_bare, None),
        ("everything recorded", record, record_not),
        ("  not recorded", record_not, None),
    ):
        ratio = f"{run['cpu_percent'] / base['cpu_percent']:.2f}" if base else ""
        table.add_row(
            name,
            f"{run['cpu_percent']:.1f}",
            ratio,
            f"{run['packets']:.0f}",
            f"{run['frames']:.0f}",
            f"{run['mb']:.0f}",
        )
    console = Console(width=110)
    console.print(table)
    result = {
        "bench": "ingest",
        "cameras": cameras,
        "decode_cpu_percent": round(decode["cpu_percent"], 1),
        "decode_over_bare": round(decode["cpu_percent"] / decode_bare["cpu_percent"], 3),
        "demux_cpu_percent": round(demux["cpu_percent"], 1),
        "demux_over_bare": round(demux["cpu_percent"] / demux_bare["cpu_percent"], 3),
        "record_adds_percent": round(record["cpu_percent"] - record_not["cpu_percent"], 1),
        "recorded_mb": round(record["recorded_mb"], 1),
        "record_dropped": int(record["record_dropped"]),
        "online": int(decode["online"]),
        "start_seconds": round(max(decode["start_seconds"], demux["start_seconds"]), 2),
        "frames_shed": int(decode["shed"]),
        "memory_mb": round(max(decode["mb"], demux["mb"])),
        **{key: round(value, 1) for key, value in reconnects.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
