"""Packets that wait for one reader, from a key frame on.

Promises: bounded in frames and in bytes; when there is no room, all that waits goes, and what follows up to the next
key frame with it, since nothing could be decoded of it; every drop is counted. Not here: waiting, and who may call from
where (`feed.py`: one event loop; `inbox.py`: a thread).
"""

from collections import deque
from collections.abc import Iterator

from live.wire import PacketMessage


class PacketQueue:
    """See the module. `at` is whatever moment the owner wants to find beside a packet."""

    def __init__(self, most_frames: int, most_bytes: int) -> None:
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._queue: deque[tuple[float, PacketMessage]] = deque()
        self._bytes = 0
        self.needs_keyframe = True
        self.dropped = 0
        self.overflows = 0

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[PacketMessage]:
        return (message for _, message in self._queue)

    def offer(self, message: PacketMessage, at: float = 0.0) -> bool:
        """Queues a packet, if it can be decoded after those before; whether it waits now."""
        if self.needs_keyframe and not message.is_keyframe:
            self.dropped += 1
            return False
        if len(self._queue) >= self._most_frames or self._bytes + len(message.data) > self._most_bytes:
            self.drop_all()
            self.overflows += 1
            if not message.is_keyframe:
                self.dropped += 1
                self.needs_keyframe = True
                return False
        self.needs_keyframe = False
        self._queue.append((at, message))
        self._bytes += len(message.data)
        return True

    def pop(self) -> tuple[float, PacketMessage]:
        """The packet that waits longest, and its moment. Raises IndexError when none waits."""
        at, message = self._queue.popleft()
        self._bytes -= len(message.data)
        return at, message

    def drop_all(self) -> None:
        """Drops what waits, counted."""
        self.dropped += len(self._queue)
        self.clear()

    def clear(self) -> None:
        """Forgets what waits: nobody reads any more."""
        self._queue.clear()
        self._bytes = 0
