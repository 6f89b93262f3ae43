"""The API's side: listens to the shards and asks them things.

Promises: connects to any number of shards and goes on when one restarts; a topic is subscribed once for any number of
wishes; every request ends within its time. Owned by one event loop; nothing is queued here: handlers take each
message at once and bound their own queues. Not here: sockets of the shard (`publisher.py`), sharing a stream among
viewers (`feed.py`).
"""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable

import msgspec
import zmq
import zmq.asyncio

from configs.words import CameraId, StreamRole
from live.wire import (
    EVENT,
    OVERLAY,
    STATE,
    EventMessage,
    OverlayMessage,
    PacketMessage,
    PhoneUnit,
    Reply,
    Request,
    StateMessage,
    packet_topic,
    phone_endpoint,
    request_endpoint,
)

log = logging.getLogger(__name__)

_RECEIVE_MESSAGES = 2000
_PHONE_UNITS = 200
_BATCH = 64

PacketHandler = Callable[[PacketMessage], None]

_packets = msgspec.msgpack.Decoder(PacketMessage)
_states = msgspec.msgpack.Decoder(StateMessage)
_overlays = msgspec.msgpack.Decoder(OverlayMessage)
_events = msgspec.msgpack.Decoder(EventMessage)
_replies = msgspec.msgpack.Decoder(Reply)


class ShardError(Exception):
    """A shard did not answer, or says that it cannot; the sentence is for a person."""


class _Shard:
    """One shard's three sockets."""

    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        self.endpoint = endpoint
        self.listen = context.socket(zmq.SUB)
        self.ask = context.socket(zmq.DEALER)
        self.hand = context.socket(zmq.PUSH)
        for socket in (self.listen, self.ask, self.hand):
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, 200)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
            socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
            socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
        self.listen.setsockopt(zmq.RCVHWM, _RECEIVE_MESSAGES)
        # A request to a shard that is away must not wait in a queue and be answered when nobody asks any more.
        self.ask.setsockopt(zmq.IMMEDIATE, 1)
        self.hand.setsockopt(zmq.IMMEDIATE, 1)
        self.hand.setsockopt(zmq.SNDHWM, _PHONE_UNITS)
        self.listen.connect(endpoint)
        self.ask.connect(request_endpoint(endpoint))
        self.hand.connect(phone_endpoint(endpoint))
        self.hand_now: zmq.Socket[bytes] = zmq.Socket.shadow(self.hand.underlying)
        self.waiting: dict[bytes, asyncio.Future[Reply]] = {}


