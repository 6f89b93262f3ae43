"""A camera rests after calm, and not a moment longer than it lasts."""

from runtime.resting import STILL_SECONDS, Resting


def test_it_rests_after_calm_and_wakes_at_once() -> None:
    resting = Resting(100.0)
    assert not resting.update(100.0 + STILL_SECONDS - 0.1, False)
    assert resting.update(100.0 + STILL_SECONDS, False)
    assert not resting.update(120.0, True)
    assert not resting.update(120.0 + STILL_SECONDS - 0.1, False), "and not before it has been calm again"
    assert resting.update(120.0 + STILL_SECONDS, False)
