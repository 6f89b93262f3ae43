"""The process is killed before every statement and every commit of alert → incident → outbox → delivery.

After a restart each incident is there once, each step was taken once, and each message arrived at least once, always
with the same id. The process is a real one that dies without a word; the receiver is a real one that checks signatures.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from alerts.incidents import raise_alert
from alerts.lifecycle import StaleIncident, apply_action
from alerts.notify.courier import LEASE, Courier
from alerts.notify.webhook import verify
from alerts.reports import Given, submit
from alerts.tick import tick
from configs.kinds import load_kinds
from configs.site import Place
from configs.village import DEFAULT_VILLAGE, Notifications, Village, load_village
from configs.words import IncidentKind, Role
from models.governance import Delivery
from models.session import Database, open_database
from models.tables import Alert, Incident, IncidentChange, OutboxMessage
from tests.alerts.conftest import without_waiting_for_the_disk
from tests.alerts.people import NOON, draft
from tests.support.receiver import Elsewhere, receiving_elsewhere

KINDS = load_kinds()
PLACE = Place(x=0.45, y=0.45)
SECRET = "s3cret"
#: The first of a fire's chain is to be woken, and not yet the second.
LATE = NOON + timedelta(seconds=KINDS.by_kind[IncidentKind.FIRE].targets.confirm + 10)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with receiving_elsewhere(tmp_path_factory.mktemp("receiver")) as found:
        yield found


def village_telling(url: str) -> Village:
    """Everything is told to one webhook."""
    told = Notifications.model_validate(
        {
            "channels": [{"id": "hook", "kind": "webhook", "url": url, "secret": SECRET, "allow_private": True}],
            "rules": [{"id": "all", "on": ["opened", "confirm", "escalated"], "channels": ["hook"]}],
            "quiet": {"hours": []},
        }
    )
    return load_village(DEFAULT_VILLAGE, {}).model_copy(update={"notifications": told})


@dataclass(frozen=True)
class Story:
    """What happens (`work`, which whoever began it begins again after a crash), to what was there before (`before`);
    the steps of the timeline and the messages that must come of it."""

    name: str
    before: tuple[str, ...]
    work: Callable[[Database, Village, str], None]
    steps: tuple[str, ...]
    events: tuple[str, ...]


def an_alert(database: Database, village: Village, key: str, severity: int = 3) -> None:
    """What a shard does, and does again for what it does not know to be written."""
    with database.session() as session:
        raise_alert(session, key, draft(severity=severity), PLACE, rules=(village, KINDS))


def a_graver_alert(database: Database, village: Village, key: str) -> None:
    an_alert(database, village, f"{key}-again", severity=4)


def a_step(database: Database, village: Village, key: str) -> None:
    """What the console does: the same step of the same version again, when no answer came."""
    with suppress(StaleIncident), database.session() as session:
        incident_id = session.get_one(Alert, key).incident_id
        apply_action(session, incident_id, "confirm", None, Role.OPERATOR, 1, rules=(village, KINDS))


def a_clock(database: Database, village: Village, key: str) -> None:
    tick(database, LATE, (village, KINDS))


def a_report(database: Database, village: Village, key: str) -> None:
    """What a villager does, and does again when the page says that it did not work."""
    given = Given("稻草着火了", IncidentKind.FIRE, spot=(PLACE.x, PLACE.y), reporter=("phone", "13800000000"))
    with database.session() as session:
        submit(session, given, NOON, (village, KINDS))


STORIES = [
    Story("an alert", (), an_alert, ("opened",), ("opened",)),
    Story("a graver one that joins", ("alert",), a_graver_alert, ("opened", "alert_joined"), ("opened", "graver")),
    Story("a step", ("alert",), a_step, ("opened", "confirm"), ("opened", "confirm")),
    Story("a clock that runs out", ("alert",), a_clock, ("opened", "escalate"), ("opened", "escalated")),
    Story("a citizen's report", (), a_report, ("opened",), ("opened",)),
]


def deliver(database: Database, village: Village, now: datetime) -> None:
    Courier(database, village, KINDS).deliver_due(now)


def killed_at(url: str, folder: Path, number: int, work: Callable[[Database], None]) -> bool:
    """Runs `work` in a process of its own that is killed before its `number`-th statement or commit; whether it was."""
    child = os.fork()
    if child == 0:
        status = 1
        signal.alarm(60)  # one that hangs is a failure, not a wait
        try:
            database = without_waiting_for_the_disk(open_database(url, folder))
            seen = 0

            def step(*_: object) -> None:
                nonlocal seen
                seen += 1
                if seen == number:
                    os._exit(9)

            event.listen(database.engine, "before_cursor_execute", step)
            event.listen(database.engine, "commit", step)
            work(database)
            status = 0
        finally:
            os._exit(status)
    found = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert found in (0, 9), "the process failed by itself"
    return found == 9


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.name)
def test_killed_between_any_two_statements(
    database: Database, tmp_path: Path, receiver: Elsewhere, story: Story
) -> None:
    village = village_telling(receiver.url)
    url = database.engine.url.render_as_string(hide_password=False)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        key = f"alert-{number}"
        receiver.forget()
        if story.before:
            an_alert(database, village, key)
            deliver(database, village, NOON)
        database.engine.dispose()  # a connection does not survive a fork

        def whole(there: Database) -> None:
            story.work(there, village, key)  # noqa: B023
            if not story.before:  # delivering is the same in all stories: it is killed in those that begin with nothing
                deliver(there, village, LATE)

        was_killed = killed_at(url, tmp_path, number, whole)
        story.work(database, village, key)
        deliver(database, village, LATE + LEASE * 2)
        check(database, story, receiver)
        end_all(database)
    assert number > (6 if story.before else 15), "there are more statements than that"


def check(database: Database, story: Story, receiver: Elsewhere) -> None:
    """One incident, each step once, each message arrived under its one id, nothing waits."""
    with database.session() as session:
        [incident] = session.scalars(select(Incident).where(Incident.closed_at.is_(None)))
        changes = select(IncidentChange.action).where(IncidentChange.incident_id == incident.id)
        steps = list(session.scalars(changes.order_by(IncidentChange.id)))
        if story.work is a_report:  # a villager who was not answered reports again, and that joins
            assert steps in (["opened"], ["opened", "alert_joined"])
        else:
            assert tuple(steps) == story.steps
        deliveries = session.scalars(select(Delivery).where(Delivery.incident_id == incident.id)).all()
        assert sorted(d.event for d in deliveries) == sorted(story.events)
        assert {d.state for d in deliveries} == {"sent"}
        waiting = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.delivered_at.is_(None))
        assert session.scalar(waiting) == 0
        arrived = {verify(SECRET, headers, body, LATE) for headers, body in receiver.got()}
        assert arrived == {d.id for d in deliveries}


def end_all(database: Database) -> None:
    """The next round begins with nothing open."""
    with database.session() as session:
        for incident in session.scalars(select(Incident).where(Incident.closed_at.is_(None))):
            incident.state, incident.closed_at, incident.due_at = "closed", NOON, None


def test_the_same_alert_handed_over_again_after_a_crash_is_known(database: Database, receiver: Elsewhere) -> None:
    receiver.forget()
    for _ in range(3):
        an_alert(database, village_telling(receiver.url), "one")
        deliver(database, village_telling(receiver.url), NOON)
    assert len(receiver.got()) == 1
