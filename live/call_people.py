"""The words of calls: who is in one, how far, and what is told of it.

Promises: plain values. Not here: what follows from what (`calls.py`).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from live.call_messages import Share

#: Each sends to each: with six, a phone sends its picture five times, which is what one can.
MOST_PEOPLE = 6


class CallRefused(Exception):
    """Something that this call does not allow. `kind` is a word for it, the sentence says why."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Presence(StrEnum):
    """How far somebody is in a call."""

    INVITED = "invited"  # asked; no page of theirs has shown it yet
    RINGING = "ringing"
    JOINED = "joined"
    LOST = "lost"  # in it, but silent for some seconds
    DECLINED = "declined"
    MISSED = "missed"
    CALLED_OFF = "called_off"  # the call was over, or taken by somebody else, before they answered
    LEFT = "left"


PENDING = frozenset({Presence.INVITED, Presence.RINGING})
PRESENT = frozenset({Presence.JOINED, Presence.LOST})
FINAL = frozenset(Presence) - PENDING - PRESENT


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Seconds. A household needs longer than a ring: the link must reach it first."""

    rings: float = 40.0
    link_waits: float = 900.0
    away: float = 5.0
    lost: float = 60.0
    alone: float = 120.0
    #: … when the others had been there and have left: somebody forgot to hang up.
    left_alone: float = 15.0
    longest: float = 4 * 3600.0
    #: How many may ever have been asked to one call.
    most_asked: int = 40


@dataclass(slots=True)
class Person:
    """Somebody in a call: a user, or a household by link (no `user_id`). Moments are seconds since 1970.

    `session` names the page that is in it, new with each load; `attached` grows each time a page's socket comes;
    `asked_as` names a group of which one is enough. `seconds` in it, without the present stay since `present_since`.
    `away_since`: their page is silent since then, and waited for until `expected_until`. `is_barred`: taken out, until
    asked again.
    """

    id: str
    name: str
    user_id: str | None = None
    role: str | None = None
    may_record: bool = False
    asked_as: str | None = None
    state: Presence = Presence.INVITED
    invited_at: float = 0.0
    rings_until: float = 0.0
    joined_at: float | None = None
    present_since: float | None = None
    away_since: float | None = None
    expected_until: float = 0.0
    left_at: float | None = None
    seconds: float = 0.0
    session: str | None = None
    device: str | None = None
    attached: int = 0
    is_barred: bool = False
    muted: bool = False
    camera_off: bool = False
    share: Share | None = None

    @property
    def is_guest(self) -> bool:
        return self.user_id is None


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened in a call, for the record. `kind`: ringing, joined, lost, back, declined, missed,
    called_off, left, record_asked, record_agreed, record_refused, record_on, record_paused, record_off, ended."""

    call_id: str
    incident_id: str
    kind: str
    at: float
    person: Person | None = None
    details: dict[str, Any] = field(default_factory=dict)
