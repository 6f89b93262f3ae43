"""Beside the looks of one shard: closer looks, in tiles of the main stream, where people are many and small.

Promises: one thread; what waits is bounded, and what had to be dropped or failed is counted; it rests after each look
in proportion to what the look took, so that the looks of all cameras keep most of the engine. Not here: when a closer
look is due and what it adds (`alerts/crowd_looks.py`), cutting and joining (`detectors/tiles.py`).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from configs.words import Instant, StreamRole
from detectors.engine import Engine, EngineClosed
from detectors.tiles import look_in_tiles
from ingest.camera import Camera
from runtime.camera_watch import CameraWatch

log = logging.getLogger(__name__)

MOST_WAITING = 8
#: A closer look that waited longer than this would be compared with the counts of another moment.
STALE_SECONDS = 2.0
_MAIN_SECONDS = 1.5
#: After a look, the desk rests for so many times what it took.
_RESTS = 3.0


@dataclass(frozen=True, slots=True)
class _Look:
    camera: Camera
    watch: CameraWatch
    asked_at: float


class CrowdDesk:
    """See the module. `engine` None: no closer looks."""

    def __init__(self, engine: Engine | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: queue.Queue[_Look] = queue.Queue(MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crowd desk", daemon=True)
        self.looks = self.dropped = self.failed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends the thread; what waits is dropped."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def look(self, camera: Camera, watch: CameraWatch) -> None:
        """Look at this camera more closely, soon, or not at all. Never waits."""
        if self._engine is None:
            return
        try:
            self._waiting.put_nowait(_Look(camera, watch, self._clock()))
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            try:
                took = self._look(job)
            except EngineClosed:
                return
            except Exception:
                self.failed += 1
                log.exception("crowds: a closer look at camera %s failed", job.camera.camera_id)
                took = 0.25
            self._stopping.wait(min(_RESTS * took, 5.0))

    def _look(self, job: _Look) -> float:
        """Takes one look; returns the seconds of engine it took."""
        assert self._engine is not None
        if self._clock() - job.asked_at > STALE_SECONDS:
            self.dropped += 1
            return 0.0
        frame = job.camera.newest_frame(StreamRole.MAIN, _MAIN_SECONDS)
        if frame is None:
            self.dropped += 1
            return 0.0
        began = self._clock()
        found = look_in_tiles(self._engine, frame.picture)
        job.watch.take_closer_count(found, Instant(frame.captured_at))
        self.looks += 1
        return self._clock() - began
