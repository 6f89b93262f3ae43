"""Looking back, in a real browser: recordings play over the borders of files, are sought, stepped, cut and kept."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import av
import pytest
from playwright.sync_api import Browser, Page, expect

from models.session import open_database
from tests.support.clips import make_clip
from tests.support.recordings import packets_of, record
from tests.village.conftest import Village

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

CAMERA = "art-museum-square"
FIRE_SECONDS = 240


@dataclass(frozen=True)
class Past:
    """Three files without a gap from `begin` on, nothing for two minutes, then one more."""

    begin: datetime
    gap_begin: datetime
    gap_end: datetime


@pytest.fixture(scope="module")
def past(village: Village, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """A past of the running village's own store: real files of the real writer."""
    zone = ZoneInfo("Asia/Shanghai")
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)
    if begin.astimezone(zone).date() != (begin + timedelta(minutes=6)).astimezone(zone).date():
        begin -= timedelta(minutes=10)  # the page shows one day
    clip = make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", size=(320, 192), seconds=10)
    packets = packets_of(clip, CAMERA)
    database = open_database(None, village.var)
    try:
        store = village.var / "recordings"
        assert record(store, database, packets, begin, 150) == 3
        assert record(store, database, packets, begin + timedelta(seconds=270), 30, "motion") == 1
    finally:
        database.close()
    return Past(begin, begin + timedelta(seconds=150), begin + timedelta(seconds=270))


@pytest.fixture(scope="module")
def page(village: Village, browser: Browser) -> Iterator[Page]:
    """A page that is logged in, in English."""
    context = browser.new_context(viewport={"width": 1600, "height": 900}, locale="en-GB", accept_downloads=True)
    page = context.new_page()
    page.goto(village.url)
    page.locator("input").nth(0).fill(village.username)
    page.locator("input[type=password]").fill(village.password)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("grid")).to_be_visible(timeout=30_000)
    yield page
    context.close()


def look_at(village: Village, page: Page, at: datetime) -> None:
    """Opens playback at a moment, as a link does."""
    query = urlencode({"camera": CAMERA, "at": at.isoformat().replace("+00:00", "Z")})
    page.goto(f"{village.url}/recordings?{query}")
    expect(page.get_by_test_id("pane")).to_have_attribute("data-state", "ready", timeout=30_000)


def moment(page: Page) -> float:
    """Seconds since the epoch of the picture that is shown, as the page says it."""
    return float(page.get_by_test_id("moment").get_attribute("data-at") or 0) / 1000


def video(page: Page) -> dict[str, object]:
    """What the video element in front says of itself."""
    shown: dict[str, object] = page.evaluate(
        """() => { const v = document.querySelector('[data-testid=pane-video][data-front=true]')
             return { time: v.currentTime, source: v.currentSrc, width: v.videoWidth, ready: v.readyState,
                      paused: v.paused, rate: v.playbackRate } }"""
    )
    return shown


def wait_for_moment(page: Page, at: datetime, timeout: float = 60_000) -> None:
    page.wait_for_function(
        "(at) => Number(document.querySelector('[data-testid=moment]').dataset.at) >= at",
        arg=at.timestamp() * 1000,
        timeout=timeout,
    )


def test_it_plays_over_the_border_of_two_files(village: Village, page: Page, past: Past):
    look_at(village, page, past.begin + timedelta(seconds=56))
    first = video(page)
    assert first["width"] == 320 and first["paused"]
    page.keyboard.press("Space")
    page.wait_for_function(
        "(t) => document.querySelector('[data-testid=pane-video][data-front=true]').currentTime > t",
        arg=float(str(first["time"])) + 1,
        timeout=30_000,
    )
    wait_for_moment(page, past.begin + timedelta(seconds=64))
    second = video(page)
    assert second["source"] != first["source"] and not second["paused"]
    assert float(str(second["time"])) < 10, "it plays the beginning of the next file"
    page.keyboard.press("Space")


def test_a_click_on_the_timeline_goes_there_over_borders(village: Village, page: Page, past: Past):
    look_at(village, page, past.begin + timedelta(seconds=10))
    sources = set()
    strip = page.get_by_test_id("timeline-strip")
    for seconds in (130, 70, 20):
        wished = (past.begin + timedelta(seconds=seconds)).timestamp()
        begin, end = (float(strip.get_attribute(f"data-{edge}") or 0) / 1000 for edge in ("from", "to"))
        box = strip.bounding_box()
        assert box is not None and begin < wished < end
        strip.click(position={"x": (wished - begin) / (end - begin) * box["width"], "y": box["height"] - 8})
        page.wait_for_function(
            """() => { const v = document.querySelector('[data-testid=pane-video][data-front=true]')
                 return v.readyState >= 2 && !v.seeking }"""
        )
        expect(page.get_by_test_id("pane")).to_have_attribute("data-state", "ready")
        page.wait_for_function(
            "(at) => Math.abs(Number(document.querySelector('[data-testid=moment]').dataset.at) / 1000 - at) < 5",
            arg=wished,
        )
        page.wait_for_timeout(400)
        sources.add(video(page)["source"])
    assert len(sources) == 3, "each of the three moments is in another file"


