"""Notifications: channels, a test button, what became of messages, browsers that take them."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import delete, func, select

from alerts.notify.channels import vapid_pem, vapid_public
from alerts.notify.webhook import PassingFailure, PermanentFailure, checked_address
from api import schemas_notifications as shapes
from api.access import StaffCaller, write_audit
from api.context import Context, InContext
from api.governance import address_of
from api.problems import ProblemError
from api.routes.dispatch import DeskCaller
from api.schemas import Text
from configs.site import AlwaysOrHours
from configs.village import ChannelKind
from models.base import utc_now
from models.governance import Delivery, PushSubscription
from models.tables import AuditEntry, Secret, User

router = APIRouter(prefix="/api", tags=["notifications"])


def _trouble(row: Delivery, most_attempts: int) -> Literal["passing", "given_up", "permanent"] | None:
    if row.state == "waiting":
        return "passing" if row.last_error else None
    if row.state != "failed":
        return None
    return "given_up" if row.attempts >= most_attempts else "permanent"


def _seen(row: Delivery, context: Context, to: str | None = None) -> shapes.DeliverySeen:
    title = row.content.get("title", {})
    return shapes.DeliverySeen(
        to=to, trouble=_trouble(row, context.governance.village.notifications.most_attempts),
        id=row.id, incident_id=row.incident_id, channel_id=row.channel_id, rule_id=row.rule_id, event=row.event,
        title=Text(zh=title.get("zh", ""), en=title.get("en", "")), state=row.state, attempts=row.attempts,
        created_at=row.created_at, next_at=row.next_at, sent_at=row.sent_at, error=row.last_error,
    )  # fmt: skip


@router.get("/notifications/channels", operation_id="list_channels")
def list_channels(caller: DeskCaller, context: InContext) -> list[shapes.NotifyChannel]:
    """The ways out, and whether each has an address. Addresses and keys are never shown."""
    with context.database.reading() as session:
        there = select(func.count()).select_from(PushSubscription).where(PushSubscription.gone_at.is_(None))
        browsers = session.scalar(there) or 0
    return [
        shapes.NotifyChannel(
            id=c.id,
            kind=c.kind.value,
            enabled=c.kind is ChannelKind.PUSH or bool(c.url.get_secret_value()),
            language=c.language,
            browsers=browsers if c.kind is ChannelKind.PUSH else 0,
        )
        for c in context.governance.village.notifications.channels
    ]


@router.get("/notifications/rules", operation_id="list_notify_rules")
def list_rules(caller: DeskCaller, context: InContext) -> shapes.NotifyRules:
    """Who is told of what, as village.yaml says."""
    found = context.governance.village.notifications
    return shapes.NotifyRules(
        rules=[
            shapes.RuleSeen(
                **rule.model_dump(exclude={"hours", "digest_at"}),
                hours=_spans(rule.hours),
                digest_at=[at.strftime("%H:%M") for at in rule.digest_at],
            )
            for rule in found.rules
        ],
        quiet=_spans(found.quiet.hours),
        through_priority=found.quiet.through_priority,
        most_attempts=found.most_attempts,
    )


def _spans(hours: AlwaysOrHours) -> list[str]:
    return [] if hours == "always" else [f"{h.start:%H:%M}–{h.end:%H:%M}" for h in hours]


@router.post("/notifications/test", operation_id="test_channel")
def test_channel(
    wish: shapes.TestWish, caller: DeskCaller, context: InContext, request: Request
) -> shapes.DeliverySeen:
    """Sends a test message now and says how it went; for push, to the caller's newest browser."""
    target = None
    with context.database.reading() as session:
        query = select(PushSubscription.id).where(
            PushSubscription.user_id == caller.id, PushSubscription.gone_at.is_(None)
        )
        target = session.scalar(query.order_by(PushSubscription.created_at.desc()).limit(1))
    channel = next((c for c in context.governance.village.notifications.channels if c.id == wish.channel_id), None)
    if channel is None:
        raise ProblemError("not-found", "there is no such channel")
    push = channel.kind is ChannelKind.PUSH
    if not push and not channel.url.get_secret_value():
        raise ProblemError(
            "cannot", "此渠道没有地址，请在 village.yaml 里填写 url / it has no address; set its url in village.yaml"
        )
    if push and target is None:
        raise ProblemError(
            "cannot", "您还没有浏览器接收通知，请先在此开启 / no browser of yours takes messages; switch it on first"
        )
    write_audit(context, caller, "notifications.test", wish.channel_id, request)
    row = context.governance.courier.test(wish.channel_id, utc_now(), target if push else None)
    return _seen(row, context, caller.display_name if push else None)


