"""Calls in real browsers with fake microphones and cameras: the operator, a grid worker's phone, a household.

Sound and picture go from page to page; what is asserted is what arrives there. Set VBRAIN_SCREENSHOTS to a folder to
look at the pages.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from alerts.assignments import ask
from api.settings import LiveSettings
from models.base import utc_now
from models.session import Database
from models.tables import User
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.api.conftest import (  # noqa: F401
    PASSWORD,
    RunningServer,
    Service,
    StartService,
    start_service,
    streams,
)
from tests.api.test_calls import timeline
from tests.api.test_incidents import raise_one
from tests.support.clips import make_clip
from tests.village.conftest import CHROMIUM_ARGUMENTS, PROJECT, chromium_path

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

WAIT_MS = 30_000

#: The second fake camera gives depth, not colours, which no browser sends.
_TWO_CAMERAS = """
const all = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices)
navigator.mediaDevices.enumerateDevices = async () => (await all()).filter((d) => d.label !== 'fake_device_1')
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedServer]:
    clip = make_clip(tmp_path_factory.mktemp("clips") / "h264.mp4", size=(320, 192), fps=10, seconds=4, gop=20)
    with ThreadedServer(RtspServer({"h264": Loop(Clip.open(clip))})) as found:
        yield found


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database, server: ThreadedServer) -> Service:  # noqa: F811
    dist = PROJECT / "web" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    urls = {"gate": (server.url("h264"), None)}
    return start_service(sqlite_database, LiveSettings(idle_seconds=1.0), urls, web_dist=dist)


@pytest.fixture(scope="module")
def caller(browser: Browser) -> Iterator[Browser]:
    """Chromium with a microphone that beeps and two cameras that show a moving pattern."""
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=3,fps=10"]
    chromium = browser.browser_type.launch(executable_path=chromium_path(), args=[*CHROMIUM_ARGUMENTS, *fake])
    yield chromium
    chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(caller: Browser, service: Service) -> Iterator[OpenPage]:
    """Opens a browser of its own for somebody; a household has no login."""
    contexts = []
    expect.set_options(timeout=WAIT_MS)

    def opened(username: str | None = None, phone: bool = False, locale: str = "zh-CN") -> Page:
        size: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
        if phone:
            size = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
        context = caller.new_context(locale=locale, permissions=["microphone", "camera"], **size)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(_TWO_CAMERAS)
        contexts.append(context)
        page = context.new_page()
        if username:
            page.goto(f"{service.url}/login")
            page.locator("input").nth(0).fill(username)
            page.locator("input[type=password]").fill(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "/login" not in url)
        return page

    yield opened
    expect.set_options(timeout=5000)
    for context in contexts:
        context.close()


def look(page: Page, name: str) -> None:
    """A picture of the page, when somebody wants to look."""
    if folder := os.environ.get("VBRAIN_SCREENSHOTS"):
        page.wait_for_timeout(800)
        page.screenshot(path=str(Path(folder) / f"call-{name}.png"))


def report(page: Page) -> dict[str, Any]:
    """What the page's call does."""
    found: dict[str, Any] = page.evaluate("() => window.__call?.report() ?? {}")
    return found


def hears(page: Page, others: int, pictures: bool = True) -> dict[str, Any]:
    """Waits until sound, and pictures, of that many others keep arriving; gives what the page says."""
    before: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for _ in range(120):
        said = report(page)
        peers: dict[str, Any] = said.get("peers", {})
        if len(peers) == others and all(p["state"] == "connected" for p in peers.values()):
            if before.keys() == peers.keys() and all(
                p["audio"] > before[i]["audio"] + 500 and (not pictures or p["frames"] > before[i]["frames"] + 3)
                for i, p in peers.items()
            ):
                return said
            before = before if before.keys() == peers.keys() else peers
        page.wait_for_timeout(250)
    raise AssertionError(f"{others} others do not arrive: {said}")


