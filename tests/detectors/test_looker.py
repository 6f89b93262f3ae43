"""The looker: frames in from several threads, fresh looks out, bounded, in order, and an end to every thread."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from configs.words import CameraId, Instant, ObjectClass, StreamRole
from detectors.catalogue import Task
from detectors.engine import Picture
from detectors.looker import Looker
from detectors.pace import Pace
from detectors.pooled import PooledEngine
from detectors.words import Detections
from ingest.words import Frame
from tests.support.fake_clock import FakeClock

PEOPLE, FIRE = Task.PEOPLE_VEHICLES, Task.SMOKE_FIRE
#: Every frame is wanted.
EAGER = Pace(floor=1e-6, active=1e-6, urgent=1e-6)
LONG = 20.0


def engine_of(look: Callable[[Picture], Detections], parallel: int = 2) -> PooledEngine:
    return PooledEngine(look, "test engine", (64, 36), (ObjectClass.PERSON,), parallel)


def sees_the_first_pixel(picture: Picture) -> Detections:
    """One person whose confidence is the value of the picture's first pixel."""
    return Detections(
        np.array([[0.1, 0.1, 0.2, 0.3]], np.float32),
        np.array([picture[0, 0, 0] / 255], np.float32),
        (ObjectClass.PERSON,),
        picture.shape[1] / picture.shape[0],
    )


def frame(camera: str, value: int, at: float) -> Frame:
    picture = np.full((36, 64, 3), value, np.uint8)
    return Frame(CameraId(camera), StreamRole.SUB, lambda: picture, picture[:, :, 0], at, Instant(at), (64, 36))


class Seen:
    """Collects looks, and waits for them."""

    def __init__(self) -> None:
        self.looks: list[tuple[CameraId, Task, Frame, Detections]] = []
        self._more = threading.Condition()

    def __call__(self, camera_id: CameraId, task: Task, frame: Frame, detections: Detections) -> None:
        with self._more:
            self.looks.append((camera_id, task, frame, detections))
            self._more.notify_all()

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.looks) >= count, LONG), (
                f"{len(self.looks)} of {count} looks came"
            )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def started() -> Iterator[Callable[..., Looker]]:
    """Starts lookers and ends them, with their engines."""
    running: list[tuple[Looker, list[PooledEngine]]] = []

    def start(engines: dict[Task, PooledEngine], on_look: Seen, clock: FakeClock, **more: float) -> Looker:
        looker = Looker(engines, on_look, clock=clock.monotonic, wall=clock.wall, **more)
        running.append((looker, list(engines.values())))
        looker.start()
        return looker

    yield start
    for looker, engines in running:
        looker.stop()
        for engine in engines:
            engine.close()


