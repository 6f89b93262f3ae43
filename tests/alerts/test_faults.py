"""A process killed between any two statements of alert → incident → outbox → delivery.

Afterwards each incident is there once, and each message arrives at least once, always with the same id.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import event, func, select

from alerts.incidents import raise_alert
from alerts.notify.channels import Parcel
from alerts.notify.courier import LEASE, Courier
from configs.kinds import load_kinds
from configs.site import Place
from configs.village import Channel, ChannelKind
from models.governance import Delivery
from models.session import Database, open_database
from models.tables import Alert, Incident, IncidentChange, OutboxMessage
from tests.alerts.people import NOON, draft
from tests.alerts.test_notify import with_rules

KINDS = load_kinds()
PLACE = Place(x=0.45, y=0.45)
VILLAGE = with_rules()


def pipeline(database: Database, now: datetime, arrived: Path, alert_id: str) -> None:
    """What shard and courier do, the receiver being a file."""

    def send(channel: Channel, parcel: Parcel, moment: datetime) -> None:
        with arrived.open("a") as file:
            file.write(parcel.id + "\n")

    with database.session() as session:
        raise_alert(session, alert_id, draft(), PLACE, rules=(VILLAGE, KINDS))
    Courier(database, VILLAGE, KINDS, dict.fromkeys(ChannelKind, send)).deliver_due(now)


def killed_at(url: str, folder: Path, number: int, work: Callable[[Database], None]) -> bool:
    """Runs `work` in a process of its own that is killed before its `number`-th statement or commit; whether it was."""
    child = os.fork()
    if child == 0:
        try:
            database = open_database(url, folder)
            seen = 0

            def step(*_: object) -> None:
                nonlocal seen
                seen += 1
                if seen == number:
                    os._exit(9)

            event.listen(database.engine, "before_cursor_execute", step)
            event.listen(database.engine, "commit", step)
            work(database)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_killed_between_any_two_statements(database: Database, tmp_path: Path) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    database.engine.dispose()  # a connection does not survive a fork
    number = 0
    while True:
        number += 1
        alert_id, arrived = f"alert-{number}", tmp_path / f"arrived-{number}"
        was_killed = killed_at(url, tmp_path, number, lambda d: pipeline(d, NOON, arrived, alert_id))  # noqa: B023
        pipeline(database, NOON + LEASE * 2, arrived, alert_id)
        with database.session() as session:
            incident_id = session.get_one(Alert, alert_id).incident_id
            assert session.scalar(select(func.count()).select_from(Incident).where(Incident.closed_at.is_(None))) == 1
            opened = select(IncidentChange).where(IncidentChange.incident_id == incident_id)
            assert [c.action for c in session.scalars(opened)] == ["opened"]
            [delivery] = session.scalars(select(Delivery).where(Delivery.incident_id == incident_id))
            assert delivery.state == "sent" and set(arrived.read_text().split()) == {delivery.id}
            assert not session.scalars(select(OutboxMessage).where(OutboxMessage.delivered_at.is_(None))).all()
            ended = session.get_one(Incident, incident_id)
            ended.state, ended.closed_at, ended.due_at = "closed", NOON, None
        database.engine.dispose()
        if not was_killed:
            break
    assert number > 15, "the pipeline has more statements than that"


def test_the_same_alert_handed_over_again_after_a_crash_is_known(database: Database, tmp_path: Path) -> None:
    for _ in range(3):
        pipeline(database, NOON, tmp_path / "arrived", "one")
    assert len((tmp_path / "arrived").read_text().split()) == 1
