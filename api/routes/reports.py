"""The open door for citizens: report without a login, then follow it with a code.

Promises: nothing here needs a login, so everything is bounded: bodies, files, pixels, how often. Whoever holds a code
sees that report and no other. Not here: rules (`alerts/reports.py`, `alerts/followup.py`).
"""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from alerts import followup
from alerts.reports import Given, Media, ReportError, Taken, submit
from alerts.states import ENDED, IncidentState
from api import handling as views
from api import schemas_reports as shapes
from api.context import Context, InContext
from api.governance import address_of
from api.problems import ProblemError
from api.routes.dispatch import clean
from api.routes.evidence import confined
from api.schemas_incidents import Spot
from api.uploads import Form, multipart_schema, read_form
from configs.words import IncidentKind
from models.citizens import Report
from models.session import Database

router = APIRouter(prefix="/api", tags=["reports"])

_FIELDS = {
    "sentence": {"type": "string", "maxLength": 1000},
    "kind": {"type": "string", "enum": [k.value for k in IncidentKind]},
    "phone": {"type": "string", "maxLength": 32},
    "x": {"type": "number", "description": "a pin on the village plan, 0 to 1"},
    "y": {"type": "number"},
    "latitude": {"type": "number", "description": "where the phone says it is"},
    "longitude": {"type": "number"},
    "device": {"type": "string", "maxLength": 64, "description": "a random id that the page keeps"},
}


@router.get("/report-form", operation_id="get_report_form")
def get_report_form(context: InContext) -> shapes.ReportForm:
    """What the page for reports needs. Open to everybody."""
    village, site = context.governance.village, context.settings.site
    limits, plan = village.reports, village.plan
    return shapes.ReportForm(
        name=site.site.name,
        timezone=site.site.timezone,
        globe=shapes.Globe(
            north=plan.north, south=plan.south, west=plan.west, east=plan.east,
            width_metres=plan.width_metres, height_metres=plan.height_metres,
        ),
        areas=[views.area(a) for a in village.areas],
        landmarks=_landmarks(context),
        plan_url="/api/report-form/plan" if context.settings.plan_image else None,
        kinds=[shapes.KindChoice(kind=k.kind, name=k.name, icon=k.icon) for k in context.governance.kinds.kinds],
        photos=limits.photos,
        photo_megabytes=limits.photo_megabytes,
        video_megabytes=limits.video_megabytes,
        video_seconds=limits.video_seconds,
    )  # fmt: skip


def _landmarks(context: Context) -> list[shapes.Landmark]:
    """The groups of monitoring points by name, each in the middle of its points: no camera's own place."""
    site = context.settings.site
    marks = []
    for group in site.groups:
        places = [c.place for c in site.cameras if c.group == group.id]
        if places:
            middle = Spot(x=sum(p.x for p in places) / len(places), y=sum(p.y for p in places) / len(places))
            marks.append(shapes.Landmark(name=group.name, place=middle))
    return marks


@router.get("/report-form/plan", operation_id="get_report_plan", response_class=FileResponse)
def get_report_plan(context: InContext) -> FileResponse:
    """The picture of the village plan, for the page for reports. Open to everybody."""
    image = context.settings.plan_image
    if image is None or not image.is_file():
        raise ProblemError("not-found", "no plan image is configured")
    return FileResponse(image, headers={"Cache-Control": "public, max-age=3600"})


@router.post(
    "/reports",
    operation_id="submit_report",
    status_code=201,
    openapi_extra=multipart_schema(_FIELDS, "files"),
)
async def submit_report(context: InContext, request: Request) -> shapes.ReportTaken:
    """Takes a report (multipart: `files` up to 9 photos or one short video, and the fields). Open to everybody."""
    desk = context.governance
    # Counted before the body is read: a flood is turned away at the door. The device is known only after it.
    desk.brake(request, request.headers.get("x-device", "")[:64] or None)
    form = await read_form(request, desk.village.reports)
    given = _given(form, address_of(request))
    media = await run_in_threadpool(clean, context, form.files)
    taken = await run_in_threadpool(_submit, context, given, media)
    context.bulletin.nudge()
    incident = taken.raised.incident
    alert = taken.raised.alert
    placed = alert.place_x is not None and alert.place_y is not None
    return shapes.ReportTaken(
        code=taken.code,
        link=f"/r/{taken.code}",
        kind=IncidentKind(alert.kind),
        kind_suggested=alert.numbers.get("kind_from") == "model",
        place=Spot(x=alert.place_x, y=alert.place_y) if placed else None,  # type: ignore[arg-type]
        joined=not taken.raised.opened and incident is not None,
    )


def _submit(context: Context, given: Given, media: Media) -> Taken:
    from dataclasses import replace

    desk = context.governance
    try:
        with context.database.session() as session:
            return submit(session, replace(given, media=media), rules=(desk.village, desk.kinds))
    except ReportError as error:
        raise ProblemError("bad-request", f"{error.zh} / {error.en}") from None


def _given(form: Form, address: str | None) -> Given:
    fields = form.fields
    phone = "".join(c for c in fields.get("phone", "") if c.isdigit() or c == "+")[:32]
    device = fields.get("device", "")[:64]
    kind = fields.get("kind") or None
    if kind is not None and kind not in {k.value for k in IncidentKind}:
        raise ProblemError("bad-request", f"kind is one of {', '.join(IncidentKind)}")
    reporter = ("phone", phone) if phone else ("device", device) if device else None
    return Given(
        sentence=fields.get("sentence", ""),
        kind=IncidentKind(kind) if kind else None,
        phone=phone or None,
        spot=_pair(fields, "x", "y", 0, 1, 0, 1),
        device=_pair(fields, "latitude", "longitude", -90, 90, -180, 180),
        reporter=reporter,
        address=address,
    )


