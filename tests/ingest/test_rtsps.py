"""Encrypted cameras: GStreamer's RTSP server with a certificate of its own."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from ingest import tls
from ingest.words import FrameWish, StreamState
from runtime.demo.thread import ThreadedServer
from tests.support.certificates import self_signed
from tests.support.gstreamer import gst_server
from tests.support.watching import HURRY, Watch

WISH = FrameWish(160, 160, 4.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("camera"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with gst_server("/gate=ball", auth="digest", tls=folder) as address:
        yield address


@pytest.mark.gstreamer
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_signed_its_own_certificate_is_seen(server: str, transport: str) -> None:
    """Also where UDP is configured: media then goes through the encrypted connection all the same."""
    with Watch(f"rtsps://admin:right@{server}/gate", transport=transport, wish=WISH) as watch:
        watch.until_state(StreamState.ONLINE)
        watch.until(lambda: len(watch.frames) >= 4)


@pytest.mark.gstreamer
def test_a_wrong_password_is_named_over_tls_too(server: str) -> None:
    with Watch(f"rtsps://admin:wr0ng@{server}/gate") as watch:
        health = watch.until_state(StreamState.UNAUTHORISED)
    assert "wr0ng" not in health.reason


@pytest.mark.gstreamer
def test_only_trusted_certificates_are_connected_where_that_is_asked_for(
    server: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = self_signed(tmp_path / "other")
    monkeypatch.setenv(tls.VARIABLE, str(other / "cert.pem"))
    with Watch(f"rtsps://admin:right@{server}/gate", patience=HURRY) as watch:
        health = watch.until_state(StreamState.OFFLINE)
        assert health.cause == "certificate" and tls.VARIABLE in health.reason
        assert watch.packets == []
        both = tmp_path / "both.pem"
        both.write_text((other / "cert.pem").read_text() + (folder / "cert.pem").read_text())
        monkeypatch.setenv(tls.VARIABLE, str(both))
        watch.until_state(StreamState.ONLINE)


@pytest.mark.gstreamer
def test_a_certificate_of_another_address_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = self_signed(tmp_path, address="10.9.8.7")
    monkeypatch.setenv(tls.VARIABLE, str(folder / "cert.pem"))
    with gst_server("/gate=ball", tls=folder) as address, Watch(f"rtsps://{address}/gate", patience=HURRY) as watch:
        assert watch.until_state(StreamState.OFFLINE).cause == "certificate"


def test_an_ffmpeg_that_cannot_check_connects_nothing(
    broken: ThreadedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tls.VARIABLE, str(folder / "cert.pem"))
    monkeypatch.setitem(av.library_versions, "libavformat", (61, 7, 100))
    with Watch(broken.url("gate").replace("rtsp:", "rtsps:"), patience=HURRY) as watch:
        health = watch.until_state(StreamState.OFFLINE)
        assert health.cause == "certificate" and "cannot check" in health.reason
    with Watch(broken.url("gate"), patience=HURRY) as watch:
        watch.until_state(StreamState.ONLINE)


def test_a_port_without_tls_is_named(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate").replace("rtsp:", "rtsps:"), patience=HURRY) as watch:
        health = watch.until_state(StreamState.OFFLINE)
        assert health.cause in ("not_encrypted", "timeout"), "a plain server may also just wait for the rest"
