"""The tracker on things whose truth is known: who is who, at any rate, for ever."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.words import Box, Instant, ObjectClass
from detectors.tracker import Tracker, TrackerParameters
from detectors.words import Detections, Tracks
from tests.support.walks import ASPECT, CAMERA, Seen, detections, people, standing

PERSON, CAR, TRUCK, BICYCLE = ObjectClass.PERSON, ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BICYCLE


def follow(looks: list[tuple[float, Detections]], tracker: Tracker | None = None) -> list[Tracks]:
    tracker = tracker or Tracker(CAMERA)
    return [tracker.update(seen, Instant(at), at) for at, seen in looks]


def identities(given_tracks: list[Tracks]) -> list[int]:
    return sorted({track.track_id for tracks in given_tracks for track in tracks.tracks})


def walker(at: float, start: float = 0.2, speed: float = 0.06, y: float = 0.6) -> Box:
    """Walks to the right at that share of the picture's width a second."""
    return standing(start + speed * at, y)


@pytest.mark.parametrize("rate", [10.0, 7.0, 3.5, 2.0, 1.0])
def test_one_walker_is_one_track_at_any_rate(rate: float) -> None:
    given_tracks = follow([(i / rate, people(walker(i / rate))) for i in range(int(8 * rate))])
    assert identities(given_tracks) == [1]
    assert given_tracks[-1].tracks[0].looks == int(8 * rate)


@given(st.lists(st.floats(0.1, 1.0), min_size=8, max_size=30))
@settings(max_examples=25, deadline=None)
def test_one_walker_is_one_track_at_uneven_steps(steps: list[float]) -> None:
    times = [0.0, *itertools.accumulate(steps)]
    speed = min(0.06, 0.7 / times[-1])
    assert identities(follow([(t, people(walker(t, speed=speed))) for t in times])) == [1]


@pytest.mark.parametrize("rate", [7.0, 2.0])
def test_a_runner_is_one_track(rate: float) -> None:
    """Three body heights a second, as fast as people run."""
    speed = 3 * 0.1 / ASPECT
    looks = [(i / rate, people(standing(0.1 + speed * i / rate, 0.5, tall=0.1))) for i in range(int(4 * rate))]
    assert identities(follow(looks)) == [1]


@pytest.mark.parametrize("rate", [6.0, 3.0, 2.0])
def test_a_car_that_comes_nearer_and_grows_is_one_track(rate: float) -> None:
    def car(at: float) -> Seen:
        nearness = 1 / (1 - at / 4)
        return CAR, standing(0.45 + 0.05 * nearness, 0.3 + 0.09 * nearness, 0.08 * nearness, 0.07 * nearness), 0.8

    looks = [(i / rate, detections([car(i / rate)])) for i in range(int(3 * rate))]
    assert identities(follow(looks)) == [1]


@pytest.mark.parametrize("rate", [7.0, 3.5, 1.75])
def test_two_who_meet_keep_their_identities(rate: float) -> None:
    def boxes(at: float) -> tuple[Box, Box]:
        return standing(0.2 + 0.06 * at, 0.60), standing(0.8 - 0.06 * at, 0.63)

    given_tracks = follow([(i / rate, people(*boxes(i / rate))) for i in range(int(10 * rate))])
    assert identities(given_tracks) == [1, 2]
    first, last = given_tracks[0].tracks, given_tracks[-1].tracks
    to_the_right = next(t for t in first if t.foot[0] < 0.5).track_id
    assert next(t for t in last if t.foot[0] > 0.5).track_id == to_the_right


def test_somebody_behind_a_tree_for_two_seconds_comes_out_as_the_same() -> None:
    times = [i / 3.5 for i in range(30)]
    looks = [(t, people() if 3.0 < t < 5.0 else people(walker(t))) for t in times]
    assert identities(follow(looks)) == [1]


def test_a_person_never_becomes_a_car() -> None:
    box = standing(0.5, 0.6)
    looks = [(i / 2, detections([(PERSON if i % 2 else CAR, box, 0.8)])) for i in range(12)]
    classes: dict[int, set[ObjectClass]] = {}
    for tracks in follow(looks):
        for track in tracks.tracks:
            classes.setdefault(track.track_id, set()).add(track.object_class)
    assert sorted(map(sorted, classes.values())) == [[CAR], [PERSON]]


def test_a_vehicle_that_flickers_between_car_and_truck_is_one_and_named_by_the_majority() -> None:
    box = standing(0.5, 0.6, wide=0.2)
    looks = [(i / 3, detections([(TRUCK if i % 4 == 3 else CAR, box, 0.7)])) for i in range(20)]
    given_tracks = follow(looks)
    assert identities(given_tracks) == [1]
    assert {t.object_class for tracks in given_tracks for t in tracks.tracks} == {CAR}


