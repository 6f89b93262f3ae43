"""People and vehicles by day, hour, gate and node, from arrays of day rows.

Promises: pure arithmetic on what was read; gaps are None, and estimates are kept apart. Not here: reading
(`footfall_rows.py`), other spans of time to compare with (`comparisons.py`), zones (`crowding.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from configs.words import PEOPLE, VEHICLES
from flow.footfall_rows import Counts, Floats, Series
from flow.gaps import Gaps, estimate, find_gaps
from flow.holidays import NAMES, CalendarDay
from flow.report_scope import Scope
from flow.report_words import DayFigures, HourFigures, Peak, PlaceFigures, Total, VehicleFigures, Words

_MOST_PEAKS = 5
_CLASSES: dict[str, Words] = {
    "bicycle": Words("自行车", "Bicycles"),
    "car": Words("小汽车", "Cars"),
    "motorcycle": Words("摩托车", "Motorcycles"),
    "bus": Words("客车", "Buses and coaches"),
    "truck": Words("货车", "Trucks"),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts made ready: `inward` and `outward` with gates turned the right way round, `added` the estimate for each
    series (both ways for passages); series × days × 24."""

    scope: Scope
    counts: Counts
    calendar: list[CalendarDay]
    inward: Floats
    outward: Floats
    gaps: Gaps
    people: NDArray[np.bool_]
    vehicles: NDArray[np.bool_]
    off: NDArray[np.bool_]

    @property
    def measured(self) -> Floats:
        """What people are counted by: inward at gates, else both ways."""
        return self.inward if self.scope.measure == "arrivals" else self.inward + self.outward


def tally(scope: Scope, counts: Counts, calendar: list[CalendarDay], past: NDArray[np.bool_]) -> Tally:
    """`past` (days × 24) says which hours are over."""

    def which(test: Callable[[Series], bool]) -> NDArray[np.bool_]:
        return np.array([test(s) for s in counts.series], dtype=bool)

    turned = which(scope.turned)[:, None, None]
    return Tally(
        scope,
        counts,
        calendar,
        np.where(turned, counts.went, counts.came),
        np.where(turned, counts.came, counts.went),
        find_gaps(counts.seconds, past),
        which(scope.is_people),
        which(scope.is_vehicles),
        np.array([day.kind.is_off for day in calendar], dtype=bool),
    )


def totals(t: Tally) -> tuple[Total, int, Total]:
    """People, people going out, vehicles (both ways)."""
    both = t.inward + t.outward
    return _total(t, t.measured, t.people), _whole(t.outward[t.people]), _total(t, both, t.vehicles)


def by_day(t: Tally) -> list[DayFigures]:
    """Every day of the range; one that nobody observed has None."""
    people = t.measured[t.people].sum(axis=(0, 2))
    out = t.outward[t.people].sum(axis=(0, 2))
    vehicles = (t.inward + t.outward)[t.vehicles].sum(axis=(0, 2))
    added = _added(t, t.measured, t.people).sum(axis=(0, 2))
    seen = t.counts.seconds[t.people].sum(axis=(0, 2)) > 0
    seen_vehicles = t.counts.seconds[t.vehicles].sum(axis=(0, 2)) > 0
    share = t.gaps.share(t.people)
    figures = []
    for n, day in enumerate(t.calendar):
        festival = Words(*NAMES[day.festival]) if day.festival else None
        figures.append(
            DayFigures(
                day.day,
                day.kind,
                festival,
                day.provisional,
                _whole(people[n]) if seen[n] else None,
                _whole(out[n]) if seen[n] else None,
                _whole(added[n]),
                _whole(vehicles[n]) if seen_vehicles[n] else None,
                _share(share[n]),
            )
        )
    return figures


def by_hour(t: Tally) -> HourFigures:
    """Mean people an hour: each line's own rate over the seconds it was observed, then summed over lines."""
    return _hours(t, t.measured, t.people)


def vehicles_by_hour(t: Tally) -> HourFigures:
    """The same of vehicles, both ways."""
    return _hours(t, t.inward + t.outward, t.vehicles)


def _hours(t: Tally, counted: Floats, at: NDArray[np.bool_]) -> HourFigures:
    weekdays = np.array([day.day.weekday() for day in t.calendar])
    counts, seconds = counted[at], t.counts.seconds[at]
    week = [_rates(counts, seconds, weekdays == n) for n in range(7)]
    return HourFigures(_rates(counts, seconds, ~t.off), _rates(counts, seconds, t.off), week)


def by_gate(t: Tally) -> list[PlaceFigures]:
    """Each gate with any row, the busiest first."""
    known = [key for key in t.scope.gates if t.scope.covers(*key)]
    gates = {key: [n for n, s in enumerate(t.counts.series) if s[:2] == key] for key in known}
    found = [_place(t, c, line, at, t.scope.line_name(c, line)) for (c, line), at in gates.items() if at]
    return sorted(found, key=lambda g: -(g.people_came + g.vehicles_came))


