"""Packets on their way from the event loop to a thread.

Promises: `put` never waits; bounded in frames and bytes, and what does not fit goes up to the next key frame and is
counted; a reader who is late goes on from the newest key frame; `take` ends at once when the inbox is closed. Not
here: what the thread does (`transcode.py`).
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from live.wire import PacketMessage

QUEUE_FRAMES = 600
QUEUE_BYTES = 16 * 2**20
LATE_SECONDS = 0.7


class Inbox:
    """A taker of a feed (`feed.Taker`) that another thread reads."""

    def __init__(
        self,
        most_frames: int = QUEUE_FRAMES,
        most_bytes: int = QUEUE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_frames, self._most_bytes, self._clock = most_frames, most_bytes, clock
        self._changed = threading.Condition()
        self._queue: deque[tuple[float, PacketMessage]] = deque()
        self._bytes = 0
        self._needs_keyframe = True
        self._closed = False
        self._came_at = 0.0
        self.frames_dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def put(self, message: PacketMessage) -> None:
        """Queues a packet; when there is no room, everything up to the next key frame is dropped."""
        with self._changed:
            if self._closed:
                return
            if not message.is_keyframe and self._needs_keyframe:
                self.frames_dropped += 1
                return
            if len(self._queue) >= self._most_frames or self._bytes + len(message.data) > self._most_bytes:
                self.frames_dropped += len(self._queue)
                self._queue.clear()
                self._bytes = 0
                if not message.is_keyframe:
                    self.frames_dropped += 1
                    self._needs_keyframe = True
                    return
            self._needs_keyframe = False
            self._queue.append((self._clock(), message))
            self._bytes += len(message.data)
            self._changed.notify()

    def skip_to_keyframe(self) -> None:
        """What follows cannot be decoded before the next key frame."""
        with self._changed:
            self._needs_keyframe = True

    @property
    def is_late(self) -> bool:
        """Whether the packet taken last came so long ago that nobody shall wait for its picture. For the reader."""
        return self._clock() - self._came_at > LATE_SECONDS

    def take(self) -> PacketMessage | None:
        """The next packet, waited for; None when closed."""
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            message = self._pop()
            if self.is_late:
                for _ in range(self._before_last_keyframe()):
                    self.frames_dropped += 1
                    message = self._pop()
            return message

    def close(self) -> None:
        """Wakes who waits; nothing more comes."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._bytes = 0
            self._changed.notify_all()

    def _pop(self) -> PacketMessage:
        self._came_at, message = self._queue.popleft()
        self._bytes -= len(message.data)
        return message

    def _before_last_keyframe(self) -> int:
        """How many pops lead to the newest key frame that waits; 0 when none does."""
        last = 0
        for number, (_, message) in enumerate(self._queue, start=1):
            last = number if message.is_keyframe else last
        return last
