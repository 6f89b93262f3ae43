"""The courier: plans what the outbox holds, sends what is due, tries again.

Promises: at least once, with the same id each time; a delivery that is being sent is leased, so two couriers do not
send it at once and a killed one's comes due again; a slow channel holds up others for at most its timeout. No
transaction is open while something is sent. Not here: rules (`planner.py`), the protocols (`channels.py`).
"""

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from alerts.notify.channels import SENDERS, Browser, Parcel, Sender, vapid_pem
from alerts.notify.planner import Planner
from alerts.notify.webhook import PassingFailure, PermanentFailure
from alerts.notify.words import EVENTS
from configs.kinds import IncidentKinds
from configs.village import Channel, ChannelKind, Village, incident_kinds, village
from models.base import utc_now
from models.errors import DatabaseUnavailable
from models.governance import Delivery, PushSubscription
from models.session import Database

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
_FIRST_RETRY_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 3600.0
_MOST_AT_ONCE = 64
_SENDING_AT_ONCE = 4
_MOST_ROUNDS = 20
_BREATH_SECONDS = 0.02


@dataclass(slots=True)
class Delivered:
    """What one round did."""

    planned: int = 0
    sent: int = 0
    put_off: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    """One thing to send: a delivery, or several as a digest."""

    ids: tuple[str, ...]
    attempts: int
    channel: Channel
    parcel: Parcel
    subscription_id: str | None


