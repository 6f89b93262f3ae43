"""The charts of a footfall report.

Promises: what was not observed is left blank and hatched, what is estimated is drawn apart from what was counted. Not
here: SVG itself (`chart_marks.py`), the words and the page (`report_html.py`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from flow.chart_marks import Plot, nice_top, number
from flow.holidays import DayKind
from flow.report_text import Say
from flow.report_words import (
    DayFigures,
    FootfallForecast,
    FootfallReport,
    HeatFigures,
    HolidayFigures,
    HourFigures,
    PlaceFigures,
    ZoneFigures,
)

WIDE, HALF, TALL = 1080.0, 520.0, 230.0
_KINDS = {
    DayKind.WORKDAY: "work",
    DayKind.WEEKEND: "weekend",
    DayKind.HOLIDAY: "holiday",
    DayKind.MAKE_UP_WORKDAY: "makeup",
}
#: Bars in one chart of places; the spreadsheet has all of them.
MOST_PLACES = 14
#: A longer range is drawn by the week: bars thinner than a hair say nothing.
MOST_BARS = 190


def days_chart(report: FootfallReport, say: Say) -> str:
    """People a day, coloured by the kind of day; the estimate for gaps on top; blank days hatched."""
    days = report.days
    if len(days) > MOST_BARS:
        return _weeks_chart(days, say)
    plot = Plot(WIDE, TALL, nice_top(max(((d.people or 0) + d.people_estimated for d in days), default=0)))
    plot.grid()
    step = plot.inner / len(days)
    width = min(step * 0.78, 46)
    for n, day in enumerate(days):
        x = plot.left + step * (n + 0.5) - width / 2
        title = f"{say.day(day.day)} {say.kind(day.kind, day.festival)}"
        if day.people is None:
            if day.day <= _today(report):
                plot.cell(
                    x, plot.top, width, plot.height - plot.top - plot.bottom, "gap", f"{title}: {say.t('not_observed')}"
                )
            continue
        plot.bar(x, width, 0, day.people, _KINDS[day.kind], f"{title}: {number(day.people)}")
        if day.people_estimated:
            more = f"{title}: +{number(day.people_estimated)} {say.t('estimated')}"
            plot.bar(x, width, day.people, day.people + day.people_estimated, "estimate", more)
    _date_ticks(plot, [d.day for d in days], say)
    _festival_names(plot, days, step, say)
    return plot.svg(say.t("by_day"))


def _today(report: FootfallReport) -> date:
    return report.made_at.astimezone(ZoneInfo(report.timezone)).date()


def _weeks_chart(days: Sequence[DayFigures], say: Say) -> str:
    weeks = [days[n : n + 7] for n in range(0, len(days), 7)]
    seen = [[(d.people, d.people_estimated) for d in week if d.people is not None] for week in weeks]
    values = [sum(p for p, _ in s) / len(s) if s else None for s in seen]
    added = [sum(e for _, e in s) / len(s) if s else 0.0 for s in seen]
    most = max((v + more for v, more in zip(values, added, strict=True) if v is not None), default=0)
    plot = Plot(WIDE, TALL, nice_top(most))
    plot.grid()
    step = plot.inner / len(weeks)
    for n, (week, value) in enumerate(zip(weeks, values, strict=True)):
        title = f"{say.day(week[0].day)} – {say.day(week[-1].day)}"
        x = plot.left + step * (n + 0.11)
        if value is None:
            plot.cell(
                x,
                plot.top,
                step * 0.78,
                plot.height - plot.top - plot.bottom,
                "gap",
                f"{title}: {say.t('not_observed')}",
            )
            continue
        has_holiday = any(d.kind is DayKind.HOLIDAY for d in week)
        kind = "holiday" if has_holiday else "work"
        plot.bar(x, step * 0.78, 0, value, kind, f"{title}: {number(value)} {say.t('a_day')}")
        if added[n]:
            more = f"{title}: +{number(added[n])} {say.t('a_day')}, {say.t('estimated')}"
            plot.bar(x, step * 0.78, value, value + added[n], "estimate", more)
    _date_ticks(plot, [week[0].day for week in weeks], say)
    return plot.svg(say.t("by_week"))


def _date_ticks(plot: Plot, days: Sequence[date], say: Say) -> None:
    step = plot.inner / len(days)
    every = max(1, round(len(days) * 62 / plot.inner))
    for n in range(0, len(days), every):
        plot.text(plot.left + step * (n + 0.5), plot.height - 8, say.short_day(days[n]), "tick middle")


def _festival_names(plot: Plot, days: Sequence[DayFigures], step: float, say: Say) -> None:
    last_end = -1.0
    for n, day in enumerate(days):
        new = (
            day.festival is not None
            and day.kind is DayKind.HOLIDAY
            and (n == 0 or days[n - 1].festival != day.festival)
        )
        if not new or day.festival is None:
            continue
        words = day.festival.said(say.language)
        # A name that is in the way of the next moves it to the right, as long as it stays over its own days.
        x = max(plot.left + step * (n + 0.2), last_end)
        length = next((k for k in range(len(days) - n) if days[n + k].festival != day.festival), len(days) - n)
        if x < plot.left + step * (n + length):
            plot.text(x, plot.top - 3, words, "festival")
            last_end = x + 8 + sum(14.0 if ord(letter) > 0x2E80 else 8.0 for letter in words)


def hours_chart(hours: HourFigures, say: Say, tourist: tuple[int, int] | None = None, height: float = 210) -> str:
    """Two lines over the day: workdays and days off; hours that are mostly visitors' can stand behind them."""
    values = [v for v in (*hours.workday, *hours.day_off) if v is not None]
    plot = Plot(HALF, height, nice_top(max(values, default=0)))
    step = plot.inner / 24
    if tourist is not None:
        start, end = tourist
        floor = plot.height - plot.bottom - plot.top
        plot.cell(plot.left + step * start, plot.top, step * (end - start), floor, "coming", say.t("tourist_hours"))
    plot.grid()
    for row, kind in ((hours.workday, "stroke-work"), (hours.day_off, "stroke-off")):
        at = [(plot.left + step * (h + 0.5), v) for h, v in enumerate(row)]
        plot.line(at, kind)
        for h, (x, value) in enumerate(at):
            if value is not None:
                name = say.t("workdays") if kind == "stroke-work" else say.t("days_off")
                plot.dot(x, value, kind.replace("stroke", "dot"), f"{name} {h}:00–{h + 1}:00: {number(value)}", 2.2)
    for h in range(0, 24, 3):
        plot.text(plot.left + step * (h + 0.5), plot.height - 8, f"{h}:00", "tick middle")
    return plot.svg(say.t("by_hour"))


