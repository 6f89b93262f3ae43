"""The sockets of calls: the bell that rings on an open page, and the line of a page that is in a call.

A line begins with `hello` (see `live/call_messages.py`) and is answered by `welcome`; from then on every change of the
call comes as `call`, and what another page sends to this one as `signal`. The close code says why it ended
(`live/call_desk.py`).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool

from alerts.call_rules import DESK
from api import schemas_calls as shapes
from api.access import write_audit
from api.bulletin import TooManyListeners
from api.call_bells import Bell
from api.call_views import ice_servers
from api.context import Context, InContext
from api.problems import ProblemError
from api.rights import sees
from api.routes.calls import guest_of
from api.routes.dispatch import WorkingCaller
from live.call_desk import Goodbye, Line
from live.call_messages import BadMessage, Hello, parse
from live.call_people import CallRefused, Person
from models.base import new_id
from models.tables import AuditEntry

router = APIRouter(prefix="/api/calls", tags=["calls"])

_HELLO_SECONDS = 10.0
#: Close codes of refusals; the others are in `live/call_desk.py`.
_REFUSED = {"call-over": 4000, "call-not-found": 4004, "call-full": 4005, "call-taken": 4006, "not-allowed": 4004}


@router.websocket("/bell")
async def bell(socket: WebSocket, caller: WorkingCaller, context: InContext) -> None:
    """The calls that concern the caller, as `CallBell`, now and whenever one changes."""
    await socket.accept()
    board = context.switchboard
    try:
        mine = board.bells.hang_up(caller)
    except TooManyListeners:
        await socket.close(1013, "too many open connections")
        return
    sender = asyncio.create_task(_ring(socket, mine, board.rooms_for(caller)))
    board.shown_to(caller)
    try:
        while True:
            await socket.receive_text()  # nothing is expected: a bell only rings
    except (WebSocketDisconnect, KeyError):
        pass
    finally:
        board.bells.take_down(mine)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _ring(socket: WebSocket, mine: Bell, first: list[shapes.CallSeen]) -> None:
    await socket.send_text(shapes.CallBell(reset=True, calls=first).model_dump_json())
    while (calls := await mine.next()) is not None:
        await socket.send_text(shapes.CallBell(reset=False, calls=calls).model_dump_json())
    await socket.close(1008, "the login has ended")


@router.websocket("/line/{call_id}")
async def line(socket: WebSocket, call_id: str, caller: WorkingCaller, context: InContext) -> None:
    """A page of somebody with a login joins the call. The desk joins any call; others the calls they were asked to."""

    async def join(hello: Hello) -> Line:
        desk = context.switchboard.desk
        room = desk.room(call_id)
        person = room.of_user(caller.id)
        if person is None:
            if caller.role not in DESK:
                raise CallRefused("call-not-found", "you are not asked to this call")
            person = Person(new_id(), caller.display_name, caller.id, caller.role.value, may_record=True)
            room.invite([person])
        joined = desk.join(call_id, person.id, hello, caller.login, lambda camera: sees(context, caller, camera))
        await run_in_threadpool(write_audit, context, caller, "call.join", call_id, socket)
        return joined

    await _serve(socket, context, join)


@router.websocket("/guest-line")
async def guest_line(socket: WebSocket, context: InContext) -> None:
    """A household joins the call that its link (`token` of `hello`) is for."""

    async def join(hello: Hello) -> Line:
        if hello.token is None:
            raise CallRefused("call-not-found", "say hello with the link's token")
        room, person = await guest_of(context, hello.token, socket)
        joined = context.switchboard.desk.join(room.id, person.id, hello)
        address = socket.client.host if socket.client else None
        await run_in_threadpool(_audit_guest, context, room.id, address)
        return joined

    await _serve(socket, context, join)


def _audit_guest(context: Context, call_id: str, address: str | None) -> None:
    with context.database.session() as session:
        session.add(AuditEntry(user_id=None, action="call.join", subject=call_id, address=address))


async def _serve(socket: WebSocket, context: Context, join: Callable[[Hello], Awaitable[Line]]) -> None:
    await socket.accept()
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            hello = parse(await socket.receive_text())
        if not isinstance(hello, Hello):
            raise BadMessage("say hello first")
        mine = await join(hello)
    except CallRefused as refused:
        await socket.close(_REFUSED.get(refused.kind, 4007), refused.kind)
        return
    except ProblemError as problem:
        await socket.close(_REFUSED.get(problem.kind, 4007), problem.kind)
        return
    except BadMessage:
        await socket.close(1003, "not a message of a call")
        return
    except (TimeoutError, WebSocketDisconnect, KeyError):
        return
    sender = asyncio.create_task(_send(socket, context, mine))
    try:
        while True:
            context.switchboard.desk.hear(mine, parse(await socket.receive_text()))
    except BadMessage:
        await socket.close(1003, "not a message of a call")
    except (WebSocketDisconnect, KeyError, RuntimeError):
        pass  # RuntimeError: we have closed it ourselves
    finally:
        context.switchboard.desk.hang(mine)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _send(socket: WebSocket, context: Context, mine: Line) -> None:
    room = context.switchboard.desk.rooms.get(mine.call_id)
    if room is not None:
        welcome = shapes.CallWelcome(
            me=mine.person_id, ice_servers=ice_servers(context.settings.live), call=context.switchboard.seen(room)
        )
        await socket.send_text(welcome.model_dump_json())
    while not isinstance(message := await mine.next(), Goodbye):
        await socket.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
    await socket.close(message.code, message.why)
