"""What the interface says and takes of calls.

Promises: as `schemas.py`. What pages say over a call's socket is in `live/call_messages.py`. Not here: routes.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Schema
from configs.site import Name
from configs.words import IncidentKind, Role
from live.call_consent import RecordingState
from live.call_people import MOST_PEOPLE, Presence


class CallShare(BaseModel):
    """A camera whose picture somebody passes on, as the media stream of that id."""

    camera_id: str
    name: Name
    stream: str


class CallPerson(BaseModel):
    """Somebody who was called. `guest`: a household, by link. `session` is their page, new with each load; `attached`
    grows each time its socket comes back."""

    id: str
    name: str
    user_id: str | None
    role: Role | None
    guest: bool
    state: Presence
    joined_at: datetime | None
    left_at: datetime | None
    seconds: float = Field(description="how long they were in it, until now or until they left")
    session: str | None
    attached: int
    muted: bool
    camera_off: bool
    share: CallShare | None


class CallRecordingSeen(BaseModel):
    """Whether the call is recorded, by whom, and what everybody says to it (ids of people)."""

    state: RecordingState
    recorder: str | None
    agreed: list[str]
    refused: list[str]


class CallSeen(BaseModel):
    """A call, under way or over."""

    id: str
    incident_id: str
    kind: IncidentKind
    host: str = Field(description="who started it, a person's id")
    started_at: datetime
    ended_at: datetime | None
    ended_why: str | None
    people: list[CallPerson]
    recording: CallRecordingSeen


class Household(Schema):
    """Somebody without a login, called by a link."""

    name: str = Field(min_length=1, max_length=40)


class CallWish(Schema):
    """Whom to call. `desk`: whoever of the control room answers first."""

    users: list[str] = Field(default=[], max_length=MOST_PEOPLE - 1)
    households: list[Household] = Field(default=[], max_length=MOST_PEOPLE - 1)
    desk: bool = False


class CallLink(BaseModel):
    """A household's way in, shown this once. It is for one person, for this call."""

    person: str
    name: str
    link: str = Field(description="a path of this service; the secret is in its fragment and reaches no log")
    expires_at: datetime


class CallAsked(BaseModel):
    """The call, and the links of the households that were asked."""

    call: CallSeen
    links: list[CallLink]


class GuestLook(Schema):
    """A household's link: what stands after the `#`."""

    token: str = Field(min_length=16, max_length=64)


class GuestSeen(BaseModel):
    """What a household sees before it answers."""

    village: Name
    name: str = Field(description="their own, as the caller wrote it")
    by: str
    state: Literal["waiting", "taken"]


class IceServer(BaseModel):
    """A STUN or TURN server, as browsers take it."""

    urls: str
    username: str | None = None
    credential: str | None = None


class CallWelcome(BaseModel):
    """WS, the first message to a page in a call: who it is, how it finds a way, how it stands."""

    type: Literal["welcome"] = "welcome"
    me: str
    ice_servers: list[IceServer]
    call: CallSeen


class CallBell(BaseModel):
    """WS `/api/calls/bell`: calls that ring for the caller, that they are in, or (for the desk) any under way. `reset`:
    these are all there are; else these have changed."""

    reset: bool
    calls: list[CallSeen]


class CallRecordingBegun(BaseModel):
    """Where the pieces of a recording go."""

    id: str
    most_piece_bytes: int


class CallPieces(BaseModel):
    """How many pieces are kept."""

    pieces: int
