"""One stream, taken once from its shard, for any number of viewers.

Promises: the last group of pictures is kept, so that a new viewer has a picture at once; each viewer has a bounded
queue and a slow one loses his own frames only, up to the next key frame; loss on the way from the shard is noticed
and bridged at the next key frame; a stream nobody looks at is given back after a while. Everything lost is counted.
Owned by one event loop. Not here: WebRTC (`track.py`, `whep.py`), sockets (`subscriber.py`).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from configs.words import CameraId, StreamRole
from live.meter import Meter
from live.packet_queue import PacketQueue
from live.payloads import payloads_of
from live.subscriber import ShardLink
from live.wire import PacketMessage

#: A group of pictures beyond this is not kept whole; a new viewer then gets its key frame, and the next group.
GROUP_BYTES = 8 * 2**20
GROUP_FRAMES = 600
QUEUE_BYTES = 12 * 2**20
QUEUE_FRAMES = 900
#: So many steps back in time within one group, each so small, are B-frames and no clock that was set.
_STEPS_BACK = 2
_STEP_BACK_SECONDS = 1.0
_SILENT_SECONDS = 6.0
#: Viewers are seldom further apart; one who is has his packet split for RTP anew.
_PAYLOADS_KEPT = 64


Later = Callable[[float, Callable[[], None]], object]


@dataclass(slots=True)
class FeedFigures:
    """What a feed has seen."""

    packets: int = 0
    packets_lost: int = 0
    groups_too_large: int = 0


class Taker(Protocol):
    """Whoever takes a feed's packets. None of these may wait."""

    def put(self, message: PacketMessage) -> None: ...

    def skip_to_keyframe(self) -> None: ...

    def close(self) -> None: ...


class Viewer:
    """One viewer's queue of packets, from a key frame on."""

    def __init__(self, most_frames: int | None = None) -> None:
        self.waiting = PacketQueue(QUEUE_FRAMES if most_frames is None else most_frames, QUEUE_BYTES)
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def frames_dropped(self) -> int:
        return self.waiting.dropped

    @property
    def overflows(self) -> int:
        return self.waiting.overflows

    def put(self, message: PacketMessage) -> None:
        """Queues a packet; when there is no room, everything up to the next key frame is dropped."""
        if not self._closed and self.waiting.offer(message):
            self._arrived.set()

    def skip_to_keyframe(self) -> None:
        """What follows cannot be decoded before the next key frame."""
        self.waiting.needs_keyframe = True

    def start_again(self, group: list[PacketMessage]) -> None:
        """Drops what is queued and begins with this group of pictures."""
        self.waiting.drop_all()
        self.waiting.needs_keyframe = True
        for message in group:
            self.put(message)

    async def get(self) -> PacketMessage | None:
        """The next packet; None when the feed has ended."""
        while not self.waiting:
            if self._closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self.waiting.pop()[1]

    def close(self) -> None:
        """Wakes who waits; nothing more comes."""
        self._closed = True
        self.waiting.clear()
        self._arrived.set()


