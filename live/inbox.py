"""Packets on their way from the event loop to a thread.

Promises: `put` never waits; bounded in frames and bytes, and what does not fit goes up to the next key frame and is
counted; a reader who is late goes on from the newest key frame; `take` ends at once when the inbox is closed. Not
here: what the thread does (`transcode.py`).
"""

import threading
import time
from collections.abc import Callable

from live.packet_queue import PacketQueue
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
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting = PacketQueue(most_frames, most_bytes)
        self._closed = False
        self._came_at = 0.0
        self._frames_skipped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def frames_dropped(self) -> int:
        return self._waiting.dropped + self._frames_skipped

    def put(self, message: PacketMessage) -> None:
        """Queues a packet; when there is no room, everything up to the next key frame is dropped."""
        with self._changed:
            if not self._closed and self._waiting.offer(message, self._clock()):
                self._changed.notify()

    def skip_to_keyframe(self) -> None:
        """What follows cannot be decoded before the next key frame."""
        with self._changed:
            self._waiting.needs_keyframe = True

    @property
    def is_late(self) -> bool:
        """Whether the packet taken last came so long ago that nobody shall wait for its picture. For the reader."""
        return self._clock() - self._came_at > LATE_SECONDS

    def take(self) -> PacketMessage | None:
        """The next packet, waited for; None when closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            message = self._pop()
            if self.is_late:
                for _ in range(self._before_last_keyframe()):
                    self._frames_skipped += 1
                    message = self._pop()
            return message

    def close(self) -> None:
        """Wakes who waits; nothing more comes."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _pop(self) -> PacketMessage:
        self._came_at, message = self._waiting.pop()
        return message

    def _before_last_keyframe(self) -> int:
        """How many pops lead to the newest key frame that waits; 0 when none does."""
        last = 0
        for number, message in enumerate(self._waiting, start=1):
            last = number if message.is_keyframe else last
        return last
