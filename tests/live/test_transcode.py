"""Transcoding: queues that are bounded and counted, damage that is bridged, transcoders that are shared and end."""

import asyncio
from collections.abc import Callable

import pytest

from configs.words import CameraId, StreamRole
from ingest.words import Packet
from live.feed import Feed, FeedPool
from live.inbox import Inbox
from live.transcode import Decoder, Encoder, Transcoder
from live.transcoders import TooManyTranscoders, Transcoders
from live.wire import PacketMessage
from tests.live.pictures import encode
from tests.live.test_feed import FakeLink, message

GATE, POND, SUB = CameraId("gate"), CameraId("pond"), StreamRole.SUB


def as_message(packet: Packet, number: int) -> PacketMessage:
    return PacketMessage(
        packet.camera_id, packet.role, packet.data, packet.is_keyframe, packet.stream_time, packet.captured_at,
        packet.codec, packet.width, packet.height, False, number,
    )  # fmt: skip


def test_a_full_inbox_goes_on_at_a_key_frame_and_counts() -> None:
    inbox = Inbox(most_frames=3, clock=lambda: 0.0)
    for number in range(5):
        inbox.put(message(number, number + 1, key=number == 0))
    assert len(inbox) == 0 and inbox.frames_dropped == 5
    inbox.put(message(5, 6))
    inbox.put(message(6, 7, key=True))
    assert inbox.frames_dropped == 6 and inbox.take() == message(6, 7, key=True)


def test_a_late_reader_goes_on_from_the_newest_key_frame() -> None:
    now = [0.0]
    inbox = Inbox(clock=lambda: now[0])
    for number in range(8):
        inbox.put(message(number, number + 1, key=number in (0, 3, 6)))
    now[0] = 0.5
    assert inbox.take() == message(0, 1, key=True) and not inbox.is_late
    now[0] = 1.0
    assert inbox.take() == message(6, 7, key=True)
    assert inbox.frames_dropped == 5
    inbox.close()
    assert inbox.take() is None


def test_pictures_keep_their_moments_and_are_never_more_than_fifteen_a_second() -> None:
    decoder, encoder = Decoder(), Encoder()
    kept, keyframes = [], []
    for number, packet in enumerate(encode(codec="hevc", fps=25, frames=100, gop=25)):
        for picture, moment in decoder.pictures(as_message(packet, number)):
            if (encoded := encoder.encode(picture, moment, decoder.pixel_shape)) is not None:
                kept.append(moment.stream_time)
                keyframes += [moment.stream_time] if encoded.is_keyframe else []
    assert 55 <= len(kept) <= 61 and kept == sorted(kept)
    assert keyframes == pytest.approx([0.0, 2.0], abs=0.1)


def test_damage_is_counted_and_bridged_and_the_thread_ends_with_the_source() -> None:
    async def scenario() -> None:
        feed = Feed(GATE, SUB)
        transcoder = Transcoder(feed)
        transcoder.start()
        viewer = transcoder.out.join()
        packets = encode(codec="hevc", frames=40, gop=20)
        for number, packet in enumerate(packets):
            sent = as_message(packet, number + 1)
            if 3 <= number < 6:
                sent = message(number, number + 1, size=50)
            feed.take(sent)
        async with asyncio.timeout(20):
            while (got := await viewer.get()) is not None and got.stream_time < 3.5:
                assert got.codec == "h264"
        feed.close()
        await transcoder.ended()
        assert not transcoder.is_running and transcoder.figures.cpu_seconds > 0
        await asyncio.sleep(0)
        assert transcoder.out.is_closed

    asyncio.run(scenario())


def test_one_for_each_stream_never_more_than_allowed_and_idle_ones_make_room() -> None:
    async def scenario() -> None:
        timers: list[Callable[[], None]] = []
        link = FakeLink()
        feeds = FeedPool(link, later=lambda seconds, call: None)  # type: ignore[arg-type]
        pool = Transcoders(feeds, most=1, later=lambda seconds, call: timers.append(call))
        first, again = await pool.hold(GATE, SUB), await pool.hold(GATE, SUB)
        assert first is again and len(pool) == 1
        with pytest.raises(TooManyTranscoders):
            await pool.hold(POND, SUB)
        pool.release(first)
        assert not timers, "somebody still watches"
        pool.release(first)
        other = await pool.hold(POND, SUB)
        assert not first.is_running and other.is_running and pool.totals.started == 2
        timers.pop()()
        pool.release(other)
        timers.pop()()
        assert len(pool) == 0
        await pool.stop()
        assert not other.is_running

    asyncio.run(scenario())
