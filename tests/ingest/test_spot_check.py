"""Streams that nobody looks at: still judged, at next to no cost."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest import spot_check
from ingest.spot_check import CLOSE_SECONDS, EVERY_SECONDS, SpotCheck
from ingest.view import HOLD_SECONDS
from ingest.words import Packet, StreamState
from runtime.demo.clip import Clip, Loop
from runtime.demo.thread import ThreadedServer
from tests.ingest.test_failures_pictures import black, covered, frozen
from tests.ingest.test_recorder import packets_of
from tests.ingest.trouble import gate_and_neighbour
from tests.support.clips import make_clip, undecodable
from tests.support.watching import NOTHING


@pytest.fixture(scope="module")
def keyframes(clips: dict[str, Path]) -> list[Packet]:
    """Key frames of which no two have the same size, as those of a live camera."""
    found = [p for p in packets_of(clips["h264"]) if p.is_keyframe]
    return [replace(p, data=p.data + bytes(n)) for n, p in enumerate(found)]


def looked_at(check: SpotCheck, frames: list[Packet], seconds: float, has_fault: bool = False) -> list[float]:
    """When one of the key frames that come every second was decoded."""
    return [
        float(at)
        for at in range(int(seconds))
        if check.keyframe(frames[at % len(frames)], float(at), has_fault) is not None
    ]


def test_a_stream_that_is_well_is_looked_at_every_minute(keyframes: list[Packet]) -> None:
    times = looked_at(SpotCheck(random.Random(3)), keyframes, 600)
    steps = np.diff(times)
    assert times[0] == 0 and steps.min() >= 0.8 * EVERY_SECONDS and steps.max() <= 1.2 * EVERY_SECONDS + 1
    assert len(set(steps)) > 1, "37 cameras that come up together are not checked together"


def test_a_fault_is_watched_closely(keyframes: list[Packet]) -> None:
    times = looked_at(SpotCheck(random.Random(3)), keyframes, 60, has_fault=True)
    assert set(np.diff(times)) == {CLOSE_SECONDS}


@pytest.mark.parametrize("hint", ["larger", "same"])
def test_the_size_of_key_frames_hints_at_a_change(keyframes: list[Packet], hint: str) -> None:
    check = SpotCheck(random.Random(3))
    assert looked_at(check, keyframes, 20) == [0]
    usual = keyframes[0].data
    padding = [2 * len(usual) + n if hint == "larger" else 9 for n in range(16)]
    changed = [replace(keyframes[0], data=usual + bytes(n)) for n in padding]
    times = [20 + n for n in range(16) if check.keyframe(changed[n], 20.0 + n, False) is not None]
    assert times[0] <= 21 and set(np.diff(times)) == {CLOSE_SECONDS}, "out of turn, then closely, but not each one"


def test_one_key_frame_that_cannot_be_decoded_is_bad_luck_two_are_a_fault(keyframes: list[Packet]) -> None:
    check = SpotCheck(random.Random(3))
    assert not check.is_fresh, "nothing was seen yet"
    assert check.keyframe(keyframes[0], 0.0, False) is not None and check.is_fresh
    broken = replace(keyframes[0], data=bytes(200))
    check.keyframe(broken, 40.0, False)
    assert check.is_fresh and check.failed_last
    check.keyframe(broken, 42.0, False)
    assert not check.is_fresh
    assert check.keyframe(keyframes[0], 44.0, False) is not None and check.is_fresh


@pytest.mark.parametrize("scene", [black, covered, frozen])
def test_a_view_that_goes_bad_is_named_though_nobody_looks(
    broken: ThreadedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Callable[[int], NDArray[np.uint8]]
) -> None:
    monkeypatch.setattr("ingest.view.HOLD_SECONDS", dict.fromkeys(HOLD_SECONDS, 1.5))
    monkeypatch.setattr("ingest.view.LOOK_SECONDS", 0.2)
    monkeypatch.setattr(spot_check, "CLOSE_SECONDS", 0.4)
    well = broken.server.source("neighbour")
    clip = Clip.open(make_clip(tmp_path / "bad.mp4", scene=scene, seconds=6))
    with gate_and_neighbour(broken, NOTHING) as gate:
        gate.until_state(StreamState.ONLINE)
        broken.replace("gate", Loop(clip))
        health = gate.until_state(StreamState.DEGRADED)
        assert health.cause == scene.__name__
        heard = len(gate.states)
        assert well is not None
        broken.replace("gate", well)
        gate.until_state(StreamState.ONLINE, after=heard + 1)
        assert gate.frames == []


def test_what_cannot_be_decoded_is_not_online_though_nobody_looks(
    broken: ThreadedServer, clips: dict[str, Path]
) -> None:
    well = broken.server.source("neighbour")
    assert well is not None
    broken.replace("gate", Loop(undecodable(clips["h264"])))
    with gate_and_neighbour(broken, NOTHING) as gate:
        assert gate.until_state(StreamState.STALLED).cause == "undecodable"
        assert all(s.state is not StreamState.ONLINE for s in gate.states)
        heard = len(gate.states)
        broken.replace("gate", well)
        gate.until_state(StreamState.ONLINE, after=heard)