class Courier:
    """Call `deliver_due` from one thread, or let `run` do so."""

    def __init__(
        self,
        database: Database,
        place: Village | None = None,
        kinds: IncidentKinds | None = None,
        senders: Mapping[ChannelKind, Sender] | None = None,
    ) -> None:
        self._database = database
        self._village = place or village()
        self._planner = Planner(self._village, kinds or incident_kinds())
        self._senders = dict(senders or SENDERS)
        self._channels = {c.id: c for c in self._village.notifications.channels}

    def run(self, stop: threading.Event, every_seconds: float = 2.0) -> None:
        """Delivers until told to stop; a database that is away is waited for."""
        while not stop.wait(every_seconds):
            try:
                self.deliver_due(utc_now())
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                log.error("messages wait for the database: %s", type(error).__name__)

    def deliver_due(self, now: datetime) -> Delivered:
        """One round: plans, then sends what is due. Raises DatabaseUnavailable."""
        done = Delivered()
        for _ in range(_MOST_ROUNDS):
            with self._database.session() as session:
                planned = self._planner.plan(session, now)
            done.planned += planned
            if planned == 0:
                break
            # Whoever waits to write on SQLite asks now and then: between two rounds there must be a moment to find.
            time.sleep(_BREATH_SECONDS)
        with self._database.session() as session:
            jobs = self._lease(session, now)
        if jobs:
            with ThreadPoolExecutor(min(_SENDING_AT_ONCE, len(jobs)), "courier") as pool:
                for job, failure in zip(jobs, pool.map(lambda j: self._send(j, now), jobs), strict=True):
                    self._write_down(job, failure, now, done)
        return done

    def test(self, channel_id: str, now: datetime, subscription_id: str | None = None) -> Delivery:
        """Sends a test message at once and says how it went. Raises KeyError for a channel that is not there."""
        channel = self._channels[channel_id]
        zh, en = EVENTS["test"]
        content = {
            "event": "test", "title": {"zh": f"【{zh}】", "en": en}, "at": now.isoformat(), "link": "/",
            "body": {"zh": "乡村大脑通知渠道正常。", "en": "This channel of the village brain works."},
        }  # fmt: skip
        delivery = Delivery(
            id=uuid.uuid4().hex, rule_id="test", channel_id=channel_id, target=subscription_id or "", event="test",
            severity=1, content=content, state="waiting", attempts=1, next_at=now + LEASE, created_at=now,
        )  # fmt: skip
        with self._database.session() as session:
            session.add(delivery)
            session.flush()
            job = self._job(session, channel, (delivery,))
        failure = self._send(job, now)
        if isinstance(failure, PassingFailure):
            failure = PermanentFailure(str(failure))  # a test is not tried again later
        self._write_down(job, failure, now, Delivered())
        with self._database.reading() as session:
            return session.get_one(Delivery, delivery.id)

    def _lease(self, session: Session, now: datetime) -> list[_Job]:
        due = session.scalars(
            select(Delivery)
            .where(Delivery.state == "waiting", Delivery.next_at <= now)
            .order_by(Delivery.next_at, Delivery.id)
            .limit(_MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        jobs = []
        keyed = sorted(due, key=lambda d: (d.channel_id, d.target, d.rule_id if d.digest else d.id))
        for _, group in groupby(keyed, key=lambda d: (d.channel_id, d.target, d.rule_id if d.digest else d.id)):
            together = tuple(sorted(group, key=lambda d: (d.created_at, d.id)))
            for delivery in together:
                delivery.attempts += 1
                delivery.next_at = now + LEASE
            channel = self._channels.get(together[0].channel_id)
            if channel is None:
                for delivery in together:
                    delivery.state, delivery.last_error = "failed", "its channel is no longer in village.yaml"
                continue
            jobs.append(self._job(session, channel, together))
        return jobs

    def _job(self, session: Session, channel: Channel, together: tuple[Delivery, ...]) -> _Job:
        first = together[0]
        content = first.content if len(together) == 1 else _digest(together)
        grouped = select(func.count()).where(Delivery.grouped_into.in_([d.id for d in together]))
        browser = key = None
        if channel.kind is ChannelKind.PUSH:
            there = session.get(PushSubscription, first.target)
            if there is not None and there.gone_at is None:
                browser, key = Browser(there.endpoint, there.p256dh, there.auth), vapid_pem(session)
        parcel = Parcel(first.id, content, session.scalar(grouped) or 0, browser, key)
        attempts = max(d.attempts for d in together)
        return _Job(tuple(d.id for d in together), attempts, channel, parcel, first.target or None)

    def _send(self, job: _Job, now: datetime) -> Exception | None:
        try:
            self._senders[job.channel.kind](job.channel, job.parcel, now)
        except (PassingFailure, PermanentFailure) as failure:
            return failure
        except Exception as error:  # a library's surprise must not stop the other messages
            log.exception("a message through %s failed", job.channel.id)
            return PassingFailure(f"unexpected: {type(error).__name__}")
        return None

    def _write_down(self, job: _Job, failure: Exception | None, now: datetime, done: Delivered) -> None:
        values: dict[str, object] = {"state": "sent", "sent_at": now, "last_error": None}
        given_up = job.attempts >= self._village.notifications.most_attempts
        if isinstance(failure, PermanentFailure) or (failure is not None and given_up):
            values = {"state": "failed", "last_error": str(failure)}
            done.failed += len(job.ids)
            log.error("a message through %s is given up: %s", job.channel.id, failure)
        elif isinstance(failure, PassingFailure):
            wait = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2 ** (job.attempts - 1))
            wait = min(_LONGEST_RETRY_SECONDS, max(wait, failure.retry_after or 0.0))
            values = {"next_at": now + timedelta(seconds=wait), "last_error": str(failure)}
            done.put_off += len(job.ids)
        else:
            done.sent += len(job.ids)
        with self._database.session() as session:
            session.execute(update(Delivery).where(Delivery.id.in_(job.ids)).values(**values))
            gone = isinstance(failure, PermanentFailure) and job.channel.kind is ChannelKind.PUSH
            if gone and job.subscription_id is not None:
                session.execute(
                    update(PushSubscription).where(PushSubscription.id == job.subscription_id).values(gone_at=now)
                )


def _digest(together: tuple[Delivery, ...]) -> dict[str, object]:
    """Several messages as one."""
    return {
        "event": "digest",
        "title": {"zh": f"【汇总】{len(together)} 条", "en": f"Digest: {len(together)} messages"},
        "body": {
            language: "\n".join(f"{d.content['title'][language]} {d.content['body'][language]}" for d in together)
            for language in ("zh", "en")
        },
        "items": [d.content for d in together],
        "link": "/incidents",
        "at": together[-1].created_at.isoformat(),
    }
