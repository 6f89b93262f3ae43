"""The calendar of work and rest: what is published is exact, what is not is said to be open."""

from datetime import date

import pytest

from flow.holidays import LAST_YEAR, DayKind, Festival, block_before, blocks_in, calendar_day, year_before


@pytest.mark.parametrize(
    ("day", "kind", "festival"),
    [
        (date(2026, 2, 17), DayKind.HOLIDAY, Festival.SPRING_FESTIVAL),
        (date(2026, 2, 14), DayKind.MAKE_UP_WORKDAY, Festival.SPRING_FESTIVAL),  # a Saturday that is worked
        (date(2026, 10, 10), DayKind.MAKE_UP_WORKDAY, Festival.NATIONAL_DAY),
        (date(2026, 9, 25), DayKind.HOLIDAY, Festival.MID_AUTUMN),
        (date(2026, 11, 21), DayKind.WEEKEND, None),
        (date(2026, 11, 24), DayKind.WORKDAY, None),
        (date(2025, 1, 26), DayKind.MAKE_UP_WORKDAY, Festival.SPRING_FESTIVAL),
    ],
)
def test_published_years_are_exact(day: date, kind: DayKind, festival: Festival | None) -> None:
    found = calendar_day(day)
    assert (found.kind, found.festival, found.provisional) == (kind, festival, False)


def test_a_year_that_is_not_published_says_so() -> None:
    year = LAST_YEAR + 1
    new_year = calendar_day(date(year, 1, 1))
    assert new_year.kind is DayKind.HOLIDAY and new_year.provisional
    assert all(calendar_day(date(year, month, 15)).provisional for month in range(1, 13))
    assert calendar_day(date(2027, 2, 6)).festival is Festival.SPRING_FESTIVAL  # the lunar new year is worked out


def test_a_holiday_takes_in_the_weekend_beside_it() -> None:
    block = blocks_in(date(2024, 6, 9), date(2024, 6, 9))[0]
    assert (block.first, block.last, block.name("en")) == (date(2024, 6, 8), date(2024, 6, 10), "Dragon Boat Festival")
    new_year = blocks_in(date(2023, 12, 30), date(2023, 12, 30))[0]
    assert (new_year.first, new_year.last) == (date(2023, 12, 30), date(2024, 1, 1))


def test_holidays_are_compared_with_the_right_ones() -> None:
    national = blocks_in(date(2026, 10, 1), date(2026, 10, 7))[-1]
    before, last_year = block_before(national), year_before(national)
    assert before is not None and before.festivals == (Festival.MID_AUTUMN,)
    assert last_year is not None and (last_year.first, last_year.days) == (date(2025, 10, 1), 8)
    assert last_year.name("zh") == "国庆节、中秋节"
    joint_before = year_before(last_year)
    assert joint_before is not None and joint_before.first == date(2024, 10, 1)