def _pair(
    fields: dict[str, str], one: str, other: str, low: float, high: float, other_low: float, other_high: float
) -> tuple[float, float] | None:
    if not fields.get(one) or not fields.get(other):
        return None
    try:
        first, second = float(fields[one]), float(fields[other])
    except ValueError:
        raise ProblemError("bad-request", f"{one} and {other} are numbers") from None
    if not (low <= first <= high and other_low <= second <= other_high):
        raise ProblemError("bad-request", f"{one} and {other} are out of range")
    return first, second


def _progress(database: Database, code: str) -> shapes.ReportProgress:
    with database.reading() as session:
        report = _find(session, code)
        incident = followup.incident_of(session, report)
        stars = views.stars_of(session, report)
        ended = IncidentState(incident.state) in ENDED
        closed = incident.state == IncidentState.CLOSED.value
        withdrawn = report.withdrawn_at is not None
        placed = incident.place_x is not None and incident.place_y is not None
        handler = views.persons(session, [incident.lead_id]).get(incident.lead_id or "")
        return shapes.ReportProgress(
            kind=IncidentKind(incident.kind),
            place=Spot(x=incident.place_x, y=incident.place_y) if placed else None,  # type: ignore[arg-type]
            handler=handler.display_name if handler else None,
            points=followup.points_of(session, report, incident),
            sentence=report.sentence,
            state=IncidentState(incident.state),
            received_at=report.created_at,
            withdrawn=withdrawn,
            steps=[shapes.ProgressStep(step=s, at=at) for s, at in followup.steps_of(incident, report)],
            next=followup.awaited_of(incident),
            entries=views.entries_of(session, report),
            media=[views.item(e, f"/api/reports/{code}/media/{e.id}") for e in views.media_of(session, report)],
            can_add=not withdrawn and not ended,
            can_withdraw=not withdrawn and not ended,
            can_rate=closed and stars is None and not withdrawn,
            stars=stars,
        )


def _find(session: object, code: str, lock: bool = False) -> Report:
    try:
        return followup.find(session, code, lock)  # type: ignore[arg-type]
    except ReportError:
        raise ProblemError("report-not-found") from None


@router.get("/reports/{code}", operation_id="get_report")
def get_report(code: str, context: InContext, request: Request) -> shapes.ReportProgress:
    """How a report stands, for whoever holds its code."""
    context.governance.brake_looking(request)
    return _progress(context.database, code)


@router.get(
    "/reports/{code}/media/{evidence_id}",
    operation_id="get_report_media",
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}, "video/mp4": {}}}},
)
def get_report_media(code: str, evidence_id: str, context: InContext, request: Request) -> FileResponse:
    """A picture of one's own report."""
    context.governance.brake_looking(request)
    with context.database.reading() as session:
        report = _find(session, code)
        row = next((e for e in views.media_of(session, report) if e.id == evidence_id), None)
    file = confined(context.settings.evidence_dir, row.path) if row is not None else None
    if row is None or file is None:
        raise ProblemError("evidence-not-found")
    return FileResponse(file, media_type=row.media_type, headers={"Cache-Control": "private, max-age=3600"})


@router.post(
    "/reports/{code}/additions",
    operation_id="add_to_report",
    openapi_extra=multipart_schema({"sentence": _FIELDS["sentence"]}, "files"),
)
async def add_to_report(code: str, context: InContext, request: Request) -> shapes.ReportProgress:
    """More to say or to show (multipart: `sentence`, `files`)."""
    context.governance.brake(request, None)
    form = await read_form(request, context.governance.village.reports)
    media = await run_in_threadpool(clean, context, form.files)

    def work() -> shapes.ReportProgress:
        try:
            with context.database.session() as session:
                report = _find(session, code, lock=True)
                text = form.fields.get("sentence", "")
                followup.add(session, report, text, media.files, address_of(request))
        except ReportError as error:
            raise ProblemError("cannot", f"{error.zh} / {error.en}") from None
        return _progress(context.database, code)

    progress = await run_in_threadpool(work)
    context.bulletin.nudge()
    return progress


@router.delete("/reports/{code}", operation_id="withdraw_report")
def withdraw_report(code: str, context: InContext, request: Request) -> shapes.ReportProgress:
    """Takes a report back. It stays on record; whether the incident goes on is the operator's to say."""
    context.governance.brake_looking(request)
    try:
        with context.database.session() as session:
            followup.withdraw(session, _find(session, code, lock=True), address_of(request))
    except ReportError as error:
        raise ProblemError("cannot", f"{error.zh} / {error.en}") from None
    context.bulletin.nudge()
    return _progress(context.database, code)


@router.post("/reports/{code}/rating", operation_id="rate_report")
def rate_report(code: str, wish: shapes.RatingWish, context: InContext, request: Request) -> shapes.ReportProgress:
    """Says how well it was handled: 1 to 5, once, after 办结."""
    context.governance.brake_looking(request)
    try:
        with context.database.session() as session:
            report = _find(session, code, lock=True)
            followup.rate(session, report, wish.stars, wish.sentence, context.governance.village)
    except ReportError as error:
        raise ProblemError("cannot", f"{error.zh} / {error.en}") from None
    return _progress(context.database, code)