def send_out(database: Database, incident: str, username: str) -> None:
    with database.session() as session:
        user = session.scalars(select(User).where(User.username == username)).one()
        ask(session, incident, [user.id], None, utc_now(), utc_now(), [])


def start_call(page: Page, url: str, incident: str, *users: str, household: str | None = None) -> None:
    """The operator calls from the page of the incident."""
    page.goto(f"{url}/incidents/{incident}")
    page.get_by_test_id("call-start").click()
    for user in users:
        page.locator(f"[data-testid=call-choice][data-user={user}]").click()
    if household:
        page.get_by_test_id("call-household").fill(household)
    look(page, "whom")
    page.get_by_test_id("call-video").click()
    expect(page.get_by_test_id("call-stage")).to_be_visible()


def actions(service: Service, incident: str) -> list[str]:
    return [action for action, _ in timeline(service.database, incident)]


def test_three_speak_one_drops_and_comes_back_and_the_call_outlives_the_service(
    service: Service, open_page: OpenPage
) -> None:
    database, url = service.database, service.url
    incident = raise_one(database, "a1")
    send_out(database, incident, "grid_worker")
    operator, worker, household = open_page("operator"), open_page("grid_worker", phone=True), open_page(phone=True)

    # the operator calls; the worker's phone rings on whatever page is open, the household opens its link
    start_call(operator, url, incident, "grid_worker", "enforcement_officer", household="李大妈")
    expect(worker.get_by_test_id("call-ring")).to_contain_text("operator")
    look(worker, "ring")
    worker.get_by_test_id("call-answer").click()
    hears(operator, 1)
    hears(worker, 1)
    worker.get_by_test_id("call-flip").click()
    hears(operator, 1)
    worker.get_by_test_id("call-camera").click()
    expect(operator.get_by_test_id("call-tile").locator("video")).to_be_hidden()
    worker.get_by_test_id("call-camera").click()
    hears(operator, 1)
    expect(operator.get_by_test_id("call-tile").locator("video")).to_be_visible()
    look(worker, "phone-pair")
    link = operator.get_by_test_id("call-link").input_value()
    assert re.fullmatch(rf"{re.escape(url)}/call#\S{{32}}", link)
    household.goto(link)
    expect(household.get_by_test_id("guest-call")).to_contain_text("视频接听")
    look(household, "guest-before")
    household.get_by_test_id("guest-video").click()
    for page in (operator, worker, household):
        hears(page, 2)
    look(operator, "console")
    look(worker, "phone-three")
    look(household, "guest")

    # who is muted is shown to the others, and sends silence
    household.get_by_test_id("call-mute").click()
    expect(operator.locator("[data-testid=call-tile][data-name='李大妈']")).to_have_attribute("data-muted", "true")
    expect(worker.locator("[data-testid=call-tile][data-name='李大妈']")).to_have_attribute("data-muted", "true")

    # the worker's page is loaded anew and is back by itself, as the same person
    me = report(worker)["me"]
    session = report(worker)["session"]
    worker.reload()
    hears(worker, 2)
    assert report(worker)["me"] == me and report(worker)["session"] != session
    hears(operator, 2)
    expect(operator.get_by_test_id("call-tile")).to_have_count(2)

    household.reload()
    for page in (operator, worker, household):
        hears(page, 2)

    # the line to the service breaks: nobody notices, and the connections are the same
    before = report(operator)["peers"]
    operator.evaluate("() => window.__call.breakLine()")
    expect(operator.get_by_test_id("call-line-lost")).to_have_count(0)
    after = hears(operator, 2)["peers"]
    assert all(after[i]["bytes"] > before[i]["bytes"] for i in before), "a new connection would count from nothing"

    # the operator takes the household out, whose link holds no more, and ends the call for all
    end = operator.get_by_test_id("call-end-all")
    expect(end).to_be_visible()
    operator.locator("span", has_text="李大妈").get_by_test_id("call-take-out").click()
    expect(household.get_by_test_id("guest-over")).to_be_visible()
    hears(operator, 1)
    expect(end).to_have_count(0)
    operator.get_by_test_id("call-hang-up").click()
    expect(operator.get_by_test_id("call-dock")).to_have_count(0)
    # whoever is left waits for the officer, who rings for 40 seconds, and for a while more
    expect(worker.get_by_test_id("call-farewell")).to_contain_text("通话已结束", timeout=90_000)
    wait_for(operator, lambda: "call_ended" in actions(service, incident))
    told = timeline(database, incident)
    for row in (("call_joined", "grid_worker"), ("call_joined", "李大妈"), ("call_left", "李大妈")):
        assert row in told
    expect(operator.get_by_test_id("call-past")).to_have_count(1)
    expect(operator.get_by_test_id("timeline")).to_contain_text("李大妈")
    look(operator, "timeline")


