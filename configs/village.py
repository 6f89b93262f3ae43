"""How the village works, as data: grid areas, who is on duty, whom to wake, whom to tell, what earns points.

Promises: village.yaml is checked as strictly as cameras.yaml, every name that it refers to exists, and `village()` is
read once a process. Not here: what is done with it (`alerts/`), kinds of incident (`kinds.py`).
"""

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, SecretStr, model_validator

from configs.checks import Mistake, items, part, repeated, with_mistakes
from configs.kinds import IncidentKinds, load_kinds
from configs.load import load_model
from configs.site import AlwaysOrHours, Hours, Name, NormalisedPoint, Slug, TimeOfDay
from configs.strict import Strict
from configs.words import IncidentKind, Role

#: The village that comes with the project; `VBRAIN_VILLAGE` names another file.
DEFAULT_VILLAGE = Path(__file__).with_name("village.yaml")

Username = Annotated[str, Field(min_length=1, max_length=64, description="a user's login name")]
Points = Annotated[int, Field(ge=1, le=1_000_000)]


class Day(StrEnum):
    """A day of the week."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Plan(Strict):
    """How large the plan is, and where it lies on the globe (a plain rectangle, north up)."""

    width_metres: float = Field(gt=0, description="metres from its left to its right edge")
    height_metres: float = Field(gt=0, description="metres from its top to its bottom edge")
    north: float = Field(ge=-90, le=90, description="latitude of its top edge")
    south: float = Field(ge=-90, le=90, description="latitude of its bottom edge")
    west: float = Field(ge=-180, le=180, description="longitude of its left edge")
    east: float = Field(ge=-180, le=180, description="longitude of its right edge")

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if self.north <= self.south or self.east <= self.west:
            raise ValueError("must have north above south and east beyond west")
        return self

    def on_plan(self, latitude: float, longitude: float) -> tuple[float, float] | None:
        """(x, y) of a place on the globe, 0…1; None outside the plan."""
        x = (longitude - self.west) / (self.east - self.west)
        y = (self.north - latitude) / (self.north - self.south)
        return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None

    def metres(self, a: tuple[float, float], b: tuple[float, float]) -> float:
        """The distance of two places on the plan."""
        across, down = (a[0] - b[0]) * self.width_metres, (a[1] - b[1]) * self.height_metres
        return float((across * across + down * down) ** 0.5)


class Area(Strict):
    """A grid area (网格): a polygon on the village plan."""

    id: Slug = Field(description="the area's id")
    name: Name = Field(description="what people call it, zh and en")
    polygon: list[NormalisedPoint] = Field(min_length=3, max_length=64, description="its corners in order, on the plan")


class Duty(Strict):
    """When somebody is on duty, where and for what. Who stands first is asked first."""

    username: Username
    areas: list[Slug] = Field(default_factory=list, description="their areas; none named: all")
    kinds: list[IncidentKind] = Field(default_factory=list, description="what they deal with; none named: all")
    days: list[Day] = Field(default_factory=lambda: list(Day), min_length=1, description="mon … sun; default: all")
    hours: AlwaysOrHours = Field(default="always", description="always, or a list of daily hours in local time")


class EscalationStep(Strict):
    """Whom to wake once a step is late by so much."""

    after_seconds: int = Field(ge=0, le=86400, description="seconds after the step's clock ran out")
    roles: list[Role] = Field(default_factory=list, description="everybody of these roles")
    users: list[Username] = Field(default_factory=list, description="and these users")


class Escalation(Strict):
    """A chain for some kinds. The first chain that names the kind, or names none, holds."""

    kinds: list[IncidentKind] = Field(default_factory=list, description="for these kinds; none named: all others")
    steps: list[EscalationStep] = Field(min_length=1, max_length=8, description="in order, each later than the last")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [s.after_seconds for s in self.steps]
        if times != sorted(set(times)):
            raise ValueError("needs steps of growing after_seconds")
        return self


class Joining(Strict):
    """When two alerts are one event. Beyond `sure` and within `likely`, people decide."""

    kinds: list[IncidentKind] = Field(default_factory=list, description="for these kinds; none named: all others")
    sure_metres: float = Field(ge=0, description="this near and …")
    sure_seconds: float = Field(gt=0, description="… this soon after the last alert: one event without asking")
    likely_metres: float = Field(ge=0, description="this near and …")
    likely_seconds: float = Field(gt=0, description="… this soon: proposed to an operator")


class ChannelKind(StrEnum):
    """How a message travels."""

    APPRISE = "apprise"
    WEBHOOK = "webhook"
    PUSH = "push"


class Channel(Strict):
    """One way out. Without `url` an apprise or webhook channel is off."""

    id: Slug = Field(description="the channel's id")
    kind: ChannelKind = Field(description="apprise, webhook or push (to the browsers of the people named)")
    url: SecretStr = Field(default=SecretStr(""), description="an Apprise URL, or the webhook's address")
    secret: SecretStr = Field(default=SecretStr(""), description="webhook: the key that signs messages")
    allow_private: bool = Field(default=False, description="webhook: true lets it reach private addresses")
    language: Literal["zh", "en", "both"] = Field(default="both", description="the language of its messages")


class NotifyRule(Strict):
    """Who is told of what. Lists that are empty mean: any."""

    id: Slug = Field(description="the rule's id")
    on: list[str] = Field(min_length=1, description="opened, escalated, assigned, call, or a step: confirm, close …")
    kinds: list[IncidentKind] = Field(default_factory=list, description="of these kinds")
    areas: list[Slug] = Field(default_factory=list, description="in these areas")
    min_severity: int = Field(default=1, ge=1, le=4, description="at least so severe")
    hours: AlwaysOrHours = Field(default="always", description="only then, local time")
    channels: list[Slug] = Field(min_length=1, description="through these channels")
    roles: list[Role] = Field(default_factory=list, description="push: to everybody of these roles")
    users: list[Username] = Field(default_factory=list, description="push: to these users")
    to_assigned: bool = Field(default=False, description="push: to whoever was sent")
    cooldown_seconds: int = Field(default=0, ge=0, le=86400, description="further ones of the kind there are grouped")
    digest_at: list[TimeOfDay] = Field(default_factory=list, description="collect, and send at these times instead")


class Quiet(Strict):
    """Hours in which only urgent kinds are told; the rest waits for their end."""

    hours: list[Hours] = Field(default_factory=list, description="daily, local time; none: never quiet")
    through_priority: int = Field(default=1, ge=1, le=4, description="kinds of this priority or better come through")


class Notifications(Strict):
    """Channels, rules, quiet hours."""

    channels: list[Channel] = Field(default_factory=list)
    rules: list[NotifyRule] = Field(default_factory=list)
    quiet: Quiet = Field(default=Quiet())
    most_attempts: int = Field(default=12, ge=1, le=50, description="then a passing failure counts as permanent")

    @model_validator(mode="wrap")
    @classmethod
    def _refers(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        known = {part(c, "id") for c in items(data, "channels")}
        found = [*repeated(data, "channels"), *repeated(data, "rules")]
        for index, rule in enumerate(items(data, "rules")):
            found += [
                Mistake(("rules", index, "channels", n), "is not one of the channels", "Name one of them")
                for n, name in enumerate(items(rule, "channels"))
                if name not in known
            ]
        return with_mistakes(data, handler, found)


class Award(StrEnum):
    """What earns points."""

    VERIFIED_REPORT = "verified_report"
    ON_TIME = "on_time"
    GOOD_RATING = "good_rating"


class CreditRule(Strict):
    """Points for something. Each is given once for each report, incident or rating."""

    id: Slug = Field(description="the rule's id; part of what keeps an award from being given twice")
    award: Award = Field(description="verified_report, on_time or good_rating")
    points: Points
    kinds: list[IncidentKind] = Field(default_factory=list, description="of these kinds; none named: all")
    at_least_stars: int = Field(default=4, ge=1, le=5, description="good_rating: from so many stars")


class Tier(Strict):
    """A credit tier, by points ever earned."""

    id: Slug
    name: Name
    from_points: int = Field(ge=0)


class CatalogueItem(Strict):
    """Something to redeem points for. `stock` is what there is at first; more is entered in the console."""

    id: Slug
    name: Name
    points: Points
    stock: int = Field(ge=0, le=1_000_000)


class Credit(Strict):
    """Rules, tiers, catalogue."""

    rules: list[CreditRule] = Field(default_factory=list)
    tiers: list[Tier] = Field(default_factory=list)
    catalogue: list[CatalogueItem] = Field(default_factory=list)

    @model_validator(mode="wrap")
    @classmethod
    def _unique(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return with_mistakes(
            data, handler, [*repeated(data, "rules"), *repeated(data, "tiers"), *repeated(data, "catalogue")]
        )


class Words(Strict):
    """A few sentences in both languages."""

    zh: str = Field(min_length=1, max_length=1000, description="in Chinese")
    en: str = Field(min_length=1, max_length=1000, description="in English")


class CannedAnswer(Strict):
    """An answer to a common question."""

    id: Slug
    name: Name
    text: Words
    keywords: list[str] = Field(default_factory=list, description="words that make it the suggestion")


class Questions(Strict):
    """Visitors' questions."""

    target_seconds: int = Field(default=300, gt=0, description="a question is answered within this")
    canned: list[CannedAnswer] = Field(default_factory=list)


