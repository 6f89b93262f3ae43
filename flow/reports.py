"""A footfall report of a range of days, put together.

Promises: it first rolls up what is waiting, then reads one unchanging snapshot; its cost grows with its range, not with
the history (a forecast looks back about two years, and only when asked for). Not here: its parts (`footfall.py`,
`comparisons.py`, `crowding.py`, `forecast.py`), its looks (`report_html.py`, `report_files.py`).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from configs.footfall import Footfall
from configs.site import Site
from flow import footfall
from flow.comparisons import DayTotals, holidays_beside, spans_beside
from flow.crowding import by_zone
from flow.footfall_rows import read_counts, read_stands
from flow.forecast import MOST_DAYS, forecast
from flow.gaps import WHOLE
from flow.holidays import CalendarDay, calendar_day
from flow.local_time import day_of, end_of_hour, start_of_day
from flow.passage_figures import busiest_heat, by_line, read_passages
from flow.report_scope import Scope, place_of, scope_of
from flow.report_words import FootfallForecast, FootfallReport, Words
from flow.rollups import roll
from flow.stays import read_stays
from models.session import Database

LONGEST_DAYS = 1100

#: Says how far it is: (share of the work 0…1, what is being done).
Progress = Callable[[float, Words], None]


class BadRange(ValueError):
    """The dates cannot be reported on; the message says why."""


def check_range(site: Site, first: date, last: date, now: datetime) -> None:
    """Raises BadRange for days that cannot be reported on."""
    if first > last:
        raise BadRange("the first day must not come after the last")
    if (last - first).days >= LONGEST_DAYS:
        raise BadRange(f"a report covers at most {LONGEST_DAYS} days")
    if first > day_of(now, site.site.zone_info):
        raise BadRange("that time has not come yet; ask for a forecast instead")


def make_report(
    database: Database,
    site: Site,
    settings: Footfall,
    first: date,
    last: date,
    now: datetime,
    with_forecast: bool = False,
    progress: Progress | None = None,
    place: str | None = None,
) -> FootfallReport:
    """The report of [first, last], both included, in local days: of the village, of a camera (`camera`) or of a line
    (`camera/line`). Raises BadRange, UnknownPlace, and the database's errors."""
    check_range(site, first, last, now)
    scope = scope_of(site, settings, place_of(site, place))
    zone = site.site.zone_info
    today = day_of(now, zone)
    say = progress or (lambda share, words: None)
    rolling = Words("汇总新到的分钟数据", "rolling up new minutes")
    roll(database, zone, lambda done, total: say(0.5 * done / max(total, 1), rolling))
    with database.reading() as session:
        connection = session.connection()
        say(0.5, Words("读取每日数据", "reading days"))
        counts = read_counts(connection, first, last, scope.camera)
        stands = read_stands(connection, first, last, scope.camera)
        calendar = [calendar_day(day) for day in counts.days]
        totals = DayTotals(connection, scope)
        say(0.6, Words("与往期比较", "comparing"))
        before, year = spans_beside(totals, first, last, today)
        holidays = holidays_beside(totals, first, last, today)
        stay = read_stays(connection, scope, first, last)
        passed = read_passages(connection, first, last, scope.camera)
        tally = footfall.tally(scope, counts, calendar, _hours_past(counts.days, now, site))
        nodes = footfall.by_node(tally)
        heat = busiest_heat(
            connection, scope, [n.camera_id for n in nodes if n.people_came + n.people_went], first, last
        )
        past = _past_people(connection, scope, today) if with_forecast else None
    days = footfall.by_day(tally)
    people, out, vehicles = footfall.totals(tally)
    told = None
    if past is not None:
        fitting = Words("建立预测并回测", "fitting and back-testing the forecast")
        told = forecast(*past, progress=lambda done, total: say(0.6 + 0.4 * done / total, fitting))
    peak_days, peak_hours = footfall.peaks(tally, days)
    say(1.0, Words("完成", "done"))
    return FootfallReport(
        village=Words(site.site.name.zh, site.site.name.en),
        place=place or "village",
        place_name=scope.place_name(),
        first=first,
        last=last,
        timezone=site.site.timezone,
        made_at=now.astimezone(UTC),
        measure=scope.measure,
        people=people,
        people_out=out,
        vehicles=vehicles,
        observed_days=sum(day.people is not None for day in days),
        previous=before,
        year_before=year,
        days=days,
        hours=footfall.by_hour(tally),
        vehicle_hours=footfall.vehicles_by_hour(tally),
        gates=footfall.by_gate(tally),
        nodes=nodes,
        holidays=holidays,
        peak_days=peak_days,
        peak_hours=peak_hours,
        zones=by_zone(scope, stands),
        vehicles_by_class=footfall.by_class(tally),
        tourist_hours=footfall.tourist_hours(scope),
        tourist_workday=(settings.tourist_hours.workday.start, settings.tourist_hours.workday.end),
        tourist_day_off=(settings.tourist_hours.day_off.start, settings.tourist_hours.day_off.end),
        passing=by_line(tally, passed),
        heat=heat,
        stay=stay,
        forecast=told,
        notes=[*scope.notes, *_notes(calendar, people.observed_share, last, today), _about_stay(stay is not None)],
    )