class Feed:
    """One stream of one camera."""

    def __init__(self, camera_id: CameraId, role: StreamRole, clock: Callable[[], float] = time.monotonic) -> None:
        self.camera_id, self.role, self._clock = camera_id, role, clock
        self.figures = FeedFigures()
        self.viewers: set[Taker] = set()
        #: Of a packet, made once for all viewers.
        self.payloads = lru_cache(_PAYLOADS_KEPT)(payloads_of)
        self.last: PacketMessage | None = None
        self._group: list[PacketMessage] = []
        self._group_bytes = 0
        self._group_is_whole = False
        self._replayed: set[float] = set()
        self._is_live = False
        self._sequence: int | None = None
        self._keyframe_came = asyncio.Event()
        self._meter = Meter()
        self._came_at: float | None = None
        self._steps_back = self._steps_back_before = 0
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether it has ended for good."""
        return self._closed

    @property
    def has_b_frames(self) -> bool:
        """Whether pictures come in another order than they are shown, which WebRTC has no way to say."""
        return max(self._steps_back, self._steps_back_before) >= _STEPS_BACK

    @property
    def group(self) -> list[PacketMessage]:
        """The last group of pictures; only its key frame when the rest is missing or too much; empty before the
        first."""
        return list(self._group if self._group_is_whole else self._group[:1])

    @property
    def is_silent(self) -> bool:
        """Whether it gave pictures, and has given none for a while."""
        return self._came_at is not None and self._clock() - self._came_at > _SILENT_SECONDS

    @property
    def bits_per_second(self) -> float:
        """What each viewer of it takes; 0 while too little has come to tell."""
        return self._meter.bits_per_second

    async def keyframe(self, timeout_seconds: float) -> PacketMessage | None:
        """The last key frame; waits for the first. None when none came in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._keyframe_came.wait()
        except TimeoutError:
            return None
        return self._group[0] if self._group else None

    def join(self, further_frames: int | None = None) -> Viewer:
        """A new viewer, his queue filled with the last group of pictures; `further_frames` more fit in."""
        viewer = Viewer(None if further_frames is None else len(self._group) + further_frames)
        self.attach(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Takes a viewer away."""
        self.detach(viewer)

    def attach(self, taker: Taker) -> None:
        """Gives somebody the last group of pictures, and from now on everything."""
        if self._closed:
            taker.close()
            return
        for message in self.group:
            taker.put(message)
        if not self._group_is_whole:
            taker.skip_to_keyframe()
        self.viewers.add(taker)

    def detach(self, taker: Taker) -> None:
        """Takes somebody away, and closes what he takes packets with."""
        taker.close()
        self.viewers.discard(taker)

    def close(self) -> None:
        """Ends the feed for everybody."""
        self._closed = True
        self._keyframe_came.set()
        for taker in list(self.viewers):
            self.detach(taker)

    def replay_to(self, viewer: Viewer) -> bool:
        """Answers a key-frame request from the last group of pictures; False when it is not whole."""
        if not self._group_is_whole or not self._group:
            return False
        viewer.start_again(self.group)
        return True

    def take(self, message: PacketMessage) -> None:
        """Takes in one packet from the shard."""
        lost = self._lost_before(message)
        if lost:
            # What a shard replays after it came back is then not known yet.
            self._is_live = False
            self._replayed.clear()
        if message.is_replay:
            # The past comes again when another process begins to listen; we have it already.
            if self._is_live or message.stream_time in self._replayed:
                return
            self._replayed.add(message.stream_time)
        elif message.stream_time in self._replayed:
            return
        else:
            self._is_live = True
        self.figures.packets += 1
        self._came_at = self._clock()
        self._meter.add(message.stream_time, len(message.data))
        if not message.is_keyframe and self.last is not None and not lost:
            self._steps_back += 0 < self.last.stream_time - message.stream_time < _STEP_BACK_SECONDS
        self.last = message
        if lost:
            self.figures.packets_lost += lost
            self._group_is_whole = False
            for viewer in self.viewers:
                viewer.skip_to_keyframe()
        self._keep(message)
        for viewer in self.viewers:
            viewer.put(message)

    def _lost_before(self, message: PacketMessage) -> int:
        previous, self._sequence = self._sequence, message.sequence
        if previous is None:
            return 0
        # A smaller number means that the shard has started anew: what came before does not continue.
        return message.sequence - previous - 1 if message.sequence > previous else 1

    def _keep(self, message: PacketMessage) -> None:
        if message.is_keyframe:
            self._group, self._group_bytes, self._group_is_whole = [], 0, True
            self._steps_back_before, self._steps_back = self._steps_back, 0
            if self._is_live:
                self._replayed.clear()
            self._keyframe_came.set()
        elif not self._group_is_whole:
            return
        self._group.append(message)
        self._group_bytes += len(message.data)
        if self._group_bytes > GROUP_BYTES or len(self._group) > GROUP_FRAMES:
            self._group_is_whole = False
            self.figures.groups_too_large += 1
            del self._group[1:]
            self._group_bytes = len(self._group[0].data)


class FeedPool:
    """All feeds; one for each stream that somebody looks at."""

    def __init__(self, shards: ShardLink, idle_seconds: float = 10.0, later: Later | None = None) -> None:
        """`later(seconds, call)` schedules; the event loop does, when not said otherwise."""
        self._shards, self._idle_seconds = shards, idle_seconds
        self._later = later or (lambda seconds, call: asyncio.get_running_loop().call_later(seconds, call))
        self._feeds: dict[tuple[CameraId, StreamRole], Feed] = {}
        self._holders: dict[Feed, int] = {}
        self._releases: dict[Feed, int] = {}
        self._gone_packets_lost = 0

    def __len__(self) -> int:
        return len(self._feeds)

    @property
    def packets_lost(self) -> int:
        return self._gone_packets_lost + sum(feed.figures.packets_lost for feed in self._feeds.values())

    def hold(self, camera_id: CameraId, role: StreamRole) -> Feed:
        """The feed of a stream, taken from its shard if it is not yet. `release` must follow."""
        feed = self._feeds.get((camera_id, role))
        if feed is None:
            feed = Feed(camera_id, role)
            self._feeds[camera_id, role] = feed
            self._shards.take_packets(camera_id, role, feed.take)
        self._holders[feed] = self._holders.get(feed, 0) + 1
        return feed

    def release(self, feed: Feed) -> None:
        """Nobody holds it: it is given back after a while, unless somebody comes."""
        self._holders[feed] -= 1
        if not self._holders[feed]:
            release = self._releases[feed] = self._releases.get(feed, 0) + 1
            self._later(self._idle_seconds, lambda: self._close_if_idle(feed, release))

    def close(self) -> None:
        """Gives every stream back."""
        for feed in list(self._holders):
            self._close(feed)

    def _close_if_idle(self, feed: Feed, release: int) -> None:
        # Only the last release counts: somebody may have come and gone in between.
        if self._holders.get(feed) == 0 and self._releases.get(feed) == release:
            self._close(feed)

    def _close(self, feed: Feed) -> None:
        self._shards.leave_packets(feed.camera_id, feed.role)
        self._gone_packets_lost += feed.figures.packets_lost
        feed.close()
        del self._feeds[feed.camera_id, feed.role]
        del self._holders[feed]
        self._releases.pop(feed, None)
