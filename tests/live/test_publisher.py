"""Shard and API over real sockets: past before present, requests, restarts, bounded queues."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from configs.words import CameraId, StreamRole
from ingest.words import Packet
from live.publisher import EndpointTaken, Publisher
from live.subscriber import ShardError, ShardLink
from live.wire import (
    EVENT,
    STATE,
    EventMessage,
    OverlayBox,
    OverlayMessage,
    PacketMessage,
    Reply,
    Request,
    StateMessage,
    overlay_topic,
    packet_topic,
    parse_packet_topic,
    request_endpoint,
)
from tests.live.pictures import TestShard

GATE, SUB = CameraId("gate"), StreamRole.SUB


def nothing(camera_id: CameraId, role: StreamRole) -> None:
    """Does nothing."""


def no_answer(request: Request) -> Reply:
    return Reply(error="nothing to say")


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads
            await asyncio.sleep(0.01)


def linked(endpoint: str, scenario: Callable[[ShardLink], Awaitable[None]]) -> None:
    async def main() -> None:
        link = ShardLink((endpoint,))
        link.start()
        try:
            await scenario(link)
        finally:
            await link.stop()

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["ipc", "tcp"])
def test_a_subscriber_gets_the_past_then_the_present_in_order(kind: str, tmp_path: Path, packets: list[Packet]) -> None:
    endpoint = f"ipc://{tmp_path}/shard" if kind == "ipc" else f"tcp://127.0.0.1:{_two_free_ports()}"
    shard = TestShard(endpoint, [packets])
    shard.publisher.start()
    for number in range(14):
        shard.step(number)
    try:

        async def scenario(link: ShardLink) -> None:
            got: list[PacketMessage] = []
            link.take_packets(GATE, SUB, got.append)
            await until(lambda: len(got) >= 4)
            assert [round(m.stream_time * 10) for m in got] == [10, 11, 12, 13]
            assert all(m.is_replay for m in got) and got[0].is_keyframe
            assert got[0].data == packets[10].data
            for number in range(14, 17):
                shard.step(number)
            await until(lambda: len(got) == 7)
            assert [m.sequence for m in got] == [1, 2, 3, 4, 5, 6, 7]
            assert not got[-1].is_replay
            link.leave_packets(GATE, SUB)
            await until(lambda: shard.unsubscribed == [(GATE, SUB)])
            assert not shard.publisher.wants(GATE, SUB)

        linked(endpoint, scenario)
    finally:
        shard.publisher.stop()


def _two_free_ports() -> int:
    import socket

    for _ in range(50):
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports in a row")


def test_what_is_published_while_the_past_is_replayed_comes_after_it(tmp_path: Path, packets: list[Packet]) -> None:
    """The shard's ingest goes on while its callback reads the ring: nothing may be lost or out of order."""
    endpoint = f"ipc://{tmp_path}/shard"
    replaying, go_on = threading.Event(), threading.Event()

    def subscribed(camera_id: CameraId, role: StreamRole) -> None:
        replaying.set()
        go_on.wait(1.5)
        for packet in packets[:5]:
            publisher.publish_replay(packet)

    publisher = Publisher(endpoint, subscribed, nothing, no_answer)
    publisher.start()
    try:

        async def scenario(link: ShardLink) -> None:
            got: list[PacketMessage] = []
            link.take_packets(GATE, SUB, got.append)
            await until(replaying.is_set)
            for packet in packets[3:8]:
                publisher.publish_packet(packet)
            go_on.set()
            await until(lambda: len(got) == 10)
            assert [round(m.stream_time * 10) for m in got] == [0, 1, 2, 3, 4, 3, 4, 5, 6, 7]
            assert [m.is_replay for m in got] == [True] * 5 + [False] * 5

        linked(endpoint, scenario)
    finally:
        publisher.stop()


