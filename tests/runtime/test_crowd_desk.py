"""Closer looks at crowds beside the looks of a shard: they reach the count, are bounded, and end."""

import threading

import numpy as np

from configs.areas import Name, Zone
from configs.site import MonitoringPoint, Place, Settings, Streams
from configs.words import CameraId, Instant, StreamRole, Watch
from detectors.words import Detections
from ingest.words import Frame
from runtime.camera_watch import CameraWatch
from runtime.crowd_desk import MOST_WAITING, STALE_SECONDS, CrowdDesk
from tests.support.fake_clock import FakeClock
from tests.support.walks import people, standing

WHOLE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
FOUR = people(*(standing(0.1 + 0.2 * i, 0.3, 0.1) for i in range(4)))


def watch_of() -> CameraWatch:
    point = MonitoringPoint(
        id="square",
        name=Name(zh="广场", en="Square"),
        place=Place(x=0.5, y=0.5),
        group="all",
        streams=Streams.model_validate({"sub": "rtsp://square/sub"}),
        watch=[Watch.CROWD],
        zones=[Zone(id="whole", name=Name(zh="全场", en="Whole"), polygon=WHOLE, crowd_at=6)],
    )
    return CameraWatch(point, Settings(name=Name(zh="余东", en="Yudong")))


class Engine:
    name, input_size, classes, parallel = "test", (416, 256), (), 1

    def __init__(self, found: Detections | Exception) -> None:
        self.found, self.shown, self.asked = found, 0, threading.Semaphore(0)

    def detect(self, picture):
        self.shown += 1
        self.asked.release()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Camera:
    camera_id = CameraId("square")

    def newest_frame(self, role, timeout):
        assert role is StreamRole.MAIN
        picture = np.zeros((1080, 1920, 3), np.uint8)
        return Frame(self.camera_id, role, lambda: picture, picture[:2, :2, 0], 2.0, Instant(2.0), (1920, 1080))


def see(watch: CameraWatch, at: float) -> None:
    watch.see_objects(FOUR, Instant(at), at)


def test_a_closer_look_reaches_the_count_and_a_crowd_is_told():
    watch, engine = watch_of(), Engine(people(standing(0.2, 0.9, 0.1), standing(0.8, 0.9, 0.1)))
    for at in (0.0, 0.5, 1.0, 1.5, 2.0):
        see(watch, at)
    assert watch.people_by_zone() == {"whole": 4}
    assert watch.closer_count_due() and not watch.closer_count_due()
    desk = CrowdDesk(engine)
    desk.start()
    desk.look(Camera(), watch)
    assert all(engine.asked.acquire(timeout=20) for _ in range(4))
    desk.stop(20)
    assert (desk.looks, desk.dropped, desk.failed) == (1, 0, 0)
    see(watch, 2.5)
    assert watch.people_by_zone() == {"whole": 8}


def test_what_the_desk_cannot_hold_is_dropped_and_counted():
    desk = CrowdDesk(Engine(FOUR))
    for _ in range(MOST_WAITING + 5):
        desk.look(Camera(), watch_of())
    assert desk.dropped == 5


def test_what_waited_too_long_is_not_looked_at():
    clock, engine = FakeClock(), Engine(FOUR)
    desk = CrowdDesk(engine, clock.monotonic)
    desk.look(Camera(), watch_of())
    clock.advance(STALE_SECONDS + 0.1)
    desk.start()
    desk.stop(20)
    assert engine.shown == 0


def test_an_engine_that_fails_is_counted_and_the_thread_goes_on():
    engine, stopped = Engine(RuntimeError("no memory")), FakeClock()
    desk = CrowdDesk(engine, stopped.monotonic)  # nothing grows stale on a stopped clock
    desk.start()
    for _ in range(2):
        desk.look(Camera(), watch_of())
        assert engine.asked.acquire(timeout=20)
    desk.stop(20)
    assert desk.failed == 2 and desk.looks == 0


def test_without_a_model_nothing_is_asked():
    desk = CrowdDesk(None)
    for _ in range(MOST_WAITING + 5):
        desk.look(Camera(), watch_of())
    assert desk.dropped == 0
