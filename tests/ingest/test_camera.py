"""Wishes, the main stream's holders, the newest picture, the ring: what the rooms above rely on."""

import threading
import time
from itertools import pairwise
from statistics import median

import pytest

from configs.words import StreamRole
from ingest.words import FrameWish, StreamState
from runtime.demo.thread import ThreadedServer
from tests.support.watching import Watch

SUB, MAIN = StreamRole.SUB, StreamRole.MAIN


def test_nothing_but_a_spot_check_is_decoded_unless_wished(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate")) as gate:
        gate.until(lambda: len(gate.packets) > 20)
        health = gate.camera.health(SUB)
        assert health.state is StreamState.ONLINE
        assert (health.frames_decoded, gate.frames) == (1, []), "the first key frame, to see that there are pictures"
        assert health.cause == "online"
        gate.camera.set_wish(FrameWish(80, 80, 30.0))
        gate.until(lambda: len(gate.frames) > 5)
        gate.camera.set_wish(FrameWish(80, 80, 0.0))
        time.sleep(0)
        gate.until(lambda: len(gate.packets) > 60)
        assert gate.frames[-1].stream_time < gate.packets[-1].stream_time - 0.5


def test_a_wish_in_the_middle_of_a_group_is_met_at_once(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate")) as gate:
        gate.camera.set_prompt(SUB, True)
        gate.until(lambda: len(gate.packets) > 10 and not gate.packets[-1].is_keyframe)
        asked_at = gate.packets[-1].stream_time
        gate.camera.set_wish(FrameWish(80, 80, 30.0))
        gate.until(lambda: gate.frames)
        assert gate.frames[0].stream_time <= asked_at + 0.25


def test_packets_nobody_waits_for_come_in_handfuls_and_none_is_lost(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate")) as gate, Watch(broken.url("gate"), camera_id="watched") as watched:
        watched.camera.set_prompt(SUB, True)
        gate.until(lambda: len(gate.packets) > 40)
        watched.until(lambda: len(watched.packets) > 40)
        for each in (gate, watched):
            steps = [b.stream_time - a.stream_time for a, b in pairwise(each.packets)]
            assert max(steps) < 1.5 * min(steps), "every packet, in order"
        assert median(gate.pauses()) < 0.2 * median(watched.pauses()), "the one in handfuls, the other as they come"


def test_key_frames_only_decodes_nothing_else(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate"), wish=FrameWish(80, 80, 30.0, keyframes_only=True)) as gate:
        gate.until(lambda: len(gate.packets) > 30)
        keyframes = {p.stream_time for p in gate.packets if p.is_keyframe}
        decoded = gate.camera.health(SUB).frames_decoded
        assert {round(f.stream_time, 3) for f in gate.frames} <= {round(t, 3) for t in keyframes}
        assert decoded <= len(keyframes) + 1


def test_every_picture_is_decoded_but_only_the_wished_are_given(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate"), wish=FrameWish(80, 80, 4.0)) as gate:
        gate.until(lambda: len(gate.packets) > 50)
        health = gate.camera.health(SUB)
    assert health.frames_decoded >= 45
    span = gate.frames[-1].stream_time - gate.frames[0].stream_time
    assert (len(gate.frames) - 1) / span == pytest.approx(4.0, rel=0.15)


def test_the_main_stream_is_open_only_while_held(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate"), main=broken.url("neighbour"), main_linger_seconds=0.3) as gate:
        gate.until_state(StreamState.ONLINE)
        assert gate.camera.health(MAIN).state is StreamState.DISABLED
        gate.camera.hold_main("viewer")
        gate.camera.hold_main("recorder")
        gate.until_state(StreamState.ONLINE, MAIN)
        assert broken.server.clients == 2
        gate.camera.release_main("viewer")
        gate.camera.release_main("viewer")
        came = len(gate.packets)
        gate.until(lambda: sum(p.role is MAIN for p in gate.packets[came:]) > 10)
        heard = len(gate.states)
        gate.camera.release_main("recorder")
        gate.until_state(StreamState.DISABLED, MAIN, after=heard)
        gate.until(lambda: broken.server.clients == 1)
        assert gate.camera.recent(MAIN) == []
        heard = len(gate.states)
        gate.camera.hold_main("viewer")
        gate.until_state(StreamState.ONLINE, MAIN, after=heard)


def test_a_camera_with_one_stream_uses_it_for_both(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate")) as gate:
        gate.until_state(StreamState.ONLINE)
        gate.camera.hold_main("viewer")
        assert gate.camera.health(MAIN).role is SUB
        assert gate.camera.newest_frame(MAIN, 5.0) is not None
        assert broken.server.clients == 1


def test_the_newest_frame_is_full_size_and_fresh(broken: ThreadedServer) -> None:
    with Watch(broken.url("gate"), main=broken.url("neighbour"), main_linger_seconds=0.2) as gate:
        gate.until_state(StreamState.ONLINE)
        frame = gate.camera.newest_frame(SUB, 2.0)
        assert frame is not None
        assert frame.picture.shape == (96, 160, 3)
        assert frame.stream_time >= gate.packets[-1].stream_time - 0.5
        assert time.time() - frame.captured_at < 5
        frame = gate.camera.newest_frame(MAIN, 10.0)
        assert frame is not None and frame.role is MAIN, "it opens the main stream for as long as it takes"
        gate.until(lambda: gate.camera.health(MAIN).state is StreamState.DISABLED)
        assert gate.camera.health(SUB).frames_decoded == 1, "the stream's own decoder is not disturbed"


def test_there_is_no_newest_frame_of_a_dead_camera() -> None:
    with Watch("rtsp://127.0.0.1:9/none") as gate:
        assert gate.camera.newest_frame(SUB, 0.1) is None


def test_recent_packets_can_be_decoded_from_the_first(broken: ThreadedServer) -> None:
    from ingest.decode import newest_picture

    with Watch(broken.url("gate")) as gate:
        gate.until(lambda: len(gate.packets) > 70)
        recent = gate.camera.recent(SUB, 2.0)
        assert recent[0].is_keyframe
        assert recent[-1].captured_at - recent[0].captured_at >= 2.0
        assert newest_picture(recent) is not None


def test_stop_without_start_and_twice_is_harmless() -> None:
    watch = Watch("rtsp://127.0.0.1:9/none")
    watch.camera.stop(1)
    watch.camera.start()
    watch.camera.hold_main("late")
    watch.camera.stop(1)
    assert not [t for t in threading.enumerate() if t.name.startswith("ingest-gate")]
