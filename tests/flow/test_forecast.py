"""The days to come: close where there is a pattern, honest where there is too little."""

from datetime import date, timedelta

import numpy as np

from flow.forecast import LEAST_DAYS, forecast
from flow.holidays import calendar_day

START = date(2025, 3, 3)


def people(days: int, seed: int = 3) -> list[int | None]:
    """A village with weekends, holidays, and some weather."""
    chance = np.random.default_rng(seed)
    values: list[int | None] = []
    for n in range(days):
        day = calendar_day(START + timedelta(days=n))
        level = 400 * (2.0 if day.kind.is_off else 1.0) * (1.6 if day.kind.value == "holiday" else 1.0)
        values.append(int(level * chance.lognormal(0, 0.12)))
    return values


def test_a_pattern_is_carried_on_with_its_error_beside_it() -> None:
    known = people(220)
    for gap in (20, 100, 101, 102, 150):
        known[gap] = None
    steps: list[tuple[int, int]] = []
    told = forecast(START, known, progress=lambda done, total: steps.append((done, total)))
    true = people(234)[220:]
    assert told.refusal is None and len(told.days) == 14 and steps[-1][0] == steps[-1][1]
    errors = [abs(day.people - (value or 0)) for day, value in zip(told.days, true, strict=True)]
    assert sum(errors) / sum(value or 0 for value in true) < 0.25
    assert all(day.low <= day.people <= day.high for day in told.days)
    test = told.back_test
    assert test is not None and test.days > 60 and test.error < test.naive_error and test.inside > 0.6
    # What is drawn over the past is the four weeks of the latest two cut-offs, beside what truly came.
    assert [day.day for day in test.latest] == [START + timedelta(days=n) for n in range(192, 220)]
    assert [day.people for day in test.latest] == known[192:220]
    assert all(day.low <= day.told <= day.high for day in test.latest)


def test_too_short_a_history_is_refused_in_both_languages() -> None:
    told = forecast(START, people(LEAST_DAYS - 1))
    assert told.refusal is not None and str(LEAST_DAYS) in told.refusal.zh and str(LEAST_DAYS) in told.refusal.en
    assert told.days == [] and told.back_test is None


def test_the_unpublished_year_is_marked() -> None:
    told = forecast(date(2026, 10, 10), people(75), horizon=14)
    assert [d.provisional for d in told.days] == [d.day.year > 2026 for d in told.days]
    assert any(d.provisional for d in told.days)
