"""The last packets of one stream: bounded in seconds and in bytes, always from a key frame.

Promises: whatever is taken out can be decoded from its first packet; at least `seconds` of packets are kept once they
have come, unless `most_bytes` forbids it; safe between threads. Drops for lack of room are counted. Not here: files.
"""

import threading
from collections import deque
from collections.abc import Iterable

from ingest.words import Packet


class _Group:
    """One group of pictures: a key frame and what builds on it."""

    __slots__ = ("packets", "size")

    def __init__(self, first: Packet) -> None:
        self.packets = [first]
        self.size = len(first.data)


class PacketRing:
    """Packets from a key frame back, newest last."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._groups: deque[_Group] = deque()
        self._bytes = 0
        self._overflowed = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes

    @property
    def overflowed(self) -> int:
        """Packets that were dropped before their time because `most_bytes` was reached."""
        return self._overflowed

    def append(self, packet: Packet) -> None:
        """Keep a packet. One that no key frame precedes cannot be decoded, and is not kept."""
        with self._lock:
            if packet.is_keyframe:
                self._groups.append(_Group(packet))
            elif self._groups:
                group = self._groups[-1]
                group.packets.append(packet)
                group.size += len(packet.data)
            else:
                return
            self._bytes += len(packet.data)
            if packet.is_keyframe or self._bytes > self._most_bytes:
                self._trim(packet)

    def _trim(self, newest: Packet) -> None:
        while len(self._groups) > 1:
            kept_without_oldest = newest.captured_at - self._groups[1].packets[0].captured_at
            too_big = self._bytes > self._most_bytes
            if not too_big and kept_without_oldest < self._seconds:
                return
            oldest = self._groups.popleft()
            self._bytes -= oldest.size
            self._overflowed += len(oldest.packets) if too_big and kept_without_oldest < self._seconds else 0
        if self._bytes > self._most_bytes and self._groups:
            # One group alone is too big: a key frame's end is lost rather than memory without bound.
            self._overflowed += len(self._groups[0].packets)
            self._clear()

    def _clear(self) -> None:
        self._groups.clear()
        self._bytes = 0

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._clear()

    def recent(self, seconds: float | None = None) -> list[Packet]:
        """From the last key frame on; with `seconds`, from the youngest key frame that is at least that much older than
        the newest packet (or all there is)."""
        with self._lock:
            if not self._groups:
                return []
            first = len(self._groups) - 1
            if seconds is not None:
                newest = self._groups[-1].packets[-1].captured_at
                while first > 0 and newest - self._groups[first].packets[0].captured_at < seconds:
                    first -= 1
            groups: Iterable[_Group] = list(self._groups)[first:]
            return [packet for group in groups for packet in group.packets]

    def newest(self) -> Packet | None:
        """The newest packet."""
        with self._lock:
            return self._groups[-1].packets[-1] if self._groups else None
