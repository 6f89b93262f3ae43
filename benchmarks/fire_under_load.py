"""How much later a fire is told of when every other camera is busy too.

    python benchmarks/fire_under_load.py [--cameras 37] [--events 6]

The same drawn fires and smoke (`fire_scenes.py`, by day, at least 1 % of the picture) begin on a few cameras of a
whole shard, served as RTSP by another process: once with those cameras alone, once among busy streams. Seconds are
from the first visible change, by the clock of the machine, to the alert. Ends with one line of JSON.
"""

import argparse
import json
import multiprocessing as mp
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
from rich.console import Console
from rich.table import Table

from alerts.evidence import EvidenceStore
from benchmarks.fire import CLIPS
from benchmarks.fire_scenes import BEFORE_SECONDS, EVENT_SECONDS, RATE, WEATHERS, Event, Loop, Ordinary
from benchmarks.pipeline import BUSY, measured, site_of
from configs.words import IncidentKind
from detectors.catalogue import Task
from models.migrate import migrate
from models.session import open_database
from runtime.demo.clip import Clip
from runtime.demo.clip import Loop as Looped
from runtime.demo.clips import make_clips
from runtime.demo.encode import ClipWriter
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from runtime.engines import open_engines
from runtime.shard import Shard, let_threads_take_turns

PROJECT = Path(__file__).resolve().parents[1]
#: The first begins after so long, each further one so much later.
CALM_SECONDS, APART_SECONDS = 20.0, 3.0
WIDTHS = (0.15, 0.3, 0.45)
SIZE = (640, 360)
GIVEN_UP_SECONDS = 30.0
LAST_GROUP = 15


@dataclass(frozen=True)
class Begins:
    """A calm clip in a loop until picture `at_picture`, then the event once, then its last pictures again and again."""

    calm: Clip
    event: Clip
    at_picture: int

    @property
    def fps(self) -> float:
        return self.calm.fps

    def at(self, picture: int) -> tuple[Clip, int]:
        if picture < self.at_picture:
            return self.calm, picture % len(self.calm.units)
        index, length = picture - self.at_picture, len(self.event.units)
        if index < length:
            return self.event, index
        first = self.event.keyframe_before(length - LAST_GROUP)
        return self.event, first + (index - length) % (length - first)


def draw(events: int, folder: Path, kept: Path) -> list[tuple[Path, Path, float, str]]:
    """For each event its calm clip, its own, the seconds into that at which it shows, and its name."""
    loops = [Loop(PROJECT.parent / "shared" / "data" / "clips" / name) for name in CLIPS]
    made, seed = [], 0
    while len(made) < events:
        seed += 1
        loop, kind = loops[seed % len(loops)], ("fire", "smoke")[seed // 2 % 2]
        scene = Ordinary(loop.name, loop, WEATHERS["drift"], seed)
        event = Event(scene, kind, False, WIDTHS[seed % len(WIDTHS)], seed, kept)
        if event.share < 0.01:
            continue
        paths = folder / f"calm-{seed}.mp4", folder / f"event-{seed}.mp4"
        for path, pictures in zip(
            paths,
            (
                (event.plain(n / RATE) for n in range(int(10 * RATE))),
                (event.at(BEFORE_SECONDS + n / RATE) for n in range(int((EVENT_SECONDS - BEFORE_SECONDS) * RATE))),
            ),
            strict=True,
        ):
            with ClipWriter(path, SIZE, 600) as writer:
                for picture in pictures:
                    writer.write(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA))
        made.append((*paths, event.onset - BEFORE_SECONDS, event.name))
    return made


def serve(pipe: Connection, clips: list[tuple[Path, Path, float, str]], busy: list[str], cameras: int) -> None:
    """The server's process. Tells the streams' addresses and the moments at which the events show."""
    sources: dict[str, Any] = {}
    for n, (calm, event, _, _) in enumerate(clips):
        begins = int((CALM_SECONDS + n * APART_SECONDS) * RATE)
        sources[f"c{n}/sub"] = Begins(Clip.open(calm), Clip.open(event), begins)
    opened = [Clip.open(path) for path in busy]
    for n in range(len(clips), cameras):
        sources[f"c{n}/sub"] = Looped(opened[n % len(opened)], 37 * n)
    with ThreadedServer(RtspServer(sources)).start() as server:
        started = time.time() - server.server.now()
        onsets = [started + CALM_SECONDS + n * APART_SECONDS + onset for n, (_, _, onset, _) in enumerate(clips)]
        pipe.send(([server.url(f"c{n}/sub") for n in range(len(sources))], onsets))
        pipe.recv()


