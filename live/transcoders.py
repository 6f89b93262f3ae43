"""All transcoders: how many there may be, and when each ends.

Promises: one for each stream, whoever watches; never more than `most` at a time; one nobody watches ends after a
while, or at once when another is wanted; what all of them cost is counted, those that ended included. Owned by one
event loop. Not here: the work (`transcode.py`), which streams need it (`playable.py`).
"""

import asyncio
from dataclasses import dataclass

from configs.words import CameraId, StreamRole
from live.feed import FeedPool, Later
from live.transcode import Transcoder


class TooManyTranscoders(Exception):
    """No further stream can be transcoded now."""


@dataclass(slots=True)
class TranscodeTotals:
    """Counted since the start."""

    started: int = 0
    failed: int = 0
    frames_decoded: int = 0
    frames_encoded: int = 0
    frames_dropped: int = 0
    cpu_seconds: float = 0.0

    def add(self, transcoder: Transcoder) -> None:
        self.frames_decoded += transcoder.figures.frames_decoded
        self.frames_encoded += transcoder.figures.frames_encoded
        self.frames_dropped += transcoder.frames_dropped
        self.cpu_seconds += transcoder.figures.cpu_seconds


class Transcoders:
    """`hold` and `release`, as with feeds; `stop` at the end."""

    def __init__(self, feeds: FeedPool, most: int = 2, idle_seconds: float = 5.0, later: Later | None = None) -> None:
        """`later(seconds, call)` schedules; the event loop does, when not said otherwise."""
        self._feeds, self._most, self._idle_seconds = feeds, most, idle_seconds
        self._later = later or (lambda seconds, call: asyncio.get_running_loop().call_later(seconds, call))
        self._running: dict[tuple[CameraId, StreamRole], Transcoder] = {}
        self._holders: dict[Transcoder, int] = {}
        self._releases: dict[Transcoder, int] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._gone = TranscodeTotals()

    def __len__(self) -> int:
        return len(self._holders)

    @property
    def totals(self) -> TranscodeTotals:
        """Counted since the start, those that run included. From any thread."""
        gone = self._gone
        totals = TranscodeTotals(
            gone.started, gone.failed, gone.frames_decoded, gone.frames_encoded, gone.frames_dropped, gone.cpu_seconds
        )
        for transcoder in list(self._holders):
            totals.add(transcoder)
        return totals

    def of(self, camera_id: str, role: StreamRole) -> Transcoder | None:
        """The one that transcodes this stream now. From any thread."""
        return self._running.get((CameraId(camera_id), role))

    async def hold(self, camera_id: CameraId, role: StreamRole) -> Transcoder:
        """The stream's transcoder, started if it is not yet. `release` must follow. Raises TooManyTranscoders."""
        async with self._turn:
            transcoder = self._running.get((camera_id, role))
            if transcoder is not None and not transcoder.is_running:
                self._end(transcoder)
                self._gone.failed += 1
                transcoder = None
            if transcoder is None:
                await self._make_room()
                transcoder = Transcoder(self._feeds.hold(camera_id, role))
                self._running[camera_id, role] = transcoder
                self._holders[transcoder] = 0
                self._gone.started += 1
                transcoder.start()
            self._holders[transcoder] += 1
            return transcoder

    def release(self, transcoder: Transcoder) -> None:
        """Nobody watches it: it ends after a while, unless somebody comes."""
        if transcoder not in self._holders:
            return
        self._holders[transcoder] -= 1
        if not self._holders[transcoder]:
            release = self._releases[transcoder] = self._releases.get(transcoder, 0) + 1
            self._later(self._idle_seconds, lambda: self._end_if_idle(transcoder, release))

    async def stop(self) -> None:
        """Ends all of them, and waits for their threads."""
        for transcoder in list(self._holders):
            self._end(transcoder)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _make_room(self) -> None:
        if len(self._running) >= self._most:
            idle = next((t for t in self._running.values() if not self._holders[t]), None)
            if idle is None:
                raise TooManyTranscoders(
                    f"{self._most} streams are being transcoded, which is the limit; "
                    "set the camera to H.264 without B-frames, or let the limit be raised"
                )
            self._end(idle)
        # A thread that still ends counts, too.
        if self._ending:
            await asyncio.gather(*self._ending, return_exceptions=True)

    def _end_if_idle(self, transcoder: Transcoder, release: int) -> None:
        # Only the last release counts: somebody may have come and gone in between.
        if self._holders.get(transcoder) == 0 and self._releases.get(transcoder) == release:
            self._end(transcoder)

    def _end(self, transcoder: Transcoder) -> None:
        if self._holders.pop(transcoder, None) is None:
            return
        self._releases.pop(transcoder, None)
        self._running.pop((transcoder.source.camera_id, transcoder.source.role), None)
        transcoder.end()
        task = asyncio.create_task(self._bury(transcoder), name="transcoder-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _bury(self, transcoder: Transcoder) -> None:
        await transcoder.ended()
        self._gone.add(transcoder)
        self._feeds.release(transcoder.source)
