"""What the interface says and takes of those who may log in: their login, role, password, and the cameras they may see.

Promises: as `schemas.py`; a password is taken and never shown. Not here: identity (`identity.py`), routes
(`routes/session.py`, `routes/users.py`).
"""

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas import Schema
from configs.words import Role


class Login(Schema):
    """What somebody gives to log in."""

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class User(BaseModel):
    """Somebody who may log in."""

    id: str
    username: str
    display_name: str
    role: Role
    camera_groups: list[str] = Field(description="the groups of cameras whose pictures they may see; empty: all")


class Session(BaseModel):
    """A login in force."""

    user: User
    expires_at: datetime


class UserSeen(BaseModel):
    """Somebody who may log in. `on_roster`: village.yaml gives them duties; `on_duty`: now."""

    id: str
    username: str
    display_name: str
    role: Role
    disabled: bool
    created_at: datetime
    on_roster: bool
    on_duty: bool
    logins: int
    camera_groups: list[str] = Field(description="the groups of cameras whose pictures they may see; empty: all")


class NewUser(Schema):
    """A user to be made. Passwords have at least 8 characters."""

    username: str = Field(min_length=1, max_length=64)
    display_name: str = Field(default="", max_length=80)
    role: Role
    password: str = Field(max_length=256, repr=False)
    camera_groups: list[str] = Field(default=[], max_length=100, description="empty: all cameras")


class UserChange(Schema):
    """What is to change; what is left out stays."""

    display_name: str | None = Field(default=None, min_length=1, max_length=80)
    role: Role | None = None
    disabled: bool | None = None
    password: str | None = Field(default=None, max_length=256, repr=False)
    camera_groups: list[str] | None = Field(default=None, max_length=100, description="empty: all cameras")


class PasswordChange(Schema):
    """One's own password."""

    current: str = Field(max_length=256, repr=False)
    new: str = Field(max_length=256, repr=False)
