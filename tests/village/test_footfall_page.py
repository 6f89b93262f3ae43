"""The footfall page in a real browser: counts, gaps as gaps, holidays, the forecast, files; nobody else gets in."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from api.identity import create_user
from api.settings import ApiSettings
from configs.load import load_site
from configs.words import Role
from flow.local_time import day_of
from models.base import utc_now
from models.migrate import migrate
from models.session import open_database
from tests.support.footfall_years import fill_years
from tests.village.conftest import PROJECT, free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

PASSWORD = "a-planner-of-outings"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service over a quarter of a year of footfall, without cameras."""
    dist = PROJECT / "web" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    var: Path = tmp_path_factory.mktemp("footfall")
    site = load_site(PROJECT / "configs" / "cameras.yaml", {"VBRAIN_RTSP": "127.0.0.1:1"})
    database = open_database(None, var)
    migrate(database)
    fill_years(database, site, day_of(utc_now(), site.site.zone_info), years=0.25)
    with database.session() as session:
        create_user(session, "planner", PASSWORD, Role.PLANNER, "Planner")
        create_user(session, "guest", PASSWORD, Role.VIEWER, "Guest")
    database.close()
    settings = ApiSettings(site=site, data_dir=var, evidence_dir=var / "evidence", web_dist=dist, port=free_port())
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=settings.port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{settings.port}"
    server.should_exit = True
    thread.join(20)


def log_in(browser: Browser, service: str, name: str, locale: str = "en-GB") -> Page:
    page = browser.new_context(viewport={"width": 1500, "height": 900}, locale=locale).new_page()
    for attempt in range(40):
        try:
            page.goto(f"{service}/login")
            break
        except Exception:  # the service is still starting
            if attempt == 39:
                raise
            page.wait_for_timeout(250)
    expect(page.get_by_test_id("login")).to_be_visible()
    page.locator("input").nth(0).fill(name)
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


@pytest.fixture(scope="module")
def page(service: str, browser: Browser) -> Iterator[Page]:
    page = log_in(browser, service, "planner")
    page.goto(f"{service}/footfall")
    yield page
    page.context.close()


def test_the_last_30_days_stand_there(page: Page):
    expect(page.get_by_test_id("people").locator(".value")).to_have_text(re.compile(r"^\d[\d,]+$"))
    expect(page.get_by_test_id("day-bar").first).to_be_visible()
    assert page.get_by_test_id("day-bar").count() >= 28


def test_what_nobody_observed_is_a_gap(service: str, page: Page):
    last = day_of(utc_now(), load_site(PROJECT / "configs" / "cameras.yaml", {"VBRAIN_RTSP": "x:1"}).site.zone_info)
    page.goto(f"{service}/footfall?from={last - timedelta(days=13)}&to={last}&place=gate-1/walk")
    expect(page.get_by_test_id("gap")).to_have_count(2)
    assert page.get_by_test_id("day-bar").count() == 12
    page.get_by_test_id("gap").first.hover()
    expect(page.locator(".tip").first).to_contain_text("not observed")


def test_the_parts_are_there(service: str, page: Page):
    page.goto(f"{service}/footfall")
    expect(page.get_by_test_id("back-test")).to_contain_text("mean error", timeout=60_000)
    expect(page.get_by_test_id("interval")).to_have_count(1)
    expect(page.get_by_test_id("tried").first).to_be_attached()
    for part in ("holiday", "crowding", "vehicles", "heat", "flowing"):
        expect(page.get_by_test_id(part).first).to_be_visible()
    expect(page.get_by_test_id("flowing")).to_contain_text("km/h")


def test_a_click_on_a_place_shows_it_alone(service: str, page: Page):
    page.goto(f"{service}/footfall")
    page.get_by_role("button", name="Farmer painting museum square").first.click()
    page.wait_for_url(lambda url: "place=art-museum-square" in url)
    expect(page.get_by_test_id("place")).to_contain_text("Farmer painting museum square")
    expect(page.get_by_test_id("people")).to_contain_text("Passages")


@pytest.mark.parametrize(("kind", "start"), [("csv", b"\xef\xbb\xbfDate"), ("xlsx", b"PK"), ("pdf", b"%PDF-")])
def test_figures_can_be_taken_away(service: str, page: Page, kind: str, start: bytes):
    page.goto(f"{service}/footfall")
    expect(page.get_by_test_id("people")).to_be_visible()
    with page.expect_download(timeout=120_000) as taken:
        page.get_by_test_id(f"download-{kind}").click()
    assert taken.value.suggested_filename.endswith(f".{kind}")
    assert Path(taken.value.path()).read_bytes().startswith(start)


def test_in_chinese_too(service: str, browser: Browser):
    page = log_in(browser, service, "planner", "zh-CN")
    page.goto(f"{service}/footfall")
    expect(page.get_by_test_id("footfall")).to_contain_text("到访人次")
    expect(page.get_by_test_id("footfall")).to_contain_text("节假日对比")
    page.context.close()


def test_who_may_not_plan_is_sent_elsewhere(service: str, browser: Browser):
    page = log_in(browser, service, "guest")
    page.goto(f"{service}/footfall")
    page.wait_for_url(lambda url: "/footfall" not in url)
    assert page.evaluate("async () => (await fetch('/api/flow/report')).status") == 403
    page.context.close()
