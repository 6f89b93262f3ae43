"""The ways out: Apprise, webhooks, web push.

Promises: each sender either returns, or says whether the failure is passing or permanent; none of them logs an address
with its keys. Not here: what is sent when (`planner.py`), trying again (`courier.py`).
"""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apprise
from cryptography.hazmat.primitives import serialization
from py_vapid import Vapid01
from pywebpush import WebPushException, webpush
from sqlalchemy.orm import Session

from alerts.notify import webhook
from alerts.notify.webhook import PassingFailure, PermanentFailure
from alerts.notify.words import as_text
from configs.village import Channel, ChannelKind
from models.tables import Secret

_VAPID = "vapid"
_PUSH_TTL_SECONDS = 3600
_PUSH_TIMEOUT_SECONDS = 10
# Apprise's own log lines quote URLs.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a push goes."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, ready to be sent. `more`: so many others were grouped into it."""

    id: str
    content: dict[str, Any]
    more: int = 0
    browser: Browser | None = None
    vapid_key: str | None = None


#: Sends one parcel; returns when it was taken. Raises PassingFailure, PermanentFailure.
Sender = Callable[[Channel, Parcel, datetime], None]


def send_apprise(channel: Channel, parcel: Parcel, now: datetime) -> None:
    """Through any service that Apprise knows. It does not tell why it failed, so a failure counts as passing."""
    out = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True, async_mode=False))
    if not out.add(channel.url.get_secret_value()):
        raise PermanentFailure("Apprise does not know this kind of address; correct it in village.yaml")
    title, body = as_text(parcel.content, channel.language, parcel.more)
    if not out.notify(title=title, body=body):
        raise PassingFailure("the service did not take the message")


def send_webhook(channel: Channel, parcel: Parcel, now: datetime) -> None:
    """As signed JSON."""
    content = parcel.content | ({"more": parcel.more} if parcel.more else {})
    webhook.post(
        channel.url.get_secret_value(), channel.secret.get_secret_value(), parcel.id, content, now,
        channel.allow_private,
    )  # fmt: skip


def send_push(channel: Channel, parcel: Parcel, now: datetime) -> None:
    """To one browser."""
    if parcel.browser is None or parcel.vapid_key is None:
        raise PermanentFailure("this browser has unsubscribed")
    ttl = _PUSH_TTL_SECONDS
    if until := parcel.content.get("until"):
        ttl = min(ttl, round((datetime.fromisoformat(until) - now).total_seconds()))
        if ttl <= 0:
            raise PermanentFailure("it came too late: what it told of is over")
    webhook.checked_address(parcel.browser.endpoint, channel.allow_private)
    title, body = as_text(parcel.content, channel.language, parcel.more)
    data = {"id": parcel.id, "title": title, "body": body, "link": parcel.content.get("link")}
    if parcel.content.get("event") == "call":
        data["event"] = "call"
    keys = {"p256dh": parcel.browser.p256dh, "auth": parcel.browser.auth}
    try:
        webpush(
            {"endpoint": parcel.browser.endpoint, "keys": keys},
            json.dumps(data, ensure_ascii=False),
            vapid_private_key=Vapid01.from_pem(parcel.vapid_key.encode()),
            vapid_claims={"sub": "mailto:village-brain@localhost.localdomain"},
            ttl=ttl,
            headers={"Urgency": "high"} if until else None,
            timeout=_PUSH_TIMEOUT_SECONDS,
        )
    except WebPushException as error:
        status = getattr(error.response, "status_code", None)
        if status in (404, 410):
            raise PermanentFailure("this browser has unsubscribed") from None
        if status is not None and 400 <= status < 500 and status != 429:
            raise PermanentFailure(f"the push service answered {status}") from None
        raise PassingFailure(f"the push service answered {status}") from None
    except (ValueError, OSError) as error:
        raise PassingFailure(f"the push service cannot be reached ({type(error).__name__})") from None


SENDERS: dict[ChannelKind, Sender] = {
    ChannelKind.APPRISE: send_apprise,
    ChannelKind.WEBHOOK: send_webhook,
    ChannelKind.PUSH: send_push,
}


def vapid_pem(session: Session) -> str:
    """This installation's key for web push, made on first use."""
    secret = session.get(Secret, _VAPID)
    if secret is None:
        key = Vapid01()
        key.generate_keys()
        secret = Secret(name=_VAPID, value=key.private_pem())
        session.add(secret)
        session.flush()
    return secret.value.decode()


def vapid_public(pem: str) -> str:
    """The key that browsers subscribe with (base64url of the uncompressed point)."""
    public = Vapid01.from_pem(pem.encode()).public_key
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")
