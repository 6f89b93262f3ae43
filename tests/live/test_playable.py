"""Which of a camera's streams is shown: the one asked for, and while that gives nothing, the other."""

import asyncio

import pytest

from configs.words import CameraId, StreamRole
from ingest.words import Packet
from live.feed import Feed, FeedPool
from live.playable import How, NoPicture, PlayableFeeds
from live.transcoders import Transcoders
from tests.live.pictures import encode
from tests.live.test_feed import FakeLink
from tests.live.test_transcode import as_message

GATE, SUB, MAIN = CameraId("gate"), StreamRole.SUB, StreamRole.MAIN


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_PICTURE_SECONDS", "_OTHER_STREAM_SECONDS", "_MAIN_STREAM_SECONDS", "_STAND_IN_SECONDS"):
        monkeypatch.setattr(f"live.playable.{name}", 0.05)


def feeds_of(*roles: StreamRole) -> tuple[FakeLink, FeedPool, PlayableFeeds]:
    link = FakeLink()
    pool = FeedPool(link, idle_seconds=1.0, later=lambda seconds, call: None)  # type: ignore[arg-type]
    return link, pool, PlayableFeeds(pool, Transcoders(pool), lambda camera_id: roles)


def give(feed: Feed, packets: list[Packet]) -> None:
    for number, packet in enumerate(packets, start=1):
        feed.take(as_message(packet, number))


def test_a_main_stream_without_pictures_is_stood_in_for_until_it_has_some(short: None, packets: list[Packet]) -> None:
    async def scenario() -> None:
        _, pool, playable = feeds_of(SUB, MAIN)
        give(pool.hold(GATE, SUB), packets)
        main = pool.hold(GATE, MAIN)
        served = await playable.hold(GATE, MAIN)
        assert (served.how, served.why, served.feed.role) == (How.OTHER_STREAM, "no_picture", SUB)
        assert not served.is_over
        give(main, encode(role=MAIN, frames=12, gop=10))
        assert served.is_over, "whoever watches asks anew, and has the main stream"
        playable.release(served)
        again = await playable.hold(GATE, MAIN)
        assert (again.how, again.feed) == (How.AS_IS, main)
        playable.release(again)
        assert pool._holders == {pool.hold(GATE, SUB): 2, main: 1}

    asyncio.run(scenario())


def test_so_is_one_that_has_fallen_silent(short: None, packets: list[Packet], monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        _, pool, playable = feeds_of(SUB, MAIN)
        sub, main = pool.hold(GATE, SUB), pool.hold(GATE, MAIN)
        now = [100.0]
        main._clock = lambda: now[0]
        give(sub, packets)
        give(main, encode(role=MAIN, frames=12, gop=10))
        assert (await playable.hold(GATE, MAIN)).how is How.AS_IS
        now[0] += 10
        served = await playable.hold(GATE, MAIN)
        assert served.how is How.OTHER_STREAM and served.awaited is main and not served.is_over

    asyncio.run(scenario())


def test_where_nothing_gives_a_picture_it_is_said(short: None) -> None:
    async def scenario() -> None:
        for roles in ((SUB, MAIN), (MAIN,), (SUB,)):
            _, pool, playable = feeds_of(*roles)
            with pytest.raises(NoPicture):
                await playable.hold(GATE, roles[-1])
            assert not any(pool._holders.values())

    asyncio.run(scenario())
