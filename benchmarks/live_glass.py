"""From a camera's sending a picture to its being on show in Chromium: RTSP, ingest, service, WebRTC, decoding, display.

The clock is in the picture: its grey tells its number. A camera of ours sends the pictures over RTSP and notes when; a
page in headless Chromium plays the feed and notes when each is displayed, as `requestVideoFrameCallback` says.
"""

import shutil
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.live_servers import FORMATS, PASSWORD, children, heard, logged_in, pictures, serve, write_clip
from benchmarks.live_viewers import delays
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.live.rtsp_shard import RtspShard

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_WATCH = """async ([password, seconds]) => {
  const session = { username: 'viewer', password }
  const json = { 'Content-Type': 'application/json' }
  await fetch('/api/session', { method: 'POST', headers: json, body: JSON.stringify(session) })
  const peer = new RTCPeerConnection()
  peer.addTransceiver('video', { direction: 'recvonly' })
  const video = document.createElement('video')
  video.muted = true
  document.body.append(video)
  peer.ontrack = (event) => {
    video.srcObject = new MediaStream([event.track])
    void video.play()
  }
  await peer.setLocalDescription(await peer.createOffer())
  await new Promise((done) => {
    if (peer.iceGatheringState === 'complete') done()
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done()
  })
  const asked = performance.now()
  const answer = await fetch('/api/whep/c0', {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp,
  })
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  const copy = new OffscreenCanvas(16, 9).getContext('2d', { willReadFrequently: true })
  const seen = []
  let first = null
  return await new Promise((done) => {
    const look = (_, metadata) => {
      first ??= metadata.expectedDisplayTime - asked
      copy.drawImage(video, 0, 0, 16, 9)
      const data = copy.getImageData(0, 0, 16, 9).data
      let sum = 0
      for (let i = 0; i < data.length; i += 4) sum += data[i]
      seen.push([(performance.timeOrigin + metadata.expectedDisplayTime) / 1000, sum / (data.length / 4)])
      if (performance.now() - asked < seconds * 1000) video.requestVideoFrameCallback(look)
      else done({ seen, first })
    }
    video.requestVideoFrameCallback(look)
  })
}"""


class _Timed:
    """A loop that notes when each picture was first asked for, which is when it is sent."""

    def __init__(self, clip: Clip) -> None:
        self._loop = Loop(clip)
        self.moments: dict[int, float] = {}

    @property
    def fps(self) -> float:
        return self._loop.fps

    def at(self, picture: int) -> tuple[Clip, int]:
        self.moments.setdefault(picture, time.time())
        return self._loop.at(picture)


def camera(clip: str, pipe: Connection) -> None:
    """An RTSP camera; says its address, and when told to stop, the moment of each picture."""
    source = _Timed(Clip.open(clip))
    with ThreadedServer(RtspServer({"c0": source})) as server:
        pipe.send(server.url("c0"))
        pipe.recv()
        pipe.send(dict(source.moments))


def shard(folder: str, url: str, pipe: Connection) -> None:
    """Ingest and publisher of that camera, until the process is ended."""
    running = RtspShard(f"ipc://{folder}/shard", {"c0": (url, None)})
    running.start()
    pipe.send(None)
    pipe.recv()
    running.stop()


def measure(name: str, seconds: float) -> dict[str, Any]:
    """Delays in ms of one feed in one Chromium; `problem` where there is none to measure with."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {"problem": "playwright is not installed"}
    path = next((found for known in _CHROMIUM if (found := shutil.which(known))), None)
    if path is None:
        return {"problem": "there is no Chromium"}
    with tempfile.TemporaryDirectory(prefix="live-glass-") as work, children() as started:
        clip = Path(work) / "clock.mp4"
        write_clip(clip, pictures(name), FORMATS[name][1])
        films = started.start(camera, str(clip))
        url = heard(films)
        heard(started.start(shard, work, url))
        _, service = heard(started.start(serve, "ours", work, "", 1))
        logged_in(service)
        time.sleep(2.0)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=path,
                args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
            )
            page = browser.new_page()
            # Any page of the service with nothing on it that moves.
            page.goto(f"{service}/api/health")
            found = page.evaluate(_WATCH, [PASSWORD, seconds])
            browser.close()
        films.send(None)
        moments = heard(films)
    seen = [(moment, grey) for moment, grey in found["seen"]]
    return {"first_ms": found["first"], "pictures": len(seen), "delay_ms": delays(seen, moments)}
