"""Footfall reports: figures to draw, files to take away, the days to come.

Promises: who plans or runs the village gets in, nobody else; what was taken away is written down; long work can be made
in the background, with its progress. Not here: the figures (`flow/reports.py`), their looks (`flow/report_html.py`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from api.access import allow, write_audit
from api.context import Context, InContext
from api.identity import Caller
from api.problems import ProblemError
from api.report_desk import DeskFull, Job, ReportDesk
from api.schemas import Text
from api.schemas_flow import CalendarDaySeen, FootfallPlace, FootfallPlaces, ReportFormat, ReportJob, ReportWish
from configs.footfall import footfall
from configs.words import Role
from flow.holidays import NAMES, calendar_day
from flow.local_time import day_of, days_between
from flow.passage_figures import read_heat
from flow.report_files import to_csv, to_json, to_xlsx
from flow.report_html import to_html
from flow.report_pdf import NoPdf, to_pdf
from flow.report_scope import UnknownPlace, place_of, scope_of
from flow.report_words import FootfallForecast, FootfallReport, HeatFigures, Words
from flow.reports import BadRange, Progress, check_range, make_forecast, make_report
from models.base import utc_now

REPORTERS = (Role.ADMINISTRATOR, Role.OPERATOR, Role.PLANNER)
Reporting = Annotated[Caller, allow(*REPORTERS)]
Language = Annotated[Literal["zh", "en"], Query()]
OnePlace = Annotated[
    str | None, Query(max_length=100, description="a camera's id, or id/line; left out: the whole village")
]

MEDIA_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFormat.HTML: "text/html; charset=utf-8",
    ReportFormat.PDF: "application/pdf",
}
_FILE_RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"description": "the file", "content": {kind: {} for kind in MEDIA_TYPES.values()}}
}
_LONGEST_CALENDAR = timedelta(days=800)


@asynccontextmanager
async def _desk_while_running(app: FastAPI) -> AsyncIterator[None]:
    app.state.report_desk = ReportDesk()
    try:
        yield
    finally:
        app.state.report_desk.stop()


def _desk_of(request: Request) -> ReportDesk:
    desk: ReportDesk = request.app.state.report_desk
    return desk


Desk = Annotated[ReportDesk, Depends(_desk_of)]

router = APIRouter(prefix="/api/flow", tags=["flow"], lifespan=_desk_while_running)


@router.get("/report", operation_id="get_footfall_report")
def get_report(
    caller: Reporting,
    context: InContext,
    since: Annotated[date | None, Query(alias="from", description="the first local day")] = None,
    until: Annotated[date | None, Query(alias="to", description="the last local day, included")] = None,
    forecast: bool = False,
    place: OnePlace = None,
) -> FootfallReport:
    """All figures of a span of local days, both ends included; the last 30 days up to today when not said otherwise."""
    return _make(context, *_span(context, since, until), forecast, place=place)


@router.get("/report/file", operation_id="download_footfall_report", responses=_FILE_RESPONSES)
def download_report(
    caller: Reporting,
    context: InContext,
    request: Request,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
    format: Annotated[ReportFormat, Query()] = ReportFormat.HTML,
    language: Language = "zh",
    forecast: bool = False,
    place: OnePlace = None,
) -> Response:
    """The same as a file: json, csv, xlsx, html or pdf, in Chinese or English."""
    first, last = _span(context, since, until)
    try:
        content = as_file(_make(context, first, last, forecast, place=place), format, language)
    except NoPdf as error:
        raise ProblemError("cannot", str(error)) from None
    write_audit(context, caller, "footfall.report", f"{first}–{last} {format.value}", request)
    return _file(content, format, _name(first, last, format, place))


@router.post("/report-jobs", operation_id="start_footfall_report", status_code=202)
def start_job(caller: Reporting, context: InContext, desk: Desk, wish: ReportWish, request: Request) -> ReportJob:
    """Make a report in the background; ask for its progress at `/api/flow/report-jobs/{id}`."""
    first, last = _span(context, wish.since, wish.until)
    try:
        check_range(context.settings.site, first, last, utc_now())
        place_of(context.settings.site, wish.place)
    except (BadRange, UnknownPlace) as error:
        raise ProblemError("bad-request", str(error)) from None

    def work(say: Progress) -> bytes:
        report = _make(context, first, last, wish.forecast, lambda share, doing: say(0.8 * share, doing), wish.place)
        say(0.85, Words("排版", "laying out"))
        return as_file(report, wish.format, wish.language)

    try:
        job = desk.start(caller.id, wish.format, _name(first, last, wish.format, wish.place), work)
    except DeskFull:
        raise ProblemError("cannot", "other reports are being made; wait for one of them and try again") from None
    write_audit(context, caller, "footfall.report", f"{first}–{last} {wish.format.value}", request)
    return _seen(job)


@router.get("/report-jobs/{job_id}", operation_id="get_footfall_report_job")
def get_job(caller: Reporting, desk: Desk, job_id: str) -> ReportJob:
    """How far it is."""
    return _seen(_own(desk, job_id, caller))


@router.get("/report-jobs/{job_id}/file", operation_id="download_footfall_report_job", responses=_FILE_RESPONSES)
def download_job(caller: Reporting, desk: Desk, job_id: str) -> Response:
    """The file, once it is done."""
    job = _own(desk, job_id, caller)
    if job.content is None:
        raise ProblemError("cannot", job.problem.en if job.problem else "it is not done yet; ask for its progress")
    return _file(job.content, job.format, job.name)


@router.get("/forecast", operation_id="get_footfall_forecast")
def get_forecast(caller: Reporting, context: InContext, desk: Desk, place: OnePlace = None) -> FootfallForecast:
    """People a day of the village, or of one place, over the next 14 days, with an interval and the method's own
    back-test."""
    site = context.settings.site
    try:
        place_of(site, place)
    except UnknownPlace as error:
        raise ProblemError("bad-request", str(error)) from None
    return desk.forecast(
        place or "village", lambda: make_forecast(context.database, site, footfall(), utc_now(), place=place)
    )


@router.get("/places", operation_id="list_footfall_places")
def list_places(caller: Reporting, context: InContext) -> FootfallPlaces:
    """What a report can be about besides the whole village: gates, and nodes that count something."""
    scope = scope_of(context.settings.site, footfall())

    def seen(place: str, name: Words) -> FootfallPlace:
        return FootfallPlace(place=place, name=Text(zh=name.zh, en=name.en))

    cameras = context.settings.site.cameras
    return FootfallPlaces(
        gates=[seen(f"{camera}/{line}", scope.line_name(camera, line)) for camera, line in scope.gates],
        nodes=[seen(camera.id, scope.camera_name(camera.id)) for camera in cameras if camera.lines or camera.zones],
    )


@router.get("/heat", operation_id="get_footfall_heat")
def get_heat(
    caller: Reporting,
    context: InContext,
    camera_id: str,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> list[HeatFigures]:
    """Where in a camera's picture people and vehicles stood: a grid of the mean number in each cell. Empty when nobody
    looked."""
    first, last = _span(context, since, until)
    try:
        check_range(context.settings.site, first, last, utc_now())
        place_of(context.settings.site, camera_id)
    except (BadRange, UnknownPlace) as error:
        raise ProblemError("bad-request", str(error)) from None
    with context.database.reading() as session:
        scope = scope_of(context.settings.site, footfall())
        return read_heat(session.connection(), scope, camera_id, first, last)


@router.get("/calendar", operation_id="list_calendar_days")
def list_calendar(
    caller: Reporting,
    since: Annotated[date, Query(alias="from")],
    until: Annotated[date, Query(alias="to")],
) -> list[CalendarDaySeen]:
    """Holidays, weekends and make-up workdays of a span of days, both ends included."""
    if not timedelta() <= until - since <= _LONGEST_CALENDAR:
        raise ProblemError("bad-request", f"`from` comes before `to`, at most {_LONGEST_CALENDAR.days} days")
    return [
        CalendarDaySeen(
            day=day.day,
            kind=day.kind,
            festival=Text(zh=NAMES[day.festival][0], en=NAMES[day.festival][1]) if day.festival else None,
            provisional=day.provisional,
        )
        for day in map(calendar_day, days_between(since, until))
    ]


def as_file(report: FootfallReport, file_format: ReportFormat, language: str) -> bytes:
    """The report as the bytes of a file. Raises NoPdf."""
    if file_format is ReportFormat.JSON:
        return to_json(report).encode()
    if file_format is ReportFormat.CSV:
        return to_csv(report, language)
    if file_format is ReportFormat.XLSX:
        return to_xlsx(report, language)
    page = to_html(report, language)
    return page.encode() if file_format is ReportFormat.HTML else to_pdf(page)


def _span(context: Context, since: date | None, until: date | None) -> tuple[date, date]:
    last = until or day_of(utc_now(), context.settings.site.site.zone_info)
    return since or last - timedelta(days=29), last


def _make(
    context: Context,
    first: date,
    last: date,
    forecast: bool,
    progress: Progress | None = None,
    place: str | None = None,
) -> FootfallReport:
    try:
        return make_report(
            context.database, context.settings.site, footfall(), first, last, utc_now(), forecast, progress, place
        )
    except (BadRange, UnknownPlace) as error:
        raise ProblemError("bad-request", str(error)) from None


def _own(desk: ReportDesk, job_id: str, caller: Caller) -> Job:
    job = desk.find(job_id, caller.id)
    if job is None:
        raise ProblemError("not-found", "there is no such report; it may have been made more than half an hour ago")
    return job


def _seen(job: Job) -> ReportJob:
    problem = Text(zh=job.problem.zh, en=job.problem.en) if job.problem else None
    return ReportJob.model_validate(
        {
            "id": job.id,
            "state": job.state,
            "share": job.share,
            "doing": {"zh": job.doing.zh, "en": job.doing.en},
            "problem": problem,
            "url": f"/api/flow/report-jobs/{job.id}/file" if job.state == "done" else None,
            "format": job.format,
            "made_at": job.made_at,
        }
    )


def _name(first: date, last: date, file_format: ReportFormat, place: str | None = None) -> str:
    where = f"{place.replace('/', '-')}-" if place and place != "village" else ""
    return f"footfall-{where}{first}-{last}.{file_format.value}"


def _file(content: bytes, file_format: ReportFormat, name: str) -> Response:
    """A page is shown, all else is taken away."""
    way = "inline" if file_format in (ReportFormat.HTML, ReportFormat.PDF) else "attachment"
    headers = {"Content-Disposition": f'{way}; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=MEDIA_TYPES[file_format], headers=headers)
