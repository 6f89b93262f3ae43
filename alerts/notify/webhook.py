"""Signed webhooks.

Promises: the receiver can tell that a message is ours, fresh and not seen before (HMAC-SHA256 over id, time and body);
a webhook never reaches a private address unless its channel allows that, whatever its name resolves to, and follows no
redirect; answers are read to a limit. Not here: when to try again (`courier.py`).

The signature: `v1=` and the hex HMAC of `id.timestamp.body` under the channel's secret, in `X-Village-Signature`; the
id stays the same when a message is sent again (`X-Village-Id`), the timestamp (`X-Village-Timestamp`, seconds) does
not.
"""

import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

TIMEOUT_SECONDS = 10.0
TOLERANCE_SECONDS = 300
_MOST_ANSWER_BYTES = 65_536
#: Answers that may well be different in a while.
_PASSING = frozenset({408, 425, 429})

Resolve = Callable[[str, int], list[str]]


class PassingFailure(Exception):
    """It did not work now; it may later. `retry_after` in seconds, when the other side says so."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class PermanentFailure(Exception):
    """It will not work until somebody changes something."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of X-Village-Signature."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """What a receiver does: the message's id if it is genuine and fresh, else None. Drop ids that were seen before."""
    message_id, stamp = headers.get("X-Village-Id", ""), headers.get("X-Village-Timestamp", "")
    if not stamp.isdigit() or abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        return None
    expected = sign(secret, message_id, int(stamp), body)
    return message_id if hmac.compare_digest(expected, headers.get("X-Village-Signature", "")) else None


def resolve_host(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises OSError."""
    return list(dict.fromkeys(str(a[4][0]) for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, and not of this box, its network or a cloud's inside."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            found = inner
        elif found in ipaddress.ip_network("64:ff9b::/96"):
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.is_global and not found.is_multicast


def checked_address(url: str, allow_private: bool, resolve: Resolve = resolve_host) -> tuple[str, str, int]:
    """(address to connect to, host, port) of a URL. Raises PermanentFailure where it may not go, PassingFailure when
    its name cannot be resolved now. If any of its addresses is private, none is used."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = None, 0
    if host is None or parts.scheme not in ("http", "https") or parts.username is not None:
        raise PermanentFailure("the address is not a plain http or https URL; correct it in village.yaml")
    try:
        addresses = resolve(host, port)
    except OSError:
        raise PassingFailure("the host's name cannot be resolved") from None
    if not addresses:
        raise PassingFailure("the host has no address")
    if not allow_private and not all(is_public(a) for a in addresses):
        raise PermanentFailure("the host is on a private network; set allow_private if that is meant")
    return addresses[0], host, port


def post(
    url: str,
    secret: str,
    message_id: str,
    content: dict[str, Any],
    now: datetime,
    allow_private: bool = False,
    resolve: Resolve = resolve_host,
    transport: httpx.BaseTransport | None = None,
) -> None:
    """Sends one message. Raises PassingFailure or PermanentFailure."""
    address, host, port = checked_address(url, allow_private, resolve)
    body = json.dumps({"id": message_id, **content}, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    headers = {
        "Host": host if port in (80, 443) else f"{host}:{port}",
        "Content-Type": "application/json",
        "User-Agent": "village-brain",
        "X-Village-Id": message_id,
        "X-Village-Timestamp": str(timestamp),
    }
    if secret:
        headers["X-Village-Signature"] = sign(secret, message_id, timestamp, body)
    # The address that was checked is the one that is connected to: the name may resolve to another by then.
    options: dict[str, Any] = {"timeout": TIMEOUT_SECONDS, "follow_redirects": False, "trust_env": False}
    target = httpx.URL(url).copy_with(host=address, port=port)
    try:
        with (
            httpx.Client(transport=transport, **options) as client,
            client.stream("POST", target, content=body, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            read = 0
            for chunk in answer.iter_bytes():
                read += len(chunk)
                if read > _MOST_ANSWER_BYTES:
                    break
            status, retry_after = answer.status_code, answer.headers.get("retry-after", "")
    except httpx.HTTPError as error:
        raise PassingFailure(f"the receiver does not answer ({type(error).__name__})") from None
    if 200 <= status < 300:
        return
    if status in _PASSING or status >= 500:
        wait = float(retry_after) if retry_after.isdigit() else None
        raise PassingFailure(f"the receiver answered {status}", wait)
    raise PermanentFailure(f"the receiver answered {status}")
