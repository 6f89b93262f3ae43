"""How much of the box becomes looks: the whole shard on 37 streams, beside the bare engine and ultralytics' `track`.

    python benchmarks/pipeline.py [--cameras 37] [--seconds 20]

All in one run, the streams served by another process:
- `bare`: the engine alone on both cores, every request busy, no decoding: what the silicon gives at that size.
- `decode`: the 37 streams decoded, nothing looked at: its CPU is what is left to pay.
- `busy`: the whole shard on busy streams: analysed frames a second, CPU, memory, age of a frame when its boxes exist,
  the longest gap between two looks of the smoke and fire model on any camera.
- `still`: the same on streams where nothing moves; beside `decode still`, which only decodes them.
- `ultralytics`: its own `track` on the same streams, where it is installed (set VBRAIN_ULTRALYTICS to a Python that has
  it): with our network at our size; and, where a `.pt` of that network is on the box (fetched, or named by
  VBRAIN_ULTRALYTICS_PT), as its handbook starts it, on torch at 640. Ends with one line of JSON.
"""

import argparse
import json
import multiprocessing as mp
import os
import resource
import statistics
import subprocess
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
from rich.console import Console
from rich.table import Table

from alerts.evidence import EvidenceStore
from configs.site import Site
from configs.words import CameraId
from detectors.catalogue import Catalogue, Task
from detectors.choose import looks_per_second
from ingest.camera import Camera
from ingest.words import FrameWish
from models.migrate import migrate
from models.session import open_database
from runtime.demo.clip import Clip, Loop
from runtime.demo.clips import make_clips
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from runtime.engines import Engines, open_engines
from runtime.shard import Shard, let_threads_take_turns

WARM_UP = 8.0
#: A still camera rests after eight seconds of calm, and its clip's borders have gone by once.
STILL_WARM_UP = 24.0
BUSY = ("square", "lane", "road", "square-rain", "road-mirror", "square-dusk")
PROJECT = Path(__file__).resolve().parents[1]


def still_clip(scene: str, path: Path) -> None:
    """The first picture of a scene, where nothing moves but the sensor's noise."""
    chance = np.random.default_rng(5)
    ground = np.asarray(cv2.VideoCapture(scene).read()[1], np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = ground.shape[1], ground.shape[0], "yuv420p"
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "g": "20", "crf": "27"}
        for _ in range(100):
            noise = chance.normal(0, 2.0, ground.shape)
            picture = np.clip(ground + noise, 0, 255).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def serve(pipe: Connection, clips: list[str], cameras: int) -> None:
    """The server's process: `cameras` streams over these clips, each at its own place in its loop."""
    opened = [Clip.open(path) for path in clips]
    sources = {f"c{n}/sub": Loop(opened[n % len(opened)], 37 * n) for n in range(cameras)}
    with ThreadedServer(RtspServer(sources)).start() as server:
        pipe.send([server.url(f"c{n}/sub") for n in range(cameras)])
        pipe.recv()


def with_streams(clips: list[str], cameras: int, work: Callable[[list[str]], dict[str, Any]]) -> dict[str, Any]:
    ours, theirs = mp.Pipe()
    server = mp.Process(target=serve, args=(theirs, clips, cameras), daemon=True)
    server.start()
    try:
        return work(ours.recv())
    finally:
        ours.send(None)
        server.join(10)


