"""What the routes of governance say and take: dispatch, reports, notifications, credit, questions, figures.

Promises: as `schemas.py`. Not here: where the values come from (`routes/`).
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from alerts.assignments import AssignmentState
from alerts.lifecycle import Action, IncidentState
from api.schemas import EvidenceItem, Incident, Schema, Spot, Text
from configs.site import Name
from configs.words import IncidentKind, Point, Role

# Dispatch -------------------------------------------------------------------------------------------------------------


class Person(BaseModel):
    """Somebody of the village's staff."""

    id: str
    username: str
    display_name: str
    role: Role


class GridArea(BaseModel):
    """A grid area on the village plan."""

    id: str
    name: Name
    polygon: list[Point]


class KindInfo(BaseModel):
    """What a kind of incident is called and how urgent it is. `targets`: seconds for each step."""

    kind: IncidentKind
    name: Name
    icon: str
    priority: int
    targets: dict[str, int]
    roles: list[Role]
    photo_to_resolve: bool


class Assignment(BaseModel):
    """Somebody who was sent."""

    id: str
    person: Person
    state: AssignmentState
    asked_at: datetime
    due_at: datetime
    answered_at: datetime | None
    arrived_at: datetime | None
    ended_at: datetime | None


class Clock(BaseModel):
    """The step that is awaited. `overdue_seconds` is 0 while there is time; no `due_at`: nothing is awaited."""

    step: str | None
    since: datetime | None
    due_at: datetime | None
    target_seconds: int | None
    overdue_seconds: float
    escalation_level: int


class Proposal(BaseModel):
    """Two incidents that may be one event."""

    id: str
    incident: Incident
    other: Incident
    reason: Text
    created_at: datetime


class ReportSeen(BaseModel):
    """A citizen's report as staff see it. `phone` is shown to those who deal with it."""

    id: str
    created_at: datetime
    source: str
    sentence: str
    phone: str | None
    place_from: str | None
    latitude: float | None
    longitude: float | None
    withdrawn_at: datetime | None
    similar_to: str | None
    trust: float
    evidence: list[EvidenceItem]
    entries: list["ReportEntry"]
    stars: int | None


class ReportEntry(BaseModel):
    """Something said afterwards."""

    at: datetime
    by: str
    text: str


class Handling(BaseModel):
    """How an incident is being handled. `actions` is what the caller personally may do now."""

    incident: Incident
    area: GridArea | None
    source: str
    clock: Clock
    lead: Person | None
    assignments: list[Assignment]
    reports: list[ReportSeen]
    proposals: list[Proposal]
    merged_into: str | None
    merged_from: list[str]
    actions: list[Action]
    needs_photo: bool


class Candidate(BaseModel):
    """Somebody who could be sent, the best first. `in_area`: the incident's place is theirs."""

    person: Person
    in_area: bool
    busy_with: int


class MyAssignment(BaseModel):
    """An incident the caller was sent to."""

    incident: Incident
    assignment: Assignment
    clock: Clock
    actions: list[Action]


class Decision(Schema):
    """Whether two incidents are one event."""

    merge: bool


class SplitWish(Schema):
    """Which alerts to take out of an incident."""

    alert_ids: list[str] = Field(min_length=1, max_length=200)
    version: int = Field(ge=1)
    note: str | None = Field(default=None, max_length=2000)


# Citizens' reports ----------------------------------------------------------------------------------------------------


class Globe(BaseModel):
    """Where the plan lies on the globe: a plain rectangle, north up. Degrees, and metres across and down."""

    north: float
    south: float
    west: float
    east: float
    width_metres: float
    height_metres: float


class Landmark(BaseModel):
    """A named spot that helps people find their way on the plan."""

    name: Name
    place: Spot


class ReportForm(BaseModel):
    """What the page for reports needs to know: the village and its plan, kinds to choose from, limits of what can be
    sent. It is for everybody, so it holds no camera's place."""

    name: Name
    timezone: str
    globe: Globe
    areas: list[GridArea]
    landmarks: list[Landmark]
    plan_url: str | None
    kinds: list["KindChoice"]
    photos: int
    photo_megabytes: float
    video_megabytes: float
    video_seconds: float


class KindChoice(BaseModel):
    """A kind somebody may choose."""

    kind: IncidentKind
    name: Name
    icon: str


class ReportTaken(BaseModel):
    """A report was taken. `code` is shown this once; `link` is the page that shows how it stands."""

    code: str
    link: str
    kind: IncidentKind
    kind_suggested: bool
    place: Spot | None
    joined: bool


class ProgressStep(BaseModel):
    """A step on the way: received, confirmed, dispatched, accepted, on_site, resolved, then closed or another end."""

    step: str
    at: datetime


class ReportProgress(BaseModel):
    """How a report stands. `next`: the step that is awaited. `handler`: who dealt with it. `points`: what it earned the
    reporter, where they can be known again (a phone, this device)."""

    kind: IncidentKind
    place: Spot | None
    handler: str | None
    points: int
    sentence: str
    state: IncidentState
    received_at: datetime
    withdrawn: bool
    steps: list[ProgressStep]
    next: str | None
    entries: list[ReportEntry]
    media: list[EvidenceItem]
    can_add: bool
    can_withdraw: bool
    can_rate: bool
    stars: int | None


