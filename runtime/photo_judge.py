"""The fire model's look at a citizen's photo: a suggestion of its kind, never a verdict.

Promises: the model is opened with the first photo, in the process that takes reports; without a model, or with a photo
that cannot be read, there is no suggestion. Not here: what is made of it (`alerts/reports.py`).
"""

import logging
import threading

import cv2
import numpy as np

from alerts.reports import Suggestion
from configs.words import IncidentKind, ObjectClass
from detectors.catalogue import Catalogue, ModelError, Task
from detectors.engine import Engine, open_engine

log = logging.getLogger(__name__)

_LEAST = {ObjectClass.FIRE: 0.45, ObjectClass.SMOKE: 0.5}
_KINDS = {ObjectClass.FIRE: IncidentKind.FIRE, ObjectClass.SMOKE: IncidentKind.SMOKE}


class FirePhotoJudge:
    """Call it with a clean JPEG. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._missing = False

    def __call__(self, jpeg: bytes) -> Suggestion | None:
        engine = self._opened()
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if engine is None or picture is None:
            return None
        found = engine.detect(np.asarray(picture, np.uint8))
        seen = [(float(score), kind) for score, kind in zip(found.scores, found.classes, strict=True)]
        sure = [(score, kind) for score, kind in seen if kind in _LEAST and score >= _LEAST[kind]]
        if not sure:
            return None
        # Where there is flame it is a fire, however strong the smoke is.
        score, kind = max(sure, key=lambda one: (one[1] is ObjectClass.FIRE, one[0]))
        return Suggestion(_KINDS[kind], score)

    def _opened(self) -> Engine | None:
        with self._lock:
            if self._engine is None and not self._missing:
                try:
                    self._engine = open_engine(Catalogue.load().find(Task.SMOKE_FIRE), threads=1)
                except ModelError as error:
                    self._missing = True
                    log.warning("photos are not looked at: %s", error)
            return self._engine
