"""Who may watch: Basic and Digest (MD5) as RTSP cameras do them (RFC 2617).

Promises: constant-time comparison; passwords never appear in messages. Not here: TLS; the demo serves a loopback
address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

REALM = "village-brain demo"
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Gatekeeper:
    """Checks one connection's requests; each connection has its own nonce."""

    def __init__(self, users: Mapping[str, str], schemes: tuple[str, ...] = ("digest", "basic")) -> None:
        self._users = users
        self._schemes = schemes
        self._nonce = secrets.token_hex(16)

    def challenges(self) -> list[str]:
        """The values of WWW-Authenticate, strongest first."""
        offers = {"digest": f'Digest realm="{REALM}", nonce="{self._nonce}"', "basic": f'Basic realm="{REALM}"'}
        return [offers[scheme] for scheme in self._schemes]

    def admits(self, method: str, authorization: str | None) -> bool:
        """True when the header proves a known user."""
        scheme, _, rest = (authorization or "").partition(" ")
        scheme = scheme.lower()
        if scheme not in self._schemes:
            return False
        return self._basic(rest) if scheme == "basic" else self._digest(method, rest)

    def _basic(self, text: str) -> bool:
        try:
            name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        known = self._users.get(name)
        return known is not None and hmac.compare_digest(known.encode(), password.encode())

    def _digest(self, method: str, text: str) -> bool:
        given = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(text)}
        name = given.get("username", "")
        if given.get("nonce") != self._nonce or name not in self._users:
            return False
        secret = _md5(f"{name}:{REALM}:{self._users[name]}")
        asked = _md5(f"{method}:{given.get('uri', '')}")
        return hmac.compare_digest(_md5(f"{secret}:{self._nonce}:{asked}"), given.get("response", ""))
