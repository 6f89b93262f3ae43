"""Users, for the administrator; one's own password, for everybody. The rules are in `api/identity.py`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerts.duty import on_duty
from api import schemas_users as shapes
from api.access import allow, token_of
from api.context import Context, InContext
from api.governance import address_of
from api.identity import Caller, UnusableCredentials, change_password, change_user, check_password, create_user
from api.problems import ProblemError
from api.roles import EVERYBODY
from configs.phones import missing_groups
from configs.words import Role
from models.base import utc_now
from models.tables import AuditEntry, LoginSession, User

router = APIRouter(prefix="/api", tags=["users"])

AdminCaller = Annotated[Caller, allow(Role.ADMINISTRATOR)]
AnyCaller = Annotated[Caller, allow(*EVERYBODY)]


def _seen(session: Session, rows: Sequence[User], context: Context) -> list[shapes.UserSeen]:
    now = utc_now()
    local = now.astimezone(context.governance.zone)
    roster = context.governance.village.roster
    query = select(LoginSession.user_id, func.count()).where(LoginSession.expires_at > now)
    logins = {r[0]: r[1] for r in session.execute(query.group_by(LoginSession.user_id))}
    return [
        shapes.UserSeen(
            id=user.id,
            username=user.username,
            display_name=user.display_name,
            role=Role(user.role),
            disabled=user.disabled,
            created_at=user.created_at,
            on_roster=any(d.username == user.username for d in roster),
            on_duty=any(d.username == user.username and on_duty(d, local) for d in roster),
            logins=logins.get(user.id, 0),
            camera_groups=user.camera_groups,
        )
        for user in rows
    ]


@router.get("/users", operation_id="list_users")
def list_users(caller: AdminCaller, context: InContext) -> list[shapes.UserSeen]:
    """Everybody who may log in, or could once."""
    with context.database.reading() as session:
        return _seen(session, session.scalars(select(User).order_by(User.created_at, User.id)).all(), context)


@router.post("/users", operation_id="create_user", status_code=201)
def make_user(wish: shapes.NewUser, caller: AdminCaller, context: InContext, request: Request) -> shapes.UserSeen:
    """Makes a user."""
    _known_groups(context, wish.camera_groups)
    try:
        with context.database.session() as session:
            user = create_user(
                session, wish.username, wish.password, wish.role, wish.display_name.strip() or None, wish.camera_groups
            )
            _note(session, caller, "user.create", f"{user.username} {wish.role}", request)
            return _seen(session, [user], context)[0]
    except UnusableCredentials as error:
        raise ProblemError("cannot", str(error)) from None


@router.patch("/users/{user_id}", operation_id="change_user")
def patch_user(
    user_id: str, wish: shapes.UserChange, caller: AdminCaller, context: InContext, request: Request
) -> shapes.UserSeen:
    """Changes a user: name, role, password, groups of cameras, whether they may log in. What was open by a login that
    this ends (live pictures, films, boxes) ends with it."""
    _known_groups(context, wish.camera_groups or [])
    changed = ", ".join(sorted(wish.model_dump(exclude_none=True)))
    try:
        with context.database.session() as session:
            user = change_user(
                session, user_id, display_name=wish.display_name, role=wish.role, disabled=wish.disabled,
                password=wish.password, camera_groups=wish.camera_groups,
            )  # fmt: skip
            _note(session, caller, "user.change", f"{user.username}: {changed}", request)
            seen = _seen(session, [user], context)[0]
    except LookupError as error:
        raise ProblemError("not-found", str(error)) from None
    except UnusableCredentials as error:
        raise ProblemError("cannot", str(error)) from None
    context.logins.nudge()
    return seen


@router.post("/me/password", operation_id="change_my_password", status_code=204)
def change_my_password(wish: shapes.PasswordChange, caller: AnyCaller, context: InContext, request: Request) -> None:
    """Changes one's own password; all other logins of the caller end, this one goes on."""
    address = address_of(request) or "unknown"
    if (wait := context.throttle.wait_seconds(caller.username, address)) > 0:
        raise ProblemError("too-many-logins", headers={"Retry-After": str(int(wait) + 1)})
    with context.database.reading() as session:
        known = check_password(session, caller.username, wish.current)
    if known is None:
        context.throttle.failed(caller.username, address)
        raise ProblemError("wrong-current-password")
    try:
        with context.database.session() as session:
            change_password(session, caller.id, wish.new, keep=token_of(request))
            _note(session, caller, "user.password", caller.username, request)
    except UnusableCredentials as error:
        raise ProblemError("cannot", str(error)) from None
    context.logins.nudge()


def _known_groups(context: Context, groups: Sequence[str]) -> None:
    if missing := missing_groups(context.settings.site, groups):
        raise ProblemError("invalid", missing)


def _note(session: Session, caller: Caller, action: str, subject: str, request: Request) -> None:
    session.add(AuditEntry(user_id=caller.id, action=action, subject=subject[:128], address=address_of(request)))
