"""The states of a stream and the waiting between tries."""

import random

import pytest

from ingest import errors
from ingest.state import Patience, StreamMachine
from ingest.words import StreamState
from tests.support.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def machine(clock: FakeClock) -> StreamMachine:
    return StreamMachine(clock, Patience(), random.Random(1))


def come_online(machine: StreamMachine, clock: FakeClock) -> None:
    machine.opening()
    machine.opened()
    machine.picture(clock.wall(), clock.monotonic())


def test_an_open_socket_is_not_online(machine: StreamMachine, clock: FakeClock) -> None:
    machine.opening()
    machine.opened()
    assert machine.state is StreamState.CONNECTING
    machine.picture(clock.wall(), clock.monotonic())
    assert machine.state is StreamState.ONLINE


def test_a_camera_that_failed_stays_offline_while_it_is_retried(machine: StreamMachine, clock: FakeClock) -> None:
    machine.opening()
    machine.failed(errors.Refused())
    since = machine.since
    clock.advance(5)
    machine.opening()
    machine.opened()
    assert (machine.state, machine.since, machine.cause) == (StreamState.OFFLINE, since, "refused")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (errors.Refused, StreamState.OFFLINE),
        (errors.NameNotFound, StreamState.OFFLINE),
        (errors.NoVideo, StreamState.OFFLINE),
        (errors.Ended, StreamState.OFFLINE),
        (errors.Silent, StreamState.STALLED),
        (errors.Undecodable, StreamState.STALLED),
        (errors.Unauthorised, StreamState.UNAUTHORISED),
    ],
)
def test_each_failure_has_its_state(
    machine: StreamMachine, error: type[errors.StreamError], state: StreamState
) -> None:
    machine.opening()
    machine.failed(error("rtsp://camera/x"))
    assert machine.state is state
    assert machine.failures == {error.cause: 1}
    assert "rtsp://camera/x" in machine.reason


def test_waiting_doubles_up_to_its_limit_with_jitter(machine: StreamMachine) -> None:
    waits = [machine.failed(errors.Refused()) for _ in range(12)]
    for n, wait in enumerate(waits):
        full = min(30.0, 0.5 * 2**n)
        assert full / 2 <= wait <= full
    assert len({round(w, 6) for w in waits[-5:]}) == 5, "cameras that fail together must not come back together"


def test_a_settled_stream_is_retried_soon_again(machine: StreamMachine, clock: FakeClock) -> None:
    for _ in range(8):
        machine.failed(errors.Refused())
    come_online(machine, clock)
    clock.advance(60)
    machine.picture(clock.wall(), clock.monotonic())
    assert machine.failed(errors.Ended()) <= 0.5


def test_a_stream_that_flaps_waits_longer_each_time(machine: StreamMachine, clock: FakeClock) -> None:
    waits = []
    for _ in range(6):
        come_online(machine, clock)
        clock.advance(1)
        waits.append(machine.failed(errors.Ended()))
    assert waits[-1] > 4


def test_a_refused_password_waits_for_minutes_and_never_locks_the_account(machine: StreamMachine) -> None:
    waits = [machine.failed(errors.Unauthorised()) for _ in range(6)]
    assert waits[0] >= 300
    assert all(wait <= 3600 * 1.2 for wait in waits)
    tries_in_half_an_hour = sum(sum(waits[: n + 1]) < 1800 for n in range(6)) + 1
    assert tries_in_half_an_hour <= 4


def test_no_picture_for_too_long_is_overdue(machine: StreamMachine, clock: FakeClock) -> None:
    come_online(machine, clock)
    clock.advance(4.9)
    assert not machine.is_overdue(clock.monotonic())
    clock.advance(0.2)
    assert machine.is_overdue(clock.monotonic())


def test_the_first_picture_may_take_a_long_group_of_pictures(machine: StreamMachine, clock: FakeClock) -> None:
    machine.opening()
    machine.opened()
    clock.advance(14)
    assert not machine.is_overdue(clock.monotonic())
    clock.advance(2)
    assert machine.is_overdue(clock.monotonic())


def test_degraded_is_said_only_of_what_is_online(machine: StreamMachine, clock: FakeClock) -> None:
    machine.degraded("black", "Dark.")
    assert machine.state is StreamState.DISABLED
    come_online(machine, clock)
    machine.degraded("black", "Dark.")
    assert (machine.state, machine.cause, machine.reason) == (StreamState.DEGRADED, "black", "Dark.")
    machine.picture(clock.wall(), clock.monotonic())
    assert machine.state is StreamState.DEGRADED, "pictures that come do not make a black picture good"
    machine.recovered()
    assert machine.state is StreamState.ONLINE


def test_every_cause_has_a_sentence_in_both_languages() -> None:
    causes = {c.cause for c in errors.StreamError.__subclasses__()}
    assert causes <= set(errors.SENTENCES)
    for chinese, english in errors.SENTENCES.values():
        assert chinese.endswith("。")
        assert english.endswith(".")