def week_chart(hours: HourFigures, say: Say) -> str:
    """Seven days by 24 hours: the darker, the more people."""
    plot = Plot(HALF, 210, left=44, top=6, bottom=24)
    most = max((v for row in hours.week for v in row if v is not None), default=0) or 1
    width, height = plot.inner / 24, (plot.height - plot.top - plot.bottom) / 7
    for n, row in enumerate(hours.week):
        plot.text(plot.left - 6, plot.top + height * (n + 0.5) + 4, say.weekday(n), "tick end")
        for h, value in enumerate(row):
            title = f"{say.weekday(n)} {h}:00–{h + 1}:00: "
            box = (plot.left + width * h + 0.8, plot.top + height * n + 0.8, width - 1.6, height - 1.6)
            if value is None:
                plot.cell(*box, "gap", title + say.t("not_observed"))
            else:
                plot.cell(*box, "heat", title + number(value), 0.05 + 0.95 * (value / most) ** 0.75)
    for h in range(0, 24, 3):
        plot.text(plot.left + width * (h + 0.5), plot.height - 7, str(h), "tick middle")
    return plot.svg(say.t("by_weekday"))


def holiday_chart(holiday: HolidayFigures, say: Say, today: date) -> str:
    """The days of this holiday as bars, those of the last and of the year before as lines over them."""
    spans = [s for s in (holiday.this, holiday.last, holiday.year_before) if s is not None]
    most = max((v for s in spans for v in s.daily if v is not None), default=0)
    count = max(len(s.daily) for s in spans)
    plot = Plot(HALF, 230, nice_top(most))
    plot.grid()
    step = plot.inner / count
    for n, value in enumerate(holiday.this.daily):
        day = holiday.this.first + timedelta(days=n)
        x, width = plot.left + step * n + step * 0.18, step * 0.64
        if value is not None:
            plot.bar(x, width, 0, value, "holiday", f"{say.day(day)}: {number(value)}")
        elif day <= today:
            words = f"{say.day(day)}: {say.t('not_observed')}"
            plot.cell(x, plot.top, width, plot.height - plot.top - plot.bottom, "gap", words)
    for other, kind in ((holiday.last, "stroke-last"), (holiday.year_before, "stroke-year")):
        if other is None:
            continue
        at = [(plot.left + step * (n + 0.5), v) for n, v in enumerate(other.daily)]
        plot.line([(x, None if v is None else float(v)) for x, v in at], kind)
        for n, (x, value) in enumerate(at):
            if value is not None:
                title = f"{other.name.said(say.language)} {say.day(other.first + timedelta(days=n))}: {number(value)}"
                plot.dot(x, value, kind.replace("stroke", "dot"), title)
    for n in range(count):
        plot.text(plot.left + step * (n + 0.5), plot.height - 8, say.nth_day(n + 1), "tick middle")
    return plot.svg(holiday.name.said(say.language))


