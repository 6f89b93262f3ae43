"""When a picture was taken, told from jittering arrivals and from cameras whose clocks misbehave."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.capture_time import CaptureTime

WALL = 1_700_000_000.0


class Arrivals:
    """Feeds an estimator and gives wall times back, relative to the start."""

    def __init__(self) -> None:
        self.estimator = CaptureTime()
        self.wall_offset = WALL

    def packet(self, stream_time: float | None, arrival: float) -> float:
        return self.estimator.observe(stream_time, arrival, arrival + self.wall_offset) - WALL


def test_jitter_is_ignored() -> None:
    arrivals, chance = Arrivals(), random.Random(4)
    errors = []
    for n in range(600):
        taken = n / 10
        estimate = arrivals.packet(taken + 77, taken + chance.choice([0.005, 0.01, 0.08, 0.3]))
        errors.append(abs(estimate - taken))
    assert max(errors[100:]) < 0.02


def test_a_stalled_network_does_not_make_old_pictures_new() -> None:
    arrivals = Arrivals()
    for n in range(50):
        arrivals.packet(n / 10, n / 10)
    late = [arrivals.packet(n / 10, 8.0) for n in range(50, 80)]
    assert late[0] == pytest.approx(5.0, abs=0.05)
    assert late[-1] == pytest.approx(7.9, abs=0.05)


def test_a_camera_clock_that_drifts_is_followed() -> None:
    arrivals = Arrivals()
    for n in range(6000):
        taken = n / 10
        estimate = arrivals.packet(taken * 1.0005, taken)
        assert abs(estimate - taken) < 0.05
    for n in range(6000, 12000):
        taken = n / 10
        assert abs(arrivals.packet(taken * 0.9995 + 600, taken) - taken) < 0.05


@pytest.mark.parametrize("jump", [-3600.0, -5.0, 5.0, 3600.0, -(2**32) / 90_000])
def test_a_jump_of_the_stream_time_does_not_move_the_capture_time(jump: float) -> None:
    arrivals = Arrivals()
    for n in range(50):
        arrivals.packet(50_000 + n / 10, n / 10)
    for n in range(50, 100):
        assert arrivals.packet(50_000 + n / 10 + jump, n / 10) == pytest.approx(n / 10, abs=0.02)


def test_missing_times_fall_back_to_arrival() -> None:
    arrivals = Arrivals()
    assert arrivals.packet(None, 3.0) == pytest.approx(3.0)
    assert arrivals.packet(None, 3.5) == pytest.approx(3.5)


def test_reordered_pictures_keep_their_own_times() -> None:
    arrivals = Arrivals()
    for n in range(0, 60, 3):
        at = (n + 3) / 10
        anchor = arrivals.packet((n + 3) / 10, at)
        first = arrivals.packet((n + 1) / 10, at + 0.01)
        second = arrivals.packet((n + 2) / 10, at + 0.02)
        assert first < second < anchor + 1e-6


def test_setting_this_machines_clock_is_followed_at_once() -> None:
    arrivals = Arrivals()
    for n in range(20):
        arrivals.packet(n / 10, n / 10)
    arrivals.wall_offset -= 7200
    assert arrivals.packet(2.0, 2.0) == pytest.approx(2.0 - 7200, abs=0.02)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 5)), min_size=1, max_size=80))
def test_never_in_the_future_and_never_back(packets: list[tuple[float, float]]) -> None:
    arrivals = Arrivals()
    now, last, last_time = 10.0, float("-inf"), float("-inf")
    for stream_time, gap in packets:
        now += gap
        estimate = arrivals.packet(stream_time, now)
        assert estimate <= now + 1e-3
        is_reordered = last_time - 1.5 <= stream_time < last_time
        if not is_reordered:
            assert estimate >= last - 1e-3
            last, last_time = estimate, stream_time