def test_a_call_goes_on_while_the_service_is_away(service: Service, open_page: OpenPage) -> None:
    incident = raise_one(service.database, "a1")
    operator, officer = open_page("operator"), open_page("enforcement_officer", locale="en-GB")
    start_call(operator, service.url, incident, "enforcement_officer")
    officer.get_by_test_id("call-answer").click()
    hears(operator, 1)
    [before] = report(operator)["peers"].values()
    assert service.server is not None
    service.server.stop()
    expect(operator.get_by_test_id("call-line-lost")).to_be_visible()
    look(officer, "service-away")
    [meanwhile] = hears(operator, 1)["peers"].values()
    assert meanwhile["frames"] > before["frames"]
    again = RunningServer(service.settings, port=int(service.url.rpartition(":")[2]))
    again.start()
    try:
        expect(operator.get_by_test_id("call-line-lost")).to_have_count(0)
        expect(officer.get_by_test_id("call-line-lost")).to_have_count(0)
        [after] = hears(operator, 1)["peers"].values()
        assert after["bytes"] > meanwhile["bytes"]
        officer.get_by_test_id("call-hang-up").click()
        expect(operator.get_by_test_id("call-tile")).to_have_count(0)
        operator.get_by_test_id("call-hang-up").click()
        wait_for(operator, lambda: "call_ended" in actions(service, incident))
        assert actions(service, incident).count("call_joined") == 1, "nobody had left"
    finally:
        again.stop()


def test_a_call_is_declined_or_missed_and_that_is_said(service: Service, open_page: OpenPage) -> None:
    incident = raise_one(service.database, "a1")
    operator, worker = open_page("operator"), open_page("grid_worker", phone=True, locale="en-GB")
    start_call(operator, service.url, incident, "grid_worker", "enforcement_officer")
    expect(worker.get_by_test_id("call-ring")).to_contain_text("operator is calling you")
    look(worker, "ring-en")
    # where a push message leads: it rings there too
    worker.goto(f"{service.url}/calls/{operator.evaluate('() => window.__call.report().then((r) => r.call)')}")
    expect(worker).to_have_url(re.compile("/duty"))
    worker.get_by_test_id("call-decline").click()
    expect(worker.get_by_test_id("call-ring")).to_have_count(0)
    outside = operator.get_by_test_id("call-outside")
    expect(outside.filter(has_text="grid_worker")).to_contain_text("不方便")
    look(operator, "declined")
    expect(outside.filter(has_text="enforcement_officer")).to_contain_text("未接听", timeout=60_000)
    operator.get_by_test_id("call-hang-up").click()
    wait_for(operator, lambda: "call_ended" in actions(service, incident))
    told = timeline(service.database, incident)
    assert ("call_declined", "grid_worker") in told and ("call_missed", "enforcement_officer") in told


