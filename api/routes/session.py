"""Logging in and out, and who is logged in."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from api import schemas_users as shapes
from api.access import COOKIE, allow, token_of
from api.context import Context, InContext
from api.identity import Caller, begin_login, check_password, log_out
from api.problems import ProblemError
from api.roles import EVERYBODY
from models.tables import AuditEntry

router = APIRouter(prefix="/api", tags=["session"])


def _set_cookie(request: Request, response: Response, token: str, context: Context) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=round(context.settings.session_hours * 3600),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def _session(caller: Caller) -> shapes.Session:
    user = shapes.User(
        id=caller.id, username=caller.username, display_name=caller.display_name, role=caller.role,
        camera_groups=sorted(caller.camera_groups),
    )  # fmt: skip
    return shapes.Session(user=user, expires_at=caller.expires_at)


@router.post("/session", operation_id="log_in")
def log_in_route(login: shapes.Login, request: Request, response: Response, context: InContext) -> shapes.Session:
    """Logs in. The cookie that comes back is the login; a program may send its value as a bearer token instead."""
    address = request.client.host if request.client else "unknown"
    if (wait := context.throttle.wait_seconds(login.username, address)) > 0:
        raise ProblemError("too-many-logins", headers={"Retry-After": str(int(wait) + 1)})
    with context.database.reading() as session:
        user_id = check_password(session, login.username, login.password)
    with context.database.session() as session:
        action = "login" if user_id else "login.failed"
        session.add(AuditEntry(user_id=user_id, action=action, subject=login.username, address=address))
        begun = begin_login(session, user_id, context.settings.session_hours) if user_id else None
    if begun is None:
        context.throttle.failed(login.username, address)
        raise ProblemError("wrong-password")
    context.throttle.succeeded(login.username, address)
    token, caller = begun
    _set_cookie(request, response, token, context)
    return _session(caller)


@router.delete("/session", operation_id="log_out", status_code=204)
def log_out_route(request: Request, response: Response, context: InContext) -> None:
    """Logs out, whether or not somebody is logged in."""
    if token := token_of(request):
        with context.database.session() as session:
            log_out(session, token)
        context.logins.nudge()
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.get("/me", operation_id="get_me")
def get_me(
    caller: Annotated[Caller, allow(*EVERYBODY)], request: Request, response: Response, context: InContext
) -> shapes.Session:
    """Who is logged in. Also renews the cookie's own time."""
    if token := request.cookies.get(COOKIE):
        _set_cookie(request, response, token, context)
    return _session(caller)
