"""Flow rate, headways and speeds at each line, and heat grids, from rows of days.

Promises: a rate is over the time that was observed; a headway or a speed that nobody measured is None. Not here: how
they are measured (`passing.py`, `ground.py`, `heat.py`), storing (`day_sums.py`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection, select

from flow.day_sums import PassageSum, unsqueeze
from flow.footfall import Tally
from flow.heat import COLUMNS, FAMILIES, ROWS, family_of
from flow.histograms import HEADWAYS, SPEEDS
from flow.report_scope import Scope
from flow.report_words import HeatFigures, PassageFigures
from models.footfall import DayHeat, DayPassage

_PASSAGES: Any = DayPassage.__table__
_HEAT: Any = DayHeat.__table__
#: Who follows more closely than this follows closely, in seconds.
CLOSE_SECONDS = 2.0
#: An hour is whole, for the busiest flow, if it was observed for this long.
_WHOLE_HOUR = 3300.0

_MOST_HEATS = 3

#: camera, line, people or vehicles
LineKey = tuple[str, str, str]


def read_passages(connection: Connection, first: date, last: date, camera: str | None) -> dict[LineKey, PassageSum]:
    """The sums of each line and family over [first, last], both included."""
    c = _PASSAGES.c
    sums = (c.headways, c.speeds, c.headway_sum, c.speed_sum, c.fastest)
    query = select(c.camera_id, c.line_id, c.object_class, *sums).where(c.day >= first, c.day <= last)
    if camera is not None:
        query = query.where(c.camera_id == camera)
    found: dict[LineKey, list[Any]] = {}
    for camera_id, line_id, kind, *held in connection.execute(query):
        family = family_of(kind)
        if family is not None:
            found.setdefault((camera_id, line_id, family), []).append(held)
    return {key: _summed(rows) for key, rows in found.items()}


def _summed(rows: list[Any]) -> PassageSum:
    """All days in one go: a year has hundreds."""
    headways, speeds, headway_sums, speed_sums, fastest = zip(*rows, strict=True)
    boxes = [np.frombuffer(b"".join(packed), "<u4").reshape(len(rows), -1) for packed in (headways, speeds)]
    headway_boxes, speed_boxes = (packed.sum(axis=0, dtype=np.int64) for packed in boxes)
    return PassageSum(headway_boxes, speed_boxes, sum(headway_sums), sum(speed_sums), max(fastest))


def by_line(t: Tally, sums: Mapping[LineKey, PassageSum]) -> list[PassageFigures]:
    """Each line and family with any passage, the busiest first."""
    rows: dict[LineKey, list[int]] = {}
    for n, (camera, line, kind) in enumerate(t.counts.series):
        family = family_of(kind)
        if family is not None and t.scope.covers(camera, line):
            rows.setdefault((camera, line, family), []).append(n)
    found = []
    for key, at in rows.items():
        passed = (t.inward[at] + t.outward[at]).sum(axis=0)
        seconds = t.counts.seconds[at].max(axis=0)
        if passed.sum() > 0:
            found.append(_figures(t.scope, key, passed, seconds, sums.get(key) or PassageSum()))
    return sorted(found, key=lambda f: -f.passages)


def _figures(scope: Scope, key: LineKey, passed: Any, seconds: Any, sums: PassageSum) -> PassageFigures:
    camera, line, named = key
    family: Literal["people", "vehicles"] = "people" if named == FAMILIES[0] else "vehicles"
    whole = passed[seconds >= _WHOLE_HOUR]
    headways, speeds = int(sums.headways.sum()), int(sums.speeds.sum())
    return PassageFigures(
        camera,
        line,
        family,
        scope.line_name(camera, line),
        round(float(passed.sum())),
        round(float(passed.sum() / seconds.sum() * 3600), 2) if seconds.sum() > 0 else None,
        round(float(whole.max())) if whole.size else None,
        headways,
        round(sums.headway_sum / headways, 2) if headways else None,
        _short(HEADWAYS.quantile(sums.headways, 0.5)),
        _short(HEADWAYS.below(sums.headways, CLOSE_SECONDS), 4),
        speeds,
        round(sums.speed_sum / speeds, 2) if speeds else None,
        _short(SPEEDS.quantile(sums.speeds, 0.85)),
        round(sums.fastest, 2) if speeds else None,
    )


def _short(value: float | None, places: int = 2) -> float | None:
    return None if value is None else round(value, places)


def read_heat(connection: Connection, scope: Scope, camera: str, first: date, last: date) -> list[HeatFigures]:
    """Where people and vehicles stood on one camera over [first, last]; nothing for what was never watched there."""
    c = _HEAT.c
    query = select(_HEAT).where(c.day >= first, c.day <= last, c.camera_id == camera)
    grids = {family: np.zeros((ROWS, COLUMNS)) for family in FAMILIES}
    seconds = dict.fromkeys(FAMILIES, 0.0)
    for row in connection.execute(query):
        if row.family in grids:
            grids[row.family] += unsqueeze(row.grid)
            seconds[row.family] += row.observed_seconds
    families: tuple[Literal["people"], Literal["vehicles"]] = ("people", "vehicles")
    return [
        HeatFigures(
            camera,
            family,
            scope.camera_name(camera),
            first,
            last,
            round(seconds[family] / 3600, 2),
            [[round(float(v), 5) for v in cells] for cells in grids[family] / seconds[family]],
            *_shapes(scope, camera),
        )
        for family in families
        if seconds[family] > 0
    ]


def busiest_heat(
    connection: Connection, scope: Scope, cameras: list[str], first: date, last: date
) -> list[HeatFigures]:
    """Where people stood on the first few of these cameras that know."""
    found: list[HeatFigures] = []
    for camera in cameras[: 2 * _MOST_HEATS]:
        people = [h for h in read_heat(connection, scope, camera, first, last) if h.family == "people"]
        found += [h for h in people if any(any(cells) for cells in h.grid)]
        if len(found) == _MOST_HEATS:
            break
    return found


def _shapes(scope: Scope, camera_id: str) -> tuple[list[Any], list[Any]]:
    try:
        camera = scope.site.camera(camera_id)
    except KeyError:
        return [], []
    return [list(zone.polygon) for zone in camera.zones], [line.ends for line in camera.lines]