class ShardLink:
    """All shards. Set `on_state`, `on_overlay`, `on_event` before `start`; handlers must not block."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        self._endpoints = endpoints
        self.on_state: Callable[[StateMessage], None] = lambda message: None
        self.on_overlay: Callable[[OverlayMessage], None] = lambda message: None
        self.on_event: Callable[[EventMessage], None] = lambda message: None
        self._wishes: Counter[str] = Counter()
        self._packet_handlers: dict[str, PacketHandler] = {}
        self._owners: dict[str, _Shard] = {}
        self._shards: list[_Shard] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(1)
        self.undecodable = 0
        self.units_dropped = 0

    def start(self) -> None:
        """Connects; shards that are away are found when they come."""
        self._context = zmq.asyncio.Context()
        self._shards = [_Shard(self._context, endpoint) for endpoint in self._endpoints]
        for shard in self._shards:
            for topic in self._wishes:
                shard.listen.subscribe(topic)
            self._tasks.append(asyncio.create_task(self._listen(shard), name=f"listen {shard.endpoint}"))
            self._tasks.append(asyncio.create_task(self._hear_replies(shard), name=f"replies {shard.endpoint}"))

    async def stop(self) -> None:
        """Disconnects; what was asked ends as unanswered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shard in self._shards:
            for future in shard.waiting.values():
                if not future.done():
                    future.set_exception(ShardError("the service is stopping"))
        if self._shards:
            self._context.destroy(linger=0)
        self._shards, self._tasks = [], []

    # Topics.

    def subscribe(self, topic: str) -> None:
        """Wishes for a topic (a prefix); as many `unsubscribe` must follow."""
        self._wishes[topic] += 1
        if self._wishes[topic] == 1:
            for shard in self._shards:
                shard.listen.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        """Takes one wish back."""
        self._wishes[topic] -= 1
        if self._wishes[topic] <= 0:
            del self._wishes[topic]
            for shard in self._shards:
                shard.listen.unsubscribe(topic)

    def take_packets(self, camera_id: CameraId, role: StreamRole, handler: PacketHandler) -> None:
        """Takes a stream's packets; there is one taker a stream (`feed.py` shares them). First comes its past."""
        topic = packet_topic(camera_id, role)
        if topic in self._packet_handlers:
            raise ValueError(f"{topic} is taken already")
        self._packet_handlers[topic] = handler
        self.subscribe(topic)

    def leave_packets(self, camera_id: CameraId, role: StreamRole) -> None:
        """Ends `take_packets`."""
        topic = packet_topic(camera_id, role)
        if self._packet_handlers.pop(topic, None) is not None:
            self.unsubscribe(topic)

    async def _listen(self, shard: _Shard) -> None:
        direct: zmq.Socket[bytes] = zmq.Socket.shadow(shard.listen.underlying)
        while True:
            frames = await shard.listen.recv_multipart()
            # What else is there already is taken without going through the event loop again.
            for _ in range(_BATCH):
                self._dispatch(shard, frames)
                try:
                    frames = direct.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
            else:
                self._dispatch(shard, frames)
                await asyncio.sleep(0)

    def _dispatch(self, shard: _Shard, frames: list[bytes]) -> None:
        try:
            topic, payload = frames
            name = topic.decode()
            if name in self._packet_handlers:
                self._packet_handlers[name](_packets.decode(payload))
            elif name.startswith(STATE):
                state = _states.decode(payload)
                self._owners[state.camera_id] = shard
                self.on_state(state)
            elif name.startswith(OVERLAY):
                self.on_overlay(_overlays.decode(payload))
            elif name.startswith(EVENT):
                self.on_event(_events.decode(payload))
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            self.undecodable += 1
            if self.undecodable == 1:
                log.error(
                    "a message of shard %s could not be read (%s); is it of another version?", shard.endpoint, error
                )
        except Exception:
            log.exception("a handler failed on a message of %s", shard.endpoint)

    # Phones.

    def hand_over(self, unit: PhoneUnit) -> bool:
        """Hands a phone's pictures to the shard that has its monitoring point; never waits. False, and counted, when
        that shard is away or does not keep up."""
        owner = self._owners.get(unit.camera_id)
        try:
            if owner is not None:
                owner.hand_now.send(msgspec.msgpack.encode(unit), zmq.NOBLOCK)
                return True
        except zmq.Again:
            pass
        self.units_dropped += 1
        return False

    # Requests.

    async def ask(self, request: Request, timeout_seconds: float = 5.0) -> bytes:
        """Asks the shard that owns the request's camera, or all of them while that is not known. Raises ShardError."""
        owner = self._owners.get(request.camera_id) if request.camera_id is not None else None
        if owner is not None:
            return await self._ask(owner, request, timeout_seconds)
        answers = await self.ask_all(request, timeout_seconds)
        for answer in answers.values():
            if isinstance(answer, bytes):
                return answer
        raise next((a for a in answers.values() if isinstance(a, ShardError)), ShardError("no shard is configured"))

    async def ask_all(self, request: Request, timeout_seconds: float = 5.0) -> dict[str, bytes | ShardError]:
        """Asks every shard at once: its endpoint → its answer, or why there is none."""

        async def one(shard: _Shard) -> bytes | ShardError:
            try:
                return await self._ask(shard, request, timeout_seconds)
            except ShardError as error:
                return error

        answers = await asyncio.gather(*(one(shard) for shard in self._shards))
        return {shard.endpoint: answer for shard, answer in zip(self._shards, answers, strict=True)}

    async def _ask(self, shard: _Shard, request: Request, timeout_seconds: float) -> bytes:
        number = next(self._numbers).to_bytes(8, "big")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        shard.waiting[number] = future
        try:
            async with asyncio.timeout(timeout_seconds):
                await shard.ask.send_multipart([number, msgspec.msgpack.encode(request)])
                reply = await future
        except TimeoutError:
            raise ShardError("the process that owns this camera does not answer; try again in a moment") from None
        finally:
            shard.waiting.pop(number, None)
        if reply.error is not None:
            raise ShardError(reply.error)
        return reply.body

    async def _hear_replies(self, shard: _Shard) -> None:
        while True:
            frames = await shard.ask.recv_multipart()
            if len(frames) != 2:
                continue
            future = shard.waiting.get(frames[0])
            if future is None or future.done():
                continue
            try:
                future.set_result(_replies.decode(frames[1]))
            except msgspec.MsgspecError:
                future.set_exception(ShardError("the shard's answer could not be read; is it of another version?"))