def test_a_cameras_picture_is_shared_and_a_recording_that_all_agreed_to_is_evidence(
    service: Service, open_page: OpenPage
) -> None:
    incident = raise_one(service.database, "a1")
    send_out(service.database, incident, "grid_worker")
    operator, worker = open_page("operator", locale="en-GB"), open_page("grid_worker", phone=True)
    # the worker calls the control room: one answer is enough
    worker.goto(f"{service.url}/duty/{incident}")
    expect(worker.get_by_test_id("duty-call")).to_be_visible()
    look(worker, "duty")
    worker.get_by_test_id("duty-call").click()
    operator.get_by_test_id("call-answer-voice").click()
    hears(worker, 1, pictures=False)
    expect(worker.get_by_test_id("call-tile")).to_have_attribute("data-name", "operator")

    operator.get_by_test_id("call-more").click()
    expect(operator.locator("[data-testid=call-choice][data-user=enforcement_officer]")).to_be_visible()
    look(operator, "more")
    operator.get_by_test_id("call-more-close").click()
    operator.get_by_test_id("call-share").click()
    look(operator, "share-pick")
    operator.locator("[data-testid=call-share-pick] [data-camera=gate]").click()
    shared = worker.get_by_test_id("call-shared").locator("video")
    expect(worker.get_by_test_id("call-shared")).to_contain_text("监控gate")
    frames = "v => v.getVideoPlaybackQuality().totalVideoFrames"
    expect(shared).to_be_visible()
    first = shared.evaluate(frames)
    wait_for(worker, lambda: shared.evaluate(frames) > first + 10)
    assert shared.evaluate("v => [v.videoWidth, v.videoHeight]") == [320, 192]
    look(worker, "shared-phone")
    look(operator, "shared")

    operator.get_by_test_id("call-record").click()
    expect(operator.get_by_test_id("call-recording")).to_have_attribute("data-state", "asking")
    expect(worker.get_by_test_id("call-recording")).to_contain_text("您同意吗")
    look(worker, "consent")
    worker.get_by_test_id("call-agree").click()
    for page in (operator, worker):
        expect(page.get_by_test_id("call-recording")).to_have_attribute("data-state", "on")
    operator.get_by_role("button", name="Larger").click()
    look(operator, "recording")
    operator.wait_for_timeout(6000)  # a recording of some seconds takes some seconds
    operator.get_by_test_id("call-record").click()
    expect(worker.get_by_test_id("call-recording")).to_have_count(0)
    wait_for(operator, lambda: "call_recorded" in actions(service, incident))
    operator.get_by_test_id("call-hang-up").click()
    [film] = service.client("operator").get(f"/api/incidents/{incident}").json()["photos"]
    assert film["media_type"] == "video/webm" and film["size_bytes"] > 20_000
    operator.goto(f"{service.url}/incidents/{incident}")
    played = operator.locator("figure video")
    expect(played).to_be_visible()
    played.evaluate("v => { v.muted = true; v.play() }")
    wait_for(operator, lambda: played.evaluate("v => v.currentTime") > 2)
    look(operator, "evidence")


def test_without_https_or_a_microphone_it_is_said_what_to_do(service: Service, caller: Browser) -> None:
    incident = raise_one(service.database, "a1")
    desk = service.client("operator")
    asked = desk.post(f"/api/incidents/{incident}/calls", json={"households": [{"name": "Mrs Li"}]}).json()
    for locale, script, words in (
        ("en-GB", "delete Navigator.prototype.mediaDevices", "Open this page by https"),
        (
            "zh-CN",
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))",
            "请点地址栏左侧的图标",
        ),
    ):
        context = caller.new_context(viewport={"width": 390, "height": 844}, locale=locale)
        context.add_init_script(script)
        page = context.new_page()
        page.goto(service.url + asked["links"][0]["link"])
        page.get_by_test_id("guest-voice").click()
        expect(page.get_by_test_id("call-trouble").first).to_contain_text(words, timeout=WAIT_MS)
        expect(page.get_by_test_id("call-stage")).to_be_visible()
        look(page, f"trouble-{locale}")
        page.get_by_test_id("call-hang-up").click()
        context.close()


def wait_for(page: Page, condition: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds * 5)):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not come true in time")
