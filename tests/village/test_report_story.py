"""A villager's fire from the phone to 办结, rated and rewarded: three people, three browsers, the real village.

Every step is a press of the button that the person presses. Set VBRAIN_SCREENSHOTS to a folder to look at the pages.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.alerts.media import jpeg
from tests.village.conftest import Village

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

#: By the river, far from what burns in the demo village by itself.
LATITUDE, LONGITUDE = 28.98355, 118.74483
PHONE = "138 5700 1234"
PASSWORDS = {"operator": "the-night-is-long", "grid_worker": "by-the-river-bank"}
WAIT_MS = 40_000


@dataclass(frozen=True)
class People:
    """A page for each, logged in where they need to be."""

    admin: Page
    operator: Page
    worker: Page
    villager: Page


def look(page: Page, name: str, full: bool = True) -> None:
    """A picture of the page, when somebody wants to look."""
    if folder := os.environ.get("VBRAIN_SCREENSHOTS"):
        page.wait_for_timeout(1200)
        page.screenshot(path=str(Path(folder) / f"story-{name}.png"), full_page=full)


def log_in(page: Page, village: Village, username: str, password: str, lands_on: str) -> None:
    page.goto(f"{village.url}/login")
    page.locator("input").nth(0).fill(username)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(lands_on), timeout=WAIT_MS)


def add_user(page: Page, username: str, name: str, role: str) -> None:
    """The administrator makes a user in the console."""
    page.get_by_test_id("add-user").click()
    page.get_by_test_id("user-name").locator("input").fill(username)
    page.get_by_test_id("user-display").locator("input").fill(name)
    page.get_by_test_id("user-role").click()
    page.locator(".n-base-select-option").filter(has_text=re.compile(f"^{role}$")).click()
    page.get_by_test_id("user-password").locator("input").fill(PASSWORDS[username])
    page.get_by_test_id("user-save").click()
    expect(page.locator(f"[data-testid=user][data-user={username}]")).to_contain_text(name)


@pytest.fixture(scope="module")
def people(village: Village, browser: Browser) -> Iterator[People]:
    contexts: list[BrowserContext] = []

    def page(locale: str, phone: bool) -> Page:
        there = {"latitude": LATITUDE, "longitude": LONGITUDE}
        if phone:
            context = browser.new_context(
                viewport={"width": 390, "height": 844}, locale=locale, geolocation=there, has_touch=True,
                permissions=["geolocation"], is_mobile=True,
            )  # fmt: skip
        else:
            context = browser.new_context(viewport={"width": 1500, "height": 950}, locale=locale)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        return context.new_page()

    expect.set_options(timeout=WAIT_MS)
    admin = page("en-GB", phone=False)
    log_in(admin, village, village.username, village.password, "/wall")
    admin.goto(f"{village.url}/users")
    add_user(admin, "operator", "王芳", "Operator")
    add_user(admin, "grid_worker", "余国强", "Grid worker")
    look(admin, "users")
    operator, worker = page("zh-CN", phone=False), page("zh-CN", phone=True)
    log_in(operator, village, "operator", PASSWORDS["operator"], "/wall")
    log_in(worker, village, "grid_worker", PASSWORDS["grid_worker"], "/duty")
    yield People(admin, operator, worker, page("zh-CN", phone=True))
    expect.set_options(timeout=5000)
    for context in contexts:
        context.close()


def photo(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def test_a_villagers_fire_from_the_phone_to_closed_rated_and_rewarded(village: Village, people: People) -> None:
    admin, operator, worker, villager = people.admin, people.operator, people.worker, people.villager
    sentence = "田埂上的稻草烧起来了，离房子不到十米"
    seen = admin.request.get(f"{village.url}/api/cameras/old-farmhouse/snapshot.jpg")
    burning = seen.body() if seen.ok else jpeg(3)

    # the villager, on a phone, without a login
    villager.goto(f"{village.url}/report")
    villager.get_by_test_id("photo-input").set_input_files([photo("a.jpg", burning)])  # type: ignore[list-item]
    villager.get_by_test_id("sentence").fill(sentence)
    villager.get_by_test_id("use-mine").click()
    expect(villager.get_by_test_id("pin")).to_be_visible()
    villager.get_by_test_id("kind-fire").click()
    villager.get_by_test_id("phone").fill(PHONE)
    look(villager, "report")
    villager.get_by_test_id("send").click()
    code = villager.get_by_test_id("code").inner_text()
    look(villager, "taken")
    villager.get_by_test_id("see-progress").click()
    expect(villager.get_by_test_id("progress")).to_have_attribute("data-state", "new")
    assert code in villager.url

    # the operator hears of it without asking, looks, confirms, sends the grid worker
    operator.locator("[data-testid=incident-card][data-kind=fire][data-camera='']").first.click()
    incident = operator.get_by_test_id("incident")
    report = operator.get_by_test_id("citizen-report")
    expect(report).to_contain_text(sentence)
    expect(report).to_contain_text(PHONE.replace(" ", ""))
    assert report.locator("img").first.evaluate("(img) => img.decode().then(() => img.naturalWidth)") >= 320
    operator.get_by_test_id("action-confirm").click()
    expect(incident).to_have_attribute("data-state", "confirmed")
    operator.locator("[data-testid=candidate][data-user=grid_worker]").click()
    look(operator, "dispatch")
    operator.get_by_test_id("send-dispatch").click()
    expect(incident).to_have_attribute("data-state", "dispatched")
    expect(operator.get_by_test_id("crew-member")).to_contain_text("余国强")

    # the grid worker, on a phone: accepts, is there, cannot resolve without saying what was done and showing it
    worker.get_by_test_id("duty-card").filter(has_text="火").first.click()
    look(worker, "asked")
    worker.get_by_test_id("duty-accept").click()
    worker.get_by_test_id("duty-arrive").click()
    worker.get_by_test_id("duty-resolve").click()
    worker.get_by_test_id("resolve-send").click()
    expect(worker.get_by_test_id("sheet").get_by_role("alert")).to_be_visible()
    worker.get_by_test_id("resolve-words").fill("用水浇灭，无人受伤")
    worker.get_by_test_id("resolve-send").click()
    expect(worker.get_by_test_id("sheet").get_by_role("alert")).to_be_visible()
    worker.get_by_test_id("sheet").get_by_test_id("photo-input").set_input_files([photo("b.jpg", jpeg(8))])  # type: ignore[list-item]
    look(worker, "resolve", full=False)
    worker.get_by_test_id("resolve-send").click()
    expect(worker.get_by_test_id("task")).to_have_attribute("data-state", "resolved")

    # the operator's page has followed by itself
    expect(incident).to_have_attribute("data-state", "resolved")
    expect(operator.get_by_test_id("timeline")).to_contain_text("用水浇灭，无人受伤")
    operator.get_by_test_id("action-close").click()
    expect(operator.get_by_test_id("seal")).to_be_visible()
    look(operator, "closed")

    # so has the villager's, who rates it
    expect(villager.get_by_test_id("progress")).to_have_attribute("data-state", "closed")
    expect(villager.get_by_test_id("progress")).to_contain_text("余国强")
    villager.get_by_test_id("star-5").click()
    villager.get_by_test_id("rate").locator("textarea").fill("来得真快")
    villager.get_by_test_id("send-rating").click()
    expect(villager.get_by_test_id("rated")).to_be_visible()
    look(villager, "rated")

    # points for both: the worker's own page, and the villager's account at the desk
    worker.goto(f"{village.url}/credit")
    earned = worker.get_by_test_id("entry")
    expect(earned.filter(has_text="好评")).to_have_attribute("data-amount", "5")
    expect(earned.filter(has_text="按时")).to_have_attribute("data-amount", "5")
    expect(worker.get_by_test_id("balance")).to_have_text("10")
    look(worker, "points")
    admin.goto(f"{village.url}/credit")
    admin.get_by_test_id("find-words").locator("input").fill(PHONE)
    admin.get_by_test_id("find-go").click()
    expect(admin.get_by_test_id("balance")).to_have_text("50")
    expect(admin.get_by_test_id("entry")).to_have_count(2)
    look(admin, "account")


def test_two_reports_are_joined_parted_answered_and_handed_on(village: Village, people: People) -> None:
    """What may be one event is asked, joined, parted again; a reporter is answered; who declines is passed over."""
    operator, worker, villager = people.operator, people.worker, people.villager
    words = ("溪边有一堆垃圾", "桥下有人倒垃圾")
    codes = []
    for sentence, x in zip(words, ("0.50", "0.53"), strict=True):
        form = {"sentence": sentence, "kind": "environment", "x": x, "y": "0.30"}
        taken = villager.request.post(f"{village.url}/api/reports", multipart=form)
        assert taken.status == 201, taken.text()
        codes.append(taken.json()["code"])
    operator.goto(f"{village.url}/incidents?kind=environment")
    cards = operator.get_by_test_id("incident-card")
    expect(cards).to_have_count(2)
    cards.filter(has_text=words[0]).click()
    expect(operator.get_by_test_id("proposal")).to_contain_text("60 米")
    look(operator, "same")
    operator.get_by_test_id("merge").click()
    expect(operator.get_by_test_id("citizen-report")).to_have_count(2)
    operator.get_by_test_id("split").click()
    operator.get_by_test_id("split-alert").filter(has_text=words[1]).click()
    look(operator, "split", full=False)
    operator.get_by_test_id("split-go").click()
    report = operator.get_by_test_id("citizen-report")
    expect(report).to_have_count(1)
    expect(report).to_contain_text(words[0])

    operator.get_by_test_id("reply").click()
    operator.get_by_test_id("reply-words").locator("textarea").fill("马上派人去看")
    operator.get_by_test_id("reply-send").click()
    villager.goto(f"{village.url}/r/{codes[0]}")
    expect(villager.get_by_text("马上派人去看")).to_be_visible()
    villager.get_by_test_id("add-words").fill("现在更多了")
    villager.get_by_test_id("add").click()
    expect(report).to_contain_text("现在更多了")

    operator.get_by_test_id("action-dispatch").click()
    expect(operator.get_by_test_id("incident")).to_have_attribute("data-state", "dispatched")
    worker.goto(f"{village.url}/duty")
    worker.get_by_test_id("duty-card").filter(has_text="环境").first.click()
    worker.get_by_test_id("duty-decline").click()
    worker.get_by_test_id("reason-busy").click()
    expect(worker.get_by_test_id("duty-card").filter(has_text="环境")).to_have_count(0)
    expect(operator.get_by_test_id("timeline")).to_contain_text("正在处理别的事")
    expect(operator.get_by_test_id("incident")).to_have_attribute("data-state", "confirmed")

    villager.goto(f"{village.url}/r/{codes[1]}")
    villager.get_by_test_id("withdraw").click()
    villager.get_by_test_id("withdraw-yes").click()
    expect(villager.get_by_test_id("withdraw")).to_have_count(0)


def test_points_are_spent_at_the_desk_and_given_back(people: People) -> None:
    """Goes on where the villager's account is on show."""
    page = people.admin
    page.locator("[data-testid=redeem][data-item=soap]").click()
    page.get_by_test_id("why-go").click()
    expect(page.get_by_test_id("balance")).to_have_text("30")
    spent = page.locator("[data-testid=entry][data-kind=redemption]")
    spent.get_by_test_id("reverse").click()
    page.get_by_test_id("why-words").locator("textarea").fill("the soap was wet")
    page.get_by_test_id("why-go").click()
    expect(page.get_by_test_id("balance")).to_have_text("50")
    expect(page.locator("[data-testid=entry][data-kind=reversal]")).to_contain_text("the soap was wet")
    expect(spent.get_by_test_id("reverse")).to_have_count(0)


