"""What a browser cannot take, from real RTSP cameras to a receiver that decodes: other stream, or transcoded once."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from api.settings import LiveSettings
from configs.words import CameraId, StreamRole
from models.session import Database
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.api.conftest import StartService, until
from tests.api.test_whep import run
from tests.api.viewer import WhepViewer
from tests.support.clips import make_clip
from tests.support.gstreamer import gst_server

SHORT = LiveSettings(idle_seconds=0.2, transcoders=1, transcoder_idle_seconds=0.3)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedServer]:
    """A camera for each thing that a browser cannot take, and one that it can."""
    folder = tmp_path_factory.mktemp("clips")
    clips = {
        "hevc": make_clip(folder / "hevc.mp4", "hevc", fps=10, seconds=4, gop=20),
        "h264": make_clip(folder / "h264.mp4", size=(320, 192), fps=10, seconds=4, gop=20),
    }
    with ThreadedServer(RtspServer({name: Loop(Clip.open(path)) for name, path in clips.items()})) as server:
        yield server


def transcoding() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("transcode ")]


def test_h265_is_transcoded_once_for_all_and_ends_after_the_last_viewer(
    start_service: StartService, sqlite_database: Database, server: ThreadedServer
) -> None:
    urls = {"pond": (server.url("hevc"), None), "gate": (server.url("hevc"), server.url("hevc"))}
    service = start_service(sqlite_database, SHORT, urls)

    async def scenario(client: httpx.AsyncClient) -> None:
        viewers = [WhepViewer(client, "pond"), WhepViewer(client, "pond")]
        for viewer in viewers:
            answer = await viewer.open()
            assert answer.status_code == 201, answer.text
            assert answer.headers["x-live-serving"] == "transcoded; why=hevc; stream=sub"
        for viewer in viewers:
            await viewer.wait_frames(12, seconds=60)
        greys = [grey for _, _, grey in viewers[0].frames]
        assert all(80 < grey < 180 for grey in greys), "the pictures are those of the clip"
        assert transcoding() == ["transcode pond/sub"]
        assert [stream for stream in service.shard.subscribed if stream[0] == "pond"] == [
            (CameraId("pond"), StreamRole.SUB)
        ]

        refused = await WhepViewer(client, "gate").open()
        assert refused.status_code == 503 and refused.json()["type"] == "/problems/too-many-transcoders"
        metrics = figures((await client.get("/metrics")).text)
        assert metrics["vbrain_transcoders"] == 1 and metrics["vbrain_transcoders_started_total"] == 1
        assert metrics["vbrain_transcode_cpu_seconds_total"] > 0
        assert metrics["vbrain_transcode_frames_encoded_total"] >= 10

        await viewers[0].delete()
        await viewers[1].wait_frames(len(viewers[1].frames) + 3, seconds=30)
        await viewers[1].delete()
        await until(lambda: not transcoding(), seconds=30)
        await until(lambda: (CameraId("pond"), StreamRole.SUB) in service.shard.unsubscribed, seconds=30)
        after = figures((await client.get("/metrics")).text)
        assert after["vbrain_transcoders"] == 0
        assert after["vbrain_transcode_cpu_seconds_total"] >= metrics["vbrain_transcode_cpu_seconds_total"]
        for viewer in viewers:
            await viewer.close()

    run(service, scenario, "administrator")


def test_the_other_stream_is_taken_when_it_is_fit(
    start_service: StartService, sqlite_database: Database, server: ThreadedServer
) -> None:
    urls = {"gate": (server.url("hevc"), server.url("h264"))}
    service = start_service(sqlite_database, SHORT, urls)

    async def scenario(client: httpx.AsyncClient) -> None:
        viewer = WhepViewer(client, "gate")
        answer = await viewer.open()
        assert answer.status_code == 201, answer.text
        assert answer.headers["x-live-serving"] == "other_stream; why=hevc; stream=main"
        await viewer.wait_frames(5, seconds=60)
        assert not transcoding()
        assert (await client.get(viewer.location)).json()["stream"] == "main"
        await viewer.delete()
        await viewer.close()

    run(service, scenario)


@pytest.mark.gstreamer
@pytest.mark.parametrize(("path", "why"), [("reordered", "b_frames"), ("mjpeg", "mjpeg")])
def test_so_are_b_frames_and_mjpeg(start_service: StartService, sqlite_database: Database, path: str, why: str) -> None:
    with gst_server("/reordered=h264-reordered", "/mjpeg=mjpeg") as address:
        service = start_service(sqlite_database, SHORT, {"pond": (f"rtsp://{address}/{path}", None)})

        async def scenario(client: httpx.AsyncClient) -> None:
            viewer = WhepViewer(client, "pond")
            answer = await viewer.open()
            assert answer.status_code == 201, answer.text
            assert answer.headers["x-live-serving"] == f"transcoded; why={why}; stream=sub"
            await viewer.wait_frames(12, seconds=60)
            await viewer.delete()
            await viewer.close()
            await until(lambda: not transcoding(), seconds=30)

        run(service, scenario)


def figures(text: str) -> dict[str, float]:
    return {
        name: float(value)
        for name, _, value in (line.partition(" ") for line in text.splitlines() if not line.startswith("#"))
    }
