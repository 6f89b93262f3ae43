"""Codes that let somebody without a login come back to what they said, and keyed hashes of who they are.

Promises: a code cannot be guessed (80 random bits) and is kept only as a hash; who reports is kept only as a hash under
a key of this installation. Not here: routes, their limits.
"""

import hashlib
import hmac
import secrets

from sqlalchemy.orm import Session

from models.tables import Secret

#: Without letters and digits that are mistaken for each other.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH = 16
#: Under which secret the key of people's hashes is kept.
KEY_NAME = "reporters"


def new_code() -> str:
    """A code like 7KQM-2XWA-PD9F-H3TC."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(letters[n : n + 4] for n in range(0, _LENGTH, 4))


def code_hash(code: str) -> str:
    """What is kept of a code; blanks, dashes and case do not matter."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()


def person_hash(session: Session, channel: str, key: str) -> str:
    """What is kept of a device, a phone number, a WeChat id."""
    secret = session.get(Secret, KEY_NAME)
    if secret is None:
        secret = Secret(name=KEY_NAME, value=secrets.token_bytes(32))
        session.add(secret)
        session.flush()
    return hmac.new(secret.value, f"{channel}:{key}".encode(), hashlib.sha256).hexdigest()
