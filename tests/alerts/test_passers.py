"""What people wear is no fire, what flickers behind passers-by is no flame; a fire beside people still is one."""

from alerts.passers import FRESH_SECONDS, Passers
from configs.words import Box, CameraId, Instant, ObjectClass
from detectors.behaviour import KEPT_SECONDS
from detectors.words import Track, TrackId, Tracks

PERSON: Box = (0.40, 0.30, 0.50, 0.80)
SCARF: Box = (0.43, 0.36, 0.47, 0.42)


def look(at: float, box: Box = PERSON, cls: ObjectClass = ObjectClass.PERSON) -> Tracks:
    track = Track(TrackId(1), cls, box, 0.7, Instant(0.0), Instant(at), 5)
    return Tracks(CameraId("gate"), Instant(at), at, 16 / 9, (track,))


def test_a_scarf_is_on_somebody_while_that_is_known() -> None:
    passers = Passers()
    passers.update(look(10.0), ())
    assert passers.is_on_somebody(SCARF, Instant(10.5))
    assert not passers.is_on_somebody(SCARF, Instant(10.1 + FRESH_SECONDS)), "nobody knows where that person is by now"


def test_a_fire_beside_behind_or_as_large_as_a_person_is_judged() -> None:
    passers = Passers()
    passers.update(look(10.0), ())
    for fire in ((0.52, 0.60, 0.60, 0.80), (0.30, 0.40, 0.60, 0.80), PERSON):
        assert not passers.is_on_somebody(fire, Instant(10.0)), fire


def test_lamps_of_a_vehicle_and_a_vehicle_that_burns_are_left_to_the_judge() -> None:
    passers = Passers()
    passers.update(look(10.0, cls=ObjectClass.CAR), ())
    assert not passers.is_on_somebody(SCARF, Instant(10.0))


def test_who_passes_is_remembered_as_long_as_the_pixels_are_and_who_stands_does_not_pass() -> None:
    passers, place = Passers(), (0.45, 0.5, 0.48, 0.55)
    passers.update(look(10.0), ())
    assert not passers.has_passed(place, Instant(10.0))
    passers.update(look(11.0), {TrackId(1)})
    assert passers.has_passed(place, Instant(11.0 + KEPT_SECONDS - 0.1))
    assert not passers.has_passed((0.8, 0.5, 0.83, 0.55), Instant(11.0))
    assert not passers.has_passed(place, Instant(11.1 + KEPT_SECONDS))
