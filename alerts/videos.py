"""A stranger's short video: checked and stripped without decoding it.

Promises: only MP4 and QuickTime, by content; its length is what its own header says; boxes that may hold a place, a
name or a note (udta, meta, uuid) are blanked where they stand, so that the picture's offsets stay true. Not here:
photos (`photos.py`).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from alerts.photos import UnusableMedia, sniff

TYPES = frozenset({"video/mp4", "video/quicktime", "video/x-m4v"})
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_TELLING = frozenset({b"udta", b"meta", b"uuid"})
_MOST_BOXES = 2000
_PLACE = re.compile(rb"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?/")


@dataclass(frozen=True, slots=True)
class Video:
    """The stripped file, how long it plays, and where it was taken if it said so."""

    data: bytes
    seconds: float
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def clean_video(data: bytes, most_seconds: float) -> Video:
    """The video without what it tells of its maker. Raises UnusableMedia."""
    if sniff(data) not in TYPES:
        raise UnusableMedia("只能上传 MP4 视频，请换一个", "only MP4 videos are taken; choose another")
    try:
        boxes = list(_walk(data, 0, len(data), [0]))
    except (struct.error, ValueError):
        raise UnusableMedia("视频已损坏，请重新拍摄", "the video is damaged; record it again") from None
    seconds = _seconds(data, boxes)
    if seconds is None or not any(b.kind == b"trak" for b in boxes):
        raise UnusableMedia("视频已损坏，请重新拍摄", "the video is damaged; record it again")
    if seconds > most_seconds:
        raise UnusableMedia(
            f"视频超过 {most_seconds:.0f} 秒，请剪短", f"the video is longer than {most_seconds:.0f} s; make it shorter"
        )
    stripped = bytearray(data)
    latitude = longitude = None
    for box in boxes:
        if box.kind not in _TELLING:
            continue
        if latitude is None and (found := _PLACE.search(data, box.body, box.end)):
            north, east = float(found[1]), float(found[2])
            if abs(north) <= 90 and abs(east) <= 180:
                latitude, longitude = north, east
        stripped[box.start + 4 : box.start + 8] = b"free"
        stripped[box.body : box.end] = bytes(box.end - box.body)
    return Video(bytes(stripped), seconds, latitude, longitude)


def _walk(data: bytes, start: int, end: int, count: list[int], depth: int = 0) -> Iterator[_Box]:
    position = start
    while position + 8 <= end:
        count[0] += 1
        if count[0] > _MOST_BOXES or depth > 8:
            raise ValueError("too many boxes")
        size, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - position
        if size < body - position or position + size > end:
            raise ValueError("a box reaches beyond its parent")
        box = _Box(kind, position, body, position + size)
        yield box
        if kind in _CONTAINERS:
            yield from _walk(data, body, box.end, count, depth + 1)
        position += size


def _seconds(data: bytes, boxes: list[_Box]) -> float | None:
    header = next((b for b in boxes if b.kind == b"mvhd"), None)
    if header is None:
        return None
    try:
        if data[header.body] == 1:
            scale, duration = struct.unpack_from(">IQ", data, header.body + 20)
        else:
            scale, duration = struct.unpack_from(">II", data, header.body + 12)
    except (struct.error, IndexError):
        return None
    return float(duration / scale) if scale else None