def measured(work: Callable[[float], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Runs `work` in a process of its own and returns what it measured."""
    ours, theirs = mp.Pipe()
    process = mp.Process(target=lambda: theirs.send(work(seconds)), daemon=True)
    process.start()
    while not ours.poll(1.0):
        if not process.is_alive() and not ours.poll(0):
            raise SystemExit(f"a measuring process ended with exit status {process.exitcode}")
    result: dict[str, Any] = ours.recv()
    process.join(20)
    return result


def cpu_over(seconds: float) -> float:
    """Cores that this process used over the next `seconds`."""
    before, started = time.process_time(), time.monotonic()
    time.sleep(seconds)
    return (time.process_time() - before) / (time.monotonic() - started)


def site_of(urls: list[str], watch: list[str]) -> Site:
    name = {"zh": "测", "en": "bench"}
    return Site.model_validate(
        {
            "site": {"name": name},
            "groups": [{"id": "all", "name": name}],
            "cameras": [
                {
                    "id": f"c{n}",
                    "name": name,
                    "place": {"x": 0.5, "y": 0.5},
                    "group": "all",
                    "streams": {"sub": url},
                    "watch": watch,
                    "looks_per_second": 5,
                }
                for n, url in enumerate(urls)
            ],
        }
    )


class Timed(Shard):
    """A shard that notes how old a frame is when its boxes exist."""

    def __init__(self, *arguments: Any) -> None:
        self.ages: list[float] = []
        super().__init__(*arguments)

    def _looked(self, camera_id: CameraId, task: Task, frame: Any, detections: Any) -> None:
        self.ages.append(time.time() - frame.captured_at)
        super()._looked(camera_id, task, frame, detections)


def run_shard(urls: list[str], seconds: float, warm_up: float = WARM_UP) -> dict[str, Any]:
    let_threads_take_turns()
    site = site_of(urls, ["smoke_fire", "people_flow"])
    engines: Engines = open_engines({Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE})
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(None, Path(folder))
        migrate(database)
        endpoint = f"ipc://{folder}/shard"
        evidence, recordings = EvidenceStore(Path(folder) / "evidence"), Path(folder) / "recordings"
        feedback = Path(folder) / "feedback"
        shard = Timed(site, list(site.cameras), engines, database, evidence, endpoint, recordings, feedback)
        shard.start()
        stop = threading.Event()
        reporter = threading.Thread(target=shard.run, args=(stop,))
        reporter.start()
        time.sleep(warm_up)
        looks, shard.ages = shard.looks(), []
        cores = cpu_over(seconds)
        done = {task: shard.looks()[task] - looks[task] for task in looks}
        ages = sorted(shard.ages)
        gaps = [shard.longest_gap(point.camera_id, Task.SMOKE_FIRE) for point in site.cameras]
        result = {
            "looks_per_second": sum(done.values()) / seconds,
            "by_task": {task.value: round(count / seconds, 1) for task, count in done.items()},
            "cores": cores,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "age_p50": statistics.median(ages) if ages else None,
            "age_p95": ages[int(0.95 * (len(ages) - 1))] if ages else None,
            "smoke_fire_longest_gap": max(gaps) if Task.SMOKE_FIRE in engines.by_task else None,
        }
        stop.set()
        reporter.join()
        shard.stop()
        database.close()
    engines.close()
    return result


def run_decoding(urls: list[str], seconds: float) -> dict[str, Any]:
    frames = [0]

    def count(_: Any) -> None:
        frames[0] += 1

    cameras = [
        Camera(CameraId(f"c{n}"), url, None, "tcp", ring_seconds=10, on_packet=lambda _: None, on_frame=count,
               on_health=lambda _: None)
        for n, url in enumerate(urls)
    ]  # fmt: skip
    for camera in cameras:
        camera.set_wish(FrameWish(416, 256, 5.0))
        camera.start()
    time.sleep(WARM_UP)
    frames[0] = 0
    cores = cpu_over(seconds)
    result = {"frames_per_second": frames[0] / seconds, "cores": cores}
    for camera in cameras:
        camera.stop(5)
    return result


def run_bare(clip: str, seconds: float) -> dict[str, Any]:
    video = cv2.VideoCapture(clip)
    pictures = [np.asarray(cv2.resize(video.read()[1], (416, 234)), np.uint8) for _ in range(16)]
    engines = open_engines({Task.PEOPLE_VEHICLES})
    engine = engines.by_task[Task.PEOPLE_VEHICLES]
    rate = looks_per_second(engine, seconds, pictures)
    name, size = engine.name, list(engine.input_size)
    engines.close()
    return {"looks_per_second": rate, "engine": name, "size": size}


TRACK = """
import json, sys, threading, time
from ultralytics import YOLO
model, urls, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
size = [int(v) for v in sys.argv[4].split(",")]
size = size[0] if len(size) == 1 else size
yolo = YOLO(model, task="detect")
count, begun = 0, None
threading.Timer(seconds + 120, lambda: __import__("os")._exit(3)).start()
for result in yolo.track(urls, stream=True, verbose=False, conf=0.25, imgsz=size, persist=True):
    if begun is None:
        begun = time.monotonic() + 5
    if time.monotonic() > begun:
        count += 1
    if time.monotonic() > begun + seconds:
        print(json.dumps({"looks_per_second": count / (time.monotonic() - begun)}), flush=True)
        __import__("os")._exit(0)
"""


def run_ultralytics(urls: list[str], seconds: float, checkpoint: Path | None = None) -> dict[str, Any]:
    """With the network and size that we look with, or with a checkpoint at 640, which is its default."""
    python = os.environ.get("VBRAIN_ULTRALYTICS", sys.executable)
    model = Catalogue.load().find(Task.PEOPLE_VEHICLES)
    with tempfile.TemporaryDirectory() as folder:
        streams = Path(folder) / "all.streams"
        streams.write_text("\n".join(urls))
        size = f"{model.size[1]},{model.size[0]}" if model.size else "256,416"
        named, size = (checkpoint, "640") if checkpoint else (model.path.parent, size)
        environment = {**os.environ, "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
        run = subprocess.run(
            [python, "-c", TRACK, str(named), str(streams), str(seconds), size],
            capture_output=True, text=True, env=environment, timeout=seconds + 200, check=False,
        )  # fmt: skip
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        last = (run.stderr or run.stdout).strip().splitlines()
        return {"looks_per_second": None, "problem": last[-1] if last else f"exit status {run.returncode}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def checkpoint_of_track() -> Path | None:
    """The `.pt` that ultralytics would be started with, if there is one."""
    if named := os.environ.get("VBRAIN_ULTRALYTICS_PT"):
        return Path(named)
    files = Catalogue.load().all(Task.PEOPLE_VEHICLES, ("torch",))
    return next((file.path for file in files if file.path.suffix == ".pt"), None)


def main() -> None:
    mp.set_start_method("fork")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cameras", type=int, default=37)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--without-ultralytics", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        made = make_clips(only=frozenset(BUSY))
        busy = [str(made[name].sub) for name in BUSY if name in made]
        still = [str(Path(folder) / f"still-{n}.mp4") for n in range(len(busy))]
        for scene, path in zip(busy, still, strict=True):
            still_clip(scene, Path(path))
        figures: dict[str, Any] = {}
        checkpoint = checkpoint_of_track()
        for name, work in {
            "bare": lambda: measured(lambda s: run_bare(busy[0], s), 5.0),
            "decode": lambda: with_streams(
                busy, options.cameras, lambda urls: measured(lambda s: run_decoding(urls, s), options.seconds)
            ),
            "decode still": lambda: with_streams(
                still, options.cameras, lambda urls: measured(lambda s: run_decoding(urls, s), options.seconds)
            ),
            "busy": lambda: with_streams(
                busy, options.cameras, lambda urls: measured(lambda s: run_shard(urls, s), options.seconds)
            ),
            "still": lambda: with_streams(
                still,
                options.cameras,
                lambda urls: measured(lambda s: run_shard(urls, s, STILL_WARM_UP), options.seconds),
            ),
            "ultralytics": lambda: with_streams(
                busy, options.cameras, lambda urls: run_ultralytics(urls, options.seconds)
            ),
            "ultralytics, torch 640": lambda: with_streams(
                busy, options.cameras, lambda urls: run_ultralytics(urls, options.seconds, checkpoint)
            ),
        }.items():
            if name.startswith("ultralytics") and (options.without_ultralytics or ("torch" in name and not checkpoint)):
                figures[name] = {"looks_per_second": None, "problem": "not measured"}
                continue
            console.print(f"measuring {name} …")
            figures[name] = work()
            console.print(figures[name])
    report(figures, options.cameras)


def report(figures: dict[str, Any], cameras: int) -> None:
    """The table, and the line of JSON."""
    bare, busy, decode = figures["bare"], figures["busy"], figures["decode"]
    cores = os.cpu_count() or 1
    left = max(0.1, cores - decode["cores"]) / cores
    figures["share_of_bare_on_cores_left"] = busy["looks_per_second"] / (bare["looks_per_second"] * left)
    tracks = {name: found["looks_per_second"] for name, found in figures.items() if name.startswith("ultralytics")}
    figures["times_ultralytics"] = {n: busy["looks_per_second"] / rate if rate else None for n, rate in tracks.items()}
    figures["still_over_decoding"] = figures["still"]["cores"] / figures["decode still"]["cores"]
    table = Table("", "looks/s", "cores", "MB", "age p50 / p95 ms", title=f"{cameras} streams, {bare['engine']}")
    table.add_row("bare engine", f"{bare['looks_per_second']:.1f}", f"{cores}", "", "")
    table.add_row("decoding only", "", f"{decode['cores']:.2f}", "", "")
    table.add_row("decoding only, still", "", f"{figures['decode still']['cores']:.2f}", "", "")
    for name in ("busy", "still"):
        f = figures[name]
        age = f"{1000 * f['age_p50']:.0f} / {1000 * f['age_p95']:.0f}" if f["age_p50"] is not None else ""
        table.add_row(
            f"village brain, {name}", f"{f['looks_per_second']:.1f}", f"{f['cores']:.2f}", f"{f['megabytes']:.0f}", age
        )
    for name, rate in tracks.items():
        table.add_row(f"{name}: track", f"{rate:.1f}" if rate else figures[name].get("problem", ""), "", "", "")
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
