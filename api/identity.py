"""Who may come in: users, passwords, logins in force.

Promises: passwords are kept as argon2id hashes and logins as SHA-256 of their token, so a stolen database lets nobody
in; checking an unknown user takes as long as checking a known one. Not here: which route lets whom in (`access.py`),
the brake on guessing (`throttle.py`).
"""

import hashlib
import secrets
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from configs.words import Role
from models.base import utc_now
from models.tables import LoginSession, User

_LEAST_PASSWORD_LENGTH = 8
_hasher = PasswordHasher()
#: Each check takes 64 MiB; a flood of them must not take all there is.
_checks = threading.BoundedSemaphore(2)
#: Checked when there is no such user, so that the answer takes equally long.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


class UnusableCredentials(ValueError):
    """A user name or a password that cannot be taken, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. `login` names the login it came by, and is never shown. `camera_groups`: the groups of
    cameras that are theirs; empty: all. What follows from them is in `rights.py`."""

    id: str
    username: str
    display_name: str
    role: Role
    expires_at: datetime
    login: str = field(repr=False)
    camera_groups: frozenset[str] = frozenset()


def first_admin(session: Session) -> tuple[str, str] | None:
    """Makes the administrator when there is no user at all: (user name, password, which is kept nowhere). Else None."""
    if session.scalar(select(func.count()).select_from(User)):
        return None
    password = secrets.token_urlsafe(12)
    create_user(session, "admin", password, Role.ADMINISTRATOR, "管理员 Administrator")
    return "admin", password


def create_user(
    session: Session,
    username: str,
    password: str,
    role: Role,
    display_name: str | None = None,
    camera_groups: Collection[str] = (),
) -> User:
    """Adds a user and flushes. Raises UnusableCredentials."""
    if not username or len(username) > 64 or username != username.strip():
        raise UnusableCredentials("a user name has 1 to 64 characters and no blanks around it")
    if session.scalar(select(User).where(User.username == username)) is not None:
        raise UnusableCredentials(f"there is already a user {username!r}; choose another name")
    user = User(
        username=username,
        display_name=(display_name or username)[:80],
        password_hash=_hash(password),
        role=role.value,
        camera_groups=sorted(set(camera_groups)),
    )
    session.add(user)
    session.flush()
    return user


def change_user(
    session: Session,
    user_id: str,
    *,
    display_name: str | None = None,
    role: Role | None = None,
    disabled: bool | None = None,
    password: str | None = None,
    camera_groups: Collection[str] | None = None,
) -> User:
    """Changes what is given and flushes. Who gets other rights or another password is logged out everywhere. There is
    always an administrator left who can log in. Raises UnusableCredentials, LookupError when there is no such user."""
    # Administrators are locked together: two who demote each other at once must not both succeed.
    admins = session.scalars(
        select(User).where(User.role == Role.ADMINISTRATOR.value, User.disabled.is_(False)).with_for_update()
    ).all()
    user = session.get(User, user_id, with_for_update=True)
    if user is None:
        raise LookupError("there is no such user")
    stays = (role or Role(user.role)) is Role.ADMINISTRATOR and not (user.disabled if disabled is None else disabled)
    if [a.id for a in admins] == [user.id] and not stays:
        raise UnusableCredentials("this is the only administrator; make somebody else one first")
    groups = user.camera_groups if camera_groups is None else sorted(set(camera_groups))
    other_rights = (role is not None and role.value != user.role) or groups != user.camera_groups
    ends_logins = other_rights or bool(disabled) or password is not None
    if display_name is not None:
        user.display_name = display_name.strip()[:80] or user.display_name
    if password is not None:
        user.password_hash = _hash(password)
    user.camera_groups = groups
    user.role = role.value if role is not None else user.role
    user.disabled = user.disabled if disabled is None else disabled
    if ends_logins:
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    session.flush()
    return user


def change_password(session: Session, user_id: str, password: str, keep: str | None) -> None:
    """Somebody's own password; their other logins end, that of the token `keep` goes on. Raises UnusableCredentials."""
    user = session.get_one(User, user_id, with_for_update=True)
    user.password_hash = _hash(password)
    others = delete(LoginSession).where(LoginSession.user_id == user_id)
    session.execute(others.where(LoginSession.token_hash != _token_hash(keep)) if keep else others)
    session.flush()


def set_password(session: Session, username: str, password: str) -> None:
    """Changes a password and ends the user's logins. Raises UnusableCredentials."""
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise UnusableCredentials(f"there is no user {username!r}")
    user.password_hash = _hash(password)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    session.flush()


def _hash(password: str) -> str:
    if len(password) < _LEAST_PASSWORD_LENGTH:
        raise UnusableCredentials(f"a password has at least {_LEAST_PASSWORD_LENGTH} characters")
    return _hasher.hash(password)


def check_password(session: Session, username: str, password: str) -> str | None:
    """The id of the user whom this lets in, or None. Slow on purpose, so give it a session that only reads."""
    user = session.scalar(select(User).where(User.username == username))
    try:
        with _checks:
            _hasher.verify(user.password_hash if user else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return None
    return user.id if user is not None and not user.disabled else None


def begin_login(session: Session, user_id: str, hours: float) -> tuple[str, Caller]:
    """A new login: its token, and who it is. Logins whose time is over are cleared away on the way."""
    now = utc_now()
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(hours=hours)
    session.add(LoginSession(token_hash=_token_hash(token), user_id=user_id, expires_at=expires_at))
    session.flush()
    return token, _caller(session.get_one(User, user_id), expires_at, token)


def log_out(session: Session, token: str) -> None:
    """Ends a login; one that is not there is no error."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == _token_hash(token)))


def who_is(session: Session, token: str) -> Caller | None:
    """Whose login it is, or None. Only reads."""
    login = session.get(LoginSession, _token_hash(token))
    if login is None or login.expires_at <= utc_now() or login.user.disabled:
        return None
    return _caller(login.user, login.expires_at, token)


def in_force(session: Session, logins: Collection[str]) -> set[str]:
    """Which of these logins (`Caller.login`) still let somebody in. Only reads."""
    query = select(LoginSession.token_hash).join(User, LoginSession.user_id == User.id)
    query = query.where(LoginSession.token_hash.in_(logins), LoginSession.expires_at > utc_now(), ~User.disabled)
    return set(session.scalars(query))


def is_due(caller: Caller, hours: float) -> bool:
    """Whether a tenth of the login's time has passed, so that it is worth a write to extend it."""
    return caller.expires_at - utc_now() < timedelta(hours=hours) * 0.9


def extend(session: Session, token: str, hours: float) -> Caller | None:
    """A login in use lasts on."""
    login = session.get(LoginSession, _token_hash(token))
    if login is None:
        return None
    login.expires_at = utc_now() + timedelta(hours=hours)
    return _caller(login.user, login.expires_at, token)


def _caller(user: User, expires_at: datetime, token: str) -> Caller:
    groups = frozenset(user.camera_groups)
    return Caller(user.id, user.username, user.display_name, Role(user.role), expires_at, _token_hash(token), groups)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
