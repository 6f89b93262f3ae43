"""The next days, foretold from the days that were.

Method: a structural time series model (statsmodels' `UnobservedComponents`: a level that drifts, a week that repeats,
and the effect of days off by the calendar) on the logarithm of people a day. It was chosen because its Kalman filter
takes days that nobody observed as they are, missing, and gives an interval by itself; the library is statsmodels
because it is well kept, pure numpy/scipy underneath, and fits in a second without a compiler at run time.

Promises: no forecast without six weeks of history, and it says so; always beside its own error on the past, at the same
distance, and beside that of "as a week before". Not here: reading the past (`comparisons.py`).
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flow.holidays import NAMES, CalendarDay, DayKind, calendar_day
from flow.report_words import BackTest, FootfallForecast, ForecastDay, TriedDay, Words

HORIZON = 14
LEAST_DAYS = 42
MOST_DAYS = 800
ORIGINS = 6
#: The interval holds this share of days.
INSIDE = 0.8
_SHOWN = 28

METHOD = Words(
    "结构时间序列模型（缓慢变化的水平、每周规律、节假日与调休）",
    "structural time series: a drifting level, a weekly rhythm, days off by the calendar",
)


@dataclass(frozen=True, slots=True)
class _Foretold:
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def forecast(
    first: date,
    people: Sequence[int | None],
    horizon: int = HORIZON,
    progress: Callable[[int, int], None] | None = None,
) -> FootfallForecast:
    """Foretell `horizon` days after the last of `people`, one a day from `first` on; None where nobody looked."""
    people = people[-MOST_DAYS:] if len(people) > MOST_DAYS else people
    first += timedelta(days=max(0, len(people) - MOST_DAYS))
    observed = [n for n, value in enumerate(people) if value is not None]
    days = [first + timedelta(days=n) for n in range(len(people) + horizon)]
    history = list(zip(days[: len(people)], people, strict=True))[-_SHOWN:]
    if len(observed) < LEAST_DAYS:
        refusal = Words(
            f"历史太短：只有 {len(observed)} 天有观测，至少需要 {LEAST_DAYS} 天才能预测。",
            f"The history is too short: {len(observed)} observed days, and a forecast needs {LEAST_DAYS}.",
        )
        return FootfallForecast(METHOD, refusal, [], history, len(observed), None)
    start = observed[0]
    values = np.array([np.nan if v is None else float(v) for v in people[start:]])
    calendar = [calendar_day(day) for day in days[start:]]
    origins = _origins(len(values), horizon)
    model = _fit(values, calendar[: len(values)])
    if progress is not None:
        progress(1, len(origins) + 1)
    told = _foretell(model, calendar[len(values) :])
    tests = []
    for n, origin in enumerate(origins):
        # Fitted anew on what was known then: nothing of the days that it is tested on.
        past = _fit(values[:origin], calendar[:origin])
        tests.append((origin, _foretell(past, calendar[origin : origin + horizon])))
        if progress is not None:
            progress(n + 2, len(origins) + 1)
    coming = [
        ForecastDay(
            day.day,
            day.kind,
            Words(*NAMES[day.festival]) if day.festival else None,
            day.provisional,
            round(float(told.middle[n])),
            round(float(told.low[n])),
            round(float(told.high[n])),
        )
        for n, day in enumerate(calendar[len(values) :])
    ]
    latest = [
        TriedDay(
            calendar[origin + n].day,
            round(float(past.middle[n])),
            round(float(past.low[n])),
            round(float(past.high[n])),
            None if math.isnan(values[origin + n]) else round(float(values[origin + n])),
        )
        for origin, past in tests
        for n in range(horizon)
        if origin + n >= len(values) - _SHOWN
    ]
    test = _back_test(values, tests, horizon, latest)
    return FootfallForecast(METHOD, None, coming, history, len(observed), test)


def _origins(length: int, horizon: int) -> list[int]:
    """Where the past is cut for the back-test: the latest whole horizons that leave enough to learn from."""
    cuts = [length - horizon * n for n in range(1, ORIGINS + 1)]
    return sorted(cut for cut in cuts if cut >= LEAST_DAYS)


def _effects(calendar: Sequence[CalendarDay]) -> NDArray[np.float64]:
    """What the calendar adds to a day: a holiday, a make-up workday, the long holidays on top."""
    long = {"spring_festival", "national_day", "labour_day"}
    return np.array(
        [
            [
                day.kind is DayKind.HOLIDAY,
                day.kind is DayKind.MAKE_UP_WORKDAY,
                day.kind is DayKind.HOLIDAY and day.festival is not None and day.festival.value in long,
            ]
            for day in calendar
        ],
        dtype=float,
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    result: Any
    used: NDArray[np.bool_]


def _fit(values: NDArray[np.float64], calendar: Sequence[CalendarDay]) -> _Fitted:
    # Imported here: it takes a second, and most of what imports this module makes no forecast.
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    effects = _effects(calendar)
    seen = ~np.isnan(values)
    used = effects[seen].sum(axis=0) >= 2  # an effect seen once is a coincidence
    model = UnobservedComponents(
        np.log1p(values),
        level="local level",
        seasonal=7,
        stochastic_seasonal=False,
        autoregressive=1,
        exog=effects[:, used] if used.any() else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # slow convergence is judged by the back-test, not by a warning
        result = model.fit(disp=False, maxiter=60, method="lbfgs")
    return _Fitted(result, used)


def _foretell(fitted: _Fitted, calendar: Sequence[CalendarDay]) -> _Foretold:
    exog = _effects(calendar)[:, fitted.used] if fitted.used.any() else None
    told = fitted.result.get_forecast(len(calendar), exog=exog)
    bounds = np.asarray(told.conf_int(alpha=1 - INSIDE))
    middle = np.asarray(told.predicted_mean)
    low, mid, high = (np.maximum(np.expm1(np.clip(v, -1, 16)), 0.0) for v in (bounds[:, 0], middle, bounds[:, 1]))
    return _Foretold(mid, low, high)


def _back_test(
    values: NDArray[np.float64], tests: Sequence[tuple[int, _Foretold]], horizon: int, latest: list[TriedDay]
) -> BackTest | None:
    """Errors over all days of all cuts that were observed, both on the day and a week before the cut."""
    errors = naive = total = 0.0
    days = inside = 0
    for origin, told in tests:
        for n in range(horizon):
            true = values[origin + n]
            before = values[origin - 7 + n % 7]
            if math.isnan(true) or math.isnan(before):
                continue
            days += 1
            total += true
            errors += abs(told.middle[n] - true)
            naive += abs(before - true)
            inside += bool(told.low[n] <= true <= told.high[n])
    if days == 0 or total == 0:
        return None
    shares = (round(errors / total, 4), round(naive / total, 4), round(inside / days, 4))
    return BackTest(days, len(tests), *shares, latest)