def test_a_visitors_question_is_answered_from_the_inbox(village: Village, people: People) -> None:
    visitor, operator = people.villager, people.operator
    visitor.goto(f"{village.url}/ask")
    visitor.get_by_test_id("ask-form").locator("textarea").fill("美术馆今天开门吗？")
    visitor.get_by_test_id("ask-form").locator("button[type=submit], button.go").first.click()
    expect(visitor.get_by_test_id("question")).to_have_attribute("data-answered", "false")
    operator.goto(f"{village.url}/questions")
    operator.get_by_test_id("question-row").filter(has_text="美术馆今天开门吗").click()
    operator.get_by_test_id("question-mine").click()
    expect(operator.get_by_test_id("question-row").first).to_contain_text("王芳")
    operator.locator("[data-testid=canned][data-canned=museum]").click()
    words = operator.get_by_test_id("answer-words").locator("textarea")
    expect(words).to_have_value(re.compile("农民画美术馆"))
    look(operator, "question")
    words.press("Control+Enter")
    expect(operator.get_by_test_id("question-row").filter(has_text="美术馆今天开门吗")).to_have_count(0)
    expect(visitor.get_by_test_id("answer")).to_contain_text("农民画美术馆")
    expect(operator.get_by_test_id("question-figures")).to_contain_text("100%")


def test_one_changes_ones_own_password_and_pages_of_others_stay_shut(village: Village, people: People) -> None:
    page = people.worker
    page.goto(f"{village.url}/users")
    expect(page).to_have_url(re.compile("/duty"))
    page.goto(f"{village.url}/account")
    new = "a-new-and-longer-word"
    for name, word in (("current", "wrong-password"), ("new", new), ("again", new)):
        page.get_by_test_id(f"{name}-password").locator("input").fill(word)
    page.get_by_test_id("password-save").click()
    expect(page.get_by_test_id("password-trouble")).to_be_visible()
    page.get_by_test_id("current-password").locator("input").fill(PASSWORDS["grid_worker"])
    page.get_by_test_id("password-save").click()
    expect(page.get_by_test_id("current-password").locator("input")).to_have_value("")
    for word, status in ((PASSWORDS["grid_worker"], 401), (new, 200)):
        wish = {"username": "grid_worker", "password": word}
        assert page.request.post(f"{village.url}/api/session", data=wish).status == status
