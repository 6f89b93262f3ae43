"""The scribe: an alert is written once, whatever fails in between."""

import threading
from dataclasses import replace

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from alerts.evidence import EvidenceStore
from alerts.words import AlertDraft, Marked, Reason
from configs.words import CameraId, IncidentKind, Instant, ObjectClass
from models.tables import Alert, Evidence, Incident
from runtime.scribe import Scribe

DRAFT = AlertDraft(
    IncidentKind.FIRE,
    CameraId("straw-yard"),
    Instant(1_000_000.0),
    Instant(1_000_003.0),
    0.9,
    3,
    Reason("因为", "because"),
    (Marked(ObjectClass.FIRE, 0.8, (0.1, 0.1, 0.4, 0.5)),),
)
PICTURE = np.full((90, 160, 3), 80, np.uint8)


class Told:
    """Collects what the scribe tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.one = threading.Event()

    def __call__(self, kind: str, incident_id: str) -> None:
        self.events.append((kind, incident_id))
        self.one.set()


class Failing:
    """A database whose sessions fail a few times, as when it is locked or away."""

    def __init__(self, database, failures: int) -> None:
        self._database, self.failures = database, failures

    def session(self):
        if self.failures:
            self.failures -= 1
            raise OperationalError("BEGIN", {}, Exception("database is locked"))
        return self._database.session()


def write(database, folder, picture=lambda: PICTURE) -> Told:
    told = Told()
    scribe = Scribe(database, EvidenceStore(folder), told)
    scribe.start()
    scribe.alert(DRAFT, None, picture)
    assert told.one.wait(20)
    scribe.stop(10)
    return told


def test_an_alert_is_written_with_its_picture_and_told(database, tmp_path):
    told = write(database, tmp_path)
    with database.session() as session:
        evidence = session.scalars(select(Evidence)).one()
        incident = session.scalars(select(Incident)).one()
        assert told.events == [("incident.opened", incident.id)]
        data = (tmp_path / evidence.path).read_bytes()
        assert data[:2] == b"\xff\xd8" and len(data) == evidence.size_bytes


def test_a_database_that_fails_twice_gets_the_alert_once(sqlite_database, tmp_path):
    write(Failing(sqlite_database, 2), tmp_path)
    with sqlite_database.session() as session:
        assert session.scalar(select(func.count(Alert.id))) == 1
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_a_disk_that_is_full_does_not_hold_back_the_alert(sqlite_database, tmp_path):
    class FullDisk(EvidenceStore):
        def save(self, *args, **kwargs):
            raise OSError(28, "No space left on device")

    told = Told()
    scribe = Scribe(sqlite_database, FullDisk(tmp_path), told)
    scribe.start()
    scribe.alert(DRAFT, None, lambda: PICTURE)
    assert told.one.wait(20)
    scribe.stop(10)
    with sqlite_database.session() as session:
        assert session.scalar(select(func.count(Alert.id))) == 1
        assert session.scalar(select(func.count(Evidence.id))) == 0


def test_what_waits_at_the_end_is_written(sqlite_database, tmp_path):
    scribe = Scribe(sqlite_database, EvidenceStore(tmp_path), Told())
    for _ in range(20):
        scribe.alert(DRAFT, None, lambda: None)
    scribe.start()
    scribe.stop(20)
    with sqlite_database.session() as session:
        assert session.scalar(select(func.count(Alert.id))) == 20
        assert session.scalar(select(func.count(Incident.id))) == 1


def test_what_waits_together_is_written_together_and_one_bad_alert_holds_up_no_other(sqlite_database, tmp_path):
    class Counting(Failing):
        sessions = 0

        def session(self):
            Counting.sessions += 1
            return super().session()

    told = Told()
    scribe = Scribe(Counting(sqlite_database, 0), EvidenceStore(tmp_path), told)
    bad = replace(DRAFT, numbers={"not": object()})  # cannot be JSON
    for number in range(80):
        scribe.alert(replace(DRAFT, numbers={"n": number}), None, lambda: None)
    scribe.start()
    scribe.stop(20)
    assert Counting.sessions == 2 and scribe.alerts_written == 80
    scribe = Scribe(sqlite_database, EvidenceStore(tmp_path), told)
    for draft in (DRAFT, bad, DRAFT):
        scribe.alert(draft, None, lambda: None)
    scribe.start()
    scribe.stop(20)
    with sqlite_database.session() as session:
        assert session.scalar(select(func.count(Alert.id))) == 82
