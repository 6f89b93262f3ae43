"""What viewers take from analysis: looks a second of a whole shard on busy streams, alone and while people watch.

Turn and turn about in one run, so that what else goes on at the box weighs on both. The viewers' own work (they stand
on the same box here, and on other machines in a village) runs at the lowest priority.
"""

import statistics
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import pipeline
from benchmarks.live_servers import Children, children, heard, logged_in, serve
from benchmarks.live_viewers import receive

_WARM_UP = 12.0


def streams(clips: list[str], cameras: int, pipe: Connection) -> None:
    """The RTSP cameras; says their addresses."""
    pipeline.serve(pipe, clips, cameras)


def shard(folder: str, urls: list[str], pipe: Connection) -> None:
    """A whole shard; each number of seconds that it is told, it measures looks a second for."""
    from alerts.evidence import EvidenceStore
    from detectors.catalogue import Task
    from models.migrate import migrate
    from models.session import open_database
    from runtime.engines import open_engines
    from runtime.shard import Shard, let_threads_take_turns

    let_threads_take_turns()
    site = pipeline.site_of(urls, ["smoke_fire", "people_flow"])
    engines = open_engines({Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE})
    own = Path(folder) / "own"
    own.mkdir()
    database = open_database(None, own)
    migrate(database)
    running = Shard(
        site, list(site.cameras), engines, database, EvidenceStore(own / "evidence"), f"ipc://{folder}/shard",
        own / "recordings", own / "feedback",
    )  # fmt: skip
    running.start()
    stop = threading.Event()
    threading.Thread(target=running.run, args=(stop,), daemon=True).start()
    time.sleep(_WARM_UP)
    pipe.send(None)
    while (seconds := pipe.recv()) is not None:
        before, begun = sum(running.looks().values()), time.monotonic()
        time.sleep(seconds)
        pipe.send((sum(running.looks().values()) - before) / (time.monotonic() - begun))
    stop.set()


def _looks(pipe: Connection, seconds: float) -> float:
    pipe.send(seconds)
    rate: float = heard(pipe, seconds + 60)
    return rate


def _while_watched(started: Children, url: str, viewers: int, cameras: int, pipe: Connection, seconds: float) -> float:
    watching = started.start(receive, url, viewers, min(viewers, cameras), None, False, True)
    heard(watching)
    rate = _looks(pipe, seconds)
    watching.send(None)
    heard(watching)
    return rate


def measure(viewers: int, cameras: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Looks a second without and with `viewers`, and their ratio, by the median of `rounds` turns."""
    from runtime.demo.clips import make_clips

    made = make_clips(only=frozenset(pipeline.BUSY))
    clips = [str(made[name].sub) for name in pipeline.BUSY if name in made]
    with tempfile.TemporaryDirectory(prefix="live-analysis-") as work, children() as started:
        urls = heard(started.start(streams, clips, cameras))
        pipe = started.start(shard, work, urls)
        _, url = heard(started.start(serve, "ours", work, "", cameras))
        logged_in(url)
        heard(pipe)
        alone, watched = [], []
        for _ in range(rounds):
            alone.append(_looks(pipe, seconds))
            watched.append(_while_watched(started, url, viewers, cameras, pipe, seconds))
        alone.append(_looks(pipe, seconds))
    return {
        "viewers": viewers, "cameras": cameras, "alone": alone, "watched": watched,
        "ratio": statistics.median(watched) / statistics.median(alone),
    }  # fmt: skip
