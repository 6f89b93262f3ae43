"""Which of a task's models, sizes and precisions suits this machine: measured once, then remembered.

Promises: of those whose stated recall is at least `LEAST_RECALL`, the most accurate one that gives the looks a second
asked for; where none does, the fastest of them. One that sees less, or was never measured, is used only where there is
nothing else, and for people and vehicles the log says so. What was measured is kept in a file, keyed by the processor,
the cores used, the precision and the model's own sum, so the next start opens one network only. Not here: which files
there are (`catalogue.py`).
"""

import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detectors.catalogue import Catalogue, ModelBroken, ModelError, ModelFile, Task
from detectors.engine import Engine, Picture, cores_for, open_engine

log = logging.getLogger(__name__)

LEAST_RECALL = 0.85
MEASURE_SECONDS = 1.5
SPEEDS_FILE = "engine-speeds.json"
#: A network whose shape would be more grey than this around the picture is not tried.
MOST_GREY = 0.3


def choose_model(
    catalogue: Catalogue,
    task: Task,
    *,
    looks_per_second: float,
    cache_folder: Path,
    threads: int | None = None,
    aspect: float = 16 / 9,
    formats: Sequence[str] = ("openvino",),
    measured_by: Callable[[ModelFile, int | None], float] | None = None,
) -> ModelFile:
    """The file to open for `task` at cameras that ask for `looks_per_second` together, with pictures of `aspect`.

    Raises ModelMissing or ModelBroken when there is no usable one at all.
    """
    files = catalogue.all(task, formats)
    preferred = files[0] if files else catalogue.find(task, formats=formats)
    candidates = [f for f in files if f.name == preferred.name and _is_good_enough(f) and _fits(f, aspect)]
    if not candidates:
        if task is Task.PEOPLE_VEHICLES:  # what smoke and fire need is judged over time, not by one picture
            log.warning("%s is used for want of a better one: it %s", preferred.path, _sight(preferred))
        return preferred
    if len(candidates) == 1:
        return candidates[0]
    speeds = _Speeds(cache_folder / SPEEDS_FILE, threads, measured_by or measure)
    measured: list[tuple[ModelFile, float]] = []
    for file in candidates:
        try:
            measured.append((file, speeds.of(file)))
        except ModelError as error:
            log.warning("%s", error)
    if not measured:
        raise ModelBroken(f"none of the models for {task.value} can be opened; see the warnings above")
    fast_enough = [file for file, speed in measured if speed >= looks_per_second]
    if fast_enough:
        return max(fast_enough, key=lambda f: f.accuracy.recall if f.accuracy else 0.0)
    return max(measured, key=lambda pair: pair[1])[0]


def measure(file: ModelFile, threads: int | None = None) -> float:
    """Looks a second that `file` gives here with every request busy, in a second or two. Raises ModelError."""
    engine = open_engine(file, threads=threads)
    try:
        return looks_per_second(engine, MEASURE_SECONDS)
    finally:
        engine.close()


def looks_per_second(engine: Engine, seconds: float, pictures: Sequence[Picture] | None = None) -> float:
    """Looks a second over `seconds`, with every request busy, of `pictures` in turn (noise when there are none)."""
    width, height = engine.input_size
    shown = pictures or [np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)]
    freed = threading.Semaphore(engine.parallel)
    engine.detect(shown[0])  # the first look also fills caches
    started = time.perf_counter()
    given = 0
    while time.perf_counter() - started < seconds:
        if not freed.acquire(timeout=30):
            raise ModelBroken(f"{engine.name} did not answer within 30 seconds")
        engine.submit(shown[given % len(shown)], lambda _: freed.release())
        given += 1
    for _ in range(engine.parallel):
        freed.acquire(timeout=30)
    return given / (time.perf_counter() - started)


def _is_good_enough(file: ModelFile) -> bool:
    return file.accuracy is not None and file.accuracy.recall >= LEAST_RECALL


def _sight(file: ModelFile) -> str:
    return f"finds {file.accuracy.recall:.0%} of what is there" if file.accuracy else "was never measured"


def _fits(file: ModelFile, aspect: float) -> bool:
    if file.size is None:
        return True
    shape = file.size[0] / file.size[1]
    return 1 - min(shape, aspect) / max(shape, aspect) <= MOST_GREY


class _Speeds:
    """What was measured on this machine before."""

    def __init__(self, path: Path, threads: int | None, measured_by: Callable[[ModelFile, int | None], float]) -> None:
        self._path = path
        self._threads = threads
        self._measured_by = measured_by
        self._machine = f"{_processor()}, {cores_for(threads)} cores"
        try:
            read = json.loads(path.read_text("utf-8"))
            self._known: dict[str, float] = {str(k): float(v) for k, v in read.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self._known = {}

    def of(self, file: ModelFile) -> float:
        # bf16 and fp16 may be one file, run in two ways
        key = f"{self._machine}: {file.precision} {file.digest}"
        if key not in self._known:
            self._known[key] = round(self._measured_by(file, self._threads), 1)
            log.info("%s gives %.1f looks a second here", file.path, self._known[key])
            self._keep()
        return self._known[key]

    def _keep(self) -> None:
        """Without the file, the next start measures again: worth a line, not an error."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._path.with_suffix(".new")
            unfinished.write_text(json.dumps(self._known, indent=1), "utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            log.warning("the measured speeds cannot be kept in %s: %s", self._path, error.strerror)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or os.name
