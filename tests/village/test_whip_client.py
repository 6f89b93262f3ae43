"""A WHIP client from npm that is not ours films, from another site, with a bearer token, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from api.settings import LiveSettings
from models.session import Database
from tests.api.conftest import PASSWORD, StartService, start_service, streams  # noqa: F401
from tests.api.test_whip import PhoneShard
from tests.support.other_site import another_site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

_PAGE = """<!doctype html><meta charset="utf-8"><title>another camera</title><canvas width="640" height="360"></canvas>
<script type="module">
import { WHIPClient } from './whip-whep/whip.js'
window.patches = []
const real = window.fetch
window.fetch = async (url, init) => {
  const answer = await real(url, init)
  if (init?.method === 'PATCH') window.patches.push(answer.status)
  return answer
}
const canvas = document.querySelector('canvas')
const pen = canvas.getContext('2d')
setInterval(() => {
  pen.fillStyle = `hsl(${(Date.now() / 20) % 360} 60% 50%)`
  pen.fillRect((Date.now() / 5) % 600, 100, 60, 60)
}, 60)
window.film = async (url, token) => {
  const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
  for (const track of canvas.captureStream(15).getTracks()) peer.addTransceiver(track, { direction: 'sendonly' })
  const client = (window.client = new WHIPClient())
  await client.publish(peer, url, token)
}
</script>"""


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[str]:
    """Another web server, with a bare page and the client's package; its origin."""
    with another_site(tmp_path / "site", _PAGE, "whip-whep") as origin:
        yield origin


def test_a_client_that_is_not_ours_films(
    start_service: StartService,  # noqa: F811
    sqlite_database: Database,
    browser: Browser,
    other_site: str,
    tmp_path: Path,
) -> None:
    endpoint = f"ipc://{tmp_path}/phones-shard"
    shard = PhoneShard(endpoint, sqlite_database, tmp_path / "recordings")
    shard.start()
    try:
        service = start_service(
            sqlite_database, LiveSettings(idle_seconds=0.5), shard_endpoints=(endpoint,), allowed_origins=(other_site,)
        )
        with httpx.Client(base_url=service.url) as client:
            client.post("/api/session", json={"username": "grid_worker", "password": PASSWORD})
            token = client.cookies["vbrain_session"]
            page = browser.new_context().new_page()
            page.goto(other_site)

            def state() -> str:
                phones = [c for c in client.get("/api/cameras").json() if c["phone"]]
                return phones[0]["state"] if phones else "none"

            page.evaluate("([url, token]) => window.film(url, token)", [f"{service.url}/api/whip", token])
            for _ in range(150):
                if state() == "online":
                    break
                page.wait_for_timeout(100)
            assert state() == "online"
            location = page.evaluate("window.client.resourceURL.href")
            seen = client.get(location).json()
            assert (seen["state"], seen["is_seen"]) == ("connected", True)
            assert seen["is_transcoded"] == (seen["codec"] != "H264")
            # Its candidates came after the offer, by PATCH.
            assert 204 in page.evaluate("window.patches")
            # A restart of ICE is refused in the way the standard has it, and the filming goes on.
            page.evaluate("window.client.restart().catch(() => undefined)")
            page.wait_for_function("window.patches.includes(422)", timeout=10_000)
            units = seen["bytes"]
            page.wait_for_timeout(1500)
            assert client.get(location).json()["bytes"] > units and state() == "online"
            page.evaluate("window.client.stop()")
            for _ in range(50):
                if state() == "none":
                    break
                page.wait_for_timeout(100)
            assert state() == "none" and client.get(location).status_code == 404
            page.context.close()
    finally:
        shard.stop()
