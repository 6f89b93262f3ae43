"""The charts of a report's spreadsheet, beside the tables that they are drawn from.

Promises: every chart reads its figures from cells, so that it follows when somebody changes or sorts them; a sheet that
is not there has no chart. Not here: the tables (`report_files.py`).
"""

from dataclasses import dataclass
from typing import Any

from flow.report_text import Say
from flow.report_words import FootfallReport

_INDIGO, _VERMILION, _JADE, _PALE, _SAND, _OCHRE = "#4A76A8", "#D24A34", "#3F9F7B", "#A9D3C1", "#CFC6B2", "#DD9F3A"
_HIGH = 320


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One chart: of which sheet, from which columns (each with its colour), and where it stands."""

    sheet: str
    kind: dict[str, str]
    columns: tuple[tuple[int, str], ...]
    title: str
    at: tuple[str, str]
    width: int = 640
    most: int | None = None


def add_charts(book: Any, sheets: dict[str, list[list[Any]]], report: FootfallReport, say: Say) -> None:
    """Draw them into a workbook whose sheets, by title, hold these tables."""
    summary, gates = say.t("summary"), say.t("gates")
    bars, rows = {"type": "column", "subtype": "stacked"}, {"type": "bar", "subtype": "stacked"}
    daily, hours = ((3, _INDIGO), (5, _SAND)), ((1, _INDIGO), (2, _VERMILION))
    both, full, vehicles = ((1, _JADE), (2, _PALE)), ((1, _SAND), (3, _VERMILION)), ((3, _JADE), (4, _PALE))
    cars = sum(g.vehicles_came + g.vehicles_went for g in report.gates) > 0
    wanted = [
        _Drawn(say.t("daily"), bars, daily, say.t("by_day"), (summary, "D2"), 900),
        _Drawn(say.t("by_hour"), {"type": "line"}, hours, say.t("by_hour_note"), (summary, "D19")),
        _Drawn(say.t("daily"), bars, daily, say.t("by_day"), (say.t("daily"), "J2"), 900),
        _Drawn(say.t("by_hour"), {"type": "line"}, hours, say.t("by_hour_note"), (say.t("by_hour"), "L2")),
        _Drawn(say.t("car_hours"), {"type": "line"}, hours, say.t("car_hours"), (say.t("car_hours"), "L2")),
        _Drawn(gates, rows, both, gates, (gates, "J2"), most=14),
        _Drawn(say.t("nodes"), rows, both, say.t("nodes"), (say.t("nodes"), "J2"), most=14),
        _Drawn(say.t("zones"), {"type": "bar"}, full, say.t("zones_note"), (say.t("zones"), "J2")),
        _Drawn(say.t("by_class"), bars, ((3, _INDIGO), (4, _OCHRE)), say.t("by_class"), (say.t("by_class"), "G2")),
        _Drawn(
            say.t("forecast"), {"type": "line"}, ((2, _JADE), (3, _PALE), (4, _PALE)), say.t("forecast"),
            (say.t("forecast"), "G2"), 760,
        ),
    ]  # fmt: skip
    if cars:
        wanted.append(_Drawn(gates, rows, vehicles, say.t("vehicle_gates"), (gates, "J20"), most=14))
    for drawn in wanted:
        table = sheets.get(drawn.sheet, [])
        last = min(len(table) - 1, drawn.most or len(table))
        if last < 1 or (drawn.sheet == say.t("forecast") and report.forecast and report.forecast.refusal):
            continue
        book.get_worksheet_by_name(drawn.at[0]).insert_chart(drawn.at[1], _chart(book, drawn, last))


def _chart(book: Any, drawn: _Drawn, last: int) -> Any:
    chart = book.add_chart(drawn.kind)
    for column, colour in drawn.columns:
        series: dict[str, Any] = {
            "name": [drawn.sheet, 0, column],
            "categories": [drawn.sheet, 1, 0, last, 0],
            "values": [drawn.sheet, 1, column, last, column],
        }
        if drawn.kind["type"] == "line":
            series |= {"line": {"color": colour, "width": 2.25}}
        else:
            series |= {"fill": {"color": colour}, "gap": 40}
        chart.add_series(series)
    chart.set_title({"name": drawn.title, "name_font": {"size": 12}, "overlay": False})
    chart.set_legend({"position": "bottom"})
    chart.show_blanks_as("gap")
    if drawn.kind["type"] == "bar":
        chart.set_y_axis({"reverse": True})
        chart.set_x_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E6DFCE"}}})
    else:
        chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": True, "line": {"color": "#E6DFCE"}}})
    chart.set_size({"width": drawn.width, "height": _HIGH if drawn.kind["type"] != "bar" else max(200, 90 + 22 * last)})
    return chart