def make_forecast(
    database: Database,
    site: Site,
    settings: Footfall,
    now: datetime,
    progress: Progress | None = None,
    place: str | None = None,
) -> FootfallForecast:
    """The next days of the whole village, or of one place, from the last about two years. Raises UnknownPlace, and the
    database's errors."""
    zone = site.site.zone_info
    say = progress or (lambda share, words: None)
    scope = scope_of(site, settings, place_of(site, place))
    roll(database, zone)
    with database.reading() as session:
        past = _past_people(session.connection(), scope, day_of(now, zone))
    fitting = Words("建立预测并回测", "fitting and back-testing the forecast")
    return forecast(*past, progress=lambda done, total: say(done / total, fitting))


def _past_people(connection: Connection, scope: Scope, today: date) -> tuple[date, list[int | None]]:
    """People a day up to yesterday. A day seen in part would teach a number that is too low: it is left out."""
    first, last = today - timedelta(days=MOST_DAYS), today - timedelta(days=1)
    return first, DayTotals(connection, scope).whole_between(first, last)


def _hours_past(days: list[date], now: datetime, site: Site) -> NDArray[np.bool_]:
    """days × 24: which hours are over by `now`."""
    zone = site.site.zone_info
    today = day_of(now, zone)
    past = np.array([[day < today] * 24 for day in days], dtype=bool)
    if days[0] <= today <= days[-1]:
        at = start_of_day(today, zone)
        while end_of_hour(at, zone) <= now:
            past[(today - days[0]).days, at.astimezone(zone).hour] = True
            at = end_of_hour(at, zone)
    return past


def _notes(calendar: list[CalendarDay], share: float | None, last: date, today: date) -> list[Words]:
    notes = []
    if share is None:
        notes.append(Words("这段时间没有任何观测。", "Nothing was observed in this time."))
    elif share < WHOLE:
        missing = f"{(1 - share) * 100:.0f}"
        notes.append(
            Words(
                f"应观测时间中有 {missing}% 没有观测到；计数不含这部分，估计值单独列出。",
                f"{missing} % of the time that was to be observed was not; counts leave it out, and the estimate for "
                "it is given apart.",
            )
        )
    if any(day.provisional for day in calendar):
        years = ", ".join(sorted({str(day.day.year) for day in calendar if day.provisional}))
        notes.append(
            Words(
                f"{years} 年的放假调休安排尚未收录：只按法定节日计，调休上班日未知。",
                f"The arrangement of days off of {years} is not in the calendar yet: only the days that the law names "
                "are holidays here, and make-up workdays are not known.",
            )
        )
    if last >= today:
        notes.append(
            Words("统计区间尚未结束，今天的数字还在变化。", "The range is not over yet; today's figures still grow.")
        )
    return notes


def _about_stay(known: bool) -> Words:
    if not known:
        return Words("这段时间没有停留时长记录，因此不给出。", "How long people stayed was not recorded in this time.")
    return Words(
        "停留时长以画面中持续跟踪到的时间计，跟丢即止，因此偏短。",
        "A stay is as long as somebody could be followed in the picture, so stays are rather too short than too long.",
    )
