"""What truly crossed a line in a piece of footage, as a person labelled it, and how well a camera's counts agree.

Promises: a truth file is written whole or not at all; it names its line, so that it can be scored on its own. A counted
crossing is right when a labelled one of the same direction and family (people, riders or drivers) lies within a second
or so of it; each is paired once, so that all pairs together are as near as can be. Not here: labelling
(`truth_desk.py`), counting (`replay.py`).
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.optimize import linear_sum_assignment

from configs.site import Line, Name, NormalisedPoint
from configs.words import PEOPLE, ObjectClass

#: A labelled crossing and a counted one may be this many seconds apart: a key is pressed a little late.
WITHIN_SECONDS = 1.5
_RIDERS = frozenset({ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE})


class TruthError(Exception):
    """A truth file that cannot be used; the message says what to do."""


class Mark(BaseModel):
    """One thing truly crossed: at so many seconds into the footage."""

    model_config = ConfigDict(extra="forbid")

    at: float = Field(ge=0)
    direction: Literal["in", "out"]
    object_class: ObjectClass = Field(default=ObjectClass.PERSON, alias="class")


class Truth(BaseModel):
    """A truth file. `clip` is the footage as it was named; `seconds` how far it was watched to its end; `image_rate`
    the pictures a second that its times count by, None for the clip's own."""

    model_config = ConfigDict(extra="forbid")

    clip: str
    seconds: float = Field(ge=0)
    line: str
    start: NormalisedPoint
    end: NormalisedPoint
    counts: list[ObjectClass] = Field(min_length=1)
    crossings: list[Mark] = Field(default_factory=list)
    image_rate: float | None = Field(default=None, gt=0)

    def as_line(self) -> Line:
        """The line that was labelled."""
        return Line(
            id=self.line, name=Name(zh="标注线", en="Labelled"), start=self.start, end=self.end, counts=self.counts
        )


def read_truth(path: Path) -> Truth:
    """Raises TruthError."""
    try:
        return Truth.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TruthError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TruthError(f"{path} is not a truth file: {where}: {first['msg']}; label the clip again") from None


def write_truth(path: Path, truth: Truth) -> None:
    """Crossings in the order of time; the file is replaced in one step. Raises OSError."""
    plain = truth.model_dump(mode="json", by_alias=True)
    plain["crossings"].sort(key=lambda mark: mark["at"])
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


@dataclass(slots=True)
class WayScore:
    """One direction: `true` labelled, `counted` by the camera, `right` of both; the moments of what was not."""

    true: int = 0
    counted: int = 0
    right: int = 0
    missed: list[float] = field(default_factory=list)
    false: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Score:
    """How well counts agree with the truth. `precision` and `recall` are None where there is nothing to divide by."""

    ways: dict[str, WayScore]
    precision: float | None
    recall: float | None
    count_error: int
    mean_seconds_late: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def family(object_class: ObjectClass) -> str:
    """Classes that are taken for each other: a car and a truck are both driven."""
    if object_class in PEOPLE:
        return "people"
    return "riders" if object_class in _RIDERS else "drivers"


def score(truth: Truth, counted: list[tuple[float, str, ObjectClass]], within: float = WITHIN_SECONDS) -> Score:
    """`counted` are the camera's crossings of that line: seconds into the footage, direction, class."""
    ways, late = {way: WayScore() for way in ("in", "out")}, []
    for way, held in ways.items():
        for kind in ("people", "riders", "drivers"):
            true = sorted(m.at for m in truth.crossings if m.direction == way and family(m.object_class) == kind)
            ours = sorted(at for at, direction, name in counted if direction == way and family(name) == kind)
            pairs = _pairs(true, ours, within)
            late += [ours[b] - true[a] for a, b in pairs]
            held.true += len(true)
            held.counted += len(ours)
            held.right += len(pairs)
            held.missed += [at for n, at in enumerate(true) if n not in {a for a, _ in pairs}]
            held.false += [at for n, at in enumerate(ours) if n not in {b for _, b in pairs}]
        held.missed.sort()
        held.false.sort()
    right = sum(w.right for w in ways.values())
    all_true, all_counted = sum(w.true for w in ways.values()), sum(w.counted for w in ways.values())
    return Score(
        ways,
        right / all_counted if all_counted else None,
        right / all_true if all_true else None,
        sum(abs(w.counted - w.true) for w in ways.values()),
        float(np.mean(late)) if late else None,
    )


def _pairs(true: list[float], ours: list[float], within: float) -> list[tuple[int, int]]:
    """As many pairs as can be, and of those the nearest."""
    if not true or not ours:
        return []
    apart = np.abs(np.subtract.outer(true, ours))
    rows, columns = linear_sum_assignment(np.where(apart <= within, apart, 1e6))
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if apart[a, b] <= within]
