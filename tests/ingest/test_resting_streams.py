"""A stream in which nothing stirs has its key frames decoded alone; when something does, all of it, and at once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.stirring import AWAKE_SECONDS, Stirring
from ingest.words import FrameWish
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from tests.support.clips import make_clip
from tests.support.watching import Watch

FPS, GOP = 20, 20
STILL, WALK = 6, 4  # seconds of each, in turn
WISH = FrameWish(160, 96, 5.0, rest_seconds=2.0)


def scene(number: int) -> NDArray[np.uint8]:
    """A textured ground with a sensor's noise; in the last seconds a square walks over it."""
    ground = np.random.default_rng(1).integers(60, 200, (12, 20, 3), np.uint8)
    picture = np.kron(ground, np.ones((8, 8, 1), np.uint8)).astype(np.int16)
    picture += np.random.default_rng(number).normal(0, 1.5, picture.shape).astype(np.int16)
    if number >= STILL * FPS:
        x = 10 + (number - STILL * FPS)
        picture[40:64, x : x + 12] = (40, 220, 250)
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_key_frames_suffice_until_somebody_walks_in(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", fps=FPS, seconds=STILL + WALK, gop=GOP, scene=scene)
    server = RtspServer({"gate": Loop(Clip.open(str(clip)))})
    with ThreadedServer(server).start(), Watch(server.url("gate"), wish=WISH) as gate:
        round_seconds = STILL + WALK
        gate.until(
            lambda: gate.packets and gate.packets[-1].stream_time > gate.packets[0].stream_time + 2.2 * round_seconds,
            limit=60,
        )
        start = gate.packets[0].stream_time
        frames = [f.stream_time - start for f in gate.frames]
        keyframes = [p.stream_time - start for p in gate.packets if p.is_keyframe]
    # the second round: the stream knows by then what is usual
    calm = [t for t in frames if round_seconds + AWAKE_SECONDS + 0.5 < t < round_seconds + STILL - 0.1]
    walk = [t for t in frames if round_seconds + STILL <= t < 2 * round_seconds - 0.1]
    assert all(min(abs(t - k) for k in keyframes) < 0.03 for t in calm), "while nothing stirs, key frames alone"
    assert len(walk) >= 0.8 * WISH.per_second * (WALK - 0.1), "while somebody walks, all that is wished"
    assert walk[0] - (round_seconds + STILL) < 0.3, "from the first steps on, although they were noticed a little later"


def test_what_is_usual_is_learned_anew_when_a_scene_changes_its_habits() -> None:
    stirring, at = Stirring(), 0.0

    def seconds_awake(size: int, seconds: float) -> float:
        nonlocal at
        awake = 0
        for n in range(int(seconds * 10)):
            at += 0.1
            awake += stirring.packet(20_000 if n % 20 == 0 else size, n % 20 == 0, at)
        return awake / 10

    seconds_awake(100, 10)
    assert seconds_awake(100, 10) == 0
    assert seconds_awake(2_000, 2) > 1.5, "something moves"
    seconds_awake(2_000, 60)
    assert seconds_awake(2_000, 10) < 1, "rain that goes on for a minute is what is usual now"