@router.get("/deliveries", operation_id="list_deliveries")
def list_deliveries(
    caller: DeskCaller,
    context: InContext,
    incident_id: str | None = None,
    state: Literal["waiting", "sent", "failed", "grouped"] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[shapes.DeliverySeen]:
    """What became of messages, the newest first."""
    query = select(Delivery)
    if incident_id is not None:
        query = query.where(Delivery.incident_id == incident_id)
    if state is not None:
        query = query.where(Delivery.state == state)
    with context.database.reading() as session:
        rows = session.scalars(query.order_by(Delivery.created_at.desc(), Delivery.id).limit(limit)).all()
        owners = select(PushSubscription.id, User.display_name).join(User, User.id == PushSubscription.user_id)
        people = {r[0]: r[1] for r in session.execute(owners.where(PushSubscription.id.in_({d.target for d in rows})))}
        return [_seen(row, context, people.get(row.target)) for row in rows]


@router.post("/deliveries/{delivery_id}/retry", operation_id="retry_delivery")
def retry_delivery(delivery_id: str, caller: DeskCaller, context: InContext, request: Request) -> shapes.DeliverySeen:
    """Tries once more, soon, what was given up: with the same id, so that a receiver that has it drops it."""
    now = utc_now()
    with context.database.session() as session:
        row = session.get(Delivery, delivery_id, with_for_update=True)
        if row is None:
            raise ProblemError("not-found", "there is no such message")
        if row.state not in ("failed", "waiting") or row.event == "test":
            raise ProblemError("cannot", "only a message that failed, or that waits, is tried again")
        row.state, row.next_at = "waiting", now
        row.attempts = min(row.attempts, context.governance.village.notifications.most_attempts - 1)
        session.add(
            AuditEntry(
                user_id=caller.id, action="notifications.retry", subject=delivery_id, address=address_of(request)
            )
        )
        session.flush()
        return _seen(row, context)


@router.get("/push/key", operation_id="get_push_key")
def get_push_key(caller: StaffCaller, context: InContext) -> shapes.PushKey:
    """The key that browsers subscribe with."""
    with context.database.reading() as session:
        made = session.get(Secret, "vapid") is not None
        pem = vapid_pem(session) if made else None
    if pem is None:
        with context.database.session() as session:
            pem = vapid_pem(session)
    return shapes.PushKey(key=vapid_public(pem))


@router.post("/push/subscriptions", operation_id="subscribe_push", status_code=204)
def subscribe_push(wish: shapes.PushWish, caller: StaffCaller, context: InContext) -> None:
    """This browser takes the caller's messages from now on."""
    if not wish.endpoint.startswith("https://"):
        raise ProblemError("bad-request", "the endpoint is an https address")
    try:
        checked_address(wish.endpoint, allow_private=False)
    except PermanentFailure:
        raise ProblemError("bad-request", "the endpoint is not one of a push service") from None
    except PassingFailure:
        pass  # no network at the moment; it is checked again before each message
    hashed = hashlib.sha256(wish.endpoint.encode()).hexdigest()
    with context.database.session() as session:
        session.execute(delete(PushSubscription).where(PushSubscription.endpoint_hash == hashed))
        session.add(
            PushSubscription(
                user_id=caller.id, endpoint=wish.endpoint, endpoint_hash=hashed, p256dh=wish.keys.p256dh,
                auth=wish.keys.auth,
            )
        )  # fmt: skip


@router.delete("/push/subscriptions", operation_id="unsubscribe_push", status_code=204)
def unsubscribe_push(endpoint: Annotated[str, Query(max_length=1000)], caller: StaffCaller, context: InContext) -> None:
    """This browser takes no more messages."""
    hashed = hashlib.sha256(endpoint.encode()).hexdigest()
    with context.database.session() as session:
        session.execute(
            delete(PushSubscription).where(
                PushSubscription.endpoint_hash == hashed, PushSubscription.user_id == caller.id
            )
        )