def by_node(t: Tally) -> list[PlaceFigures]:
    """Each camera with any row, all its lines together, the busiest first."""
    cameras = sorted({s[0] for s in t.counts.series})
    found = [
        _place(t, c, None, [n for n, s in enumerate(t.counts.series) if s[0] == c], t.scope.camera_name(c))
        for c in cameras
    ]
    return sorted(found, key=lambda g: -(g.people_came + g.people_went + g.vehicles_came + g.vehicles_went))


def peaks(t: Tally, days: list[DayFigures]) -> tuple[list[Peak], list[Peak]]:
    """The busiest days, and the busiest hours."""
    busiest = sorted((d for d in days if d.people), key=lambda d: -(d.people or 0))[:_MOST_PEAKS]
    hours = t.measured[t.people].sum(axis=0)
    order = np.argsort(-hours, axis=None, kind="stable")[:_MOST_PEAKS]
    places = [(int(n) // 24, int(n) % 24) for n in order if hours.flat[n] > 0]
    return (
        [Peak(d.day, None, d.people or 0) for d in busiest],
        [Peak(t.calendar[day].day, hour, _whole(hours[day, hour])) for day, hour in places],
    )


def by_class(t: Tally) -> list[VehicleFigures]:
    """Vehicles by class, local and tourist hours apart."""
    spans = t.scope.settings.tourist_hours
    hours = range(24)
    tourist = np.where(
        t.off[:, None], [spans.day_off.covers(h) for h in hours], [spans.workday.covers(h) for h in hours]
    )
    found = []
    for name, words in _CLASSES.items():
        at = t.vehicles & np.array([s[2] == name for s in t.counts.series], dtype=bool)
        if not at.any():
            continue
        came, went = t.inward[at].sum(axis=0), t.outward[at].sum(axis=0)
        visitors = _whole((came + went)[tourist])
        whole = _whole(came) + _whole(went)
        found.append(VehicleFigures(name, words, _whole(came), _whole(went), whole - visitors, visitors))
    return found


def tourist_hours(scope: Scope) -> Words:
    """The tourist hours in words."""
    work, off = scope.settings.tourist_hours.workday, scope.settings.tourist_hours.day_off
    return Words(
        f"游客时段：工作日 {work.start}–{work.end} 时，休息日 {off.start}–{off.end} 时",
        f"tourist hours: {work.start}:00–{work.end}:00 on workdays, {off.start}:00–{off.end}:00 on days off",
    )


def _place(t: Tally, camera_id: str, line_id: str | None, at: list[int], name: Words) -> PlaceFigures:
    kinds = [t.counts.series[n][2] for n in at]
    people = [n for n, kind in zip(at, kinds, strict=True) if kind in PEOPLE]
    vehicles = [n for n, kind in zip(at, kinds, strict=True) if kind in VEHICLES]
    everything = np.zeros(len(t.counts.series), dtype=bool)
    everything[at] = True
    expected = t.gaps.expected[at].sum()
    both = t.inward + t.outward
    main = both[people or vehicles].sum(axis=(0, 2))
    counted = t.inward if line_id else both
    mask = np.zeros(len(t.counts.series), dtype=bool)
    mask[people] = True
    busiest: date | None = t.calendar[int(main.argmax())].day if main.size and main.max() > 0 else None
    return PlaceFigures(
        camera_id,
        line_id,
        name,
        _whole(t.inward[people]),
        _whole(t.outward[people]),
        _whole(t.inward[vehicles]),
        _whole(t.outward[vehicles]),
        _whole(_added(t, counted, mask)),
        _share(1 - t.gaps.missing[at].sum() / expected) if expected else None,
        busiest,
    )


def _total(t: Tally, counted: Floats, at: NDArray[np.bool_]) -> Total:
    expected = t.gaps.expected[at].sum()
    share = _share(1 - t.gaps.missing[at].sum() / expected) if expected else None
    return Total(_whole(counted[at]), _whole(_added(t, counted, at)), share)


def _added(t: Tally, counted: Floats, at: NDArray[np.bool_]) -> Floats:
    return estimate(counted[at], t.counts.seconds[at], t.gaps.missing[at], t.off)


def _rates(counts: Floats, observed: Floats, days: NDArray[np.bool_]) -> list[float | None]:
    counted = counts[:, days].sum(axis=1)
    seconds = observed[:, days].sum(axis=1)
    rate = np.divide(counted, seconds, out=np.zeros(seconds.shape), where=seconds > 0).sum(axis=0) * 3600
    return [float(round(rate[h], 2)) if seconds[:, h].any() else None for h in range(24)]


def _whole(values: Floats | np.float64 | float) -> int:
    return round(float(np.sum(values)))


def _share(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
