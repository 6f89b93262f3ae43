"""Calls from an incident: starting one, asking more people, saying no, ending it, and what was recorded.

Whom one may call is said in `alerts/call_rules.py`. Being in a call is a WebSocket: `call_lines.py`.
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection

from alerts import calls as record
from alerts.call_recordings import MOST_PIECE_BYTES, RecordingRefused
from alerts.call_rules import DESK
from api import handling as views
from api import schemas_calls as shapes
from api.access import RespondingCaller, write_audit
from api.call_views import call_seen
from api.context import Context, InContext
from api.governance import address_of
from api.identity import Caller
from api.problems import ProblemError
from api.routes.dispatch import WorkingCaller
from api.schemas_incidents import EvidenceItem
from api.switchboard import Asked, link_hash, refusal
from configs.words import IncidentKind, Role
from live.call_people import PRESENT, CallRefused, Person
from live.calls import Room
from models.base import utc_now
from models.calls import CallRecording
from models.tables import Incident, User

router = APIRouter(prefix="/api", tags=["calls"])


def _asked(context: Context, asked: Asked) -> shapes.CallAsked:
    return shapes.CallAsked(call=context.switchboard.seen(asked.room), links=asked.links)


@router.post("/incidents/{incident_id}/calls", operation_id="start_call", status_code=201)
async def start_call(
    incident_id: str, wish: shapes.CallWish, caller: WorkingCaller, context: InContext, request: Request
) -> shapes.CallAsked:
    """Calls people from an incident. They are rung on their open pages and by push; households get a link."""
    asked = await context.switchboard.call(incident_id, caller, wish, address_of(request))
    await run_in_threadpool(write_audit, context, caller, "call.start", asked.room.id, request)
    return _asked(context, asked)


@router.get("/incidents/{incident_id}/calls", operation_id="list_calls")
async def list_calls(incident_id: str, caller: RespondingCaller, context: InContext) -> list[shapes.CallSeen]:
    """The calls of an incident, the newest first."""
    found = await run_in_threadpool(_of_incident, context, incident_id)
    rooms = context.switchboard.desk.rooms
    return [context.switchboard.seen(rooms[c.id]) if c.id in rooms else c for c in found]


def _of_incident(context: Context, incident_id: str) -> list[shapes.CallSeen]:
    with context.database.reading() as session:
        incident = session.get(Incident, incident_id)
        if incident is None:
            raise ProblemError("incident-not-found")
        found = record.of_incident(session, incident_id)
        known = {p.user_id for _, people in found for p in people if p.user_id}
        roles = {u.id: Role(u.role) for u in session.scalars(select(User).where(User.id.in_(known)))}
        return [call_seen(call, people, IncidentKind(incident.kind), roles) for call, people in found]


@router.post("/calls/guest", operation_id="look_at_call")
async def look_at_call(look: shapes.GuestLook, context: InContext, request: Request) -> shapes.GuestSeen:
    """Who calls, for whoever holds a link. Open to everybody."""
    room, person = await guest_of(context, look.token, request)
    room.shown(person.id)
    context.switchboard.desk.settle(room)
    host = room.people.get(room.host_id)
    taken = person.state in PRESENT and person.away_since is None
    return shapes.GuestSeen(
        village=context.settings.site.site.name, name=person.name, by=host.name if host else "",
        state="taken" if taken else "waiting",
    )  # fmt: skip


@router.post("/calls/guest/decline", operation_id="decline_call_by_link", status_code=204)
async def decline_call_by_link(look: shapes.GuestLook, context: InContext, request: Request) -> None:
    """Says no. Open to whoever holds the link."""
    room, person = await guest_of(context, look.token, request)
    _do(context, room, lambda: room.decline(person.id))


async def guest_of(context: Context, token: str, request: HTTPConnection) -> tuple[Room, Person]:
    """The call and the person that a link is for. Raises ProblemError; trying out links is braked."""
    context.governance.brake_looking(request)

    def find() -> tuple[str, str] | None:
        with context.database.reading() as session:
            row = record.of_link(session, link_hash(token), utc_now())
            return (row.call_id, row.id) if row is not None else None

    found = await run_in_threadpool(find)
    room = context.switchboard.desk.rooms.get(found[0]) if found else None
    person = room.people.get(found[1]) if found and room else None
    if room is None or person is None:
        raise ProblemError("call-over")
    return room, person


@router.post("/calls/{call_id}/invitations", operation_id="ask_to_call")
async def ask_to_call(
    call_id: str, wish: shapes.CallWish, caller: WorkingCaller, context: InContext, request: Request
) -> shapes.CallAsked:
    """Calls more people, or the same again."""
    return _asked(context, await context.switchboard.ask(call_id, caller, wish, address_of(request)))


@router.post("/calls/{call_id}/decline", operation_id="decline_call", status_code=204)
async def decline_call(call_id: str, caller: WorkingCaller, context: InContext) -> None:
    """Says no."""
    room = context.switchboard.room(call_id)
    person = room.of_user(caller.id)
    if person is None:
        raise ProblemError("call-not-found")
    _do(context, room, lambda: room.decline(person.id))


@router.delete("/calls/{call_id}/people/{person_id}", operation_id="remove_from_call", status_code=204)
async def remove_from_call(call_id: str, person_id: str, caller: WorkingCaller, context: InContext) -> None:
    """Takes somebody out, or calls off asking them: by the desk, or whoever started the call."""
    room = _led(context, call_id, caller)
    _do(context, room, lambda: room.remove(person_id))


@router.post("/calls/{call_id}/end", operation_id="end_call", status_code=204)
async def end_call(call_id: str, caller: WorkingCaller, context: InContext) -> None:
    """Ends the call for everybody: by the desk, or whoever started it."""
    room = _led(context, call_id, caller)
    _do(context, room, lambda: room.end("ended"))


def _led(context: Context, call_id: str, caller: Caller) -> Room:
    room = context.switchboard.room(call_id)
    me = room.of_user(caller.id)
    if caller.role not in DESK and (me is None or me.id != room.host_id):
        raise ProblemError("not-allowed", "whoever started the call, or the desk, does this")
    return room


def _do(context: Context, room: Room, what: Callable[[], None]) -> None:
    try:
        what()
    except CallRefused as refused:
        raise refusal(refused) from None
    finally:
        context.switchboard.desk.settle(room)


# recordings


@router.post("/calls/{call_id}/recordings", operation_id="begin_call_recording", status_code=201)
async def begin_call_recording(
    call_id: str, caller: WorkingCaller, context: InContext, request: Request
) -> shapes.CallRecordingBegun:
    """Begins a recording that everybody has agreed to. Its pieces follow."""
    room = context.switchboard.room(call_id)
    context.switchboard.may_record(room, caller)

    def begin() -> str:
        with context.database.session() as session:
            recordings = context.switchboard.recordings
            return recordings.begin(session, call_id, room.incident_id, caller.id, utc_now())

    recording_id = await run_in_threadpool(begin)
    await run_in_threadpool(write_audit, context, caller, "call.record", call_id, request)
    return shapes.CallRecordingBegun(id=recording_id, most_piece_bytes=MOST_PIECE_BYTES)


@router.put(
    "/calls/recordings/{recording_id}/pieces/{number}",
    operation_id="add_call_piece",
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def add_call_piece(
    recording_id: str, number: int, caller: WorkingCaller, context: InContext, request: Request
) -> shapes.CallPieces:
    """The next piece, as the browser's recorder gave it. The same one twice is no harm."""
    try:
        data = await request.body()
    except ClientDisconnect:
        raise ProblemError("bad-request", "the client left, or sent too much") from None
    call_id = await run_in_threadpool(_call_of, context, recording_id)
    context.switchboard.may_add_piece(recording_id, call_id, caller)

    def add() -> int:
        with context.database.session() as session:
            return context.switchboard.recordings.add(session, recording_id, caller.id, number, data, utc_now())

    try:
        return shapes.CallPieces(pieces=await run_in_threadpool(add))
    except RecordingRefused as refused:
        raise _problem(refused) from None
    except OSError:
        raise ProblemError("disk-full") from None


@router.post("/calls/recordings/{recording_id}/finish", operation_id="finish_call_recording")
async def finish_call_recording(recording_id: str, caller: WorkingCaller, context: InContext) -> EvidenceItem | None:
    """No more pieces: what arrived becomes evidence of the incident. Null: nothing had arrived."""

    def finish() -> EvidenceItem | None:
        with context.database.session() as session:
            row = context.switchboard.recordings.finish(session, recording_id, caller.id, utc_now())
            return views.item(row) if row is not None else None

    try:
        item = await run_in_threadpool(finish)
    except RecordingRefused as refused:
        raise _problem(refused) from None
    except OSError:
        raise ProblemError("disk-full") from None
    context.bulletin.nudge()
    return item


def _call_of(context: Context, recording_id: str) -> str:
    with context.database.reading() as session:
        row = session.get(CallRecording, recording_id)
        if row is None:
            raise ProblemError("not-found", "there is no such recording of yours")
        return row.call_id


def _problem(refused: RecordingRefused) -> ProblemError:
    kinds = {"not-found": "not-found", "media": "unusable-media", "large": "too-large"}
    return ProblemError(kinds.get(refused.kind, "cannot"), str(refused))
