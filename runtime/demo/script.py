"""The script of the day: which camera shows which scene when, and what is then truly there.

Promises: `day.yaml` checked against the scenes that exist; one continuous timeline for each stream, which passes from
scene to scene with a key frame and whose timestamps never jump; the ground truth as a list of events. Not here: the
pictures (`scenes.py`), sending them (`feed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from configs.words import IncidentKind, StreamRole
from runtime.demo.clip import Clip, Source
from runtime.demo.clips import ClipFiles

DAY = Path(__file__).with_name("day.yaml")


class Event(NamedTuple):
    """What is truly to be seen on a camera, in seconds since the server's start."""

    camera: str
    kind: IncidentKind
    start_s: float
    end_s: float


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """What one camera shows while nothing happens; `starts_at` seconds into its loop."""

    scene: str
    starts_at: float = Field(default=0, ge=0)


class Happening(_Strict):
    """From `at` to `until` the camera shows these scenes: each once, the last in a loop."""

    camera: str
    kind: IncidentKind
    at: float = Field(ge=0)
    until: float = Field(gt=0)
    scenes: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.until <= self.at:
            raise ValueError(f"the {self.kind} on {self.camera} must end after it starts")
        return self


class Day(_Strict):
    """The whole script. It repeats every `repeats_every` seconds."""

    repeats_every: float = Field(gt=0)
    cameras: dict[str, Part]
    happenings: tuple[Happening, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for happening in self.happenings:
            if happening.camera not in self.cameras:
                raise ValueError(f"a {happening.kind} happens on {happening.camera}, which is not among the cameras")
            if happening.until > self.repeats_every:
                raise ValueError(f"the {happening.kind} on {happening.camera} must end before the day repeats")
        for camera in self.cameras:
            mine = self.of(camera)
            if any(later.at < earlier.until for earlier, later in pairwise(mine)):
                raise ValueError(f"two happenings on {camera} overlap")
        return self

    def of(self, camera: str) -> tuple[Happening, ...]:
        """What happens on a camera, in order."""
        return tuple(sorted((h for h in self.happenings if h.camera == camera), key=lambda h: h.at))

    def scenes(self) -> frozenset[str]:
        """Every scene that is shown at some time."""
        shown = {part.scene for part in self.cameras.values()}
        return frozenset(shown.union(*(happening.scenes for happening in self.happenings)))

    def events(self, until_s: float | None = None) -> list[Event]:
        """The ground truth up to `until_s` (default: the first round), in order of time."""
        last = self.repeats_every if until_s is None else until_s
        found = []
        for round_ in range(int(last // self.repeats_every) + 1):
            begins = round_ * self.repeats_every
            found += [Event(h.camera, h.kind, begins + h.at, begins + h.until) for h in self.happenings]
        return sorted((event for event in found if event.start_s < last), key=lambda event: event.start_s)


def load_day(path: Path = DAY) -> Day:
    """Read the script. Raises pydantic's ValidationError."""
    return Day.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))


def events(until_s: float | None = None) -> list[Event]:
    """The ground truth of the demo's own day."""
    return load_day().events(until_s)


@dataclass(frozen=True, slots=True)
class Span:
    """From one picture of a round to another, these clips."""

    start: int
    end: int
    clips: tuple[Clip, ...]

    def at(self, picture: int) -> tuple[Clip, int]:
        since = picture - self.start
        for clip in self.clips[:-1]:
            if since < len(clip.units):
                return clip, since
            since -= len(clip.units)
        return self.clips[-1], since % len(self.clips[-1].units)


class Scripted:
    """A camera's source: calm, and now and then something happens. Each change begins with a clip's first key frame."""

    def __init__(self, calm: Clip, spans: tuple[Span, ...], period: int, starts_at: int) -> None:
        self.fps = calm.fps
        self._calm, self._spans, self._period = calm, spans, period
        self._phase = calm.keyframe_before(starts_at % len(calm.units))

    def at(self, picture: int) -> tuple[Clip, int]:
        round_, place = divmod(picture, self._period)
        calm_since = -self._phase if round_ == 0 or not self._spans else self._spans[-1].end - self._period
        for span in self._spans:
            if place < span.start:
                break
            if place < span.end:
                return span.at(place)
            calm_since = span.end
        if not self._spans:
            return self._calm, (picture + self._phase) % len(self._calm.units)
        return self._calm, (place - calm_since) % len(self._calm.units)


def sources(day: Day, files: Mapping[str, ClipFiles], opened: Callable[[Path], Clip] = Clip.open) -> dict[str, Source]:
    """The server's sources: `<camera>/main` and `<camera>/sub`. Each file is read once. Raises KeyError for a scene
    that is not among the files, ClipError for one that cannot be read."""
    clips: dict[Path, Clip] = {}

    def clip(path: Path) -> Clip:
        if path not in clips:
            clips[path] = opened(path)
        return clips[path]

    made: dict[str, Source] = {}
    for camera, part in day.cameras.items():
        for role in StreamRole:
            calm = clip(getattr(files[part.scene], role))
            spans = tuple(
                Span(
                    round(happening.at * calm.fps),
                    round(happening.until * calm.fps),
                    tuple(clip(getattr(files[scene], role)) for scene in happening.scenes),
                )
                for happening in day.of(camera)
            )
            for other in (other for span in spans for other in span.clips):
                if (other.width, other.height, other.fps) != (calm.width, calm.height, calm.fps):
                    raise ValueError(
                        f"{camera}: {other.name} and {calm.name} differ in size or rate; one camera has one"
                    )
            made[f"{camera}/{role}"] = Scripted(
                calm, spans, round(day.repeats_every * calm.fps), round(part.starts_at * calm.fps)
            )
    return made