def places_chart(places: Sequence[PlaceFigures], say: Say, what: str = "people") -> str:
    """Bars by rank: in and out of each gate, or all passages of each node; at most `MOST_PLACES`."""
    shown = sorted(((p, *_both(p, what)) for p in places if sum(_both(p, what))), key=lambda s: -(s[1] + s[2]))
    shown = shown[:MOST_PLACES]
    if not shown:
        return ""
    most = max(came + went for _, came, went in shown)
    row, name_width, plot = 27.0, 186.0, Plot(HALF, 27.0 * len(shown) + 8, left=0, right=0)
    room = plot.width - name_width - 78
    for n, (place, came, went) in enumerate(shown):
        y = 6 + row * n
        label = place.name.said(say.language)
        plot.text(name_width - 8, y + 14, _short(label, 22), "name end")
        one, two = room * came / most, room * went / most
        plot.cell(name_width, y + 3, max(one, 0.5), 15, "came", f"{label}: {say.t('in')} {number(came)}")
        plot.cell(name_width + one + 1, y + 3, max(two, 0.5), 15, "went", f"{label}: {say.t('out')} {number(went)}")
        plot.text(name_width + one + two + 8, y + 15, number(came + went), "value")
    return plot.svg(say.t("gates"))


def zones_chart(zones: Sequence[ZoneFigures], say: Say) -> str:
    """How full each zone with a capacity was at most: the bar against the mark of its capacity."""
    shown = [z for z in zones if z.capacity is not None][:10]
    if not shown:
        return ""
    row, name_width = 42.0, 186.0
    plot = Plot(HALF, row * len(shown) + 6, left=0, right=0)
    room = plot.width - name_width - 96
    scale = max(1.0, max(z.share or 0 for z in shown))
    for n, zone in enumerate(shown):
        y = 6 + row * n
        label = zone.name.said(say.language)
        plot.text(name_width - 8, y + 15, _short(label, 22), "name end")
        plot.cell(name_width, y + 2, room / scale, 18, "track", f"{say.t('capacity')} {zone.capacity}")
        share = zone.share or 0
        kind = "over" if share > 1 else "near" if share > 0.8 else "came"
        title = f"{label}: {say.t('most')} {zone.most} / {zone.capacity}"
        plot.cell(name_width, y + 2, max(room * share / scale, 1), 18, kind, title)
        edge = name_width + room / scale
        plot.marks.append(f'<line class="limit" x1="{edge:.1f}" x2="{edge:.1f}" y1="{y - 1:.1f}" y2="{y + 21:.1f}"/>')
        plot.text(name_width + room * max(share, 1) / scale + 8, y + 16, f"{share * 100:.0f}%", "value")
        plot.text(
            name_width,
            y + 35,
            f"{say.day(zone.most_day)} {zone.most_hour}:00 · {zone.most} / {zone.capacity}"
            + (f" · {say.t('arrived', n=number(zone.arrivals))}" if zone.arrivals else ""),
            "tick",
        )
    return plot.svg(say.t("zones"))


