"""The tables on both databases: stale writers are found, keys are kept, and the queries that matter use an index."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from models.base import new_id
from models.session import Database
from models.tables import (
    Alert,
    AuditEntry,
    Evidence,
    Incident,
    IncidentChange,
    MinuteCrossing,
    MinuteOccupancy,
    OutboxMessage,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def incident(**given: Any) -> Incident:
    usual: dict[str, Any] = {"kind": "fire", "summary_zh": "火", "summary_en": "Fire"}
    return Incident(**usual | {"opened_at": NOON, "last_alert_at": NOON} | given)


def alert(of: Incident, **numbers: Any) -> Alert:
    return Alert(
        incident=of,
        kind=of.kind,
        raised_at=NOON,
        first_seen_at=NOON,
        confidence=0.9,
        reason_zh="烟",
        reason_en="Smoke",
        numbers=numbers,
    )


def test_a_stale_writer_of_an_incident_is_told(database: Database) -> None:
    with database.session() as session:
        seen_by_both = incident()
        session.add(seen_by_both)
    incident_id = seen_by_both.id
    with database.session() as session:
        session.get_one(Incident, incident_id).state = "confirmed"
    with pytest.raises(StaleDataError), database.session() as session:
        session.add(seen_by_both)  # as it was read, before the other's change
        seen_by_both.state = "false_alarm"
    with database.reading() as session:
        kept = session.get_one(Incident, incident_id)
        assert (kept.state, kept.version) == ("confirmed", 2)


@pytest.mark.postgres
def test_two_sessions_at_once_cannot_both_change_an_incident(postgres_database: Database) -> None:
    with postgres_database.session() as session:
        mine = incident()
        session.add(mine)
    with pytest.raises(StaleDataError), postgres_database.session() as first:
        here = first.get_one(Incident, mine.id)
        with postgres_database.session() as second:
            second.get_one(Incident, mine.id).state = "confirmed"
        here.state = "false_alarm"


def test_an_incident_with_all_that_belongs_to_it(database: Database) -> None:
    with database.session() as session:
        whole = incident(camera_id="north-gate", place_x=0.1)
        first = alert(whole, looks=3, box=[0.1, 0.2, 0.3, 0.4], words={"zh": "烟", "en": None})
        first.evidence.append(
            Evidence(media_type="image/jpeg", path="a/b.jpg", sha256="0" * 64, size_bytes=12, captured_at=NOON)
        )
        whole.changes.append(IncidentChange(action="opened", to_state="new"))
        session.add(whole)
        session.add(OutboxMessage(topic="incident.opened", subject_id=whole.id, payload={"id": 1}))
    with database.reading() as session:
        found = session.get_one(Incident, whole.id)
        assert found.alerts[0].numbers == {"looks": 3, "box": [0.1, 0.2, 0.3, 0.4], "words": {"zh": "烟", "en": None}}
        assert found.alerts[0].evidence[0].captured_at == NOON
        assert (found.place_x, found.place_y, found.changes[0].to_state) == (0.1, None, "new")


@pytest.mark.parametrize("table", [MinuteCrossing, MinuteOccupancy])
def test_a_minute_is_there_once_and_can_be_written_again(database: Database, table: Any) -> None:
    crossing = table is MinuteCrossing
    place = {"line_id": "door"} if crossing else {"zone_id": "square"}
    values = {"crossed_in": 1, "crossed_out": 0} if crossing else {"least": 0, "mean": 0.5, "most": 1}
    row = {"camera_id": "c", "object_class": "person", "minute": NOON, "observed_seconds": 60.0, **place, **values}
    with database.session() as session:
        session.add(table(**row))
    with pytest.raises(IntegrityError), database.session() as session:
        session.add(table(**row))
    dialect = sqlite if database.is_sqlite else postgresql
    statement = dialect.insert(table).values(**row | {"observed_seconds": 30.0})
    keys = ["camera_id", *place, "object_class", "minute"]
    with database.session() as session:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_={"observed_seconds": statement.excluded.observed_seconds}
            )
        )
        assert session.scalars(select(table.observed_seconds)).all() == [30.0]


@pytest.mark.parametrize("table", [OutboxMessage, AuditEntry])
def test_the_id_of_a_deleted_row_is_not_given_again(database: Database, table: Any) -> None:
    values = {"topic": "t", "subject_id": "s"} if table is OutboxMessage else {"action": "a", "subject": "s"}
    with database.session() as session:
        first = session.scalars(insert(table).values(**values).returning(table.id)).one()
        session.execute(delete(table))
        assert session.scalars(insert(table).values(**values).returning(table.id)).one() > first


def test_what_a_stranger_writes_may_be_long(database: Database) -> None:
    with database.session() as session:
        session.add(AuditEntry(action="login.refused", subject="x" * 5000, address="y" * 500))


QUERIES: dict[str, tuple[Select[Any], str]] = {
    "open incidents, newest first": (
        select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.opened_at.desc()).limit(50),
        "ix_incidents_open",
    ),
    "all incidents, newest first": (
        select(Incident).order_by(Incident.opened_at.desc()).limit(50),
        "ix_incidents_opened_at",
    ),
    "incidents in one state, newest first": (
        select(Incident).where(Incident.state == "dispatched").order_by(Incident.opened_at.desc()).limit(50),
        "ix_incidents_state_opened_at",
    ),
    "a camera's open incident of a kind": (
        select(Incident).where(Incident.camera_id == "c7", Incident.kind == "fire", Incident.state == "new"),
        "ix_incidents_camera_id_kind_state",
    ),
    "what waits to be delivered": (
        select(OutboxMessage).where(OutboxMessage.delivered_at.is_(None)).order_by(OutboxMessage.id).limit(20),
        "ix_outbox_waiting",
    ),
    "an incident's alerts": (select(Alert).where(Alert.incident_id == "0" * 32), "ix_alerts_incident_id"),
    "what somebody did, newest first": (
        select(AuditEntry).where(AuditEntry.user_id == "u3").order_by(AuditEntry.at.desc()).limit(50),
        "ix_audit_user_id_at",
    ),
    "a line's two days": (
        select(MinuteCrossing).where(
            MinuteCrossing.camera_id == "c3",
            MinuteCrossing.line_id == "door",
            MinuteCrossing.object_class == "person",
            MinuteCrossing.minute >= NOON,
            MinuteCrossing.minute < NOON + timedelta(days=2),
        ),
        "uq_minute_crossings_camera_id",
    ),
}


def fill(database: Database) -> None:
    """Some thousand rows, mostly closed and delivered, as in a village after a year."""
    moments = [NOON + timedelta(minutes=n) for n in range(4000)]
    usual = {"kind": "fire", "summary_zh": "", "summary_en": "", "severity": 1, "version": 1}
    with database.session() as session:
        session.execute(
            insert(Incident),
            [
                usual
                | {"id": new_id(), "camera_id": f"c{n % 37}", "opened_at": at, "last_alert_at": at}
                | ({"state": "new", "closed_at": None} if n % 100 == 0 else {"state": "closed", "closed_at": at})
                for n, at in enumerate(moments)
            ],
        )
        session.execute(
            insert(OutboxMessage),
            [
                {"topic": "t", "subject_id": "s", "delivered_at": None if n % 100 == 0 else at}
                for n, at in enumerate(moments)
            ],
        )
        session.execute(
            insert(AuditEntry),
            [{"action": "a", "subject": "s", "user_id": f"u{n % 50}", "at": at} for n, at in enumerate(moments)],
        )
        session.execute(
            insert(MinuteCrossing),
            [
                {"camera_id": f"c{n % 37}", "line_id": "door", "object_class": "person", "minute": at}
                | {"crossed_in": 1, "crossed_out": 0, "observed_seconds": 60.0}
                for n, at in enumerate(moments)
            ],
        )
        owners = session.scalars(select(Incident.id)).all()
        session.execute(
            insert(Alert),
            [
                {"incident_id": owner, "kind": "fire", "raised_at": at, "first_seen_at": at, "confidence": 1.0}
                | {"reason_zh": "", "reason_en": ""}
                for owner, at in zip(owners, moments, strict=True)
            ],
        )
        session.execute(text("ANALYZE"))


def test_the_queries_that_matter_use_their_index(database: Database) -> None:
    fill(database)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.reading() as session:
        for name, (query, index) in QUERIES.items():
            said = str(query.compile(database.engine, compile_kwargs={"literal_binds": True}))
            plan = "\n".join(str(tuple(row)) for row in session.execute(text(explain + said.replace(":", r"\:"))))
            used = index if not (database.is_sqlite and index.startswith("uq_")) else "USING INDEX sqlite_autoindex"
            assert used in plan, f"{name}:\n{plan}"
