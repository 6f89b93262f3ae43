"""Real streams from GStreamer's RTSP server, through FFmpeg, to frames."""

from collections.abc import Iterator

import pytest

from configs.words import StreamRole
from ingest.words import FrameWish, StreamState
from tests.support.gstreamer import gst_server
from tests.support.watching import Watch

pytestmark = pytest.mark.gstreamer


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with gst_server("/h264=ball", "/bframes=h264-reordered", "/h265=h265", "/mjpeg=mjpeg", "/audio=audio") as address:
        yield address


@pytest.mark.parametrize(
    ("path", "codec", "transport"),
    [("h264", "h264", "tcp"), ("h264", "h264", "udp"), ("h265", "hevc", "tcp"), ("mjpeg", "mjpeg", "tcp")],
)
def test_a_stream_comes_online_with_packets_and_frames(server: str, path: str, codec: str, transport: str) -> None:
    with Watch(f"rtsp://{server}/{path}", transport=transport, wish=FrameWish(160, 160, 4.0)) as watch:
        watch.until_state(StreamState.ONLINE)
        watch.until(lambda: len(watch.frames) >= 4)
        health = watch.camera.health(StreamRole.SUB)
    assert health.codec == codec
    assert watch.packets[0].is_keyframe
    assert {(p.codec, p.width) for p in watch.packets} == {(codec, 320)}
    frame = watch.frames[-1]
    assert frame.picture.shape[:2] in ((90, 160), (92, 160))
    assert frame.luma.shape[1] == 160
    gaps = [b.stream_time - a.stream_time for a, b in zip(watch.frames, watch.frames[1:], strict=False)]
    assert all(0.15 < gap < 0.45 for gap in gaps), gaps


def test_b_frames_come_out_in_order(server: str) -> None:
    with Watch(f"rtsp://{server}/bframes", wish=FrameWish(160, 160, 30.0)) as watch:
        watch.until(lambda: len(watch.frames) >= 12)
    times = [frame.stream_time for frame in watch.frames]
    assert times == sorted(times)
    captured = [frame.captured_at for frame in watch.frames]
    assert captured == sorted(captured)


@pytest.mark.parametrize("path", ["h264", "h265"])
def test_every_key_frame_carries_its_parameter_sets(server: str, path: str) -> None:
    from ingest.annexb import leading_units

    with Watch(f"rtsp://{server}/{path}") as watch:
        watch.until(lambda: sum(p.is_keyframe for p in watch.packets) >= 2)
    assert all(leading_units(p.data, p.codec)[1] for p in watch.packets if p.is_keyframe)


def test_audio_only_is_named(server: str) -> None:
    with Watch(f"rtsp://{server}/audio") as watch:
        watch.until(lambda: any(s.cause == "no_video" for s in watch.states))


def test_a_wrong_path_is_named(server: str) -> None:
    with Watch(f"rtsp://{server}/nothing") as watch:
        assert watch.until_state(StreamState.OFFLINE).cause == "not_found"


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_wrong_password_is_named_and_never_shown(auth: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with gst_server("/a=h264", auth=auth) as address:
        with Watch(f"rtsp://admin:s3cret-wrong@{address}/a") as watch:
            health = watch.until_state(StreamState.UNAUTHORISED)
        with Watch(f"rtsp://admin:right@{address}/a") as watch:
            watch.until_state(StreamState.ONLINE)
    assert "s3cret-wrong" not in health.reason + caplog.text + repr(watch.camera)
    assert "next try in 3" in caplog.text.lower(), "a refused password waits for minutes"
