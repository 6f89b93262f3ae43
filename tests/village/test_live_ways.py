"""Live pictures in a real browser whatever the camera sends, and where WebRTC finds no way."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.settings import LiveSettings
from models.session import Database
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.api.conftest import PASSWORD, Service, StartService, start_service, streams  # noqa: F401
from tests.support.clips import make_clip
from tests.village.conftest import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

#: A browser whose WebRTC may use relays alone, and knows none: no UDP reaches the service.
_NO_WAY = """
const Real = window.RTCPeerConnection
window.RTCPeerConnection = function (settings) {
  return new Real({ ...settings, iceTransportPolicy: 'relay' })
}
window.RTCPeerConnection.prototype = Real.prototype
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedServer]:
    folder = tmp_path_factory.mktemp("clips")
    clips = {
        "hevc": make_clip(folder / "hevc.mp4", "hevc", size=(320, 192), fps=10, seconds=4, gop=20),
        "h264": make_clip(folder / "h264.mp4", size=(320, 192), fps=10, seconds=4, gop=20),
    }
    with ThreadedServer(RtspServer({name: Loop(Clip.open(path)) for name, path in clips.items()})) as server:
        yield server


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database, server: ThreadedServer) -> Service:  # noqa: F811
    dist = PROJECT / "web" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("the console is not built; run `make web`")
    urls = {"gate": (server.url("h264"), server.url("h264")), "pond": (server.url("hevc"), None)}
    return start_service(sqlite_database, LiveSettings(idle_seconds=1.0), urls, web_dist=dist)


def playing(page: Page, camera: str) -> dict[str, object]:
    """Waits until the camera's picture has gone on for two seconds; gives what its tile says."""
    began = None
    tile: dict[str, object] = {}
    for _ in range(150):
        tile = page.evaluate("id => window.__tiles?.[id] ?? {}", camera)
        if tile.get("mode") == "video":
            now = float(tile["currentTime"])  # type: ignore[arg-type]
            began = now if began is None else began
            if now > began + 2:
                return tile
        page.wait_for_timeout(200)
    raise AssertionError(f"{camera} does not play: {tile}")


@pytest.mark.parametrize("is_blocked", [False, True], ids=["webrtc", "blocked"])
def test_h264_and_h265_play(service: Service, browser: Browser, is_blocked: bool) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="zh-CN")
    if is_blocked:
        context.add_init_script(_NO_WAY)
    page = context.new_page()
    page.goto(f"{service.url}/login")
    page.locator("input").nth(0).fill("operator")
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    for camera, serving in (("gate", "as_is"), ("pond", "transcoded; why=hevc; stream=sub")):
        page.goto(f"{service.url}/camera/{camera}")
        tile = playing(page, camera)
        assert tile["way"] == ("film" if is_blocked else "webrtc")
        assert tile["serving"] == serving
        assert tile["size"] == [320, 192]
    expect(page.get_by_test_id("serving")).to_contain_text("H.265")
    context.close()
