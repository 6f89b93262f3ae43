"""The shard's side: packets, overlays, states and events out; subscriptions and requests in.

Promises: `publish_*` may be called from any thread, never blocks, and costs next to nothing for a stream that nobody
takes; the queue is bounded and what it sheds is counted; whoever subscribes to a stream first gets what `on_subscribe`
replays, then the present, in order. One thread owns the sockets, two more run the callbacks, so a slow snapshot holds
up no packet. Not here: the encoding (`wire.py`), who listens (`subscriber.py`).
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import zmq

from configs.words import CameraId, StreamRole
from ingest.words import Packet
from live.holds import Holds
from live.wire import (
    EVENT,
    EventMessage,
    OverlayMessage,
    PacketMessage,
    Reply,
    Request,
    StateMessage,
    overlay_topic,
    packet_topic,
    parse_packet_topic,
    request_endpoint,
    state_topic,
)

log = logging.getLogger(__name__)

_QUEUE_MESSAGES = 4000
_QUEUE_BYTES = 64 * 2**20
_SOCKET_MESSAGES = 1000
_POLL_MS = 250
_ASKED = 64

OnStream = Callable[[CameraId, StreamRole], None]


class EndpointTaken(OSError):
    """The endpoint cannot be bound; the sentence says which and why."""


@dataclass(slots=True)
class _Outgoing:
    """One message on its way. `packet` is encoded by the sending thread, only if somebody takes its topic."""

    topic: str
    payload: bytes = b""
    packet: Packet | None = None
    is_replay: bool = False
    reply_to: list[bytes] | None = None
    releases: bool = False

    @property
    def size(self) -> int:
        return len(self.packet.data) if self.packet is not None else len(self.payload)


class Publisher:
    """Binds `endpoint` for what is published, and the endpoint beside it (`wire.request_endpoint`) for requests.

    `on_subscribe(camera_id, role)` is called for every new subscriber of a stream and may call `publish_replay`;
    `on_unsubscribe` when the last one is gone; `on_request` answers. They run on the publisher's own threads.
    """

    def __init__(
        self,
        endpoint: str,
        on_subscribe: OnStream,
        on_unsubscribe: OnStream,
        on_request: Callable[[Request], Reply],
    ) -> None:
        self._endpoint = endpoint
        self._on_subscribe, self._on_unsubscribe, self._on_request = on_subscribe, on_unsubscribe, on_request
        self._lock = threading.Lock()
        self._outgoing: deque[_Outgoing] = deque()
        self._outgoing_bytes = 0
        self._dropped: Counter[str] = Counter()
        #: By topic, since the last sending: a shed packet uses its number up, so that listeners notice the gap.
        self._shed: Counter[str] = Counter()
        self._subscribers: Counter[str] = Counter()
        self._sequences: Counter[str] = Counter()
        self._holds: Holds[_Outgoing] = Holds(time.monotonic)
        self._streams: queue.Queue[tuple[str, bool] | None] = queue.Queue(1000)
        self._requests: queue.Queue[tuple[list[bytes], bytes] | None] = queue.Queue(_ASKED)
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = -1, -1
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Binds and starts. Raises EndpointTaken."""
        self._context = zmq.Context()
        self._publish = self._context.socket(zmq.XPUB)
        self._answer = self._context.socket(zmq.ROUTER)
        self._publish.setsockopt(zmq.XPUB_VERBOSER, 1)
        for socket in (self._publish, self._answer):
            socket.setsockopt(zmq.SNDHWM, _SOCKET_MESSAGES)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
        for socket, address in ((self._publish, self._endpoint), (self._answer, request_endpoint(self._endpoint))):
            try:
                socket.bind(address)
            except zmq.ZMQError as error:
                self._context.destroy(linger=0)
                raise EndpointTaken(f"cannot bind {address}: {error.strerror}; is another shard running?") from None
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for target, name in (
            (self._serve, "publisher"),
            (self._run_streams, "publisher-streams"),
            (self._run_requests, "publisher-requests"),
        ):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Sends what is queued, then ends the threads."""
        if not self._threads:
            return
        self._stopping.set()
        self._wake()
        for jobs in (self._streams, self._requests):
            with contextlib.suppress(queue.Full):
                jobs.put_nowait(None)
        for thread in self._threads:
            thread.join(timeout_seconds)
        self._threads.clear()

    # Publishing: any thread.

    def wants(self, camera_id: str, role: StreamRole) -> bool:
        """Whether somebody takes this stream now."""
        return packet_topic(camera_id, role) in self._subscribers

    def publish_packet(self, packet: Packet) -> None:
        """A packet of the present."""
        topic = packet_topic(packet.camera_id, packet.role)
        if topic in self._subscribers:
            self._put(_Outgoing(topic, packet=packet), "packet")

    def publish_replay(self, packet: Packet) -> None:
        """A packet of the past, for who just subscribed: from the last key frame on, in order."""
        topic = packet_topic(packet.camera_id, packet.role)
        self._put(_Outgoing(topic, packet=packet, is_replay=True), "packet")

    def publish_overlay(self, message: OverlayMessage) -> None:
        """What a look saw."""
        topic = overlay_topic(message.camera_id)
        if topic in self._subscribers:
            self._put(_Outgoing(topic, msgspec.msgpack.encode(message)), "overlay")

    def publish_state(self, message: StateMessage) -> None:
        """A stream's health: once a second and when it changes."""
        topic = state_topic(message.camera_id, message.role)
        self._put(_Outgoing(topic, msgspec.msgpack.encode(message)), "state")

    def publish_event(self, kind: str, subject_id: str) -> None:
        """Something changed in the database."""
        message = EventMessage(kind, subject_id, time.time())
        self._put(_Outgoing(f"{EVENT}{kind}", msgspec.msgpack.encode(message)), "event")

    @property
    def dropped(self) -> dict[str, int]:
        """What the queue was too full for, by kind."""
        return dict(self._dropped)

    @property
    def subscriptions(self) -> dict[str, int]:
        """How many take each topic now."""
        return dict(self._subscribers)

    def _put(self, message: _Outgoing, kind: str) -> None:
        size = message.size
        with self._lock:
            full = len(self._outgoing) >= _QUEUE_MESSAGES or self._outgoing_bytes + size > _QUEUE_BYTES
            if full and not message.releases:
                self._dropped[kind] += 1
                self._shed[message.topic] += 1
                return
            was_empty = not self._outgoing
            self._outgoing.append(message)
            self._outgoing_bytes += size
        if was_empty:
            self._wake()

    def _wake(self) -> None:
        if self._wake_write >= 0:
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self._wake_write, b"\0")

    # The thread that owns the sockets.

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._publish, zmq.POLLIN)
        poller.register(self._answer, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        try:
            while True:
                poller.poll(_POLL_MS)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._take_subscriptions()
                self._take_requests()
                self._send_all()
                self._release_overdue()
                if self._stopping.is_set():
                    self._send_all()
                    return
        except Exception:
            log.exception("the publisher's thread failed")
        finally:
            # LINGER 0 would throw away what was just sent.
            self._context.destroy(linger=500)
            read, write, self._wake_read, self._wake_write = self._wake_read, self._wake_write, -1, -1
            os.close(read)
            os.close(write)

    def _take_subscriptions(self) -> None:
        while True:
            try:
                event = self._publish.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            topic = event[1:].decode("utf-8", "replace")
            if event[:1] == b"\x01":
                self._subscribers[topic] += 1
            else:
                self._subscribers[topic] -= 1
                if self._subscribers[topic] <= 0:
                    del self._subscribers[topic]
            if parse_packet_topic(topic) is not None:
                self._stream_changed(topic, subscribed=event[:1] == b"\x01")

    def _stream_changed(self, topic: str, subscribed: bool) -> None:
        if not subscribed and topic in self._subscribers:
            return
        try:
            self._streams.put_nowait((topic, subscribed))
        except queue.Full:
            self._dropped["subscription"] += 1
            return
        if subscribed:
            self._holds.begin(topic)

    def _take_requests(self) -> None:
        while True:
            try:
                frames = self._answer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            envelope, body = frames[:-1], frames[-1]
            try:
                self._requests.put_nowait((envelope, body))
            except queue.Full:
                self._dropped["request"] += 1
                self._send_reply(envelope, Reply(error="the shard is busy; ask again"))

    def _send_reply(self, envelope: list[bytes], reply: Reply) -> None:
        with contextlib.suppress(zmq.Again, zmq.ZMQError):
            self._answer.send_multipart([*envelope, msgspec.msgpack.encode(reply)], zmq.NOBLOCK)

    def _send_all(self) -> None:
        with self._lock:
            messages, self._outgoing, self._outgoing_bytes = self._outgoing, deque(), 0
            shed, self._shed = self._shed, Counter()
        for message in messages:
            if message.reply_to is not None:
                with contextlib.suppress(zmq.Again, zmq.ZMQError):
                    self._answer.send_multipart([*message.reply_to, message.payload], zmq.NOBLOCK)
            elif message.releases:
                for held in self._holds.finish(message.topic):
                    self._send(held)
            elif message.topic in self._holds and not message.is_replay:
                if not self._holds.keep(message.topic, message):
                    self._dropped["packet"] += 1
                    self._sequences[message.topic] += 1
            else:
                self._send(message)
        self._sequences.update(shed)

    def _send(self, message: _Outgoing) -> None:
        payload = message.payload
        if message.packet is not None:
            if message.topic not in self._subscribers:
                return
            self._sequences[message.topic] += 1
            payload = _encoded(message.packet, message.is_replay, self._sequences[message.topic])
        with contextlib.suppress(zmq.Again):
            self._publish.send_multipart((message.topic.encode(), payload), zmq.NOBLOCK, copy=len(payload) < 65536)

    def _release_overdue(self) -> None:
        for topic, messages in self._holds.overdue():
            log.warning("the replay of %s takes too long; going on with the present", topic)
            for message in messages:
                self._send(message)

    # The threads that run the callbacks.

    def _run_streams(self) -> None:
        while (job := self._streams.get()) is not None and not self._stopping.is_set():
            topic, subscribed = job
            stream = parse_packet_topic(topic)
            if stream is None:
                continue
            try:
                (self._on_subscribe if subscribed else self._on_unsubscribe)(*stream)
            except Exception:
                log.exception("what follows a subscription to %s failed", topic)
            if subscribed:
                self._put(_Outgoing(topic, releases=True), "packet")

    def _run_requests(self) -> None:
        while (job := self._requests.get()) is not None and not self._stopping.is_set():
            envelope, body = job
            try:
                reply = self._on_request(msgspec.msgpack.decode(body, type=Request))
            except msgspec.MsgspecError:
                reply = Reply(error="the request could not be read")
            except Exception:
                log.exception("a request failed")
                reply = Reply(error="the shard failed to answer; see its log")
            self._put(_Outgoing("", msgspec.msgpack.encode(reply), reply_to=envelope), "reply")


def _encoded(packet: Packet, is_replay: bool, sequence: int) -> bytes:
    return msgspec.msgpack.encode(
        PacketMessage(
            packet.camera_id, packet.role, packet.data, packet.is_keyframe, packet.stream_time, packet.captured_at,
            packet.codec, packet.width, packet.height, is_replay, sequence,
        )
    )  # fmt: skip
