"""What operators judge becomes a data set that training can read."""

import cv2
import numpy as np
import pytest

from alerts import feedback
from alerts.feedback import PENDING_SECONDS, FeedbackStore
from alerts.incidents import raise_alert
from alerts.words import AlertDraft, Marked, Reason
from configs.words import CameraId, IncidentKind, Instant, ObjectClass
from detectors.train.dataset import Source, load
from models.base import utc_now

JPEG = bytes(cv2.imencode(".jpg", np.full((40, 60, 3), 90, np.uint8))[1])


def draft(camera: str) -> AlertDraft:
    return AlertDraft(
        IncidentKind.SMOKE, CameraId(camera), Instant(1.7e9), Instant(1.7e9), 0.9, 2, Reason("烟", "smoke"),
        (Marked(ObjectClass.SMOKE, 0.7, (0.2, 0.2, 0.4, 0.6)),), {"log_odds": 2.5},
    )  # fmt: skip


def alert(store: FeedbackStore, session, camera: str, alert_id: str, state: str, confirmed: bool = False) -> None:
    incident = raise_alert(session, alert_id, draft(camera), None).incident
    incident.state = state
    incident.confirmed_at = utc_now() if confirmed else None
    session.flush()
    store.keep(alert_id, draft(camera), JPEG)


def test_confirmed_and_rejected_become_what_training_reads(sqlite_database, tmp_path):
    store = FeedbackStore(tmp_path / "feedback")
    with sqlite_database.session() as session:
        alert(store, session, "yard", "a" * 32, "confirmed", confirmed=True)
        alert(store, session, "gate", "b" * 32, "false_alarm")
        alert(store, session, "mill", "c" * 32, "new")
        assert store.settle(session) == 2
        assert store.settle(session) == 0
    samples = {s.path.stem: s for part in load(tmp_path, [Source("feedback")]).values() for s in part}
    assert set(samples) == {"a" * 32, "b" * 32}
    assert samples["a" * 32].boxes[0] == pytest.approx([0, 0.2, 0.2, 0.4, 0.6])
    assert samples["b" * 32].is_negative
    assert samples["a" * 32].scene != samples["b" * 32].scene
    assert [p.stem for p in (tmp_path / "feedback" / "pending").glob("*.jpg")] == ["c" * 32]


def test_what_nobody_judges_is_dropped_in_the_end_and_duplicates_teach_nothing(sqlite_database, tmp_path):
    store = FeedbackStore(tmp_path)
    with sqlite_database.session() as session:
        alert(store, session, "yard", "a" * 32, "new")
        alert(store, session, "gate", "b" * 32, "duplicate")
        assert store.settle(session, now=utc_now().timestamp() + PENDING_SECONDS + 60) == 0
    assert list((tmp_path / "pending").iterdir()) == []


def test_what_waits_and_what_is_kept_is_bounded(sqlite_database, tmp_path, monkeypatch):
    monkeypatch.setattr(feedback, "MOST_PENDING", 3)
    monkeypatch.setattr(feedback, "MOST_KEPT", 2)
    store = FeedbackStore(tmp_path)
    with sqlite_database.session() as session:
        for n in range(6):
            alert(store, session, f"camera-{n}", f"{n:032d}", "false_alarm")
        assert len(list((tmp_path / "pending").glob("*.jpg"))) == 3
        assert store.settle(session) == 3
    assert len(list((tmp_path / "images").iterdir())) == len(list((tmp_path / "labels").iterdir())) == 2