class ReportLimits(Strict):
    """What the open door for reports takes."""

    photos: int = Field(default=9, ge=1, le=9)
    photo_megabytes: float = Field(default=15, gt=0, le=30)
    photo_megapixels: float = Field(default=60, gt=0, le=200, description="larger pictures are refused unopened")
    video_megabytes: float = Field(default=40, gt=0, le=100)
    video_seconds: float = Field(default=60, gt=0, le=300)
    per_device_hour: int = Field(default=12, ge=1)
    per_network_hour: int = Field(default=60, ge=1)


class WeChatAccount(Strict):
    """The public account. Without a token the adapter is off."""

    token: SecretStr = Field(default=SecretStr(""), description="the token that signs its messages")
    app_id: str = Field(default="", description="the account's AppID; needed with aes_key")
    aes_key: SecretStr = Field(default=SecretStr(""), description="EncodingAESKey, when messages are encrypted")
    picture_hosts: list[str] = Field(default_factory=lambda: ["mmbiz.qpic.cn", "mmbiz.qlogo.cn"])


class Village(Strict):
    """The whole of village.yaml."""

    plan: Plan
    areas: list[Area] = Field(min_length=1)
    roster: list[Duty] = Field(default_factory=list)
    escalation: list[Escalation] = Field(default_factory=list)
    joining: list[Joining] = Field(min_length=1)
    on_site_metres: float = Field(default=150, gt=0, description="so near counts as being on site")
    notifications: Notifications = Field(default=Notifications())
    credit: Credit = Field(default=Credit())
    questions: Questions = Field(default=Questions())
    reports: ReportLimits = Field(default=ReportLimits())
    wechat: WeChatAccount = Field(default=WeChatAccount())

    def joining_for(self, kind: IncidentKind) -> Joining:
        """The rule for a kind: the first that names it, or names none; else the last."""
        return next((j for j in self.joining if not j.kinds or kind in j.kinds), self.joining[-1])

    def escalation_for(self, kind: IncidentKind) -> list[EscalationStep]:
        """The chain for a kind; empty when there is none."""
        return next((e.steps for e in self.escalation if not e.kinds or kind in e.kinds), [])

    @model_validator(mode="wrap")
    @classmethod
    def _refers_to_what_exists(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = [*repeated(data, "areas"), *_unknown_areas(data)]
        return with_mistakes(data, handler, found)


def _unknown_areas(data: object) -> Iterator[Mistake]:
    known = {part(a, "id") for a in items(data, "areas")}
    right = f"Areas are {', '.join(sorted(str(k) for k in known))}"
    for index, duty in enumerate(items(data, "roster")):
        for n, area in enumerate(items(duty, "areas")):
            if area not in known:
                yield Mistake(("roster", index, "areas", n), "is not one of the areas", right)
    for index, rule in enumerate(items(part(data, "notifications"), "rules")):
        for n, area in enumerate(items(rule, "areas")):
            if area not in known:
                yield Mistake(("notifications", "rules", index, "areas", n), "is not one of the areas", right)


def load_village(path: str | os.PathLike[str], environment: Mapping[str, str] | None = None) -> Village:
    """The village that a file describes. Raises ConfigError with all mistakes of the file."""
    return load_model(path, Village, environment)


@lru_cache(maxsize=1)
def village() -> Village:
    """The village of this process: the file that `VBRAIN_VILLAGE` names, else the one that comes along."""
    return load_village(os.environ.get("VBRAIN_VILLAGE") or DEFAULT_VILLAGE)


@lru_cache(maxsize=1)
def incident_kinds() -> IncidentKinds:
    """The kinds of incident of this process."""
    return load_kinds()
