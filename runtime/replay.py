"""Replay: the live pipeline on a file, faster than real time and the same each time.

Promises: looks are taken at the footage's own times, so a run depends on the footage and the settings alone. Not here:
the judgement (`camera_watch.py`), how it is printed (`commands/replay.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.site import Line, MonitoringPoint, Name, Place, Settings, Streams
from configs.words import VEHICLES, Instant, ObjectClass, Watch
from detectors.catalogue import Task
from detectors.tiles import look_in_tiles
from runtime.camera_watch import CameraWatch, Seen
from runtime.engines import Engines
from runtime.fire_desk import look_closer
from runtime.footage import read_footage

#: Smoke and fire are looked for this often while nothing is suspected, as on a busy live box.
_CALM_SMOKE_FIRE_SECONDS = 0.5


@dataclass(slots=True)
class ReplayResult:
    """What a replay saw. Times are seconds since the footage began; boxes and lines are normalised."""

    seconds: float = 0.0
    pictures: int = 0
    looks: dict[str, int] = field(default_factory=dict)
    tracks: list[dict[str, Any]] = field(default_factory=list)
    crossings: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Life:
    object_class: ObjectClass
    first: float
    last: float
    first_box: tuple[float, ...]
    last_box: tuple[float, ...]
    looks: int


def camera_for(lines: list[Line], base: MonitoringPoint | None) -> MonitoringPoint:
    """The monitoring point to replay as: `base` with `lines` added, or one that watches for everything."""
    if base is None:
        base = MonitoringPoint(
            id="replay",
            name=Name(zh="回放", en="Replay"),
            place=Place(x=0.5, y=0.5),
            group="replay",
            streams=Streams.model_validate({"sub": "rtsp://localhost/replay"}),
            watch=[Watch.SMOKE_FIRE, Watch.PEOPLE_FLOW, Watch.VEHICLE_FLOW],
        )
    return base.model_copy(update={"lines": [*base.lines, *lines]})


def parse_line(text: str, index: int, picture_size: tuple[int, int]) -> Line:
    """A line from `x1,y1,x2,y2`: fractions of the picture when all are at most 1, else pixels. Raises ValueError."""
    try:
        values = [float(v) for v in text.replace(" ", "").split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise ValueError(f"--line {text!r}: four numbers are needed, x1,y1,x2,y2, like 0.1,0.5,0.9,0.5")
    width, height = picture_size
    if max(values) > 1:
        values = [values[0] / width, values[1] / height, values[2] / width, values[3] / height]
    if min(values) < 0 or max(values) > 1:
        raise ValueError(f"--line {text!r} leaves the picture, which is {width}×{height} pixels")
    everything = sorted({ObjectClass.PERSON, *VEHICLES})
    return Line(
        id=f"line-{index}",
        name=Name(zh=f"线 {index}", en=f"Line {index}"),
        start=(values[0], values[1]),
        end=(values[2], values[3]),
        counts=everything,
    )


class Replay:
    """One run over one piece of footage."""

    def __init__(self, camera: MonitoringPoint, settings: Settings, engines: Engines, looks_per_second: float) -> None:
        self._camera = camera
        self._watch = CameraWatch(camera, settings)
        self._engines = engines
        self._step = 1.0 / looks_per_second
        self._lives: dict[int, _Life] = {}
        self.result = ReplayResult(models=engines.describe())

    def run(
        self, path: Path, progress: Callable[[float], None] = lambda _: None, image_rate: float | None = None
    ) -> ReplayResult:
        """Plays the footage through; `progress` gets the seconds done; `image_rate` as for `read_footage`. Raises
        FootageError."""
        due = {Task.PEOPLE_VEHICLES: 0.0, Task.SMOKE_FIRE: 0.0}
        for picture in read_footage(path, image_rate):
            self.result.pictures += 1
            self.result.seconds = picture.seconds
            now = Instant(picture.seconds)
            self._watch.see_picture(picture.pixels, now)
            for task, engine in self._engines.by_task.items():
                if picture.seconds + 1e-3 < due[task]:
                    continue
                detections = engine.detect(picture.pixels)
                self.result.looks[task.value] = self.result.looks.get(task.value, 0) + 1
                if task is Task.PEOPLE_VEHICLES:
                    self._take(self._watch.see_objects(detections, now, picture.seconds))
                    if self._watch.closer_count_due():
                        self._watch.take_closer_count(look_in_tiles(engine, picture.pixels), now)
                    step = self._step
                else:
                    self._take(self._watch.see_smoke_fire(detections, now, picture.seconds))
                    for key, box in self._watch.second_looks(now).items():
                        scores = look_closer(engine, picture.pixels, box)
                        if scores is not None:
                            self._watch.take_second_look(key, scores)
                    calm = 0.0 if self._watch.confirming(task) else _CALM_SMOKE_FIRE_SECONDS
                    step = max(self._step, calm)
                due[task] = max(due[task] + step, picture.seconds + step / 2)
            progress(picture.seconds)
        self._finish()
        return self.result

    def _take(self, seen: Seen) -> None:
        if seen.tracks is not None:
            for track in seen.tracks.tracks:
                life = self._lives.get(track.track_id)
                if life is None:
                    self._lives[track.track_id] = _Life(
                        track.object_class, track.first_seen_at, track.seen_at, track.box, track.box, track.looks
                    )
                else:
                    life.object_class, life.last = track.object_class, track.seen_at
                    life.last_box, life.looks = track.box, track.looks
        for crossing in seen.crossings:
            self.result.crossings.append(
                {
                    "line": crossing.line_id,
                    "track": crossing.track_id,
                    "class": crossing.object_class.value,
                    "direction": crossing.direction,
                    "at": round(crossing.at, 3),
                }
            )
        for draft in seen.drafts:
            self.result.alerts.append(
                {
                    "kind": draft.kind.value,
                    "at": round(draft.raised_at, 3),
                    "first_seen_at": round(draft.first_seen_at, 3),
                    "confidence": round(draft.confidence, 3),
                    "severity": draft.severity,
                    "reason": {"zh": draft.reason.zh, "en": draft.reason.en},
                    "boxes": [
                        {"class": m.object_class.value, "confidence": round(m.confidence, 3), "box": _rounded(m.box)}
                        for m in draft.marked
                    ],
                    "numbers": draft.numbers,
                }
            )

    def _finish(self) -> None:
        for track_id, life in sorted(self._lives.items()):
            self.result.tracks.append(
                {
                    "track": track_id,
                    "class": life.object_class.value,
                    "first": round(life.first, 3),
                    "last": round(life.last, 3),
                    "looks": life.looks,
                    "first_box": _rounded(life.first_box),
                    "last_box": _rounded(life.last_box),
                }
            )
        for line, (into, out) in self._watch.flow.counts.items():
            self.result.counts[str(line)] = {"in": into, "out": out}


def _rounded(box: tuple[float, ...]) -> list[float]:
    return [round(v, 4) for v in box]