def test_each_look_comes_with_its_own_cameras_frame_and_in_order(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    cameras = [f"c{n}" for n in range(6)]
    for camera in cameras:
        looker.add(CameraId(camera), {PEOPLE: EAGER})
    for value in range(1, 21):
        clock.advance(0.1)
        before = len(seen.looks)
        for n, camera in enumerate(cameras):
            looker.offer(frame(camera, value * 10 + n, clock.wall()))
        seen.wait_for(before + len(cameras))
    values: dict[str, list[int]] = defaultdict(list)
    for camera_id, task, shown, detections in seen.looks:
        assert task is PEOPLE
        assert shown.camera_id == camera_id
        assert detections.scores[0] == pytest.approx(shown.picture[0, 0, 0] / 255)
        values[camera_id].append(int(shown.picture[0, 0, 0]))
    assert values == {camera: [v * 10 + n for v in range(1, 21)] for n, camera in enumerate(cameras)}


def test_a_frame_that_waited_is_replaced_by_a_newer_one_and_counted(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(picture: Picture) -> Detections:
        inside.set()
        assert go_on.wait(LONG)
        return sees_the_first_pixel(picture)

    looker = started({PEOPLE: engine_of(slow, parallel=1)}, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("gate", 1, clock.wall()))
    assert inside.wait(LONG)
    for value in range(2, 8):
        clock.advance(0.1)
        looker.offer(frame("gate", value, clock.wall()))
    go_on.set()
    seen.wait_for(2)
    assert [int(shown.picture[0, 0, 0]) for _, _, shown, _ in seen.looks] == [1, 7]
    assert looker.camera_counters(CameraId("gate")).shed == 5


def test_a_stale_frame_is_not_looked_at(started: Callable[..., Looker], seen: Seen, clock: FakeClock) -> None:
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    clock.advance(10)
    looker.offer(frame("gate", 1, clock.wall() - 5.0))
    looker.offer(frame("other", 2, clock.wall()))  # never added: ignored
    looker.add(CameraId("lane"), {PEOPLE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("lane", 3, clock.wall()))
    seen.wait_for(1)
    assert [camera for camera, *_ in seen.looks] == ["lane"]


def test_a_slow_receiver_stops_new_looks_instead_of_piling_up_results(
    started: Callable[..., Looker], clock: FakeClock
) -> None:
    go_on, looked = threading.Event(), threading.Semaphore(0)
    count = 0

    class Slow(Seen):
        def __call__(self, *look: object) -> None:
            assert go_on.wait(LONG)
            super().__call__(*look)  # type: ignore[arg-type]

    def counted(picture: Picture) -> Detections:
        nonlocal count
        count += 1
        looked.release()
        return sees_the_first_pixel(picture)

    seen = Slow()
    looker = started({PEOPLE: engine_of(counted)}, seen, clock)
    for n in range(40):
        looker.add(CameraId(f"c{n}"), {PEOPLE: EAGER})
    clock.advance(0.1)
    for n in range(40):
        looker.offer(frame(f"c{n}", n, clock.wall()))
    for _ in range(8):
        assert looked.acquire(timeout=LONG)
    assert count <= 8 + 2
    go_on.set()
    seen.wait_for(40)


def test_a_failed_look_is_counted_and_the_others_go_on(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    def fails_on_black(picture: Picture) -> Detections:
        if picture[0, 0, 0] == 0:
            raise RuntimeError("the network gave up")
        return sees_the_first_pixel(picture)

    looker = started({PEOPLE: engine_of(fails_on_black)}, seen, clock)
    for camera in ("bad", "good"):
        looker.add(CameraId(camera), {PEOPLE: EAGER})
    for n in range(1, 6):
        clock.advance(0.1)
        looker.offer(frame("bad", 0, clock.wall()))
        looker.offer(frame("good", n, clock.wall()))
        seen.wait_for(n)
    assert {camera for camera, *_ in seen.looks} == {"good"}
    assert looker.counters().engine_errors >= 1


def test_a_receiver_that_raises_is_counted_and_called_again(started: Callable[..., Looker], clock: FakeClock) -> None:
    class Raises(Seen):
        def __call__(self, *look: object) -> None:
            super().__call__(*look)  # type: ignore[arg-type]
            if len(self.looks) == 1:
                raise ValueError("a bug downstream")

    seen = Raises()
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    for n in range(1, 4):
        clock.advance(0.1)
        looker.offer(frame("gate", n, clock.wall()))
        seen.wait_for(n)
    looker.stop()
    assert looker.counters().receiver_errors == 1


def test_a_task_without_an_engine_is_left_out_and_the_rest_runs_on(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER, FIRE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("gate", 9, clock.wall()))
    seen.wait_for(1)
    assert set(looker.camera_counters(CameraId("gate")).looks) == {PEOPLE}


def test_without_any_engine_frames_are_taken_and_nothing_breaks(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    looker = started({}, seen, clock)
    looker.add(CameraId("gate"))
    clock.advance(0.1)
    looker.offer(frame("gate", 9, clock.wall()))
    looker.stop()
    assert seen.looks == []


def test_two_tasks_look_at_the_same_frame(started: Callable[..., Looker], seen: Seen, clock: FakeClock) -> None:
    engines = {PEOPLE: engine_of(sees_the_first_pixel), FIRE: engine_of(sees_the_first_pixel)}
    looker = started(engines, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER, FIRE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("gate", 9, clock.wall()))
    seen.wait_for(2)
    assert {task for _, task, _, _ in seen.looks} == {PEOPLE, FIRE}
    assert len({id(shown) for _, _, shown, _ in seen.looks}) == 1


def test_a_removed_camera_is_not_looked_at_again_and_may_come_back(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    looker.remove(CameraId("gate"))
    clock.advance(0.1)
    looker.offer(frame("gate", 1, clock.wall()))
    with pytest.raises(KeyError):
        looker.camera_counters(CameraId("gate"))
    looker.tracking(CameraId("gate"), 3)  # news of a camera that is gone is ignored
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("gate", 2, clock.wall()))
    seen.wait_for(1)
    assert [int(shown.picture[0, 0, 0]) for _, _, shown, _ in seen.looks] == [2]


def test_stop_ends_both_threads_and_no_look_comes_after(clock: FakeClock, seen: Seen) -> None:
    engine = engine_of(sees_the_first_pixel)
    looker = Looker({PEOPLE: engine}, seen, clock=clock.monotonic, wall=clock.wall)
    looker.start()
    looker.add(CameraId("gate"), {PEOPLE: EAGER})
    clock.advance(0.1)
    looker.offer(frame("gate", 1, clock.wall()))
    looker.stop()
    looker.stop()
    count = len(seen.looks)
    clock.advance(0.1)
    looker.offer(frame("gate", 2, clock.wall()))
    engine.close()
    assert len(seen.looks) == count
    assert not [t for t in threading.enumerate() if t.name.startswith(("looker", "test engine"))]


def test_offering_from_many_threads_loses_nothing_but_what_is_counted(
    started: Callable[..., Looker], seen: Seen, clock: FakeClock
) -> None:
    looker = started({PEOPLE: engine_of(sees_the_first_pixel)}, seen, clock)
    cameras = [CameraId(f"c{n}") for n in range(12)]
    for camera in cameras:
        looker.add(camera, {PEOPLE: EAGER})
    clock.advance(0.1)

    def offers(camera: CameraId) -> None:
        for n in range(50):
            looker.offer(frame(camera, n, clock.wall()))

    threads = [threading.Thread(target=offers, args=(camera,)) for camera in cameras]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    looker.stop()
    for camera in cameras:
        counters = looker.camera_counters(camera)
        assert counters.bids + counters.unwanted == 49  # the last frame is still in the mailbox
        assert counters.shed <= counters.bids
    assert looker.counters().looks == sum(sum(looker.camera_counters(c).looks.values()) for c in cameras)
    assert looker.counters().looks == len(seen.looks)
