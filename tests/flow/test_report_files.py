"""What is taken away: pages, sheets, tables; in both languages, with nothing in them that runs."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import openpyxl
import pytest

from flow.charts import days_chart, forecast_chart, places_chart
from flow.holidays import DayKind
from flow.report_files import to_csv, to_json, to_xlsx
from flow.report_html import to_html
from flow.report_pdf import NoPdf, to_pdf
from flow.report_text import TEXTS, Say
from flow.report_words import (
    BackTest,
    DayFigures,
    FootfallForecast,
    FootfallReport,
    ForecastDay,
    HeatFigures,
    HolidayFigures,
    HourFigures,
    PassageFigures,
    Peak,
    PlaceFigures,
    SpanFigures,
    StayFigures,
    Total,
    TriedDay,
    VehicleFigures,
    Words,
    ZoneFigures,
)

FIRST = date(2026, 10, 1)
EVIL = Words("=1+1<script>", "=cmd|' /C calc'!A0<script>")


def span(name: str, first: date, values: list[int | None]) -> SpanFigures:
    seen = [v for v in values if v is not None]
    last = first + timedelta(days=len(values) - 1)
    mean = sum(seen) / len(seen) if seen else None
    return SpanFigures(Words(name, name), first, last, len(values), len(seen), sum(seen), mean, values, 1)


def a_report(days: int = 9) -> FootfallReport:
    """A report with something in every part, and a day that nobody observed."""
    national = Words("国庆节", "National Day")
    figures = [
        DayFigures(
            FIRST + timedelta(days=n),
            DayKind.HOLIDAY if n < 7 else DayKind.WORKDAY,
            national if n < 7 else None,
            False,
            None if n == 4 else 1000 + n,
            None if n == 4 else 900,
            50 if n == 5 else 0,
            300,
            0.0 if n == 4 else 0.97,
        )
        for n in range(days)
    ]
    hours: list[float | None] = [None, *[float(n) for n in range(23)]]
    told = [ForecastDay(FIRST + timedelta(days=9 + n), DayKind.WORKDAY, None, False, 500, 400, 600) for n in range(14)]
    return FootfallReport(
        village=EVIL,
        place="village",
        place_name=None,
        first=FIRST,
        last=FIRST + timedelta(days=days - 1),
        timezone="Asia/Shanghai",
        made_at=datetime(2026, 10, 20, tzinfo=UTC),
        measure="arrivals",
        people=Total(8031, 50, 0.91),
        people_out=7200,
        vehicles=Total(2700, 0, 1.0),
        observed_days=8,
        previous=span("before", date(2026, 9, 22), [800] * 9),
        year_before=span("year", date(2025, 10, 1), [None] * 9),
        days=figures,
        hours=HourFigures(hours, hours, [hours] * 7),
        vehicle_hours=HourFigures(hours, hours, [hours] * 7),
        gates=[PlaceFigures("arch", "walk", EVIL, 5000, 4000, 0, 0, 20, 0.9, FIRST)],
        nodes=[PlaceFigures("arch", None, EVIL, 5000, 4000, 100, 90, 20, 0.9, FIRST)],
        holidays=[
            HolidayFigures(national, False, span("2026", FIRST, [9, None, 8]), None, span("2025", FIRST, [5, 6, 7, 8]))
        ],
        peak_days=[Peak(FIRST, None, 1008)],
        peak_hours=[Peak(FIRST, 10, 210)],
        zones=[ZoneFigures("sq", "yard", EVIL, 100, 20.5, 130, FIRST, 14, 1.3, 2, 24.0, hours, 812)],
        vehicles_by_class=[VehicleFigures("car", Words("小汽车", "Cars"), 10, 11, 5, 16)],
        tourist_hours=Words("游客时段", "tourist hours"),
        tourist_workday=(10, 16),
        tourist_day_off=(8, 18),
        passing=[
            PassageFigures("road", "lane", "vehicles", EVIL, 900, 40.0, 88, 700, 9.5, 4.2, 0.11, 650, 8.1, 10.4, 17.0)
        ],
        heat=[
            HeatFigures(
                "sq",
                "people",
                EVIL,
                FIRST,
                FIRST,
                24.0,
                [[0.0] * 31 + [0.5]] * 18,
                [[(0, 0), (1, 0), (1, 1)]],
                [((0.5, 0.1), (0.5, 0.9))],
            )
        ],
        stay=[StayFigures("sq", "yard", EVIL, 12, 95.0, 900.0)],
        forecast=FootfallForecast(
            Words("法", "method"),
            None,
            told,
            [(FIRST, 9), (FIRST, None)],
            90,
            BackTest(84, 6, 0.12, 0.2, 0.81, [TriedDay(FIRST, 11, 8, 14, 9)]),
        ),
        notes=[Words("说明", "a note & more")],
    )


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_stands_alone(language: str) -> None:
    page = to_html(a_report(), language)
    assert not re.search(r"<script|https?://|<link|<img|@import|url\(", page)
    assert ("&lt;script&gt;" in page and "a note &amp; more" in page) or language == "zh"
    charts = re.findall(r"<svg viewBox.*?</svg>", page, re.DOTALL)
    assert len(charts) >= 9
    for chart in charts:
        ElementTree.fromstring(chart)
    assert ("未观测" if language == "zh" else "not observed") in page
    assert ("平均偏差 12%" if language == "zh" else "mean error 12%") in page
    assert ("无可比数据" if language == "zh" else "nothing to compare with") in page
    other = "到访人次" if language == "en" else "Arrivals"
    assert other not in page


@pytest.mark.parametrize("days", [1, 31, 366, 1100])
def test_a_page_of_any_length(days: int) -> None:
    page = to_html(a_report(days), "zh")
    assert len(page) < 400_000 and ("每周日均人次" in page) == (days > 190)
    assert ('rect class="estimate"' in page) == (days > 5)


def test_a_page_with_nothing_in_it() -> None:
    nothing = Total(0, 0, None)
    bare = replace(
        a_report(1), people=nothing, vehicles=nothing, observed_days=0, gates=[], nodes=[], holidays=[], peak_days=[],
        peak_hours=[], zones=[], vehicles_by_class=[], forecast=None, stay=None,
        hours=HourFigures([None] * 24, [None] * 24, [[None] * 24] * 7),
        vehicle_hours=HourFigures([None] * 24, [None] * 24, [[None] * 24] * 7),
    )  # fmt: skip
    assert "–" in to_html(bare, "en") and to_xlsx(bare, "en") and to_csv(bare, "zh")


def test_every_text_is_there_in_both_languages() -> None:
    assert all(zh and en for zh, en in TEXTS.values())
    with pytest.raises(ValueError, match="zh or en"):
        to_html(a_report(), "fr")


def test_json_has_every_figure() -> None:
    plain = json.loads(to_json(a_report()))
    assert plain["days"][4]["people"] is None and plain["first"] == "2026-10-01"
    assert plain["forecast"]["back_test"]["error"] == 0.12 and plain["stay"][0]["visits"] == 12


def test_csv_opens_in_a_spreadsheet() -> None:
    data = to_csv(a_report(), "zh")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0][0] == "日期" and len(rows) == 10 and rows[5][3] == ""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_workbook_has_numbers_and_no_formulas(language: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(a_report(), language)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    days = book["每日" if language == "zh" else "Days"]
    assert isinstance(days["A2"].value, datetime) and days["D2"].value == 1000 and days["D6"].value is None
    assert days["H2"].number_format == "0.0%"
    assert len(book.sheetnames) == 15
    charted = {sheet.title: len(sheet._charts) for sheet in book if sheet._charts}
    wanted = {"zh": ["摘要", "每日", "各村口", "车辆类型"], "en": ["Summary", "Days", "Gates", "Vehicles by class"]}
    assert set(wanted[language]) <= set(charted) and charted[wanted[language][0]] == 2


def test_places_stand_by_what_is_drawn_of_them() -> None:
    def place(name: str, people: int, vehicles: int) -> PlaceFigures:
        return PlaceFigures(name, None, Words(name, name), people, 0, vehicles, 0, 0, 1.0, None)

    places = [place("yard", 100, 9000), place("lane", 500, 10), place("gate", 300, 200)]
    drawn, cars = places_chart(places, Say("en")), places_chart(places, Say("en"), "vehicles")
    assert re.findall(r">(yard|lane|gate)</text>", drawn) == ["lane", "gate", "yard"]
    cars = places_chart(
        [place("yard", 100, 9000), place("lane", 500, 10), place("gate", 300, 200)], Say("en"), "vehicles"
    )
    assert re.findall(r">(yard|lane|gate)</text>", cars) == ["yard", "gate", "lane"]


def test_names_of_holidays_close_together_are_all_there() -> None:
    def day(n: int, festival: Words | None) -> DayFigures:
        kind = DayKind.HOLIDAY if festival else DayKind.WORKDAY
        return DayFigures(FIRST + timedelta(days=n), kind, festival, False, 500, 500, 0, 0, 1.0)

    autumn, national = Words("中秋节", "Mid-Autumn Festival"), Words("国庆节", "National Day")
    festivals = [autumn] * 3 + [None] * 3 + [national] * 7 + [None] * 60
    drawn = days_chart(replace(a_report(), days=[day(n, f) for n, f in enumerate(festivals)]), Say("en"))
    assert re.findall(r'class="festival"[^>]*>([^<]*)<', drawn) == ["Mid-Autumn Festival", "National Day"]


def test_the_forecast_shows_what_it_had_said_and_where_it_was_blind() -> None:
    told = a_report().forecast
    assert told is not None
    drawn = forecast_chart(told, Say("zh"))
    assert 'class="stroke-tried"' in drawn and "当时的预测 11" in drawn and "观测不全" in drawn


def test_a_comparison_says_how_many_days_were_seen_in_part() -> None:
    assert "1 天观测不全" in to_html(a_report(), "zh") and "days seen in part: 1" in to_html(a_report(), "en")


@pytest.mark.browser
def test_the_pdf_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium")
    assert to_pdf(to_html(a_report(), "zh")).startswith(b"%PDF-")


def test_without_a_browser_a_person_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBRAIN_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(NoPdf, match="take the HTML report"):
        to_pdf("<p>")
