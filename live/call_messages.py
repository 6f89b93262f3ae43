"""What a page may say in a call.

Promises: every message is one of these and nothing else, and no larger than it needs to be, so that what is relayed to
another browser is an SDP, a candidate, or nothing. Who sent it is not in it: the service knows. Not here: who may send
to whom (`calls.py`), the socket (`api/`).
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

#: Offers of a browser with every codec, for sound, picture and a shared camera, have some 20 kB.
MOST_MESSAGE_CHARS = 60_000

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
StreamId = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9{}_-]*$")]


class BadMessage(ValueError):
    """What came is no message of a call."""


class Description(Struct, forbid_unknown_fields=True, tag_field="type", tag="offer"):
    """An offer."""

    sdp: Annotated[str, Meta(max_length=50_000)]


class AnswerDescription(Struct, forbid_unknown_fields=True, tag_field="type", tag="answer"):
    """An answer."""

    sdp: Annotated[str, Meta(max_length=50_000)]


class Candidate(Struct, forbid_unknown_fields=True, rename="camel"):
    """One ICE candidate as browsers write it."""

    candidate: Annotated[str, Meta(max_length=1000)]
    sdp_mid: Annotated[str, Meta(max_length=32)] | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=64)] | None = msgspec.field(name="sdpMLineIndex", default=None)
    username_fragment: Annotated[str, Meta(max_length=256)] | None = None


class Hello(Struct, forbid_unknown_fields=True, tag_field="type", tag="hello"):
    """The first message. `session` is new with each load of the page, `device` stays with the browser's tab; `token`
    is a household's link."""

    session: Id
    device: Id
    token: Id | None = None


class Signal(Struct, forbid_unknown_fields=True, tag_field="type", tag="signal"):
    """For one other person's page: a description or a candidate. `session` is the page it is for, if the sender knows:
    one that was loaded anew meanwhile does not get it."""

    to: Id
    session: Id | None = None
    description: Description | AnswerDescription | None = None
    candidate: Candidate | None = None


class Share(Struct, forbid_unknown_fields=True):
    """A camera's picture that is passed on, as the stream of that id."""

    camera_id: Id
    stream: StreamId


class Status(Struct, forbid_unknown_fields=True, tag_field="type", tag="status"):
    """What the sender's page sends at the moment."""

    muted: bool
    camera_off: bool
    share: Share | None = None


class Record(Struct, forbid_unknown_fields=True, tag_field="type", tag="record"):
    """Asks everybody whether the call may be recorded, or stops recording."""

    wanted: bool


class Agree(Struct, forbid_unknown_fields=True, tag_field="type", tag="agree"):
    """Says yes or no to being recorded."""

    agrees: bool


class Leave(Struct, forbid_unknown_fields=True, tag_field="type", tag="leave"):
    """Hangs up."""


Message = Hello | Signal | Status | Record | Agree | Leave
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def parse(text: str) -> Message:
    """The message. Raises BadMessage."""
    if len(text) > MOST_MESSAGE_CHARS:
        raise BadMessage(f"a message has at most {MOST_MESSAGE_CHARS} characters")
    try:
        message = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise BadMessage(str(error)) from None
    if isinstance(message, Signal) and (message.description is None) == (message.candidate is None):
        raise BadMessage("a signal has a description or a candidate")
    return message


def relayed(message: Signal, sender: str, session: str) -> dict[str, object]:
    """What the other page gets: who sent it is said by us."""
    body: dict[str, object] = {"type": "signal", "from": sender, "session": session}
    if message.description is not None:
        body["description"] = msgspec.to_builtins(message.description)
    else:
        body["candidate"] = msgspec.to_builtins(message.candidate)
    return body