def test_states_overlays_and_events_arrive_and_overlays_only_for_who_asked(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/shard"
    publisher = Publisher(endpoint, nothing, nothing, no_answer)
    publisher.start()
    state = StateMessage("gate", SUB, "online", 1.0, "online", "Pictures are arriving.", looks_per_second=3.5)
    near = OverlayMessage(
        "gate", 1.0, 2.0, [OverlayBox((0.1, 0.2, 0.3, 0.4), "person", 0.9, 7)], {"l": (1, 2)}, {"z": 3}
    )
    far = OverlayMessage("gate-10", 1.0, 2.0, [])
    try:

        async def scenario(link: ShardLink) -> None:
            states: list[StateMessage] = []
            overlays: list[OverlayMessage] = []
            events: list[EventMessage] = []
            link.on_state, link.on_overlay, link.on_event = states.append, overlays.append, events.append
            for topic in (STATE, EVENT, overlay_topic("gate")):
                link.subscribe(topic)
            await until(lambda: len(publisher.subscriptions) == 3)
            publisher.publish_overlay(far)
            publisher.publish_overlay(near)
            publisher.publish_state(state)
            publisher.publish_event("incident.opened", "abc")
            await until(lambda: states and overlays and events)
            assert states == [state] and overlays == [near]
            assert (events[0].kind, events[0].subject_id) == ("incident.opened", "abc")

        linked(endpoint, scenario)
    finally:
        publisher.stop()


def test_requests_are_answered_failures_are_sentences_and_silence_ends(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/shard"

    def answer(request: Request) -> Reply:
        if request.verb == "snapshot":
            return Reply(body=str(request.camera_id).encode())
        if request.verb == "models":
            raise RuntimeError("secret detail")
        return Reply(error="this shard has no such camera")

    publisher = Publisher(endpoint, nothing, nothing, answer)

    async def scenario(link: ShardLink) -> None:
        with pytest.raises(ShardError, match="does not answer"):
            await link.ask(Request("snapshot", GATE), timeout_seconds=0.1)
        publisher.start()
        answers = await asyncio.gather(*(link.ask(Request("snapshot", CameraId(f"c{n}"))) for n in range(20)))
        assert answers == [f"c{n}".encode() for n in range(20)]
        with pytest.raises(ShardError, match="no such camera"):
            await link.ask(Request("other"))
        with pytest.raises(ShardError) as failed:
            await link.ask(Request("models"))
        assert "secret" not in str(failed.value)

    try:
        linked(endpoint, scenario)
    finally:
        publisher.stop()


def test_a_shard_that_restarts_is_found_again(tmp_path: Path, packets: list[Packet]) -> None:
    endpoint = f"ipc://{tmp_path}/shard"

    async def scenario(link: ShardLink) -> None:
        got: list[PacketMessage] = []
        link.take_packets(GATE, SUB, got.append)
        for _ in range(2):
            shard = TestShard(endpoint, [packets])
            shard.publisher.start()
            try:
                await until(lambda: shard.publisher.wants(GATE, SUB))  # noqa: B023
                before = len(got)
                shard.step(0)
                await until(lambda: len(got) > before)  # noqa: B023
            finally:
                shard.publisher.stop()

    linked(endpoint, scenario)


def test_a_full_queue_sheds_and_counts_and_the_gap_is_seen(
    tmp_path: Path, packets: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.publisher._QUEUE_MESSAGES", 5)
    publisher = Publisher(f"ipc://{tmp_path}/shard", nothing, nothing, no_answer)
    # Not started: nothing is taken out of the queue, as if its thread were stuck.
    publisher._subscribers[packet_topic("gate", SUB)] = 1
    for packet in packets[:12]:
        publisher.publish_packet(packet)
    assert publisher.dropped == {"packet": 7}
    assert publisher._shed[packet_topic("gate", SUB)] == 7


def test_an_endpoint_that_is_taken_is_one_sentence() -> None:
    port = _two_free_ports()
    first = Publisher(f"tcp://127.0.0.1:{port}", nothing, nothing, no_answer)
    second = Publisher(f"tcp://127.0.0.1:{port}", nothing, nothing, no_answer)
    first.start()
    try:
        with pytest.raises(EndpointTaken, match=rf"cannot bind tcp://127.0.0.1:{port}"):
            second.start()
    finally:
        first.stop()


def test_stopping_ends_every_thread(tmp_path: Path, packets: list[Packet]) -> None:
    before = threading.active_count()
    for _ in range(3):
        shard = TestShard(f"ipc://{tmp_path}/shard", [packets])
        shard.start()
        shard.stop()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("topic", "stream"),
    [
        ("packet/gate-1/sub/", ("gate-1", StreamRole.SUB)),
        ("packet/gate-1/main/", ("gate-1", StreamRole.MAIN)),
        ("packet/gate-1/sub", None),
        ("packet/", None),
        ("packet/gate/other/", None),
        ("state/", None),
    ],
)
def test_topics_name_their_streams(topic: str, stream: tuple[str, StreamRole] | None) -> None:
    assert parse_packet_topic(topic) == stream


def test_requests_have_an_endpoint_beside() -> None:
    assert request_endpoint("tcp://10.0.0.1:7000") == "tcp://10.0.0.1:7001"
    assert request_endpoint("ipc:///run/a") == "ipc:///run/a.requests"
