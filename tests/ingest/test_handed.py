"""A stream that is handed over, as a phone's is: opened, decoded, turned, cut short and begun anew like a camera's."""

import threading
import time
from collections.abc import Callable

import pytest

from configs.words import CameraId, StreamRole
from ingest import errors
from ingest.camera import Camera
from ingest.handed import QUEUE_UNITS, Handover
from ingest.state import Patience
from ingest.words import Frame, FrameWish, Packet, StreamState
from tests.live.pictures import encode

SUB = StreamRole.SUB
PHONE = CameraId("phone-1")


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


def test_it_is_decoded_like_a_camera_turned_in_the_middle_and_begun_anew() -> None:
    frames: list[Frame] = []
    packets: list[Packet] = []
    handover = Handover()
    camera = Camera(
        PHONE, "phone://1", None, "tcp", ring_seconds=5.0, on_packet=packets.append, on_frame=frames.append,
        on_health=lambda health: None, opener=handover.open, patience=Patience(retry_first_seconds=0.01),
        start_spread_seconds=0.0, main_linger_seconds=0.0, is_carried=True,
    )  # fmt: skip
    camera.set_wish(FrameWish(160, 160, 30.0))
    upright = encode(size=(192, 320), frames=30, gop=10, profile="baseline")
    flat = encode(size=(320, 192), frames=30, gop=10, profile="baseline")

    def hand_over(given: list[Packet], begin: float) -> None:
        for packet in given:
            handover.put(packet.data, packet.is_keyframe, begin + packet.stream_time)

    try:
        handover.begin()
        camera.start()
        hand_over(upright, 0.0)
        hand_over(flat, 3.0)
        until(lambda: len(packets) == 60 and frames and frames[-1].source_size == (320, 192))
        assert frames[0].source_size == (192, 320)
        assert camera.health(SUB).state is StreamState.ONLINE and camera.health(SUB).reconnects == 0

        camera.rest()
        handover.begin()
        until(lambda: camera.health(SUB).state is StreamState.DISABLED)
        assert not camera.recent(SUB), "nothing of it is shown to who comes next"

        packets.clear()
        camera.start()
        hand_over(flat, 100.0)
        until(lambda: len(packets) == 30 and camera.health(SUB).state is StreamState.ONLINE)
    finally:
        camera.stop(10.0)


def test_without_a_key_frame_it_does_not_open_and_silence_is_named() -> None:
    handover = Handover()
    unit = encode(frames=1)[0]
    handover.put(unit.data, False, 0.0)
    with pytest.raises(errors.TimedOut):
        handover.open("phone://1", "tcp", open_seconds=0.0, read_seconds=0.0)
    handover.put(unit.data, True, 1.0)
    source = handover.open("phone://1", "tcp", open_seconds=0.0, read_seconds=0.0)
    arrivals = source.arrivals()
    assert source.chunk(next(arrivals)).stream_time == 1.0
    with pytest.raises(errors.Silent):
        next(arrivals)


def test_who_does_not_keep_up_loses_whole_groups_and_they_are_counted() -> None:
    handover = Handover()
    handover.put(b"k", True, 0.0)
    for number in range(QUEUE_UNITS + 10):
        handover.put(b"p", False, float(number))
    assert handover.dropped == QUEUE_UNITS + 11, "what waited, and all that follows up to the next key frame"
    handover.put(b"k", True, 500.0)
    source = handover.open("phone://1", "tcp", open_seconds=0.0, read_seconds=0.0)
    assert source.chunk(next(source.arrivals())).stream_time == 500.0
    again = source.arrivals()
    handover.begin()
    with pytest.raises(errors.Ended):
        next(again)
