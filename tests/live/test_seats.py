"""Seats: how much a stream brings is measured by its own clock, and all feeds together stay within a bit rate."""

import pytest

from configs.words import CameraId, StreamRole
from live.feed import Feed
from live.meter import Meter
from live.seats import Seats, TooManyBits, TooManyViewers

GATE = CameraId("gate")


def fed(kilobits: float, seconds: float = 20.0, fps: int = 10) -> Meter:
    """A stream whose key frames, one in two seconds, are ten times its other pictures."""
    meter = Meter()
    share = kilobits * 1000 / 8 * 2 / (2 * fps - 1 + 10)
    for number in range(round(seconds * fps)):
        meter.add(number / fps, round(share * (10 if number % (2 * fps) == 0 else 1)))
    return meter


@pytest.mark.parametrize("kilobits", [300, 4000])
def test_the_rate_is_that_of_the_stream_whatever_its_key_frames_weigh(kilobits: float) -> None:
    assert fed(kilobits).bits_per_second == pytest.approx(kilobits * 1000, rel=0.12)


def test_too_little_says_nothing_and_a_clock_that_was_set_begins_anew() -> None:
    meter = Meter()
    meter.add(5.0, 100_000)
    meter.add(5.2, 100_000)
    assert meter.bits_per_second == 0
    meter = fed(800)
    meter.add(1_000_000.0, 500)
    assert meter.bits_per_second == 0
    meter = fed(800)
    meter.add(19.8, 500)  # B-frames come a little late
    assert meter.bits_per_second == pytest.approx(800_000, rel=0.12)


def feed_of(kilobits: float) -> Feed:
    feed = Feed(GATE, StreamRole.SUB)
    feed._meter = fed(kilobits)
    return feed


def test_who_would_go_over_the_total_is_refused_and_who_sits_stays() -> None:
    seats = Seats(100, 100, megabits=10)
    taken = [seats.take(GATE) for _ in range(3)]
    heavy = feed_of(4000)
    seats.sit(taken[0], heavy)
    seats.sit(taken[1], heavy)
    with pytest.raises(TooManyBits, match="10 is the limit"):
        seats.sit(taken[2], heavy)
    assert seats.refused_for_bits == 1
    assert seats.bits_per_second == pytest.approx(8e6, rel=0.12)
    seats.sit(taken[2], feed_of(500))
    seats.leave(taken[0])
    seats.leave(taken[0])
    late = seats.take(GATE)
    seats.sit(late, heavy)
    for seat in (*taken, late):
        seats.leave(seat)
    assert seats.bits_per_second == 0


def test_the_number_of_viewers_is_limited_in_total_and_for_each_camera() -> None:
    seats = Seats(3, 2)
    first = seats.take(GATE)
    seats.take(GATE)
    with pytest.raises(TooManyViewers, match="this camera"):
        seats.take(GATE)
    seats.take(CameraId("pond"))
    with pytest.raises(TooManyViewers, match="3 live feeds"):
        seats.take(CameraId("barn"))
    assert seats.refused_for_viewers == 2
    seats.leave(first)
    seats.take(GATE)
