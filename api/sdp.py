"""What WHEP and WHIP have in common over HTTP: bodies, tags, the servers a browser is told of.

Promises: a body of another type, or one that cannot be read, is a problem with a sentence. Not here: the routes
(`routes/whep.py`, `routes/whip.py`).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.identity import Caller
from api.problems import ProblemError
from configs.words import Role
from live.candidates import CannotRestart
from live.codecs import OfferRefused
from live.whep import IceServers, SessionNotFound

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
OFFER = {"requestBody": {"required": True, "content": {SDP: {"schema": {"type": "string"}}}}}
PATCH = {"requestBody": {"required": True, "content": {FRAGMENT: {"schema": {"type": "string"}}}}}
ANSWER: dict[int | str, dict[str, Any]] = {
    201: {"description": "the SDP answer", "content": {SDP: {"schema": {"type": "string"}}}}
}


async def read_body(request: Request, media_type: str) -> str:
    """The body as text. Raises ProblemError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise ProblemError("bad-media-type", f"send {media_type}")
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise ProblemError("bad-request", "the body is not UTF-8 text") from None
    except ClientDisconnect:
        raise ProblemError("bad-request", "the client left, or sent too much") from None


def ways(ice: IceServers) -> dict[str, str]:
    """What is answered to OPTIONS: what may be sent, and the STUN and TURN servers."""
    return {"Accept-Post": SDP, "Allow": "OPTIONS, POST"} | links(ice)


def opened(location: str, session_id: str, ice: IceServers) -> dict[str, str]:
    """The headers of a session that was just opened."""
    return {"Location": location, "Accept-Patch": FRAGMENT, "ETag": _tag(session_id)} | links(ice)


def links(ice: IceServers) -> dict[str, str]:
    """STUN and TURN servers as a `Link` header, if there are any."""
    found = ice.links()
    return {"Link": ", ".join(found)} if found else {}


def check_tag(request: Request, session_id: str) -> None:
    """Raises ProblemError when `If-Match` names another session; who does not send it is taken all the same."""
    if request.headers.get("if-match", "*") not in ("*", '"*"', _tag(session_id)):
        raise ProblemError("stale-session")


@contextmanager
def session_problems() -> Iterator[None]:
    """Why a session could not be found, or could not take what it was sent, as problems."""
    try:
        yield
    except SessionNotFound:
        raise ProblemError("session-not-found") from None
    except CannotRestart as error:
        raise ProblemError("cannot-restart", str(error)) from None
    except OfferRefused as error:
        raise ProblemError("bad-request", str(error)) from None


def owner_of(caller: Caller) -> str | None:
    """Whose sessions may be touched: one's own; any, for the administrator."""
    return None if caller.role is Role.ADMINISTRATOR else caller.id


def _tag(session_id: str) -> str:
    """Names the session's one and only ICE session; it may not tell the session's own name."""
    return f'"{hashlib.sha256(session_id.encode()).hexdigest()[:16]}"'