def test_speeds_and_single_pictures(village: Village, page: Page, past: Past):
    look_at(village, page, past.begin + timedelta(seconds=5))
    page.get_by_test_id("rate-8").click()
    page.get_by_test_id("play").click()
    wait_for_moment(page, past.begin + timedelta(seconds=15))
    assert video(page)["rate"] == 8
    page.keyboard.press("k")
    page.get_by_test_id("rate-1").click()
    before = moment(page)
    page.keyboard.press(".")
    page.wait_for_function(
        "(at) => Number(document.querySelector('[data-testid=moment]').dataset.at) > at * 1000", arg=before + 0.005
    )
    after = moment(page)
    assert 0 < after - before < 0.25 and video(page)["paused"]
    page.keyboard.press(",")
    page.wait_for_function(
        "(at) => Number(document.querySelector('[data-testid=moment]').dataset.at) < at * 1000", arg=after - 0.005
    )


def test_a_gap_is_shown_and_playing_goes_on_after_it(village: Village, page: Page, past: Past):
    look_at(village, page, past.gap_begin - timedelta(seconds=3))
    assert {"continuous", "motion"} <= {b.get_attribute("data-reason") for b in page.get_by_test_id("band").all()}
    page.keyboard.press("Space")
    wait_for_moment(page, past.gap_end + timedelta(seconds=1))
    assert moment(page) < past.gap_end.timestamp() + 30
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_test_id("pane")).to_have_attribute("data-state", "gap")
    page.keyboard.press("n")
    expect(page.get_by_test_id("pane")).to_have_attribute("data-state", "ready", timeout=20_000)


def test_a_clip_is_cut_and_its_sha256_is_that_of_the_file(village: Village, page: Page, past: Past):
    look_at(village, page, past.begin + timedelta(seconds=55))
    page.keyboard.press("i")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(at) => Number(document.querySelector('[data-testid=moment]').dataset.at) >= at",
        arg=(past.begin + timedelta(seconds=64)).timestamp() * 1000,
    )
    page.keyboard.press("o")
    page.keyboard.press("e")
    sha256 = page.get_by_test_id("sha256")
    expect(sha256).to_have_text(re.compile("^[0-9a-f]{64}$"), timeout=30_000)
    with page.expect_download() as download:
        page.get_by_test_id("download").click()
    data = Path(download.value.path()).read_bytes()
    assert hashlib.sha256(data).hexdigest() == sha256.inner_text()
    with av.open(io.BytesIO(data)) as clip:
        times = [float(frame.time) for frame in clip.decode(video=0)]
    assert 9 < times[-1] - times[0] < 13, "ten seconds, from the key frame before to the one after"


def test_a_snapshot_is_the_picture_that_is_shown(village: Village, page: Page, past: Past):
    look_at(village, page, past.begin + timedelta(seconds=30))
    with page.expect_download() as download:
        page.keyboard.press("s")
    with av.open(str(download.value.path())) as picture:
        assert (picture.streams.video[0].width, picture.streams.video[0].height) == (320, 192)
    assert download.value.suggested_filename.startswith(CAMERA)


def test_two_cameras_play_the_same_moment(village: Village, page: Page, past: Past, tmp_path: Path):
    other = "art-museum-door"
    packets = packets_of(make_clip(tmp_path / "b.mp4", seconds=8), other)
    database = open_database(None, village.var)
    try:
        record(village.var / "recordings", database, packets, past.begin + timedelta(seconds=7), 90)
    finally:
        database.close()
    query = urlencode({"camera": f"{CAMERA},{other}", "at": (past.begin + timedelta(seconds=58)).isoformat()})
    page.goto(f"{village.url}/recordings?{query}")
    for pane in (0, 1):
        expect(page.get_by_test_id("pane").nth(pane)).to_have_attribute("data-state", "ready", timeout=30_000)
    page.keyboard.press("Space")
    wait_for_moment(page, past.begin + timedelta(seconds=72))
    page.keyboard.press("Space")
    times = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=pane-video][data-front=true]')].map((v) => v.currentTime)"
    )
    sources = page.get_by_test_id("pane").count()
    assert sources == 2 and all(t > 0 for t in times), times


def test_an_incident_leads_to_its_recording(village: Village, page: Page):
    """What the village itself recorded of its fire, reached from the incident."""
    page.goto(f"{village.url}/incidents")
    card = page.get_by_test_id("incident-card").filter(has_text="Fire").first
    expect(card).to_be_visible(timeout=FIRE_SECONDS * 1000)
    card.click()
    page.get_by_test_id("to-recording").click()
    expect(page.get_by_test_id("recordings")).to_be_visible()
    # its file is closed some seconds after the alert; the page looks again by itself
    expect(page.get_by_test_id("pane").first).to_have_attribute("data-state", "ready", timeout=150_000)
    expect(page.get_by_test_id("timeline-mark").first).to_be_visible()
    assert page.locator('[data-testid=band][data-reason="event"]').count() >= 1
    begun = moment(page)
    page.keyboard.press("Space")
    wait_for_moment(page, datetime.fromtimestamp(begun + 2, UTC))
    assert int(str(video(page)["width"])) >= 320


def test_the_devices_are_listed_searched_ordered_and_taken_away(village: Village, page: Page):
    page.goto(f"{village.url}/cameras")
    rows = page.get_by_test_id("camera-row")
    expect(rows).to_have_count(37, timeout=20_000)
    expect(page.get_by_test_id("state-online")).to_contain_text(re.compile(r"\d+"), timeout=60_000)
    page.get_by_test_id("sort-disk").click()
    expect(rows.first.locator("td").nth(10)).to_contain_text("B", timeout=40_000)
    page.get_by_test_id("search").locator("input").fill("museum square")
    expect(rows).to_have_count(1)
    assert rows.first.get_attribute("data-camera") == CAMERA
    with page.expect_download() as download:
        page.get_by_test_id("csv").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == 2 and lines[1].startswith(f"{CAMERA},Farmer painting museum square,")
    page.get_by_test_id("search").locator("input").fill("")
