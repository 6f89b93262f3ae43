"""The main job, end to end, in a real browser: cameras come up, pictures move, a fire becomes an incident by itself."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.village.conftest import Village, free_port, read_until, start_village

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

_FIRE_SECONDS = 180


@pytest.fixture(scope="module")
def page(village: Village, browser: Browser) -> Iterator[Page]:
    """A page that is logged in."""
    context = browser.new_context(viewport={"width": 1600, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.goto(village.url)
    expect(page.get_by_test_id("login")).to_be_visible()
    page.locator("input").nth(0).fill(village.username)
    page.locator("input[type=password]").fill(village.password)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("grid")).to_be_visible(timeout=20_000)
    yield page
    context.close()


def states(page: Page) -> Counter[str]:
    """How many cameras are in which state."""
    return Counter(camera["state"] for camera in page.evaluate("async () => (await fetch('/api/cameras')).json()"))


def wait_until(page: Page, reached: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits in the page's own time, so that its events go on."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}: {states(page)}"
        page.wait_for_timeout(500)


def showing(page: Page) -> int:
    """How many cameras give pictures: online, or degraded because a drawn scene looks too still or too soft."""
    now = states(page)
    return now["online"] + now["degraded"]


def playing(page: Page) -> dict[str, float]:
    """The playing time of each tile's video, by camera."""
    times: dict[str, float] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('[data-testid=tile-video]')]
             .filter((v) => v.videoWidth > 0).map((v) => [v.dataset.camera, v.currentTime]))"""
    )
    return times


def test_the_wall_plays(page: Page):
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=tile-video]')].filter((v) => v.currentTime > 1).length >= 4",
        timeout=60_000,
    )
    before = playing(page)
    page.wait_for_timeout(3000)
    after = playing(page)
    moving = [camera for camera, at in before.items() if after.get(camera, 0) > at + 1]
    assert len(moving) >= 4, (before, after)


def test_all_37_cameras_come_online(village: Village, page: Page):
    wait_until(page, lambda: showing(page) == 37, "37 cameras online", 60)


def test_people_or_vehicles_are_boxed(page: Page):
    models = page.evaluate("async () => (await (await fetch('/api/models')).json()).models")
    missing = [m["problem"] for m in models if m["task"] == "people_vehicles" and m["model"] is None]
    if missing:
        pytest.skip(missing[0])
    page.wait_for_function("() => Object.values(window.__tiles).some((tile) => tile.boxes > 0)", timeout=60_000)


def test_a_fire_becomes_an_incident_by_itself(page: Page):
    card = page.get_by_test_id("incident-card").filter(has_text="Fire").first
    expect(card).to_be_visible(timeout=_FIRE_SECONDS * 1000)
    if folder := os.environ.get("VBRAIN_SCREENSHOTS"):
        page.wait_for_timeout(2000)
        page.screenshot(path=str(Path(folder) / "wall.png"))
    card.click()
    evidence = page.get_by_test_id("evidence").first
    expect(evidence).to_be_visible(timeout=20_000)
    assert evidence.evaluate("(img) => img.decode().then(() => img.naturalWidth)") >= 320
    expect(page.get_by_test_id("timeline")).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some((v) => v.currentTime > 1)", timeout=30_000
    )
    if folder:
        page.screenshot(path=str(Path(folder) / "incident.png"))


def test_nothing_is_open_without_login(village: Village, browser: Browser):
    context = browser.new_context()
    for path in ("/api/cameras", "/api/incidents", "/api/site", "/api/events"):
        assert context.request.get(village.url + path).status == 401, path
    context.close()


def test_a_killed_shard_comes_back(village: Village, page: Page):
    found = subprocess.run(
        ["pgrep", "-P", str(village.process.pid), "-f", "runtime shard"], capture_output=True, text=True, check=True
    )
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    wait_until(page, lambda: showing(page) < 37, "the loss of the cameras to be seen", 30)
    wait_until(page, lambda: showing(page) == 37, "37 cameras online", 60)


def test_a_taken_port_is_one_clear_sentence(village: Village, tmp_path: Path):
    taken = village.url.rsplit(":", 1)[1]
    process, lines = start_village(tmp_path, "--port", taken, "--demo-port", str(free_port()))
    read_until(lines, rf"port {taken} for the console cannot be used", process, 30)
    assert process.wait(10) != 0


def test_ctrl_c_ends_every_process(village: Village):
    """Last: it ends the village."""
    children = subprocess.run(
        ["pgrep", "-P", str(village.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(children) >= 3
    village.process.send_signal(signal.SIGINT)
    assert village.process.wait(20) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
