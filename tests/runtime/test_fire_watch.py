"""One camera's watch for smoke and fire, and the desk beside it: masks, hours, closer looks, what operators teach."""

import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from alerts.feedback import FeedbackStore
from alerts.incidents import raise_alert
from alerts.known_sources import KnownSource
from alerts.words import AlertDraft, Reason
from configs.site import MonitoringPoint, Name, Settings
from configs.words import CameraId, IncidentKind, Instant, ObjectClass, StreamRole
from detectors.words import Detections
from ingest.words import Frame
from runtime.camera_watch import CameraWatch
from runtime.fire_desk import MOST_WAITING, FireDesk, crop_around, look_closer

FLAME = (0.40, 0.50, 0.50, 0.65)
NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC).timestamp()  # noon in Shanghai


def watch_of(**more) -> CameraWatch:
    point = MonitoringPoint.model_validate(
        {
            "id": "yard", "name": {"zh": "院", "en": "Yard"}, "place": {"x": 0.5, "y": 0.5}, "group": "g",
            "streams": {"sub": "rtsp://localhost/a"}, "watch": ["smoke_fire"], **more,
        }
    )  # fmt: skip
    return CameraWatch(point, Settings(name=Name(zh="村", en="Village")))


def flame(score: float = 0.8) -> Detections:
    return Detections(np.array([FLAME], np.float32), np.array([score], np.float32), (ObjectClass.FIRE,), 16 / 9)


def alerts(watch: CameraWatch, start: float = NOON) -> int:
    """How many alerts ten seconds of a flickering flame lead to."""
    rng = np.random.default_rng(1)
    found = 0
    for index in range(100):
        now = Instant(start + index / 10)
        picture = np.full((90, 160, 3), 60, np.uint8)
        picture[45:58, 64:80] = np.array([40, 120, 200]) + rng.integers(-40, 40, 3)
        watch.see_picture(picture, now)
        if index % 3 == 0:
            found += len(watch.see_smoke_fire(flame(), now, index / 10).drafts)
    return found


def zone(ignore: list[str]) -> dict:
    return {
        "id": "stove", "name": {"zh": "灶", "en": "Stove"}, "ignore": ignore,
        "polygon": [[0.3, 0.4], [0.6, 0.4], [0.6, 0.8], [0.3, 0.8]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 1),
        ({"zones": [zone(["fire", "smoke"])]}, 0),
        ({"zones": [zone(["smoke", "person"])]}, 1),
        ({"schedule": {"smoke_fire": [{"start": "20:00", "end": "06:00"}]}}, 0),
        ({"schedule": {"smoke_fire": [{"start": "08:00", "end": "18:00"}]}}, 1),
    ],
)
def test_masks_and_hours_are_honoured(more, expected):
    assert alerts(watch_of(**more)) == expected


def test_patches_are_kept_only_while_something_is_suspected():
    watch = watch_of()
    watch.see_picture(np.zeros((90, 160, 3), np.uint8), Instant(0.0))
    assert watch._patches.is_idle
    watch.see_smoke_fire(flame(), Instant(0.1), 0.1)
    assert not watch._patches.is_idle


def test_a_crop_keeps_the_proportions_of_the_input_and_stays_in_the_picture():
    left, top, right, bottom = crop_around((0.0, 0.0, 0.05, 0.1), (1920, 1080), (416, 256))
    assert left == top == 0
    assert (right * 1920) / (bottom * 1080) == pytest.approx(416 / 256, rel=0.01)
    assert crop_around((0.1, 0.1, 0.6, 0.9), (1920, 1080), (416, 256)) is None


class Engine:
    name, input_size, classes, parallel = "test", (416, 256), (ObjectClass.SMOKE, ObjectClass.FIRE), 1

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []
        self.asked = threading.Event()

    def detect(self, picture):
        self.seen.append(picture)
        self.asked.set()
        return flame(0.9)


class Camera:
    def newest_frame(self, role, timeout):
        assert role is StreamRole.MAIN
        picture = np.zeros((1080, 1920, 3), np.uint8)
        picture[540:702, 768:960] = 255
        return Frame(CameraId("yard"), role, lambda: picture, picture[:2, :2, 0], 0.0, Instant(0.0), (1920, 1080))


def test_a_closer_look_shows_the_place_at_full_size():
    engine = Engine()
    assert look_closer(engine, Camera().newest_frame(StreamRole.MAIN, 1).picture, FLAME) == {
        ObjectClass.FIRE: pytest.approx(0.9)
    }
    (crop,) = engine.seen
    assert 400 < crop.shape[1] < 700 and crop.mean() > 30


def test_the_desk_answers_closer_looks(sqlite_database, tmp_path):
    watch, engine = watch_of(), Engine()
    desk = FireDesk(engine, sqlite_database, FeedbackStore(tmp_path), {CameraId("yard"): watch})
    watch.see_smoke_fire(flame(0.4), Instant(0.0), 0.0)
    desk.start()
    desk.look(Camera(), watch, watch.second_looks(Instant(0.0)))
    assert engine.asked.wait(20)
    desk.stop(20)
    assert desk.failed == 0


def test_what_the_desk_cannot_hold_is_dropped_and_counted(sqlite_database, tmp_path):
    desk = FireDesk(Engine(), sqlite_database, FeedbackStore(tmp_path), {})
    for _ in range(MOST_WAITING + 5):
        desk.look(Camera(), watch_of(), {1: FLAME})
    assert desk.dropped == 5


def test_a_false_alarm_reaches_the_judge_of_its_camera(sqlite_database, tmp_path):
    learned = threading.Event()

    class Watch:
        def learn_known_sources(self, known):
            self.known = known
            learned.set()

    draft = AlertDraft(
        IncidentKind.FIRE, CameraId("yard"), Instant(1.7e9), Instant(1.7e9), 0.9, 3, Reason("火", "fire"),
        numbers={"box": list(FLAME)},
    )  # fmt: skip
    with sqlite_database.session() as session:
        raise_alert(session, "a" * 32, draft, None).incident.state = "false_alarm"
    watch = Watch()
    desk = FireDesk(None, sqlite_database, FeedbackStore(tmp_path), {CameraId("yard"): watch})
    desk.start()
    assert learned.wait(20)
    desk.stop(20)
    assert watch.known == (KnownSource(ObjectClass.FIRE, FLAME),)
