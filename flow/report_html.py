"""A report as one self-contained HTML page, for the screen and for print.

Promises: no script, nothing loaded from elsewhere; every text from outside is escaped. Not here: the charts
(`charts.py`), the words (`report_text.py`), the look (`templates/`), PDF (`report_pdf.py`).
"""

from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flow import charts
from flow.holidays import DayKind
from flow.report_text import Say
from flow.report_words import FootfallReport, PassageFigures, StayFigures

#: Zones in the table of stays, the busiest; the spreadsheet has all of them.
_MOST_STAYS = 10
#: Lines of people, and of vehicles, in the table of flow rates; the spreadsheet has all of them.
_MOST_LINES = 5
_TEMPLATES = Path(__file__).with_name("templates")


@lru_cache(maxsize=1)
def _page() -> tuple[Environment, str]:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment, (_TEMPLATES / "report.css").read_text(encoding="utf-8")


def to_html(report: FootfallReport, language: str) -> str:
    """The page in `zh` or `en`. Raises ValueError for another language."""
    say = Say(language)
    environment, style = _page()
    per_day = report.people.counted / report.observed_days if report.observed_days else None
    beside = (("against_before", report.previous), ("against_year", report.year_before))
    partly = [say.t("partly", n=span.partial_days) if span.partial_days else None for _, span in beside]
    visitors = sum(v.tourist_hours for v in report.vehicles_by_class)
    locals_ = sum(v.local_hours for v in report.vehicles_by_class)
    best = next((d for d in report.days if report.peak_days and d.day == report.peak_days[0].day), None)
    told = report.forecast
    test = told.back_test if told else None
    weekly = len(report.days) > charts.MOST_BARS
    zone = ZoneInfo(report.timezone)
    today = report.made_at.astimezone(zone).date()
    more_nodes = sum(bool(n.people_came + n.people_went) for n in report.nodes) - charts.MOST_PLACES
    return environment.get_template("report.html").render(
        r=report,
        passing=(passing := _lines(report)),
        speeds=any(p.speeds for p in passing),
        heats=[
            (say.t("heat_hours", name=h.name.said(language), n=say.number(h.observed_hours)), charts.heat_chart(h, say))
            for h in report.heat
        ],
        say=say,
        style=style,
        village=report.village.said(language),
        per_day=per_day,
        changes=[
            (say.t(key), say.change(per_day, span.per_day), note)
            for (key, span), note in zip(beside, partly, strict=True)
        ],
        best_kind=say.kind(best.kind, best.festival) if best and best.kind is not DayKind.WORKDAY else None,
        tourist_share=visitors / (visitors + locals_) if visitors + locals_ else None,
        weekly=weekly,
        by_day_title=say.t("by_week" if weekly else "by_day"),
        spark=charts.spark([d.people for d in report.days]),
        days_chart=charts.days_chart(report, say),
        hours_chart=charts.hours_chart(report.hours, say),
        week_chart=charts.week_chart(report.hours, say),
        holidays=[(h, charts.holiday_chart(h, say, today)) for h in report.holidays],
        gates_chart=charts.places_chart(report.gates, say),
        vehicle_gates_chart=charts.places_chart(report.gates, say, "vehicles"),
        nodes_chart=charts.places_chart(report.nodes, say),
        stays=_halves(report),
        more_nodes=say.t("more_places", n=more_nodes) if more_nodes > 0 else None,
        vehicle_hours_chart=charts.hours_chart(report.vehicle_hours, say, report.tourist_day_off, 170),
        zones_chart=charts.zones_chart(report.zones, say),
        forecast_chart=charts.forecast_chart(told, say) if told else "",
        tried=bool(test and test.latest),
        forecast_total=sum(d.people for d in told.days) if told else 0,
        back_test=say.t(
            "back_test_says",
            days=test.days,
            origins=test.origins,
            error=say.percent(test.error),
            naive=say.percent(test.naive_error),
            inside=say.percent(test.inside),
        )
        if test
        else None,
        made_at=report.made_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
    )


def _halves(report: FootfallReport) -> list[list[StayFigures]]:
    """The zones where most stayed, for two tables side by side."""
    shown = sorted(report.stay or [], key=lambda s: -s.visits)[:_MOST_STAYS]
    middle = (len(shown) + 1) // 2
    return [half for half in (shown[:middle], shown[middle:]) if half]


def _lines(report: FootfallReport) -> list[PassageFigures]:
    """The busiest lines of vehicles, then those of people."""
    families = [[p for p in report.passing if p.family == family] for family in ("vehicles", "people")]
    return [p for family in families for p in family[:_MOST_LINES]]
