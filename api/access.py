"""Who may call what.

Promises: a route says `caller: Annotated[Caller, allow(Role.OPERATOR, …)]` and nobody else gets in; the administrator
does only where named. The login comes as the cookie or as a bearer token. Not here: users and logins (`identity.py`),
the check of origins (`guard.py`).
"""

import secrets
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.context import Context, InContext
from api.identity import Caller, extend, is_due, who_is
from api.problems import ProblemError
from api.roles import FILMERS, RESPONDERS, STAFF, WATCHERS
from configs.words import Role
from models.tables import AuditEntry

COOKIE = "vbrain_session"


def token_of(connection: HTTPConnection) -> str | None:
    """The login's token that came with a request."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return connection.cookies.get(COOKIE)


def logged_in(context: Context, token: str) -> Caller | None:
    """Whose login the token is; a login in use is extended now and then, and only then is anything written."""
    with context.database.reading() as session:
        caller = who_is(session, token)
    if caller is None or not is_due(caller, context.settings.session_hours):
        return caller
    with context.database.session() as session:
        return extend(session, token, context.settings.session_hours) or caller


class Allow:
    """A dependency that lets the named roles in and gives who it is. Public so that a test can walk the routes."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        self.roles = roles

    def __call__(self, connection: HTTPConnection, context: InContext) -> Caller:
        token = token_of(connection)
        caller = logged_in(context, token) if token else None
        if caller is None:
            raise ProblemError("not-logged-in", headers={"WWW-Authenticate": "Bearer"})
        if caller.role not in self.roles:
            raise ProblemError("not-allowed", f"this is for {', '.join(sorted(self.roles))}")
        return caller


class AllowScraper(Allow):
    """Lets in the administrator, and whoever brings the metrics token."""

    def __init__(self) -> None:
        super().__init__((Role.ADMINISTRATOR,))

    def __call__(self, connection: HTTPConnection, context: InContext) -> Caller | None:  # type: ignore[override]
        expected, given = context.settings.metrics_token, token_of(connection)
        if expected and given and secrets.compare_digest(given.encode(), expected.get_secret_value().encode()):
            return None
        return super().__call__(connection, context)


def allow(*roles: Role) -> Any:
    """The dependency that lets these roles in: `Annotated[Caller, allow(Role.OPERATOR)]`."""
    return Depends(Allow(roles))


StaffCaller = Annotated[Caller, allow(*STAFF)]
WatchingCaller = Annotated[Caller, allow(*WATCHERS)]
FilmingCaller = Annotated[Caller, allow(*FILMERS)]
RespondingCaller = Annotated[Caller, allow(*RESPONDERS)]


def write_audit(context: Context, caller: Caller, action: str, subject: str, connection: HTTPConnection) -> None:
    """Appends who looked at or changed what, and from where."""
    address = connection.client.host if connection.client else None
    with context.database.session() as session:
        session.add(AuditEntry(user_id=caller.id, action=action, subject=subject[:128], address=address))
