"""Beside the looks of one shard: closer looks at suspected smoke and fire, and what operators teach about them.

Promises: one thread; what waits is bounded, and what had to be dropped or failed is counted; a database or a disk that
is away delays only this. Not here: when a closer look is due and what it is worth (`alerts/smoke_fire.py`), what is
known to be harmless (`alerts/known_sources.py`), the data set (`alerts/feedback.py`).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from alerts import known_sources
from alerts.evidence import encode_jpeg
from alerts.feedback import FeedbackStore
from alerts.words import AlertDraft
from configs.words import SMOKE_AND_FIRE, Box, CameraId, ObjectClass, StreamRole
from detectors.engine import Engine
from ingest.camera import Camera
from models.base import utc_now
from models.errors import DatabaseUnavailable
from models.session import Database
from runtime.camera_watch import CameraWatch

log = logging.getLogger(__name__)

MOST_WAITING = 16
#: A closer look that waited longer than this would show another moment.
STALE_SECONDS = 2.0
_MAIN_SECONDS = 1.0
_SWEEP_SECONDS = 5.0
#: The crop shows this many times the place, and more where the place is tiny.
_CROP_AROUND = 2.2
_LEAST_CROP = 0.12
#: A crop wider than this share of the picture would show little that the first look did not.
_MOST_CROP = 0.75


@dataclass(frozen=True, slots=True)
class _Look:
    camera: Camera
    watch: CameraWatch
    places: dict[int, Box]
    asked_at: float


@dataclass(frozen=True, slots=True)
class _Keep:
    alert_id: str
    draft: AlertDraft
    picture: NDArray[np.uint8]


def crop_around(box: Box, picture_size: tuple[int, int], input_size: tuple[int, int]) -> Box | None:
    """The part of a picture (width, height) to look at more closely, in the proportions of the model's input; None when
    that would be most of the picture.

    >>> crop_around((0.45, 0.45, 0.55, 0.55), (1920, 1080), (416, 234))
    (0.39, 0.39, 0.61, 0.61)
    """
    shape = (input_size[0] / input_size[1]) / (picture_size[0] / picture_size[1])
    width = max((box[2] - box[0]) * _CROP_AROUND, (box[3] - box[1]) * _CROP_AROUND * shape, _LEAST_CROP)
    height = width / shape
    if width > _MOST_CROP or height > 1.0:
        return None
    left = min(max((box[0] + box[2] - width) / 2, 0.0), 1.0 - width)
    top = min(max((box[1] + box[3] - height) / 2, 0.0), 1.0 - height)
    return (round(left, 4), round(top, 4), round(left + width, 4), round(top + height, 4))


def look_closer(engine: Engine, picture: NDArray[np.uint8], box: Box) -> dict[ObjectClass, float] | None:
    """The best score of smoke and of fire near `box` in a full-size picture, seen enlarged; None when it cannot be
    enlarged."""
    height, width = picture.shape[:2]
    crop = crop_around(box, (width, height), engine.input_size)
    if crop is None:
        return None
    x0, y0, x1, y1 = (round(v * size) for v, size in zip(crop, (width, height, width, height), strict=True))
    found = engine.detect(np.ascontiguousarray(picture[y0:y1, x0:x1]))
    scores: dict[ObjectClass, float] = {}
    for row, cls in enumerate(found.classes):
        if cls in SMOKE_AND_FIRE:
            scores[cls] = max(scores.get(cls, 0.0), float(found.scores[row]))
    return scores


class FireDesk:
    """See the module. `engine` None: no closer looks."""

    def __init__(
        self,
        engine: Engine | None,
        database: Database,
        feedback: FeedbackStore,
        watches: Mapping[CameraId, CameraWatch],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._database = database
        self._feedback = feedback
        self._watches = watches
        self._clock = clock
        self._waiting: queue.Queue[_Look | _Keep | None] = queue.Queue(MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fire desk", daemon=True)
        self.looks = self.dropped = self.failed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends the thread; what waits is dropped."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def look(self, camera: Camera, watch: CameraWatch, places: dict[int, Box]) -> None:
        """Look at these places more closely, soon, or not at all. Never waits."""
        if places and self._engine is not None:
            self._put(_Look(camera, watch, places, self._clock()))

    def keep(self, alert_id: str, draft: AlertDraft, picture: NDArray[np.uint8]) -> None:
        """Keep what the model saw for when an operator has judged it. Never waits."""
        if any(mark.object_class in SMOKE_AND_FIRE for mark in draft.marked):
            self._put(_Keep(alert_id, draft, picture))

    def _put(self, job: _Look | _Keep) -> None:
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        sweep_at = self._clock()
        while not self._stopping.is_set():
            if self._clock() >= sweep_at:
                self._guarded(self._sweep)
                sweep_at = self._clock() + _SWEEP_SECONDS
            try:
                job = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            if isinstance(job, _Look):
                self._guarded(lambda job=job: self._look(job))  # type: ignore[misc]
            elif isinstance(job, _Keep):
                self._guarded(lambda job=job: self._keep(job))  # type: ignore[misc]

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (DatabaseUnavailable, SQLAlchemyError, OSError, ValueError) as error:
            self.failed += 1
            log.warning("smoke and fire: %s", error if isinstance(error, DatabaseUnavailable) else type(error).__name__)
        except Exception:
            self.failed += 1
            log.exception("smoke and fire: work beside the looks failed")

    def _look(self, job: _Look) -> None:
        assert self._engine is not None
        if self._clock() - job.asked_at > STALE_SECONDS:
            self.dropped += 1
            return
        frame = job.camera.newest_frame(StreamRole.MAIN, _MAIN_SECONDS)
        if frame is None:
            return
        for key, box in job.places.items():
            scores = look_closer(self._engine, frame.picture, box)
            if scores is not None:
                job.watch.take_second_look(key, scores)
                self.looks += 1

    def _keep(self, job: _Keep) -> None:
        self._feedback.keep(job.alert_id, job.draft, encode_jpeg(job.picture, quality=94))

    def _sweep(self) -> None:
        with self._database.session() as session:
            known_sources.learn(session, list(self._watches), utc_now())
            known = known_sources.load(session, list(self._watches))
            self._feedback.settle(session)
        for camera_id, sources in known.items():
            self._watches[camera_id].learn_known_sources(sources)
