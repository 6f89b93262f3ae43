"""China's calendar of work and rest: holidays, the weekends worked to make up for them, and what is not yet known.

Promises: for a year whose arrangement the State Council has published, and the `chinesecalendar` library has taken in,
a day is exactly what it says. For a later year only the days that the law fixes are given (from the `holidays` library,
which works out the lunar ones) and every day of it is `provisional`: the bridging days and the weekends to be worked
are not known until the autumn before. Not here: figures of holidays (`comparisons.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import chinese_calendar
from holidays.countries.china import China

#: The last year of which the arrangement is known; older years than the first are treated like later ones.
FIRST_YEAR = min(day.year for day in chinese_calendar.constants.holidays)
LAST_YEAR = max(day.year for day in chinese_calendar.constants.holidays)


class DayKind(StrEnum):
    """What a day is for whoever works."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKE_UP_WORKDAY = "make_up_workday"

    @property
    def is_off(self) -> bool:
        return self in (DayKind.WEEKEND, DayKind.HOLIDAY)


class Festival(StrEnum):
    """The seven festivals with days off by law."""

    NEW_YEAR = "new_year"
    SPRING_FESTIVAL = "spring_festival"
    TOMB_SWEEPING = "tomb_sweeping"
    LABOUR_DAY = "labour_day"
    DRAGON_BOAT = "dragon_boat"
    MID_AUTUMN = "mid_autumn"
    NATIONAL_DAY = "national_day"


#: festival → (Chinese, English)
NAMES: dict[Festival, tuple[str, str]] = {
    Festival.NEW_YEAR: ("元旦", "New Year's Day"),
    Festival.SPRING_FESTIVAL: ("春节", "Spring Festival"),
    Festival.TOMB_SWEEPING: ("清明节", "Tomb-Sweeping Day"),
    Festival.LABOUR_DAY: ("劳动节", "Labour Day"),
    Festival.DRAGON_BOAT: ("端午节", "Dragon Boat Festival"),
    Festival.MID_AUTUMN: ("中秋节", "Mid-Autumn Festival"),
    Festival.NATIONAL_DAY: ("国庆节", "National Day"),
}

#: How both libraries begin the English name; the longer name comes first.
_KNOWN_BY = (
    ("chinese new year", Festival.SPRING_FESTIVAL),
    ("spring festival", Festival.SPRING_FESTIVAL),
    ("new year", Festival.NEW_YEAR),
    ("tomb-sweeping", Festival.TOMB_SWEEPING),
    ("labo", Festival.LABOUR_DAY),
    ("dragon boat", Festival.DRAGON_BOAT),
    ("mid-autumn", Festival.MID_AUTUMN),
    ("national day", Festival.NATIONAL_DAY),
)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day. `provisional`: its year's arrangement is not published, or not in the calendar library yet."""

    day: date
    kind: DayKind
    festival: Festival | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class HolidayBlock:
    """Consecutive days off around one festival, or around several that fall together."""

    first: date
    last: date
    festivals: tuple[Festival, ...]
    provisional: bool

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def name(self, language: str) -> str:
        """Its name in `zh` or `en`."""
        place, joint = (0, "、") if language == "zh" else (1, " and ")
        return joint.join(NAMES[f][place] for f in self.festivals)


@lru_cache(maxsize=8192)
def calendar_day(day: date) -> CalendarDay:
    """What a day is."""
    weekend = day.weekday() >= 5
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        festival = _statutory(day.year).get(day)
        kind = DayKind.HOLIDAY if festival else DayKind.WEEKEND if weekend else DayKind.WORKDAY
        return CalendarDay(day, kind, festival, provisional=True)
    if day in chinese_calendar.constants.holidays:
        return CalendarDay(day, DayKind.HOLIDAY, _festival(chinese_calendar.constants.holidays[day]))
    if day in chinese_calendar.constants.workdays:
        return CalendarDay(day, DayKind.MAKE_UP_WORKDAY, _festival(chinese_calendar.constants.workdays[day]))
    return CalendarDay(day, DayKind.WEEKEND if weekend else DayKind.WORKDAY)


def blocks_of(years: Iterable[int]) -> list[HolidayBlock]:
    """The holidays that begin in these years, oldest first."""
    return [block for year in sorted(set(years)) for block in _blocks(year)]


def blocks_in(first: date, last: date) -> list[HolidayBlock]:
    """The holidays of which at least one day lies between these dates, both included."""
    found = blocks_of(range(first.year - 1, last.year + 1))
    return [block for block in found if block.first <= last and block.last >= first]


def block_before(block: HolidayBlock) -> HolidayBlock | None:
    """The last holiday before this one, whatever its festival."""
    earlier = [b for b in blocks_of((block.first.year - 1, block.first.year)) if b.last < block.first]
    return earlier[-1] if earlier else None


def year_before(block: HolidayBlock) -> HolidayBlock | None:
    """The holiday around the same festival a year ago."""
    wanted = set(block.festivals)
    found = [b for b in blocks_of((block.first.year - 2, block.first.year - 1)) if wanted & set(b.festivals)]
    near = [b for b in found if (block.first - b.first).days in range(300, 430)]
    # Mid-Autumn and National Day fall together in some years: the block nearest to a year ago is the one meant.
    return min(near, key=lambda b: abs((block.first - b.first).days - 365), default=None)


@lru_cache(maxsize=64)
def _blocks(year: int) -> tuple[HolidayBlock, ...]:
    """Runs of days off, the weekends beside them included, with at least one holiday in them."""
    day, one = date(year, 1, 1), timedelta(days=1)
    found: list[HolidayBlock] = []
    while day.year == year:
        if not calendar_day(day).kind.is_off or calendar_day(day - one).kind.is_off:
            day += one
            continue
        run = [calendar_day(day)]
        while calendar_day(run[-1].day + one).kind.is_off:
            run.append(calendar_day(run[-1].day + one))
        day = run[-1].day + one
        festivals = tuple(dict.fromkeys(d.festival for d in run if d.festival is not None))
        if festivals:
            found.append(HolidayBlock(run[0].day, run[-1].day, festivals, any(d.provisional for d in run)))
    return tuple(found)


@lru_cache(maxsize=64)
def _statutory(year: int) -> dict[date, Festival]:
    """The days that the law names, without the weekdays that stand in for a weekend."""
    made: Any = China
    found = made(years=year, language="en_US").items()
    named = {day: _festival(name) for day, name in found if day.year == year and "observed" not in name}
    return {day: festival for day, festival in named.items() if festival is not None}


def _festival(name: str) -> Festival | None:
    lower = name.lower()
    return next((festival for start, festival in _KNOWN_BY if start in lower), None)
