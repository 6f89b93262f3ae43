"""Live pictures through a TURN server, and in a WHEP player from npm that is not ours, in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from api.settings import LiveSettings
from models.session import Database
from tests.api.conftest import PASSWORD, Service, StartService, start_service, streams  # noqa: F401
from tests.support.other_site import another_site
from tests.village.conftest import PROJECT, free_port
from tests.village.test_live_ways import playing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WEB = PROJECT / "web"
_USER, _WORD = "village", 'a "quoted" word'

#: Nothing but relays may be used, and what was made is kept, to be asked which way it went.
_RELAYS_ALONE = """
const Real = window.RTCPeerConnection
window.__peers = []
window.RTCPeerConnection = function (settings) {
  const peer = new Real({ ...settings, iceTransportPolicy: 'relay' })
  window.__peers.push(peer)
  return peer
}
window.RTCPeerConnection.prototype = Real.prototype
"""
_WAY = """async () => {
  const stats = await window.__peers[window.__peers.length - 1].getStats()
  for (const pair of stats.values())
    if (pair.type === 'candidate-pair' && pair.nominated && pair.state === 'succeeded')
      return stats.get(pair.localCandidateId).candidateType
}"""

#: The medooze player as its page would use it; `restart` asks for what the service refuses.
_PAGE = """<!doctype html><meta charset="utf-8"><title>another player</title><video muted autoplay playsinline></video>
<script type="module">
import { WHEPClient } from './whip-whep/whep.js'
window.patches = []
const real = window.fetch
window.fetch = async (url, init) => {
  const answer = await real(url, init)
  if (init?.method === 'PATCH') window.patches.push([init.headers['If-Match'] ?? null, answer.status])
  return answer
}
window.watch = async (url, token) => {
  const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
  const video = peer.addTransceiver('video', { direction: 'recvonly' })
  peer.ontrack = (event) => (document.querySelector('video').srcObject = new MediaStream([event.track]))
  const client = (window.client = new WHEPClient())
  await client.view(peer, url, token)
}
</script>"""


@contextmanager
def turn_server() -> Iterator[str]:
    """A TURN server on loopback; its address for browsers."""
    node = shutil.which("node")
    if node is None or not (WEB / "node_modules" / "node-turn").is_dir():
        pytest.skip("there is no Node with the console's packages; run `make web`")
    port = free_port()
    command = [node, str(WEB / "tests" / "turn.mjs"), str(port), _USER, _WORD]
    process = subprocess.Popen(command, cwd=WEB, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield f"turn:127.0.0.1:{port}?transport=udp"
    finally:
        process.kill()
        process.wait(10)


def log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.locator("input").nth(0).fill("operator")
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda now: "/login" not in now)


def test_the_console_plays_through_turn_where_nothing_else_gets_through(
    start_service: StartService,  # noqa: F811
    sqlite_database: Database,
    browser: Browser,
) -> None:
    if not (WEB / "dist" / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    with turn_server() as address:
        live = LiveSettings(
            idle_seconds=1.0, ice_servers=(address,), turn_username=_USER, turn_password=SecretStr(_WORD)
        )
        service = start_service(sqlite_database, live, web_dist=WEB / "dist")
        context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="zh-CN")
        context.add_init_script(_RELAYS_ALONE)
        page = context.new_page()
        log_in(page, service.url)
        page.goto(f"{service.url}/camera/gate")
        tile = playing(page, "gate")
        assert tile["way"] == "webrtc", tile
        assert page.evaluate(_WAY) == "relay"
        context.close()


def test_turn_credentials_are_for_those_who_may_watch(
    start_service: StartService,  # noqa: F811
    sqlite_database: Database,
) -> None:
    live = LiveSettings(ice_servers=("turn:127.0.0.1:9",), turn_username=_USER, turn_password=SecretStr(_WORD))
    service = start_service(sqlite_database, live)
    for username, status in ((None, 401), ("planner", 403), ("operator", 204)):
        answer = service.client(username).options("/api/whep/gate")
        assert answer.status_code == status
        assert ("credential=" in answer.headers.get("link", "")) == (status == 204)
        assert username != "operator" or answer.headers["accept-post"] == "application/sdp"


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    """Another web server, with a bare page and the player's package; its origin."""
    with another_site(tmp_path / "site", _PAGE, "whip-whep") as origin:
        yield origin


def test_a_player_that_is_not_ours_plays_from_another_site_with_a_bearer_token(
    start_service: StartService,  # noqa: F811
    sqlite_database: Database,
    browser: Browser,
    other_site: str,
) -> None:
    service: Service = start_service(sqlite_database, LiveSettings(idle_seconds=1.0), allowed_origins=(other_site,))
    with httpx.Client(base_url=service.url) as client:
        client.post("/api/session", json={"username": "viewer", "password": PASSWORD})
        token = client.cookies["vbrain_session"]
        page = browser.new_context().new_page()
        page.goto(other_site)
        page.evaluate("([url, token]) => window.watch(url, token)", [f"{service.url}/api/whep/gate", token])
        page.wait_for_function("document.querySelector('video').currentTime > 2", timeout=30_000)
        assert page.evaluate("document.querySelector('video').videoWidth") == 320
        # Its candidates came after the offer, by PATCH.
        assert 204 in [status for _, status in page.evaluate("window.patches")]
        # A restart of ICE is refused in the way the standard has it, and what plays goes on playing.
        page.evaluate("window.client.restart().catch(() => undefined)")
        page.wait_for_function("window.patches.some(([tag, status]) => tag === '*' && status === 422)", timeout=10_000)
        now = page.evaluate("document.querySelector('video').currentTime")
        page.wait_for_function(f"document.querySelector('video').currentTime > {now} + 2", timeout=20_000)
        location = page.evaluate("window.client.resourceURL.href")
        assert client.get(location).json()["state"] == "connected"
        # It comes back as a new player does.
        page.evaluate("window.client.stop()")
        page.wait_for_function("window.peer.connectionState === 'closed' || window.peer.signalingState === 'closed'")
        assert client.get(location).status_code == 404
        page.evaluate("([url, token]) => window.watch(url, token)", [f"{service.url}/api/whep/gate", token])
        page.wait_for_function("window.peer.connectionState === 'connected'")
        page.context.close()


def test_pages_of_other_sites_are_told_nothing(start_service: StartService, sqlite_database: Database) -> None:  # noqa: F811
    service = start_service(sqlite_database, allowed_origins=("https://screen.example",))
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    client = service.client()
    for origin, is_allowed in (("https://screen.example", True), ("https://elsewhere.example", False)):
        answer = client.options("/api/whep/gate", headers={"Origin": origin, **ask})
        assert (answer.headers.get("access-control-allow-origin") == origin) == is_allowed
        assert "link" not in answer.headers, "no credentials in what anybody may ask"
