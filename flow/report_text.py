"""The words of a report in Chinese and English, and how days and numbers are written.

Promises: every key is there in both languages. Not here: the figures, the page.
"""

from datetime import date

from flow.chart_marks import number
from flow.holidays import DayKind
from flow.report_words import Measure, Words

LANGUAGES = ("zh", "en")

_WEEKDAYS = (
    ("周一", "Mon"),
    ("周二", "Tue"),
    ("周三", "Wed"),
    ("周四", "Thu"),
    ("周五", "Fri"),
    ("周六", "Sat"),
    ("周日", "Sun"),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KINDS = {
    DayKind.WORKDAY: ("工作日", "workday"),
    DayKind.WEEKEND: ("周末", "weekend"),
    DayKind.HOLIDAY: ("节假日", "holiday"),
    DayKind.MAKE_UP_WORKDAY: ("调休上班", "make-up workday"),
}

TEXTS: dict[str, tuple[str, str]] = {
    "whole_village": ("全村", "the whole village"),
    "title": ("客流报告", "Footfall report"),
    "arrivals": ("到访人次", "Arrivals"),
    "passages": ("通过人次", "Passages"),
    "people": ("人次", "people"),
    "departures": ("离开人次", "Departures"),
    "vehicles": ("车辆通过", "Vehicles"),
    "a_day": ("／天", "a day"),
    "per_day": ("日均", "Daily mean"),
    "observed": ("已观测", "Observed"),
    "observed_of": ("占应观测时间", "of the time planned"),
    "observed_days": ("有观测的天数", "Days observed"),
    "not_observed": ("未观测", "not observed"),
    "estimated": ("估计（空缺补足）", "estimated for gaps"),
    "estimate_note": ("另估计空缺", "and for gaps, estimated,"),
    "against_before": ("较前一时段", "on the span before"),
    "against_year": ("较去年同期", "on a year before"),
    "no_comparison": ("无可比数据", "nothing to compare with"),
    "by_day": ("每日人次", "People a day"),
    "by_week": ("每周日均人次", "People a day, by week"),
    "by_hour": ("一天之中", "Over the day"),
    "by_hour_note": ("每小时平均人次", "mean people an hour"),
    "by_weekday": ("一周之中", "Over the week"),
    "by_weekday_note": ("颜色越深，人越多", "the darker, the more people"),
    "workdays": ("工作日", "Workdays"),
    "days_off": ("休息日", "Days off"),
    "workday": ("工作日", "Workday"),
    "weekend": ("周末", "Weekend"),
    "holiday": ("节假日", "Holiday"),
    "make_up_workday": ("调休上班", "Make-up workday"),
    "gates": ("各村口", "Gates"),
    "gates_note": ("进、出人次", "people in and out"),
    "vehicle_gates": ("各村口车辆", "Vehicles at gates"),
    "nodes": ("各点位", "Nodes"),
    "nodes_note": ("所有计数线，双向", "all lines, both ways"),
    "holidays": ("节假日对比", "Holidays compared"),
    "this_time": ("本次", "This one"),
    "last_holiday": ("上一个假期", "The holiday before"),
    "year_before": ("去年同一假期", "The same a year before"),
    "no_record": ("无记录", "no record"),
    "nth": ("第{n}天", "day {n}"),
    "peaks": ("高峰", "Peaks"),
    "peak_days": ("最忙的日子", "Busiest days"),
    "peak_hours": ("最忙的小时", "Busiest hours"),
    "zones": ("承载情况", "How full it was"),
    "zones_note": ("最多同时在场人数与承载量", "most people at once against the capacity"),
    "capacity": ("承载量", "capacity"),
    "most": ("最多", "most"),
    "mean": ("平均", "mean"),
    "hours_over": ("超载小时", "hours over"),
    "arrivals_here": ("到场人次", "came to be here"),
    "arrived": ("到场 {n} 人次", "{n} arrived"),
    "passing": ("车流与人流", "How it flowed"),
    "passing_note": (
        "流率：每小时通过数；车头时距：同向前后两者的间隔",
        "flow: passages an hour; headway: between one and the next the same way",
    ),
    "line": ("计数线", "Line"),
    "flow_rate": ("平均流率", "Mean flow"),
    "busiest_flow": ("最大流率", "Busiest hour"),
    "headway": ("时距中位数", "Median headway"),
    "close": ("时距<2秒", "below 2 s"),
    "speed_mean": ("平均速度", "Mean speed"),
    "speed_85": ("85%位速度", "85th percentile"),
    "kmh": ("{n} 公里/时", "{n} km/h"),
    "per_hour": ("{n}/小时", "{n}/h"),
    "heat": ("人都停在哪里", "Where people stood"),
    "heat_note": (
        "画面中各处的平均人数，越红越多；虚线为区域，实线为计数线",
        "the mean number in each part of the picture, the redder the more; dashed: zones, solid: lines",
    ),
    "heat_hours": ("{name} · 观测 {n} 小时", "{name} · {n} hours watched"),
    "people_word": ("行人", "people"),
    "vehicles_word": ("车辆", "vehicles"),
    "stay": ("停留时长", "Stay"),
    "visits": ("停留次数", "Visits"),
    "longest": ("最长", "longest"),
    "minutes": ("{n} 分钟", "{n} min"),
    "seconds": ("{n} 秒", "{n} s"),
    "by_class": ("车辆类型", "Vehicles by class"),
    "class": ("类型", "Class"),
    "in": ("进", "in"),
    "out": ("出", "out"),
    "local_hours": ("本地时段", "Local hours"),
    "tourist_hours": ("游客时段", "Tourist hours"),
    "forecast": ("未来 14 天预测", "The next 14 days"),
    "forecast_total": ("预计共", "Expected in all"),
    "back_test": ("回测", "Back-test"),
    "back_test_says": (
        "用过去 {origins} 个截止日、{days} 天检验：平均偏差 {error}（“照上周同日”为 {naive}），"
        "{inside} 的日子落在区间内（目标 80%）。",
        "Tried on {days} past days from {origins} cut-offs: mean error {error} ('as a week before': {naive}); "
        "{inside} of the days fell inside the interval (80% wanted).",
    ),
    "told_before": ("当时的预测", "foretold then"),
    "not_whole": ("观测不全", "not wholly observed"),
    "counted": ("实际人次", "counted"),
    "expected": ("预测", "expected"),
    "interval": ("80% 区间", "80 % interval"),
    "partly": ("{n} 天观测不全", "days seen in part: {n}"),
    "more_places": ("另有 {n} 处，见表格文件", "and {n} more, in the spreadsheet"),
    "from": ("起", "From"),
    "until": ("止", "To"),
    "car_hours": ("车辆时段分布", "Vehicles over the day"),
    "partial_days": ("观测不全的天数", "Days seen in part"),
    "mean_error": ("平均偏差", "Mean error"),
    "naive_error": ("照上周同日的偏差", "Error of last week again"),
    "inside": ("落在区间内", "Inside the interval"),
    "vehicle_hours_note": (
        "每小时平均车辆通过数；底色为休息日游客时段",
        "mean vehicles an hour; shaded: tourist hours",
    ),
    "no_back_test": ("历史不足以回测。", "The history is too short for a back-test."),
    "provisional": ("放假安排待公布", "arrangement not published yet"),
    "notes": ("说明", "Notes"),
    "date": ("日期", "Date"),
    "day_kind": ("性质", "Kind of day"),
    "festival": ("节日", "Festival"),
    "place": ("地点", "Place"),
    "hour": ("小时", "Hour"),
    "low": ("下限", "Low"),
    "high": ("上限", "High"),
    "summary": ("摘要", "Summary"),
    "daily": ("每日", "Days"),
    "made_at": ("生成于", "made"),
    "days_word": ("天", "days"),
    "best_day": ("最忙的一天", "Busiest day"),
    "best_hour": ("最忙的一小时", "Busiest hour"),
    "none": ("无", "none"),
}


class Say:
    """Texts, days and numbers in one language."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"reports are in {' or '.join(LANGUAGES)}, not {language!r}")
        self.language = language
        self._at = LANGUAGES.index(language)

    def t(self, key: str, **values: object) -> str:
        """The text of a key."""
        text = TEXTS[key][self._at]
        return text.format(**values) if values else text

    def words(self, words: Words) -> str:
        """A text that comes in both languages."""
        return words.said(self.language)

    def measure(self, measure: Measure) -> str:
        """What people are counted by."""
        return self.t(measure)

    def weekday(self, number_of_day: int) -> str:
        """0 is Monday."""
        return _WEEKDAYS[number_of_day][self._at]

    def kind(self, kind: DayKind, festival: Words | None = None) -> str:
        """What a day is."""
        return (
            festival.said(self.language) if festival is not None and kind is DayKind.HOLIDAY else _KINDS[kind][self._at]
        )

    def day(self, day: date) -> str:
        """A day with its weekday."""
        weekday = self.weekday(day.weekday())
        return (
            f"{day.month}月{day.day}日{weekday}"
            if self.language == "zh"
            else f"{weekday} {day.day} {_MONTHS[day.month - 1]}"
        )

    def full_day(self, day: date) -> str:
        """A day with its year."""
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def short_day(self, day: date) -> str:
        """A day as a tick of an axis."""
        return f"{day.month}/{day.day}" if self.language == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"

    def nth_day(self, n: int) -> str:
        """The n-th day of a holiday."""
        return self.t("nth", n=n)

    def duration(self, seconds: float) -> str:
        """A length of time: seconds up to two minutes, then minutes."""
        key, value = ("seconds", seconds) if seconds < 120 else ("minutes", seconds / 60)
        return self.t(key, n=f"{value:.0f}")

    def speed(self, metres_a_second: float | None) -> str:
        """A speed in kilometres an hour; a dash where there is none."""
        return "–" if metres_a_second is None else self.t("kmh", n=f"{metres_a_second * 3.6:.0f}")

    def headway(self, seconds: float | None) -> str:
        """A headway: tenths of a second where they matter."""
        if seconds is None:
            return "–"
        return self.t("seconds", n=f"{seconds:.1f}") if seconds < 10 else self.duration(seconds)

    @staticmethod
    def number(value: float | None) -> str:
        """A number for people; a dash where there is none."""
        return "–" if value is None else number(value)

    @staticmethod
    def percent(value: float | None, places: int = 0) -> str:
        """A share as a percentage."""
        return "–" if value is None else f"{value * 100:.{places}f}%"

    @staticmethod
    def change(now: float | None, before: float | None) -> str | None:
        """By how much it changed, with its sign; None where that means nothing."""
        return f"{(now / before - 1) * 100:+.0f}%" if now is not None and before else None
