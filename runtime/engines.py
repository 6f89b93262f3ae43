"""The engines of one shard: which model looks for what.

Promises: a model that is missing or broken is said in one clear sentence, and the rest runs on. Not here: finding
models (`detectors/catalogue.py`), running them (`detectors/*_engine.py`).
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.calibration import LEAST_SCORE
from detectors.catalogue import Catalogue, ModelBroken, ModelFile, ModelMissing, Task
from detectors.choose import choose_model
from detectors.engine import CONFIDENCE, Engine, open_engine

log = logging.getLogger(__name__)

#: The width and height that frames are fitted into when no model wants any.
_DEFAULT_SIZE = (416, 256)


@dataclass(slots=True)
class Engines:
    """One engine for each task that has a usable model; `problems` says why a task has none."""

    by_task: dict[Task, Engine]
    problems: dict[Task, str]

    def frame_size(self, tasks: set[Task]) -> tuple[int, int]:
        """The width and height that frames should fit into to serve these tasks."""
        sizes = [self.by_task[t].input_size for t in tasks if t in self.by_task]
        if not sizes:
            return _DEFAULT_SIZE
        return max(w for w, _ in sizes), max(h for _, h in sizes)

    def describe(self) -> list[dict[str, Any]]:
        """For the console: each task, its model or what is wrong, as JSON."""
        return [
            {
                "task": task.value,
                "model": self.by_task[task].name if task in self.by_task else None,
                "input_size": list(self.by_task[task].input_size) if task in self.by_task else None,
                "problem": self.problems.get(task),
            }
            for task in (Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE)
        ]

    def close(self) -> None:
        for engine in self.by_task.values():
            engine.close()


def open_engines(
    tasks: set[Task],
    *,
    looks_per_second: float = 0.0,
    cache_folder: Path | None = None,
    picture_size: tuple[int, int] | None = None,
    threads: int | None = None,
) -> Engines:
    """Opens the best model there is for each task.

    For live use, that is the most accurate one that gives `looks_per_second` on this box; what is measured is kept in
    `cache_folder`. With `picture_size` (width, height), it is the one that shows such a picture largest.
    """
    catalogue = Catalogue.load()
    by_task: dict[Task, Engine] = {}
    problems: dict[Task, str] = {}
    for task in sorted(tasks):
        try:
            if picture_size is not None:
                model = _finest(catalogue, task, picture_size)
            elif cache_folder is not None:
                model = choose_model(
                    catalogue, task, looks_per_second=looks_per_second, cache_folder=cache_folder, threads=threads
                )
            else:
                model = catalogue.find(task)
            # Weak sightings of smoke and fire are evidence; of people and vehicles they are noise.
            least = LEAST_SCORE if task is Task.SMOKE_FIRE else CONFIDENCE
            by_task[task] = open_engine(model, threads=threads, confidence=least)
        except (ModelMissing, ModelBroken) as error:
            problems[task] = str(error)
            log.error("%s", error)
    return Engines(by_task, problems)


def _finest(catalogue: Catalogue, task: Task, picture_size: tuple[int, int]) -> ModelFile:
    """The file whose input shows such a picture largest without enlarging it; of equals, the cheapest to run."""
    width, height = picture_size

    def rank(model: ModelFile) -> tuple[float, float]:
        assert model.size is not None
        scale = min(model.size[0] / width, model.size[1] / height, 1.0)
        return -scale, model.size[0] * model.size[1]

    sized = [model for model in catalogue.all(task) if model.size is not None]
    return min(sized, key=rank) if sized else catalogue.find(task)
