"""From the outbox to deliveries: who is told of what, through which channel, and when.

Promises: a message of the outbox is planned once, in one transaction with its deliveries, and its deliveries' ids
follow from it, so planning it again cannot make new ones; cooldown only ever groups a further incident of the same kind
at the same place that is no graver: never an escalation, a new kind, or somebody's assignment; what waits through quiet
hours or for a digest is only late, never lost. Not here: sending (`courier.py`).
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerts.duty import DEFAULT_ZONE, within_hours
from alerts.notify.words import about_incident, about_question
from configs.kinds import IncidentKinds
from configs.village import Channel, ChannelKind, NotifyRule, Village
from configs.words import IncidentKind
from models.governance import Delivery, PushSubscription
from models.tables import Incident, OutboxMessage, User

_NAMESPACE = uuid.UUID("6f1f6e0a-7d0e-4f5c-9f54-27f0f2a4b1d3")
_RENAMED = {
    "escalate": "escalated", "dispatch": "assigned", "call_in": "assigned", "reassign": "assigned",
    "call_asked": "call",
}  # fmt: skip
#: Never held back by quiet hours or digests, nor grouped.
_URGENT = frozenset({"escalated", "assigned", "call", "graver", "test"})


def event_of(message: OutboxMessage) -> str:
    """What happened, in the words of rules."""
    if message.topic == "incident.opened":
        return "opened"
    if message.topic == "question.asked":
        return "question"
    action = str(message.payload.get("action", ""))
    if action == "alert_joined" and message.payload.get("graver"):
        return "graver"
    return _RENAMED.get(action, action)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans by one village's rules. `zone`: the time that rules are written in."""

    village: Village
    kinds: IncidentKinds
    zone: ZoneInfo = DEFAULT_ZONE

    def plan(self, session: Session, now: datetime, most: int = 100) -> int:
        """Plans what waits in the outbox; how many messages that were. Safe to run in several processes."""
        waiting = session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.delivered_at.is_(None))
            .order_by(OutboxMessage.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        ).all()
        if not waiting:
            return 0
        about = {m.subject_id for m in waiting if m.topic.startswith("incident.")}
        incidents = {i.id: i for i in session.scalars(select(Incident).where(Incident.id.in_(about)))}
        browsers = session.scalar(select(PushSubscription.id).where(PushSubscription.gone_at.is_(None)).limit(1))
        ids = [m.id for m in waiting]
        known = set(session.scalars(select(Delivery.id).where(Delivery.outbox_id.in_(ids))))
        for message in waiting:
            incident = incidents.get(message.subject_id) if message.topic.startswith("incident.") else None
            for delivery in self._deliveries(session, message, incident, browsers is not None, now):
                if delivery.id not in known:
                    session.add(delivery)
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(ids))
            .values(delivered_at=now)
            .execution_options(synchronize_session=False)
        )
        return len(waiting)

    def _deliveries(
        self, session: Session, message: OutboxMessage, incident: Incident | None, browsers: bool, now: datetime
    ) -> Iterable[Delivery]:
        event = event_of(message)
        if incident is None and event != "question":
            return
        for rule in self.village.notifications.rules:
            if not self._applies(rule, event, incident, now):
                continue
            for channel in self.village.notifications.channels:
                if channel.id in rule.channels and (browsers or channel.kind is not ChannelKind.PUSH):
                    for target in self._targets(session, rule, channel, message):
                        yield self._delivery(session, message, event, incident, rule, channel, target, now)

    def _applies(self, rule: NotifyRule, event: str, incident: Incident | None, now: datetime) -> bool:
        if event not in rule.on and not (event == "graver" and "opened" in rule.on):
            return False
        local = now.astimezone(self.zone).time().replace(tzinfo=None)
        if not within_hours(rule.hours, local):
            return False
        if incident is None:
            return True
        return (
            (not rule.kinds or incident.kind in rule.kinds)
            and (not rule.areas or incident.area_id in rule.areas)
            and incident.severity >= rule.min_severity
        )

    def _targets(
        self, session: Session, rule: NotifyRule, channel: Channel, message: OutboxMessage
    ) -> Iterable[str]:  # fmt: skip
        """One target for a channel with an address; for push, every browser of the people who are meant."""
        if channel.kind is not ChannelKind.PUSH:
            return [""] if channel.url.get_secret_value() else []
        roles = {r.value for r in rule.roles} | set(message.payload.get("roles", []))
        names = set(rule.users) | set(message.payload.get("users", []))
        ids = set(message.payload.get("assigned", [])) if rule.to_assigned else set()
        people = select(User.id).where(
            User.disabled.is_(False), User.role.in_(roles) | User.username.in_(names) | User.id.in_(ids)
        )
        query = select(PushSubscription.id).where(
            PushSubscription.user_id.in_(people), PushSubscription.gone_at.is_(None)
        )
        return list(session.scalars(query.order_by(PushSubscription.id)))

    def _delivery(
        self,
        session: Session,
        message: OutboxMessage,
        event: str,
        incident: Incident | None,
        rule: NotifyRule,
        channel: Channel,
        target: str,
        now: datetime,
    ) -> Delivery:
        content: dict[str, Any]
        urgent = event in _URGENT
        if incident is None:
            content, severity = about_question(message.subject_id, message.payload, message.created_at), 1
            key = f"{rule.id}:{channel.id}:{target}:question"
        else:
            rules = self.kinds.by_kind[IncidentKind(incident.kind)]
            content = about_incident(incident, event, rules, message.payload, message.created_at)
            severity = incident.severity
            where = incident.area_id or incident.camera_id or ""
            key = f"{rule.id}:{channel.id}:{target}:{incident.kind}:{where}"
            urgent = urgent or rules.priority <= self.village.notifications.quiet.through_priority
        delivery = Delivery(
            id=uuid.uuid5(_NAMESPACE, f"{message.id}:{rule.id}:{channel.id}:{target}").hex,
            outbox_id=message.id,
            incident_id=incident.id if incident else None,
            rule_id=rule.id,
            channel_id=channel.id,
            target=target,
            event=event,
            severity=severity,
            group_key=key,
            content=content,
            state="waiting",
            attempts=0,
            next_at=now,
            created_at=now,
        )
        if event == "opened" and rule.cooldown_seconds and (leader := self._leader(session, delivery, rule, now)):
            delivery.state, delivery.grouped_into = "grouped", leader
        elif not urgent:
            delivery.digest = bool(rule.digest_at)
            delivery.next_at = self._when(rule, now)
        return delivery

    def _leader(self, session: Session, delivery: Delivery, rule: NotifyRule, now: datetime) -> str | None:
        """The message that told of the same kind at the same place a moment ago, and as gravely."""
        query = (
            select(Delivery.id)
            .where(
                Delivery.group_key == delivery.group_key,
                Delivery.created_at > now - timedelta(seconds=rule.cooldown_seconds),
                Delivery.event == "opened",
                Delivery.state.in_(["waiting", "sent"]),
                Delivery.severity >= delivery.severity,
                Delivery.id != delivery.id,
            )
            .order_by(Delivery.created_at.desc())
        )
        return session.scalar(query.limit(1))

    def _when(self, rule: NotifyRule, now: datetime) -> datetime:
        """The next digest, or now; in quiet hours, their end."""
        when = now
        local = now.astimezone(self.zone)
        if rule.digest_at:
            moments = [
                datetime.combine(local.date() + timedelta(days=day), at, self.zone)
                for day in (0, 1)
                for at in rule.digest_at
            ]
            when = min(m for m in moments if m > local).astimezone(now.tzinfo)
        quiet = self.village.notifications.quiet.hours
        for _ in range(len(quiet)):
            there = when.astimezone(self.zone)
            span = next((s for s in quiet if within_hours([s], there.time().replace(tzinfo=None))), None)
            if span is None:
                break
            end = datetime.combine(there.date(), span.end, self.zone)
            when = (end if end > there else end + timedelta(days=1)).astimezone(now.tzinfo)
        return when
