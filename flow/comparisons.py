"""The same village at other times: the span before, the same days a year ago, this holiday beside others.

Promises: only days that somebody observed make up a daily mean. Not here: which days are holidays (`holidays.py`).
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from configs.words import PEOPLE
from flow.gaps import WHOLE
from flow.holidays import HolidayBlock, block_before, blocks_in, year_before
from flow.local_time import days_between
from flow.report_scope import Scope
from flow.report_words import HolidayFigures, SpanFigures, Words
from models.footfall import DayCrossing

_DAYS: Any = DayCrossing.__table__
_MOST_HOLIDAYS = 8
#: So many days before and after say what is usual.
_AROUND = 14


class DayTotals:
    """People a day by the report's measure, read once for each day that is asked for."""

    def __init__(self, connection: Connection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope
        self._known: dict[date, tuple[int, float]] = {}

    def between(self, first: date, last: date) -> list[int | None]:
        """One a day, both ends included; None where nobody looked."""
        return [people if seconds > 0 else None for people, seconds in self._days(first, last)]

    def whole_between(self, first: date, last: date) -> list[int | None]:
        """The same, and None too where a day was observed for less than `WHOLE` of what is usual around it."""
        days = self._days(first, last)
        seconds = np.zeros(len(days) + 2 * _AROUND)
        seconds[_AROUND:-_AROUND] = [value for _, value in days]
        windows = np.lib.stride_tricks.sliding_window_view(seconds, 2 * _AROUND + 1)
        ordered = np.sort(np.where(windows > 0, windows, np.inf), axis=1)  # what was not watched goes last
        count = np.maximum((windows > 0).sum(axis=1), 1)
        rows = np.arange(len(days))
        usual = (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2
        return [
            people if seen > 0 and seen >= WHOLE * most else None
            for (people, seen), most in zip(days, usual.tolist(), strict=True)
        ]

    def _days(self, first: date, last: date) -> list[tuple[int, float]]:
        missing = [day for day in days_between(first, last) if day not in self._known]
        if missing:
            self._read(missing[0], missing[-1])
        return [self._known[day] for day in days_between(first, last)]

    def _read(self, first: date, last: date) -> None:
        c = _DAYS.c
        columns = (c.day, c.camera_id, c.line_id, c.object_class, c.crossed_in, c.crossed_out, c.observed_seconds)
        query = select(*columns).where(c.day >= first, c.day <= last, c.object_class.in_(sorted(PEOPLE)))
        if self._scope.camera is not None:
            query = query.where(c.camera_id == self._scope.camera)
        elif self._scope.measure == "arrivals":
            query = query.where(c.camera_id.in_(sorted({camera for camera, _ in self._scope.gates})))
        sums: dict[date, tuple[int, float]] = {}
        for day, camera, line, kind, came, went, seconds in self._connection.execute(query):
            series = (camera, line, kind)
            if self._scope.is_people(series):
                inward = went if self._scope.turned(series) else came
                people, seen = sums.get(day, (0, 0.0))
                people += inward if self._scope.measure == "arrivals" else came + went
                sums[day] = (people, seen + seconds)
        for day in days_between(first, last):
            self._known[day] = sums.get(day, (0, 0.0))


def span(totals: DayTotals, name: Words, first: date, last: date, until: date) -> SpanFigures:
    """Figures of [first, last]; days after `until` have not been yet."""
    daily = [*totals.between(first, min(last, until))] if first <= until else []
    daily += [None] * ((last - first).days + 1 - len(daily))
    seen = [value for value in daily if value is not None]
    per_day = round(sum(seen) / len(seen), 1) if seen else None
    around = timedelta(days=_AROUND)
    whole = totals.whole_between(first - around, min(last + around, until))[_AROUND:] if first <= until else []
    partial = sum(value is not None and known is None for value, known in zip(daily, whole, strict=False))
    return SpanFigures(name, first, last, len(daily), len(seen), sum(seen), per_day, daily, partial)


def spans_beside(totals: DayTotals, first: date, last: date, today: date) -> tuple[SpanFigures, SpanFigures]:
    """The span of the same length just before, and the same dates a year ago."""
    length = timedelta(days=(last - first).days + 1)
    before = span(totals, Words("前一时段", "The span before"), first - length, first - timedelta(days=1), today)
    year = span(totals, Words("去年同期", "A year before"), _a_year_back(first), _a_year_back(last), today)
    return before, year


def holidays_beside(totals: DayTotals, first: date, last: date, today: date) -> list[HolidayFigures]:
    """The holidays of the range, each beside the one before it and beside its own of a year ago; where the range has
    none, the last holiday before its end."""
    blocks = [block for block in blocks_in(first, last) if block.first <= today]
    if not blocks:
        earlier = [b for b in blocks_in(last - timedelta(days=200), last) if b.first <= today]
        blocks = earlier[-1:]

    def figures(block: HolidayBlock | None) -> SpanFigures | None:
        if block is None:
            return None
        name = Words(f"{block.first.year} {block.name('zh')}", f"{block.name('en')} {block.first.year}")
        found = span(totals, name, block.first, block.last, today)
        return found if found.observed_days else None

    found = []
    for block in blocks[-_MOST_HOLIDAYS:]:
        this = figures(block)
        if this is not None:
            name = Words(block.name("zh"), block.name("en"))
            beside = (figures(block_before(block)), figures(year_before(block)))
            found.append(HolidayFigures(name, block.provisional, this, *beside))
    return found


def _a_year_back(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - 1, day=28)
