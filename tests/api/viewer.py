"""A WHEP viewer for tests: aiortc's own receiver, so that what is received is truly decoded."""

import asyncio
import time
from dataclasses import dataclass, field

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError


@dataclass
class WhepViewer:
    """One viewer; `frames` holds (moment, pts, mean grey) of each decoded frame."""

    client: httpx.AsyncClient
    camera_id: str
    stream: str = "sub"
    frames: list[tuple[float, int, float]] = field(default_factory=list)
    answer_sdp: str = ""
    location: str = ""
    posted_at: float = 0.0

    async def open(self) -> httpx.Response:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTransceiver("video", direction="recvonly")
        self._arrived = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

        @self.peer.on("track")
        def on_track(track: object) -> None:
            self._reader = asyncio.create_task(self._read(track))

        await self.peer.setLocalDescription(await self.peer.createOffer())
        self.posted_at = time.monotonic()
        answer = await self.client.post(
            f"/api/whep/{self.camera_id}",
            params={"stream": self.stream},
            content=self.peer.localDescription.sdp,
            headers={"content-type": "application/sdp"},
        )
        if answer.status_code == 201:
            self.answer_sdp, self.location = answer.text, answer.headers["location"]
            await self.peer.setRemoteDescription(RTCSessionDescription(self.answer_sdp, "answer"))
        return answer

    async def _read(self, track: object) -> None:
        try:
            while True:
                frame = await track.recv()  # type: ignore[attr-defined]
                grey = float(frame.to_ndarray(format="gray").mean())
                self.frames.append((time.monotonic(), frame.pts, grey))
                self._arrived.set()
        except MediaStreamError:
            pass

    async def wait_frames(self, count: int, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.frames) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def delete(self) -> None:
        await self.client.delete(self.location)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        await self.peer.close()

    async def vanish(self) -> None:
        """Goes without a word, like a browser whose network broke: its sockets close, nothing is said."""
        for transceiver in self.peer.getTransceivers():
            ice = transceiver.receiver.transport.transport._connection
            for protocol in list(ice._protocols):
                protocol.transport.abort()