def forecast_chart(told: FootfallForecast, say: Say) -> str:
    """The last weeks as a line, the days to come inside their interval, and over the past what the same method had
    said of it beforehand. Days that were not wholly observed are hatched."""
    if not told.days:
        return ""
    seen = [v for _, v in told.history if v is not None]
    tried = {d.day: d for d in told.back_test.latest} if told.back_test else {}
    plot = Plot(WIDE, TALL, nice_top(max([d.high for d in told.days] + [d.told for d in tried.values()] + seen)))
    plot.grid()
    count = len(told.history) + len(told.days)
    step = plot.inner / count
    at = [plot.left + step * (n + 0.5) for n in range(count)]
    edge = plot.left + step * len(told.history)
    plot.marks.append(
        f'<rect class="coming" x="{edge:.1f}" y="{plot.top}" width="{plot.width - plot.right - edge:.1f}" '
        f'height="{plot.height - plot.top - plot.bottom}"/>'
    )
    before = [(x, tried.get(past)) for x, (past, _) in zip(at, told.history, strict=False)]
    plot.line([(x, None if d is None else float(d.told)) for x, d in before], "stroke-tried")
    plot.line([(x, v) for x, (_, v) in zip(at, told.history, strict=False)], "stroke-work")
    for x, (past, value) in zip(at, told.history, strict=False):
        said = f" ({say.t('told_before')} {number(tried[past].told)})" if past in tried else ""
        if value is not None:
            plot.dot(x, value, "dot-work", f"{say.day(past)}: {number(value)}{said}", 2.4)
        else:
            words = f"{say.day(past)}: {say.t('not_whole')}{said}"
            plot.cell(x - step * 0.4, plot.top, step * 0.8, plot.height - plot.top - plot.bottom, "gap", words)
    coming = at[len(told.history) :]
    low = [(x, float(d.low)) for x, d in zip(coming, told.days, strict=True)]
    high = [(x, float(d.high)) for x, d in zip(coming, told.days, strict=True)]
    plot.band(low, high, "interval")
    plot.line([(x, float(d.people)) for x, d in zip(coming, told.days, strict=True)], "stroke-told")
    for x, day in zip(coming, told.days, strict=True):
        range_words = f"{number(day.people)} ({number(day.low)}–{number(day.high)})"
        title = f"{say.day(day.day)} {say.kind(day.kind, day.festival)}: {range_words}"
        plot.dot(x, day.people, "dot-off" if day.kind.is_off else "dot-told", title, 3.6 if day.kind.is_off else 2.8)
    _date_ticks(plot, [*(d for d, _ in told.history), *(d.day for d in told.days)], say)
    return plot.svg(say.t("forecast"))


def heat_chart(heat: HeatFigures, say: Say) -> str:
    """Where people stood in one camera's picture, with its zones and lines for orientation."""
    plot = Plot(340, 192, left=0, right=0, top=0, bottom=0)
    plot.cell(0, 0, plot.width, plot.height, "seen", heat.name.said(say.language))
    most = max((v for cells in heat.grid for v in cells), default=0) or 1
    width, height = plot.width / len(heat.grid[0]), plot.height / len(heat.grid)
    for y, cells in enumerate(heat.grid):
        for x, value in enumerate(cells):
            if value > most * 0.02:
                opacity = 0.06 + 0.94 * (value / most) ** 0.6
                plot.cell(width * x, height * y, width, height, "heat", f"{value:.2g}", opacity)

    def at(point: tuple[float, float]) -> str:
        return f"{point[0] * plot.width:.1f},{point[1] * plot.height:.1f}"

    for zone in heat.zones:
        plot.marks.append(f'<polygon class="zone" points="{" ".join(map(at, zone))}"/>')
    for line in heat.lines:
        (x1, y1), (x2, y2) = (at(end).split(",") for end in line)
        plot.marks.append(f'<line class="gate-line" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    return plot.svg(f"{say.t('heat')}: {heat.name.said(say.language)}")


def spark(values: Sequence[int | None]) -> str:
    """A line without axes, for beside a number."""
    seen = [v for v in values if v is not None]
    plot = Plot(120, 28, max([*seen, 1]), left=2, right=2, top=3, bottom=3)
    step = plot.inner / max(len(values) - 1, 1)
    plot.line([(plot.left + step * n, None if v is None else float(v)) for n, v in enumerate(values)], "spark")
    return plot.svg("")


def _both(place: PlaceFigures, what: str) -> tuple[int, int]:
    if what == "people":
        return place.people_came, place.people_went
    return place.vehicles_came, place.vehicles_went


def _short(words: str, most: int) -> str:
    """Cut so that it fits; a Chinese character is two letters wide."""
    width = 0
    for n, letter in enumerate(words):
        width += 2 if ord(letter) > 0x2E80 else 1
        if width > most:
            return words[: n - 1] + "…"
    return words