class RatingWish(Schema):
    """How well it was handled."""

    stars: int = Field(ge=1, le=5)
    sentence: str = Field(default="", max_length=500)


# Notifications --------------------------------------------------------------------------------------------------------


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


# Credit ---------------------------------------------------------------------------------------------------------------


class CreditStanding(BaseModel):
    """An account."""

    account_id: str
    holder: str
    balance: int
    earned: int
    tier: str | None


class TierSeen(BaseModel):
    """A credit tier and the points ever earned that reach it."""

    id: str
    name: Name
    from_points: int


class CreditEntrySeen(BaseModel):
    """One movement of points. `reversed`: another entry took it back. `because` is what earned an award (manual:
    somebody entered it); `incident_id` where it came from, `item_id` what was redeemed, `by` who entered it."""

    id: int
    reversed: bool
    at: datetime
    kind: Literal["award", "redemption", "reversal"]
    amount: int
    because: Literal["verified_report", "on_time", "good_rating", "manual"] | None
    incident_id: str | None
    item_id: str | None
    by: str | None
    note: str | None
    reverses_id: int | None


class CreditAccountSeen(CreditStanding):
    """An account with its newest movements."""

    entries: list[CreditEntrySeen]


class RewardSeen(BaseModel):
    """Something to redeem."""

    id: str
    name: Name
    points: int
    stock: int


class RedeemWish(Schema):
    """`key` is made by the client for each click: the same again is the same redemption."""

    item_id: str = Field(max_length=48)
    key: str = Field(min_length=8, max_length=64)


class AwardByHand(Schema):
    """Points for something no rule sees. `key` as in `RedeemWish`."""

    points: int = Field(ge=1, le=1000)
    note: str = Field(min_length=1, max_length=500)
    key: str = Field(min_length=8, max_length=64)


class CreditLookup(Schema):
    """A villager at the desk: the phone number they report with, or the code of one of their reports."""

    phone: str | None = Field(default=None, max_length=32)
    code: str | None = Field(default=None, max_length=64)


class RedemptionSeen(BaseModel):
    """Points given for an item."""

    id: str
    account_id: str
    item_id: str
    points: int
    at: datetime
    entry_id: int


class ReverseWish(Schema):
    """Why an entry is reversed."""

    note: str = Field(min_length=1, max_length=500)


class StockWish(Schema):
    """Pieces that came (or went, negative)."""

    change: int = Field(ge=-100_000, le=100_000)


# Questions ------------------------------------------------------------------------------------------------------------


class QuestionWish(Schema):
    """A visitor's question."""

    text: str = Field(min_length=1, max_length=1000)
    contact: str | None = Field(default=None, max_length=64)


class QuestionTaken(BaseModel):
    """A question was taken; `code` is shown this once. `suggestion`: a canned answer that may be all that is needed."""

    code: str
    target_seconds: int
    suggestion: Text | None


class QuestionProgress(BaseModel):
    """How a question stands."""

    text: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class QuestionSeen(BaseModel):
    """A question in the inbox. `suggestion` is the id of a canned answer."""

    id: str
    text: str
    contact: str | None
    source: str
    asked_at: datetime
    due_at: datetime
    overdue: bool
    assignee: Person | None
    answer: str | None
    answered_at: datetime | None
    suggestion: str | None


class CannedSeen(BaseModel):
    """An answer to a common question."""

    id: str
    name: Name
    text: Text


class AnswerWish(Schema):
    """An answer; `canned_id` when it was one of those."""

    text: str = Field(min_length=1, max_length=2000)
    canned_id: str | None = Field(default=None, max_length=48)


class AssignWish(Schema):
    """Whom to make answer."""

    user_id: str = Field(max_length=32)


# Users ----------------------------------------------------------------------------------------------------------------


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


class ReplyWish(Schema):
    """What to tell a reporter."""

    text: str = Field(min_length=1, max_length=1000)


# Figures --------------------------------------------------------------------------------------------------------------


class SpreadSeen(BaseModel):
    """Of so many durations, in seconds."""

    count: int
    median: float
    p90: float


class QuestionFigures(BaseModel):
    """How fast questions were answered."""

    asked: int
    answered: int
    in_time: int
    waiting: int
    late: int
    seconds: SpreadSeen | None


class PersonSeen(BaseModel):
    """One worker's part in a span."""

    user_id: str
    display_name: str
    done: int
    declined: int
    timed_out: int
    accept: SpreadSeen | None
    arrive: SpreadSeen | None
    resolve: SpreadSeen | None
    stars: float | None


class GovernanceSeen(BaseModel):
    """A span in figures. Steps: confirm, dispatch, accept, arrive, resolve, close, whole (opened to closed),
    until_resolved. The area "" is outside all areas. A step with nothing measured is null."""

    since: datetime
    until: datetime
    total: int
    open: int
    overdue: int
    closed: int
    false_alarms: int
    reports: int
    stars: float | None
    truncated: bool
    by_kind: dict[str, int]
    by_area: dict[str, int]
    by_state: dict[str, int]
    by_day: dict[str, int]
    steps: dict[str, SpreadSeen | None]
    steps_by_kind: dict[str, dict[str, SpreadSeen | None]]
    steps_by_area: dict[str, dict[str, SpreadSeen | None]]
    people: list[PersonSeen]
    questions: QuestionFigures
