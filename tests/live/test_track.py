"""A viewer's track: the past at once but paced, then the stream's own clock."""

import asyncio
import re

import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.mediastreams import MediaStreamError

from configs.words import CameraId, StreamRole
from ingest.words import Packet
from live.feed import Feed
from live.track import CLOCK, PassThroughTrack
from live.wire import PacketMessage

START_CODE = re.compile(rb"\x00?\x00\x00\x01")


class Clock:
    """Time that moves when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._sleep = asyncio.sleep
        monkeypatch.setattr("live.track.asyncio.sleep", self.sleep)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await self._sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def feed_of(packets: list[Packet], upto: int) -> Feed:
    feed = Feed(CameraId("gate"), StreamRole.SUB)
    for number in range(upto):
        feed.take(message_of(packets, number))
    return feed


def message_of(packets: list[Packet], number: int, stream_time: float | None = None) -> PacketMessage:
    p = packets[number % len(packets)]
    moment = p.stream_time if stream_time is None else stream_time
    return PacketMessage(
        p.camera_id, p.role, p.data, p.is_keyframe, moment, p.captured_at, p.codec, p.width, p.height, False, number + 1
    )


def test_the_past_is_sent_at_once_and_the_clock_does_not_run_ahead(packets: list[Packet], clock: Clock) -> None:
    async def scenario() -> None:
        feed = feed_of(packets, 19)
        track = PassThroughTrack(feed, clock)
        began = clock.now
        sent = [await track.recv() for _ in range(9)]
        assert bytes(sent[0]) == packets[10].data and sent[0].is_keyframe
        assert [bytes(p) for p in sent] == [p.data for p in packets[10:19]]
        took = clock.now - began
        assert 0.008 <= took < 0.4, "paced, but far quicker than the 0.9 s it took to film"
        pts = [p.pts for p in sent]
        assert pts == sorted(set(pts))
        assert pts[-1] - pts[0] <= took * CLOCK + 9, "the browser must not buffer the past's own length"
        feed.take(message_of(packets, 19))
        feed.take(message_of(packets, 20))
        following = [await track.recv(), await track.recv()]
        assert [p.pts - sent[-1].pts for p in following] == [CLOCK // 10, CLOCK // 5]
        assert track.anchor is not None and track.anchor.stream_time == pytest.approx(1.8)

    asyncio.run(scenario())


def test_a_stream_whose_clock_jumps_goes_on(packets: list[Packet], clock: Clock) -> None:
    async def scenario() -> None:
        feed = feed_of(packets, 1)
        track = PassThroughTrack(feed, clock)
        first = await track.recv()
        steps = []
        for number, moment in ((1, 0.1), (2, 5000.0), (3, 5000.1), (4, 3.0), (5, 3.1)):
            feed.take(message_of(packets, number, moment))
            packet = await track.recv()
            steps.append(packet.pts - first.pts)
            first = packet
        assert steps == [9000, 3600, 9000, 3600, 9000]
        assert track.anchor is not None and track.anchor.stream_time == 3.0

    asyncio.run(scenario())


def test_a_key_frame_request_is_answered_from_the_last_group_once_in_a_while(
    packets: list[Packet], clock: Clock
) -> None:
    async def scenario() -> None:
        feed = feed_of(packets, 15)
        track = PassThroughTrack(feed, clock)
        for _ in range(5):
            await track.recv()
        clock.now += 2
        track.request_keyframe()
        track.request_keyframe()
        again = [await track.recv() for _ in range(5)]
        assert [bytes(p) for p in again] == [p.data for p in packets[10:15]]
        track.request_keyframe()
        feed.take(message_of(packets, 15))
        assert bytes(await track.recv()) == packets[15].data
        assert track.figures.keyframe_requests == 3 and track.figures.keyframes_replayed == 1

    asyncio.run(scenario())


def test_stopping_ends_who_waits_and_gives_the_queue_back(packets: list[Packet]) -> None:
    async def scenario() -> None:
        feed = Feed(CameraId("gate"), StreamRole.SUB)
        track = PassThroughTrack(feed)
        waiting = asyncio.create_task(track.recv())
        await asyncio.sleep(0)
        assert len(feed.viewers) == 1
        track.stop()
        with pytest.raises(MediaStreamError):
            await waiting
        assert not feed.viewers
        with pytest.raises(MediaStreamError):
            await track.recv()

    asyncio.run(scenario())


def test_what_is_sent_is_split_once_for_all_viewers_and_is_the_picture(packets: list[Packet], clock: Clock) -> None:
    async def scenario() -> None:
        feed = feed_of(packets, 19)
        tracks = [PassThroughTrack(feed, clock) for _ in range(3)]
        sent = [[await track.payloads() for _ in range(9)] for track in tracks]
        assert feed.payloads.cache_info().misses == 9
        for (payloads, _), packet in zip(sent[1], packets[10:19], strict=True):
            assert START_CODE.sub(b"", b"".join(map(h264_depayload, payloads))) == START_CODE.sub(b"", packet.data)
            assert max(map(len, payloads)) <= 1300
        assert [ticks for _, ticks in sent[2]] == sorted({ticks for _, ticks in sent[2]})

    asyncio.run(scenario())
