"""What the interface says and takes of notifications: ways out, who is told of what, messages on their way, browsers
that subscribe.

Promises: as `schemas.py`; a channel is shown without its address. Not here: rules and sending (`alerts/notify/`),
routes (`routes/notifications.py`).
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Schema, Text
from configs.words import IncidentKind, Role


class NotifyChannel(BaseModel):
    """A way out. `enabled`: it has an address."""

    id: str
    kind: str
    enabled: bool
    language: str
    browsers: int


class RuleSeen(BaseModel):
    """Who is told of what, as village.yaml says. Empty lists mean: any. `hours`: always, or spans of local time."""

    id: str
    on: list[str]
    kinds: list[IncidentKind]
    areas: list[str]
    min_severity: int
    hours: list[str]
    channels: list[str]
    roles: list[Role]
    users: list[str]
    to_assigned: bool
    cooldown_seconds: int
    digest_at: list[str]


class NotifyRules(BaseModel):
    """All rules, the quiet hours, the priority that comes through them, and how often sending is tried."""

    rules: list[RuleSeen]
    quiet: list[str]
    through_priority: int
    most_attempts: int


class DeliverySeen(BaseModel):
    """One message on its way; `state` is waiting, sent, failed or grouped. `trouble`: passing (it is tried again),
    given_up (tried too often) or permanent (until somebody changes something). `to`: whose browser it goes to."""

    id: str
    to: str | None
    trouble: Literal["passing", "given_up", "permanent"] | None
    incident_id: str | None
    channel_id: str
    rule_id: str
    event: str
    title: Text
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    error: str | None


class TestWish(Schema):
    """Which channel to test."""

    channel_id: str = Field(max_length=48)


class PushKey(BaseModel):
    """The key that a browser subscribes with (applicationServerKey)."""

    key: str


class PushKeys(Schema):
    """The keys of a browser's subscription."""

    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


class PushWish(Schema):
    """A browser's subscription, as `PushSubscription.toJSON()` gives it."""

    endpoint: str = Field(max_length=1000)
    keys: PushKeys
    expirationTime: float | None = None  # noqa: N815 - the browser's own name