def test_a_vehicle_seen_as_car_and_truck_at_once_is_one() -> None:
    box = standing(0.5, 0.6, wide=0.2)
    looks = [(i / 3, detections([(CAR, box, 0.8), (TRUCK, box, 0.75)])) for i in range(10)]
    assert [len(tracks.tracks) for tracks in follow(looks)] == [1] * 10


def test_a_weak_detection_starts_nothing_but_keeps_what_is_known() -> None:
    weak = [(i / 3, detections([(PERSON, standing(0.5, 0.6), 0.2)])) for i in range(10)]
    assert identities(follow(weak)) == []
    looks = [(i / 3, people(walker(i / 3), score=0.8 if i < 4 or i > 6 else 0.2)) for i in range(12)]
    given_tracks = follow(looks)
    assert identities(given_tracks) == [1]
    assert all(len(tracks.tracks) == 1 for tracks in given_tracks)


def test_a_doubtful_sight_is_shown_only_when_seen_again() -> None:
    looks = [(i / 2, people(standing(0.5, 0.6), score=0.5)) for i in range(3)]
    assert [len(tracks.tracks) for tracks in follow(looks)] == [0, 1, 1]


def test_what_is_shown_was_seen_unless_a_prediction_was_asked_for() -> None:
    looks = [(i / 4, people() if i == 6 else people(walker(i / 4))) for i in range(8)]
    assert not follow(looks)[6].tracks
    predicted = follow(looks, Tracker(CAMERA, TrackerParameters(shown_seconds=0.5)))[6].tracks[0]
    assert predicted.seen_at < 6 / 4
    assert predicted.foot[0] == pytest.approx(walker(6 / 4)[0] / 2 + walker(6 / 4)[2] / 2, abs=0.02)


def test_a_long_gap_or_a_clock_that_steps_back_starts_afresh() -> None:
    tracker = Tracker(CAMERA)
    first = follow([(0.0, people(walker(0)))], tracker)
    late = follow([(60.0, people(walker(0)))], tracker)
    early = follow([(5.0, people(walker(0)))], tracker)
    assert [identities(t) for t in (first, late, early)] == [[1], [2], [3]]


def test_who_stands_still_is_the_same_when_a_still_scene_is_looked_at_every_five_seconds() -> None:
    looks = [(5.0 * i, people(standing(0.5, 0.6), standing(0.7, 0.6))) for i in range(20)]
    assert identities(follow(looks)) == [1, 2]


def test_smoke_fire_and_broken_numbers_are_not_followed() -> None:
    broken = Detections(np.array([[np.nan, 0, 1, 1]], np.float32), np.array([0.9], np.float32), (PERSON,), ASPECT)
    smoke = detections([(ObjectClass.SMOKE, standing(0.5, 0.5), 0.9)])
    assert identities(follow([(0.0, broken), (0.5, smoke), (1.0, broken)])) == []


boxes = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 0.5), st.floats(0.01, 0.5)).map(
    lambda b: (b[0], b[1], min(1.0, b[0] + b[2]), min(1.0, b[1] + b[3]))
)
sights = st.tuples(st.sampled_from([PERSON, CAR, TRUCK, BICYCLE]), boxes, st.floats(0, 1))
scenes = st.lists(st.tuples(st.floats(0.01, 2), st.lists(sights, max_size=6)), min_size=1, max_size=12)


@given(scenes)
@settings(max_examples=40, deadline=None)
def test_any_scene_gives_sound_tracks_and_the_same_ones_again(scene: list[tuple[float, list[Seen]]]) -> None:
    times = itertools.accumulate(step for step, _ in scene)
    looks = [(t, detections(seen)) for t, (_, seen) in zip(times, scene, strict=True)]
    once, again = follow(looks), follow(looks)
    assert once == again
    for tracks, (_, seen) in zip(once, looks, strict=True):
        ids = [track.track_id for track in tracks.tracks]
        assert len(ids) == len(set(ids)) <= len(seen)
        for track in tracks.tracks:
            left, top, right, bottom = track.box
            assert 0 <= left <= right <= 1 and 0 <= top <= bottom <= 1


def test_memory_is_bounded_for_ever() -> None:
    chance = random.Random(1)
    tracker = Tracker(CAMERA, TrackerParameters(most_tracks=12))
    at = 0.0
    for _ in range(1_500):
        at += chance.uniform(0.05, 1.0)
        seen = [
            (chance.choice([PERSON, CAR]), standing(chance.random(), chance.uniform(0.3, 1), 0.15), chance.random())
            for _ in range(chance.randint(0, 20))
        ]
        tracker.update(detections(seen), Instant(at), at)
        assert tracker.held <= 12
