"""Viewers for the live benchmark: they decrypt and count, and one of them decodes.

First picture: from the POST to the last RTP packet of the first key frame. Loss: by sequence numbers, once all play.
"""

import asyncio
import contextlib
import logging
import os
import struct
import time
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.rtcrtpreceiver import StreamStatistics

from benchmarks.live_servers import PASSWORD

SETTLE_SECONDS = 4.0
_HEADER = struct.Struct(">xBHII")
_MARKER = 0x80
_FIRST_SECONDS = 30.0


class _Header(NamedTuple):
    sequence_number: int
    timestamp: int


class Counter:
    """One viewer that decrypts and counts, or decodes when it is to measure the delay."""

    def __init__(self, decodes: bool = False) -> None:
        self.decodes = decodes
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.receiver: RTCRtpReceiver = self.peer.addTransceiver("video", direction="recvonly").receiver
        self.packets = self.lost = 0
        self.first_at: float | None = None
        self.location = ""
        self._first = asyncio.Event()
        self.seen: list[tuple[float, float]] = []
        self._last: int | None = None
        self._streams: dict[int, StreamStatistics] = self.receiver._RTCRtpReceiver__remote_streams  # type: ignore
        self._reader: asyncio.Task[None] | None = None
        self._ssrc: int | None = None
        transport: Any = self.receiver.transport
        self._original = transport._handle_rtp_data
        transport._handle_rtp_data = self._handle

    async def _handle(self, data: bytes, arrival_time_ms: int) -> None:
        """One RTP packet, decrypted. Only its header is read: a hundred viewers share one process here."""
        marks, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        self._ssrc = self._ssrc if self._ssrc is not None else ssrc
        if ssrc == self._ssrc:
            self.packets += 1
            if marks & _MARKER and self.first_at is None:
                self.first_at = time.monotonic()
                self._first.set()
            if self._last is not None:
                step = (sequence - self._last) & 0xFFFF
                self.lost += step - 1 if 1 < step < 0x8000 else 0
            self._last = sequence
        if self.decodes:
            await self._original(data, arrival_time_ms)
        else:
            # Only what aiortc's receiver reports from, so that the server hears of its viewer as of any other.
            self._streams.setdefault(ssrc, StreamStatistics(90_000)).add(_Header(sequence, timestamp))  # type: ignore

    async def open(self, client: httpx.AsyncClient, camera: str = "c0") -> float | None:
        """Seconds to the first picture; None when there was none in time."""
        if self.decodes:
            self.peer.on("track", self._read)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        posted = time.monotonic()
        headers = {"content-type": "application/sdp"}
        answer = await client.post(f"/api/whep/{camera}", content=self.peer.localDescription.sdp, headers=headers)
        assert answer.status_code == 201, answer.text
        self.location = answer.headers.get("location", "")
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_SECONDS):
                await self._first.wait()
        return None if self.first_at is None else self.first_at - posted

    def _read(self, track: Any) -> None:
        async def read() -> None:
            while True:
                frame = await track.recv()
                self.seen.append((time.time(), float(frame.to_ndarray(format="gray")[::8, ::8].mean())))

        self._reader = asyncio.create_task(read())

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
        await self.peer.close()


def receive(
    url: str, viewers: int, cameras: int, seconds: float | None, decodes: bool, is_nice: bool, pipe: Connection
) -> None:
    """Viewers of the first `cameras` cameras in turn. Says `steady` when all play, then what was received in `seconds`;
    none: until told to stop. `is_nice`: takes only what CPU others leave."""
    logging.disable(logging.WARNING)
    if is_nice:
        os.nice(19)

    async def main() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
            counters = [Counter(decodes and n == 0) for n in range(viewers)]
            first = [await counter.open(client, f"c{n % cameras}") for n, counter in enumerate(counters)]
            await asyncio.sleep(SETTLE_SECONDS)
            before = [(c.packets, c.lost) for c in counters]
            await asyncio.to_thread(pipe.send, "steady")
            if seconds is None:
                await asyncio.to_thread(pipe.recv)
            else:
                await asyncio.sleep(seconds)
            packets = sum(c.packets - b[0] for c, b in zip(counters, before, strict=True))
            lost = sum(c.lost - b[1] for c, b in zip(counters, before, strict=True))
            seen = counters[0].seen if counters else []
            await asyncio.to_thread(pipe.send, {"first": first, "packets": packets, "lost": lost, "seen": seen})
            for counter in counters:
                if counter.location:
                    await client.delete(counter.location)
                await counter.close()

    asyncio.run(main())


def delays(seen: list[tuple[float, float]], moments: dict[int, float], skip: int = 40) -> list[float]:
    """Milliseconds from sending a picture to seeing it. The grey of a picture is its number modulo 20; the newest one
    of that grey sent before is the one seen."""
    if len(seen) < skip + 10:
        return []
    greys = sorted(grey for _, grey in seen[skip:])
    low, high = greys[len(greys) // 100], greys[-1 - len(greys) // 100]
    found = []
    for moment, grey in seen[skip:]:
        number = round((grey - low) / (high - low) * 19)
        sent = max((at for n, at in moments.items() if n % 20 == number and at <= moment), default=None)
        if sent is not None:
            found.append(1000 * (moment - sent))
    return found
