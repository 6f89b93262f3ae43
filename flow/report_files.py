"""A report as JSON, CSV and a spreadsheet.

Promises: JSON has every figure under the names of `report_words.py`; CSV is one row a day and place, in UTF-8 with a
byte order mark so that spreadsheets read Chinese; text never becomes a formula. Not here: HTML, PDF.
"""

import csv
import io
import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import xlsxwriter

from flow.report_text import Say
from flow.report_words import FootfallReport, HourFigures, PassageFigures, PlaceFigures, SpanFigures
from flow.sheet_charts import add_charts

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_dict(report: FootfallReport) -> dict[str, Any]:
    """Plain lists and dictionaries; days and times are ISO 8601."""
    plain: dict[str, Any] = json.loads(to_json(report))
    return plain


def to_json(report: FootfallReport) -> str:
    """The whole report as JSON text."""

    def plain(value: object) -> str:
        if isinstance(value, date | datetime):
            return value.isoformat()
        raise TypeError(f"{type(value).__name__} has no place in a report")

    return json.dumps(asdict(report), ensure_ascii=False, default=plain, indent=1)


def to_csv(report: FootfallReport, language: str) -> bytes:
    """The days of the report. Raises ValueError for a language that is not zh or en."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _day_table(report, Say(language)):
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(report: FootfallReport, language: str) -> bytes:
    """A workbook: a sheet for each part of the report, with charts that read its cells."""
    say = Say(language)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    head = book.add_format({"bold": True, "bg_color": "#1F5F52", "font_color": "#FFFFFF", "border": 1})
    day_format = book.add_format({"num_format": "yyyy-mm-dd"})
    share_format = book.add_format({"num_format": "0.0%"})
    sheets = _sheets(report, say)
    for title, table in sheets.items():
        sheet = book.add_worksheet(title[:31])
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(table[0]):
            sheet.write_string(0, column, str(name), head)
            sheet.set_column(
                column, column, max(12, min(60, 2 + max(_width(row[column]) for row in table if column < len(row))))
            )
        for n, row in enumerate(table[1:], start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(n, column, datetime(cell.year, cell.month, cell.day), day_format)  # noqa: DTZ001
                elif isinstance(cell, Share):
                    sheet.write_number(n, column, cell, share_format)
                elif isinstance(cell, int | float):
                    sheet.write_number(n, column, cell)
                elif cell is not None:
                    sheet.write_string(n, column, str(cell))
    add_charts(book, sheets, report, say)
    book.close()
    return out.getvalue()


class Share(float):
    """A share, so that a sheet shows it as a percentage."""


def _share(value: float | None) -> Share | None:
    return None if value is None else Share(value)


def _passage_row(p: PassageFigures, say: Say) -> list[Any]:
    flows = [p.name.said(say.language), say.t(f"{p.family}_word"), p.passages, p.flow, p.busiest_flow]
    return [*flows, p.headway_median, _share(p.headway_close), _kmh(p.speed_mean), _kmh(p.speed_85)]


def _kmh(speed: float | None) -> float | None:
    return None if speed is None else round(speed * 3.6, 1)


def _sheets(report: FootfallReport, say: Say) -> dict[str, list[list[Any]]]:
    people = say.measure(report.measure)
    sheets: dict[str, list[list[Any]]] = {
        say.t("summary"): _summary(report, say),
        say.t("daily"): _day_table(report, say),
        say.t("gates"): [_place_head(say), *(_place_row(p, say) for p in report.gates)],
        say.t("nodes"): [_place_head(say), *(_place_row(p, say) for p in report.nodes)],
        say.t("by_hour"): _hour_table(report.hours, say),
        say.t("peaks"): [
            [say.t("date"), say.t("hour"), people],
            *(
                [p.day, None if p.hour is None else f"{p.hour}:00", p.people]
                for p in report.peak_days + report.peak_hours
            ),
        ],
    }
    if report.zones:
        sheets[say.t("zones")] = [
            [say.t(k) for k in ("place", "capacity", "mean", "most", "date", "hour", "hours_over", "arrivals_here")],
            *(
                [
                    z.name.said(say.language),
                    z.capacity,
                    z.mean,
                    z.most,
                    z.most_day,
                    z.most_hour,
                    z.hours_over,
                    z.arrivals,
                ]
                for z in report.zones
            ),
        ]
    if report.stay:
        sheets[say.t("stay")] = [
            [say.t("place"), say.t("visits"), f"{say.t('mean')} (s)", f"{say.t('longest')} (s)"],
            *([s.name.said(say.language), s.visits, s.mean_seconds, s.longest_seconds] for s in report.stay),
        ]
    if report.passing:
        sheets[say.t("passing")] = [
            [say.t(k) for k in ("line", "class", "people", "flow_rate", "busiest_flow")]
            + [
                f"{say.t('headway')} (s)",
                say.t("close"),
                f"{say.t('speed_mean')} (km/h)",
                f"{say.t('speed_85')} (km/h)",
            ],
            *(_passage_row(p, say) for p in report.passing),
        ]
    if report.vehicles_by_class:
        sheets[say.t("by_class")] = [
            [say.t(k) for k in ("class", "in", "out", "local_hours", "tourist_hours")],
            *(
                [v.name.said(say.language), v.came, v.went, v.local_hours, v.tourist_hours]
                for v in report.vehicles_by_class
            ),
        ]
        sheets[say.t("car_hours")] = _hour_table(report.vehicle_hours, say)
    if report.holidays:
        rows = [s for h in report.holidays for s in (h.this, h.last, h.year_before) if s is not None]
        sheets[say.t("holidays")] = [
            [say.t(k) for k in ("festival", "from", "until", "observed_days", "partial_days")]
            + [people, say.t("per_day")],
            *([s.name.said(say.language), s.first, s.last, *_holiday_row(s)] for s in rows),
        ]
    if report.forecast is not None:
        told = report.forecast
        head = [say.t("date"), say.t("day_kind"), people, say.t("low"), say.t("high")]
        body = [[d.day, say.kind(d.kind, d.festival), d.people, d.low, d.high] for d in told.days]
        if told.back_test:
            test = told.back_test
            told_then = [[d.day, d.people, d.told, d.low, d.high] for d in test.latest]
            sheets[say.t("back_test")] = [
                [say.t("date"), say.t("counted"), say.t("told_before"), say.t("low"), say.t("high")],
                *told_then,
                [say.t("mean_error"), _share(test.error)],
                [say.t("naive_error"), _share(test.naive_error)],
                [say.t("inside"), _share(test.inside)],
            ]
        refusal = [[told.refusal.said(say.language), None, None, None, None]] if told.refusal else []
        sheets[say.t("forecast")] = [head, *body, *refusal]
    sheets[say.t("notes")] = [[say.t("notes")], *([note.said(say.language)] for note in report.notes)]
    return sheets


def _holiday_row(s: SpanFigures) -> list[Any]:
    return [s.observed_days, s.partial_days, s.total, s.per_day]


def _hour_table(hours: HourFigures, say: Say) -> list[list[Any]]:
    head = [say.t("hour"), say.t("workdays"), say.t("days_off"), *(say.weekday(n) for n in range(7))]
    rows = [[f"{h}:00", hours.workday[h], hours.day_off[h], *(row[h] for row in hours.week)] for h in range(24)]
    return [head, *rows]


def _summary(report: FootfallReport, say: Say) -> list[list[Any]]:
    return [
        [say.t("title"), report.village.said(say.language)],
        [say.t("place"), report.place_name.said(say.language) if report.place_name else say.t("whole_village")],
        [say.t("date"), f"{report.first} – {report.last}"],
        [say.measure(report.measure), report.people.counted],
        [say.t("estimated"), report.people.estimated],
        [say.t("departures"), report.people_out],
        [say.t("vehicles"), report.vehicles.counted],
        [say.t("observed"), _share(report.people.observed_share)],
        [say.t("observed_days"), report.observed_days],
        [f"{say.t('per_day')}, {report.previous.name.said(say.language)}", report.previous.per_day],
        [f"{say.t('per_day')}, {report.year_before.name.said(say.language)}", report.year_before.per_day],
    ]


def _day_table(report: FootfallReport, say: Say) -> list[list[Any]]:
    keys = ("date", "day_kind", "festival", report.measure, "departures", "estimated", "vehicles", "observed")
    rows = [
        [
            d.day,
            say.kind(d.kind),
            d.festival.said(say.language) if d.festival else None,
            d.people,
            d.people_out,
            d.people_estimated,
            d.vehicles,
            _share(d.observed_share),
        ]
        for d in report.days
    ]
    return [[say.t(k) for k in keys], *rows]


def _place_head(say: Say) -> list[str]:
    people, vehicles = say.t("people"), say.t("vehicles")
    ways = [f"{what} {say.t(way)}" for what in (people, vehicles) for way in ("in", "out")]
    return [say.t("place"), *ways, say.t("estimated"), say.t("observed"), say.t("best_day")]


def _place_row(place: PlaceFigures, say: Say) -> list[Any]:
    counts = [place.people_came, place.people_went, place.vehicles_came, place.vehicles_went, place.people_estimated]
    return [place.name.said(say.language), *counts, _share(place.observed_share), place.busiest_day]


def _width(cell: object) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in str(cell)) if cell is not None else 0


def _safe(cell: object) -> object:
    """Names come from people: none may start a formula in a spreadsheet."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
