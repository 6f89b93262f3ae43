"""RTSP messages as text: requests parsed, responses written (RFC 2326).

Promises: bounded parsing that raises `BadRequestError` rather than guessing. Not here: what the server answers
(`session.py`), who may ask (`rtsp_auth.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

MAX_HEAD = 16_384
MAX_BODY = 65_536

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class BadRequestError(Exception):
    """The bytes are not an RTSP request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower-case."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path without slashes around it, and without a track's name."""
        path = unquote(urlsplit(self.url).path).strip("/")
        head, _, tail = path.rpartition("/")
        return head if tail.startswith("trackID=") else path


def parse(head: bytes) -> Request:
    """A request from the bytes before its empty line."""
    try:
        first, *rest = head.decode("utf-8").split("\r\n")
        method, url, version = first.split(" ")
    except (UnicodeDecodeError, ValueError):
        raise BadRequestError("not an RTSP request") from None
    if not version.startswith("RTSP/"):
        raise BadRequestError("not an RTSP request")
    headers = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return Request(method, url, headers)


def response(status: int, cseq: str | None, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A response; Content-Length is filled in."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}"]
    if cseq is not None:
        lines.append(f"CSeq: {cseq}")
    lines.append("Server: village-brain demo")
    lines.extend(f"{name}: {value}" for name, value in (headers or {}).items())
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass(frozen=True, slots=True)
class TransportChoice:
    """How one client wants its media: over TCP on two channels, or over UDP to two of its ports."""

    channels: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None


def choose_transport(header: str) -> TransportChoice | None:
    """The first transport of a `Transport` header that the server speaks; None when there is none."""
    for offer in header.split(","):
        parts = [part.strip() for part in offer.split(";")]
        options = dict(part.partition("=")[::2] for part in parts[1:])
        if "multicast" in options:
            continue
        try:
            if parts[0].upper() == "RTP/AVP/TCP":
                return TransportChoice(channels=_pair(options.get("interleaved", "0-1"), 255))
            if parts[0].upper() in ("RTP/AVP", "RTP/AVP/UDP") and "client_port" in options:
                return TransportChoice(ports=_pair(options["client_port"], 65_535))
        except ValueError:
            continue
    return None


def _pair(text: str, top: int) -> tuple[int, int]:
    first, dash, second = text.partition("-")
    low = int(first)
    high = int(second) if dash else low + 1
    if not (0 <= low <= top and 0 <= high <= top):
        raise ValueError(text)
    return low, high
