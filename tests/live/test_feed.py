"""A feed: the last group of pictures, bounded queues, loss bridged at the next key frame."""

import asyncio
from collections.abc import Callable

import pytest

from configs.words import CameraId, StreamRole
from live import feed as feed_module
from live.feed import Feed, FeedPool, Viewer
from live.wire import PacketMessage

GATE, SUB = CameraId("gate"), StreamRole.SUB


def message(number: int, sequence: int, key: bool = False, replay: bool = False, size: int = 10) -> PacketMessage:
    return PacketMessage("gate", SUB, b"x" * size, key, number / 10, number / 10, "h264", 320, 192, replay, sequence)


def times(viewer: Viewer) -> list[int]:
    return [round(m.stream_time * 10) for m in viewer.waiting]


def test_a_new_viewer_begins_with_the_last_group() -> None:
    feed = Feed(GATE, SUB)
    for number in range(25):
        feed.take(message(number, number + 1, key=number % 10 == 0))
    assert times(feed.join()) == [20, 21, 22, 23, 24]


def test_replayed_past_and_present_are_joined_without_repeating() -> None:
    feed = Feed(GATE, SUB)
    viewer = feed.join()
    past = [message(n, n + 1, key=n == 0, replay=True) for n in range(4)]
    held = [message(n, n + 3) for n in (2, 3, 4, 5)]
    for packet in past + held:
        feed.take(packet)
    assert times(viewer) == [0, 1, 2, 3, 4, 5]
    assert feed.figures.packets_lost == 0


def test_a_replay_meant_for_another_process_changes_nothing() -> None:
    feed = Feed(GATE, SUB)
    viewer = feed.join()
    feed.take(message(0, 1, key=True))
    feed.take(message(1, 2))
    feed.take(message(0, 3, key=True, replay=True))
    feed.take(message(1, 4, replay=True))
    feed.take(message(2, 5))
    assert times(viewer) == [0, 1, 2]


def test_loss_is_counted_and_bridged_at_the_next_key_frame() -> None:
    feed = Feed(GATE, SUB)
    viewer = feed.join()
    for number, sequence, key in (
        (0, 1, True),
        (1, 2, False),
        (4, 5, False),
        (5, 6, False),
        (6, 7, True),
        (7, 8, False),
    ):
        feed.take(message(number, sequence, key))
    assert times(viewer) == [0, 1, 6, 7]
    assert feed.figures.packets_lost == 2
    assert viewer.frames_dropped == 2
    assert times(feed.join()) == [6, 7]


def test_between_a_loss_and_the_next_key_frame_a_new_viewer_still_sees_a_picture() -> None:
    feed = Feed(GATE, SUB)
    for number, sequence, key in ((0, 1, True), (1, 2, False), (4, 5, False)):
        feed.take(message(number, sequence, key))
    viewer = feed.join()
    feed.take(message(5, 6))
    feed.take(message(6, 7, key=True))
    assert times(viewer) == [0, 6]


def test_a_shard_that_came_back_is_followed_from_its_replay() -> None:
    feed = Feed(GATE, SUB)
    viewer = feed.join()
    for number in range(5):
        feed.take(message(number, 100 + number, key=number == 0))
    feed.take(message(0, 1, key=True, replay=True))
    feed.take(message(1, 2, replay=True))
    feed.take(message(2, 3))
    assert times(viewer) == [0, 1, 2, 3, 4, 0, 1, 2]


def test_a_slow_viewer_loses_his_own_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "QUEUE_FRAMES", 6)
    feed = Feed(GATE, SUB)
    slow, quick = feed.join(), feed.join()

    async def scenario() -> None:
        for number in range(12):
            feed.take(message(number, number + 1, key=number in (0, 10)))
            got = await quick.get()
            assert got is not None and round(got.stream_time * 10) == number

    asyncio.run(scenario())
    assert times(slow) == [10, 11]
    assert slow.frames_dropped == 10 and slow.overflows == 1
    assert quick.frames_dropped == 0


def test_a_group_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "GROUP_BYTES", 1000)
    feed = Feed(GATE, SUB)
    for number in range(300):
        feed.take(message(number, number + 1, key=number == 0, size=100))
    assert len(feed.group) == 1 and feed.figures.groups_too_large == 1
    assert times(feed.join()) == [0]


@pytest.mark.parametrize(
    ("order", "has"),
    [((0, 1, 2, 3, 4, 5, 6), False), ((0, 3, 1, 2, 6, 4, 5), True), ((0, 1, 5000, 5001, 2, 3, 4), False)],
)
def test_b_frames_are_known_by_their_order(order: tuple[int, ...], has: bool) -> None:
    feed = Feed(GATE, SUB)
    for place, number in enumerate(order):
        feed.take(message(number, place + 1, key=place == 0))
    assert feed.has_b_frames is has
    feed.take(message(6000, len(order) + 1, key=True))
    assert feed.has_b_frames is has
    feed.take(message(6010, len(order) + 2, key=True))
    assert not feed.has_b_frames


class FakeLink:
    """Notes which streams are taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, StreamRole]] = []

    def take_packets(self, camera_id: CameraId, role: StreamRole, handler: object) -> None:
        self.taken.append((camera_id, role))

    def leave_packets(self, camera_id: CameraId, role: StreamRole) -> None:
        self.taken.remove((camera_id, role))


def test_a_stream_is_taken_once_and_given_back_when_nobody_came_for_a_while() -> None:
    link, timers = FakeLink(), []

    def later(seconds: float, call: Callable[[], None]) -> None:
        timers.append(call)

    pool = FeedPool(link, idle_seconds=10, later=later)  # type: ignore[arg-type]
    first, second = pool.hold(GATE, SUB), pool.hold(GATE, SUB)
    assert first is second and link.taken == [(GATE, SUB)]
    pool.release(first)
    assert not timers
    pool.release(second)
    third = pool.hold(GATE, SUB)
    timers.pop()()
    assert third is first and len(pool) == 1
    pool.release(third)
    pool.release(pool.hold(GATE, SUB))
    timers[0]()
    assert len(pool) == 1, "the time runs from the last release"
    timers[1]()
    assert len(pool) == 0 and link.taken == []
