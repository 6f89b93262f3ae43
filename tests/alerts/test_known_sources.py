"""A false alarm teaches what is harmless here; reopening the incident takes it back."""

from dataclasses import replace
from datetime import UTC, datetime

from alerts.incidents import raise_alert
from alerts.known_sources import KnownSource, learn, load, resemblance
from alerts.words import AlertDraft, Reason
from configs.words import CameraId, IncidentKind, Instant, ObjectClass
from models.known_sources import KnownSourceRow
from models.tables import Incident

LOOK = [0.5, 0.5] + [0.0] * 34
BOX = [0.4, 0.5, 0.5, 0.65]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DRAFT = AlertDraft(
    IncidentKind.FIRE, CameraId("gate"), Instant(1.7e9), Instant(1.7e9), 0.9, 3, Reason("火", "fire"),
    numbers={"box": BOX, "look": LOOK},
)  # fmt: skip


def judged(session, alert_id: str, draft: AlertDraft, state: str) -> Incident:
    incident = raise_alert(session, alert_id, draft, None).incident
    incident.state = state
    session.flush()
    return incident


def test_a_false_alarm_is_known_on_its_camera_alone_and_learned_once(database):
    with database.session() as session:
        judged(session, "a" * 32, DRAFT, "false_alarm")
        assert learn(session, ["gate", "yard"], NOW) == 1
        assert learn(session, ["gate", "yard"], NOW) == 0
        known = load(session, ["gate", "yard"])
        assert known["gate"] == (KnownSource(ObjectClass.FIRE, tuple(BOX), tuple(LOOK)),)
        assert known["yard"] == ()


def test_what_was_confirmed_teaches_nothing(database):
    with database.session() as session:
        judged(session, "a" * 32, DRAFT, "confirmed")
        assert learn(session, ["gate"], NOW) == 0


def test_a_reopened_incident_is_forgotten_and_may_be_learned_again(database):
    with database.session() as session:
        incident = judged(session, "a" * 32, DRAFT, "false_alarm")
        learn(session, ["gate"], NOW)
        incident.state = "confirmed"
        assert learn(session, ["gate"], NOW) == 1
        assert load(session, ["gate"])["gate"] == ()
        assert session.query(KnownSourceRow).one().forgotten_at is not None
        incident.state = "false_alarm"
        learn(session, ["gate"], NOW)
        assert len(load(session, ["gate"])["gate"]) == 1


def test_an_alert_without_a_usable_box_teaches_nothing(sqlite_database):
    with sqlite_database.session() as session:
        for number, box in enumerate([None, [1, 2], ["a", 1, 2, 3], [0.1, float("inf"), 1, 1]]):
            draft = replace(DRAFT, numbers={"box": box} if number else {}, raised_at=Instant(1.7e9 + 9e5 * number))
            if number == 3:
                continue  # JSON of both databases refuses what is not finite
            judged(session, f"{number:032d}", draft, "false_alarm")
        assert learn(session, ["gate"], NOW) == 0


def test_resemblance_falls_with_place_size_and_colour():
    known = [KnownSource(ObjectClass.FIRE, (0.4, 0.5, 0.5, 0.6), tuple(LOOK))]
    same = resemblance(known, ObjectClass.FIRE, (0.4, 0.5, 0.5, 0.6), LOOK)
    assert same == 1.0
    assert resemblance(known, ObjectClass.FIRE, (0.41, 0.5, 0.51, 0.6), LOOK) > 0.8
    assert resemblance(known, ObjectClass.FIRE, (0.3, 0.4, 0.6, 0.7), LOOK) < 0.4
    assert resemblance(known, ObjectClass.FIRE, (0.7, 0.5, 0.8, 0.6), LOOK) == 0
    assert resemblance(known, ObjectClass.FIRE, (0.4, 0.5, 0.5, 0.6), [0.0] * 34 + [0.5, 0.5]) == 0
    assert resemblance(known, ObjectClass.FIRE, (0.4, 0.5, 0.5, 0.6), None) == 0.5
    assert resemblance(known, ObjectClass.SMOKE, (0.4, 0.5, 0.5, 0.6), LOOK) == 0
