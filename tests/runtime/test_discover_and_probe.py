"""`vbrain discover` and `vbrain probe`, against a real ONVIF responder and real RTSP servers on loopback."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from ingest.probe import Probed
from runtime.cli import app
from runtime.commands.discover import PASSWORD_VARIABLE, as_yaml
from runtime.commands.probe import hints
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from runtime.discovery import describe, find
from tests.support.clips import make_clip
from tests.support.gstreamer import gst_server
from tests.support.onvif_camera import OnvifCamera


def test_a_camera_is_found_and_its_streams_are_told_without_its_password() -> None:
    with OnvifCamera(password="s3cret-word") as camera:
        (address,) = find(1.5, unicast=camera.discovery)
        assert (address.url, address.name) == (camera.url, "North gate")
        (device,) = describe([address], "admin", "s3cret-word")
        assert device.problem is None and (device.maker, device.model) == ("Painter", "P-37")
        assert [(s.url, s.width) for s in device.streams] == [
            ("rtsp://127.0.0.1:554/main", 1920),
            ("rtsp://127.0.0.1:554/sub", 640),
        ]
        text, told = as_yaml([device], "admin")
    assert told == 1 and "s3cret-word" not in text
    (entry,) = YAML(typ="safe", pure=True).load(text)["cameras"]
    assert entry["id"] == "north-gate"
    assert entry["streams"]["main"] == f"rtsp://admin:${{{PASSWORD_VARIABLE}}}@127.0.0.1:554/main"


def test_the_command_says_what_is_wrong_and_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "wr0ng-word")
    with OnvifCamera() as camera:
        result = CliRunner().invoke(app, ["discover", "--host", camera.host])
        assert result.exit_code == 1
        assert "refused the user name or password" in result.output
        assert "wr0ng-word" not in result.output
        monkeypatch.setenv(PASSWORD_VARIABLE, "right")
        result = CliRunner().invoke(app, ["discover", "--host", camera.host])
        assert result.exit_code == 0, result.output
        assert "1920×1080 at 15 fps" in result.output and ":right@" not in result.output
    result = CliRunner().invoke(app, ["discover", "--host", "127.0.0.1:9"])
    assert result.exit_code == 1 and "could not be reached" in result.output


def test_probe_tells_a_stream_in_one_screen(tmp_path: Path) -> None:
    clip = Clip.open(make_clip(tmp_path / "a.mp4"))
    with ThreadedServer(RtspServer({"gate": Loop(clip)})) as server:
        result = CliRunner().invoke(app, ["probe", server.url("gate"), "--seconds", "2"])
    assert result.exit_code == 0, result.output
    for part in ("h264", "160×96", "20.0 a second", "0.5 s", "none"):
        assert part in result.output
    assert len(result.output.splitlines()) < 24


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://camera/", "must begin with rtsp"),
        ("rtsp://u:s3cret@127.0.0.1:9/x", "refused the connection"),
        ("rtsp://u:s3cret@no-such-camera.invalid/x", "No such host name"),
    ],
)
def test_probe_says_what_is_wrong_and_never_the_password(url: str, said: str) -> None:
    result = CliRunner().invoke(app, ["probe", url])
    assert result.exit_code != 0 and said in result.output and "s3cret" not in result.output


@pytest.mark.gstreamer
def test_probe_names_audio_and_a_wrong_password() -> None:
    with gst_server("/a=h264", "/s=audio", auth="digest") as address:
        result = CliRunner().invoke(app, ["probe", f"rtsp://admin:wr0ng@{address}/a"])
        assert "refused the user name or password" in " ".join(result.output.split())
        assert "wr0ng" not in result.output
        said = ""
        for _ in range(3):  # GStreamer's server answers a client that comes right after another with an error at times
            result = CliRunner().invoke(app, ["probe", f"rtsp://admin:right@{address}/s"])
            said = " ".join(result.output.split())
            if "answered with an error" not in said:
                break
        assert "carries no video" in said


def test_probe_says_what_to_change_on_the_camera() -> None:
    fine = Probed("h264", 640, 360, 10.0, 500.0, 2.0, False, None, 0.1, 0.2, 20.0, 5.0)
    assert hints(fine) == []
    assert "B-frames" in hints(replace(fine, has_b_frames=True))[0]
    assert "Key frames are rare" in hints(replace(fine, gop_seconds=None))[0]
    assert "H.264" in hints(replace(fine, codec="hevc"))[0]


def test_store_check_ends_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBRAIN_VAR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert CliRunner().invoke(app, ["store", "check"]).exit_code == 0
    name = "20260501T120000.250Z-event-0123456789abcdef0123456789abcdef.mp4"
    orphan = tmp_path / "recordings" / "gate" / "main" / "2026-05-01" / name
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"nothing")
    result = CliRunner().invoke(app, ["store", "check"])
    assert result.exit_code == 1 and "--repair" in result.output and name in result.output.replace("\n", "")
    assert CliRunner().invoke(app, ["store", "check", "--repair"]).exit_code == 0
    assert not orphan.exists()
