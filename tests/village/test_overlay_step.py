"""Boxes are drawn in step with the picture in a real browser: never more than one picture off at ten a second."""

import time

import pytest
from playwright.sync_api import Browser

from api.settings import LiveSettings
from configs.words import Instant, StreamRole
from ingest.words import Packet
from live.wire import OverlayBox, OverlayMessage
from models.session import Database
from tests.api.conftest import StartService, start_service, streams  # noqa: F401
from tests.live.pictures import TestShard, encode
from tests.village.conftest import PROJECT
from tests.village.test_live_players import log_in
from tests.village.test_live_ways import playing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WIDTH, HEIGHT, BAR, STEP = 320, 192, 16, 7
#: The bar is where it was after so many pictures.
AROUND = WIDTH - BAR
#: A look is at every second picture, and its boxes come when three further pictures have.
EVERY, LATE = 2, 3
PICTURES = 80

#: For each picture shown: the middle of the white bar in it and of the frame drawn over it, in the picture's pixels.
_MEASURE = """async ([width, height, pictures]) => {
  const video = [...document.querySelectorAll('video')].find((v) => v.videoWidth > 0)
  const ink = video.parentElement.querySelector('canvas')
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  const middle = (data, is) => {
    const found = []
    for (let x = 0; x < data.width; x++) if (is(data.data, 4 * x)) found.push(x)
    return found.length ? (found[0] + found[found.length - 1] + 1) / 2 : null
  }
  const seen = []
  await new Promise((done) => {
    const look = () => {
      copy.drawImage(video, 0, 0, width, height)
      const bar = middle(copy.getImageData(0, height / 2, width, 1), (d, i) => d[i] > 243 && d[i + 2] > 243)
      const scale = Math.min(ink.width / width, ink.height / height)
      const left = (ink.width - width * scale) / 2
      const row = ink.getContext('2d').getImageData(0, Math.round(ink.height / 2), ink.width, 1)
      const box = middle(row, (d, i) => d[i + 3] > 100)
      seen.push([bar, box === null ? null : (box - left) / scale])
      if (seen.length < pictures) video.requestVideoFrameCallback(look)
      else done()
    }
    video.requestVideoFrameCallback(look)
  })
  return seen
}"""


def left_of(number: int) -> int:
    return number * STEP % AROUND


class BarShard(TestShard):
    """Also publishes what a look sees: a car where the bar is, a track of its own each time it goes round."""

    def __init__(self, endpoint: str, streams: list[list[Packet]]) -> None:
        super().__init__(endpoint, streams)
        self._began = time.time()

    def captured_at(self, number: int) -> Instant:
        # As a camera says it; not when this thread had its turn.
        return Instant(self._began + number * self._period)

    def step(self, number: int) -> None:
        super().step(number)
        seen = number - LATE
        if seen < 0 or seen % EVERY:
            return
        left = left_of(seen)
        box = OverlayBox((left / WIDTH, 0.3, (left + BAR) / WIDTH, 0.7), "car", 0.9, seen * STEP // AROUND)
        self.publisher.publish_overlay(OverlayMessage("gate", seen * self._period, self.captured_at(seen), [box]))


@pytest.fixture
def bar_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.api.conftest.TestShard", BarShard)


@pytest.fixture(scope="session")
def streams() -> list[list[object]]:  # noqa: F811
    both = (StreamRole.SUB, StreamRole.MAIN)
    return [encode("gate", role, gop=16, frames=AROUND, size=(WIDTH, HEIGHT)) for role in both]  # type: ignore[misc]


@pytest.mark.parametrize("path", ["wall", "camera/gate"], ids=["sub-by-stream-time", "main-by-capture"])
def test_boxes_are_in_step_with_the_picture(
    bar_shard: None,
    start_service: StartService,  # noqa: F811
    sqlite_database: Database,
    browser: Browser,
    path: str,
) -> None:
    dist = PROJECT / "web" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    service = start_service(sqlite_database, LiveSettings(idle_seconds=1.0), web_dist=dist)
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="zh-CN")
    page = context.new_page()
    log_in(page, service.url)
    page.goto(f"{service.url}/{path}")
    playing(page, "gate")
    page.wait_for_function("window.__tiles.gate.tied")
    page.wait_for_timeout(1000)
    seen = page.evaluate(_MEASURE, [WIDTH, HEIGHT, PICTURES])
    context.close()
    # Where the bar jumps from right to left, a look of another track is awaited first.
    settled = LATE + 2 * EVERY + 1
    compared = [
        abs(bar - box) / STEP
        for bar, box in seen
        if bar is not None and box is not None and bar - BAR / 2 >= settled * STEP
    ]
    assert len(compared) > PICTURES / 2, seen
    # A page that is kept from painting may show a picture's boxes a moment before the picture itself.
    assert sorted(compared)[int(0.95 * len(compared))] <= 1.0, sorted(compared)[-10:]
