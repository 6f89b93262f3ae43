"""An engine made of a function that looks at one picture and blocks: OpenVINO, ONNX Runtime, torch.

Promises: `parallel` threads, each with at most one picture under way; the rest as `engine.Engine`. Not here: the
functions (`openvino_engine.py`, `onnx_engine.py`, `ultralytics_engine.py`).
"""

import logging
import queue
import threading
from collections.abc import Callable

from configs.words import ObjectClass
from detectors.engine import PATIENCE_SECONDS, Done, EngineClosed, Picture
from detectors.words import Detections

log = logging.getLogger(__name__)

Look = Callable[[Picture], Detections]


class PooledEngine:
    """See `engine.Engine`. `look` must be safe to call from `parallel` threads at once."""

    def __init__(
        self,
        look: Look,
        name: str,
        input_size: tuple[int, int],
        classes: tuple[ObjectClass | None, ...],
        parallel: int,
    ) -> None:
        self.name = name
        self.input_size = input_size
        self.classes = classes
        self.parallel = parallel
        self._look = look
        self._room = threading.BoundedSemaphore(parallel)
        self._work: queue.SimpleQueue[tuple[Picture, Done] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {n}", daemon=True) for n in range(1, parallel + 1)
        ]
        for thread in self._threads:
            thread.start()

    def detect(self, picture: Picture) -> Detections:
        if self._closed:
            raise EngineClosed(f"the engine {self.name} is closed")
        return self._look(picture)

    def submit(self, picture: Picture, done: Done) -> bool:
        with self._lock:
            if self._closed:
                raise EngineClosed(f"the engine {self.name} is closed")
            if not self._room.acquire(blocking=False):
                return False
            self._work.put((picture, done))
        return True

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in self._threads:
                self._work.put(None)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            picture, done = job
            result: Detections | Exception
            try:
                result = self._look(picture)
            except Exception as error:
                result = error
            self._room.release()
            try:
                done(result)
            except Exception:
                log.exception("what was told of a look by %s failed", self.name)