class Told(Shard):
    """A shard that notes when each camera's first alert of smoke or fire is raised."""

    def __init__(self, *arguments: Any) -> None:
        self.told: dict[str, float] = {}
        super().__init__(*arguments)

    def _raise(self, post: Any, seen: Any, frame: Any) -> None:
        if any(draft.kind in (IncidentKind.FIRE, IncidentKind.SMOKE) for draft in seen.drafts):
            self.told.setdefault(str(post.point.camera_id), time.time())
        super()._raise(post, seen, frame)


def run(urls: list[str], onsets: list[float]) -> dict[str, Any]:
    """Runs the shard until the last event was told of, or given up; how late each alert was."""
    let_threads_take_turns()
    site = site_of(urls, ["smoke_fire", "people_flow"])
    engines = open_engines({Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(None, folder)
        migrate(database)
        shard = Told(
            site, list(site.cameras), engines, database, EvidenceStore(folder / "evidence"),
            f"ipc://{folder}/shard", folder / "recordings", folder / "feedback",
        )  # fmt: skip
        shard.start()
        stop = threading.Event()
        reporter = threading.Thread(target=shard.run, args=(stop,))
        reporter.start()
        wanted = [f"c{n}" for n in range(len(onsets))]
        while time.time() < max(onsets) + GIVEN_UP_SECONDS and not all(c in shard.told for c in wanted):
            time.sleep(0.5)
        looks = shard.looks()
        stop.set()
        reporter.join()
        shard.stop()
        database.close()
    engines.close()
    seconds = [shard.told[c] - at if c in shard.told else None for c, at in zip(wanted, onsets, strict=True)]
    others = sorted(set(shard.told) - set(wanted))
    return {"seconds": seconds, "others": others, "looks": {task.value: count for task, count in looks.items()}}


def once(clips: list[tuple[Path, Path, float, str]], busy: list[str], cameras: int) -> dict[str, Any]:
    ours, theirs = mp.Pipe()
    server = mp.Process(target=serve, args=(theirs, clips, busy, cameras), daemon=True)
    server.start()
    try:
        urls, onsets = ours.recv()
        return measured(lambda _: run(urls, onsets), 0.0)
    finally:
        ours.send(None)
        server.join(10)


def main() -> int:
    """The command."""
    mp.set_start_method("fork")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=37)
    parser.add_argument("--events", type=int, default=6)
    options = parser.parse_args()
    if not (PROJECT.parent / "shared" / "data" / "clips").is_dir():
        print("fire_under_load: the events are drawn on footage in ../shared/data/clips, which is not there")
        return 2
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name:
        console.print("drawing …")
        clips = draw(options.events, Path(name), PROJECT / "runs" / "bench-fire")
        made = make_clips(only=frozenset(BUSY))
        busy = [str(made[scene].sub) for scene in BUSY if scene in made]
        console.print("the events alone …")
        alone = once(clips, busy, 0)
        console.print(f"among {options.cameras} cameras …")
        among = once(clips, busy, options.cameras)
    table = Table("event", "alone, s", f"of {options.cameras} cameras, s", title="From the first sign to the alert")
    for (_, _, _, event), a, b in zip(clips, alone["seconds"], among["seconds"], strict=True):
        table.add_row(event, *("–" if s is None else f"{s:.1f}" for s in (a, b)))
    pairs = [(a, b) for a, b in zip(alone["seconds"], among["seconds"], strict=True) if a is not None and b is not None]
    later = [b - a for a, b in pairs]
    figures = {
        "alone": alone,
        "among": among,
        "later_median_s": statistics.median(later) if later else None,
        "later_most_s": max(later, default=None),
    }
    Console().print(table)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
