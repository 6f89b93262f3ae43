"""What counts as a crossing, and what does not."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.site import Line, Name
from configs.words import Box, Instant, ObjectClass, Point
from detectors.tracker import Tracker
from flow.line_counter import MOST_TRACKS, LineCounter
from flow.words import Crossing
from tests.support.walks import CAMERA, people, standing, tracks

PERSON, CAR = ObjectClass.PERSON, ObjectClass.CAR
DOWNWARD = ((0.5, 0.3), (0.5, 0.9))


def line(start: Point = DOWNWARD[0], end: Point = DOWNWARD[1], counts: tuple[ObjectClass, ...] = (PERSON,)) -> Line:
    return Line(id="gate", name=Name(zh="门", en="Gate"), start=start, end=end, counts=list(counts))


def walk(counter: LineCounter, feet: list[Point], name: ObjectClass = PERSON, track_id: int = 1) -> list[Crossing]:
    """The crossings of one track that is seen at these foot points, a second apart."""
    return [
        crossing
        for second, (x, y) in enumerate(feet)
        for crossing in counter.update(tracks(float(second), [(track_id, standing(x, y))], name))
    ]


@pytest.mark.parametrize(
    ("start", "end", "feet", "directions"),
    [
        (*DOWNWARD, [(0.6, 0.6), (0.4, 0.6)], ["in"]),  # downward line: its left is the right of the screen
        (*DOWNWARD, [(0.4, 0.6), (0.6, 0.6)], ["out"]),
        (*DOWNWARD[::-1], [(0.4, 0.6), (0.6, 0.6)], ["in"]),
        ((0.2, 0.6), (0.8, 0.6), [(0.5, 0.5), (0.5, 0.7)], ["in"]),  # rightward line: from above to below
        ((0.2, 0.3), (0.8, 0.9), [(0.6, 0.5), (0.4, 0.75)], ["in"]),  # slanted
        (*DOWNWARD, [(0.6, 0.6), (0.4, 0.6), (0.6, 0.6)], ["in", "out"]),  # there and back are two
        (*DOWNWARD, [(0.6, 0.6), (0.52, 0.6), (0.48, 0.6), (0.4, 0.6)], ["in"]),
        (*DOWNWARD, [(0.6, 0.1), (0.4, 0.1)], []),  # past the start of the segment
        (*DOWNWARD, [(0.3, 1.0), (0.5, 1.0), (0.5, 0.5), (0.8, 0.9)], ["out"]),  # along the line, then off it within
        (*DOWNWARD[::-1], [(0.3, 1.0), (0.5, 1.0), (0.5, 0.5), (0.8, 0.9)], ["in"]),
        (*DOWNWARD, [(0.6, 0.95), (0.4, 0.95)], []),  # past its end
        (*DOWNWARD, [(0.6, 0.6), (0.51, 0.6), (0.6, 0.6)], []),  # touched it and turned
        (*DOWNWARD, [(0.6, 0.6), (0.499, 0.6), (0.6, 0.6)], []),  # half a foot over it and turned
        (*DOWNWARD, [(0.6, 0.6), (0.6, 0.95), (0.4, 0.95), (0.4, 0.6)], []),  # walked round its end
    ],
)
def test_crossings(start: Point, end: Point, feet: list[Point], directions: list[str]) -> None:
    assert [c.direction for c in walk(LineCounter(line(start, end)), feet)] == directions


def test_a_crossing_says_when_and_where_between_the_looks() -> None:
    (crossing,) = walk(LineCounter(line()), [(0.6, 0.5), (0.4, 0.7)])
    assert crossing.at == pytest.approx(0.5)
    assert crossing.place == pytest.approx((0.5, 0.6))
    assert (crossing.camera_id, crossing.line_id, crossing.object_class) == (CAMERA, "gate", PERSON)


def test_only_the_lines_own_classes_count() -> None:
    counter = LineCounter(line(counts=(CAR,)))
    assert walk(counter, [(0.6, 0.6), (0.4, 0.6)]) == []
    assert len(walk(counter, [(0.6, 0.6), (0.4, 0.6)], CAR, 2)) == 1


def test_a_predicted_box_crosses_nothing() -> None:
    counter = LineCounter(line())
    counter.update(tracks(0.0, [(1, standing(0.55, 0.6))]))
    assert counter.update(tracks(1.0, [(1, standing(0.4, 0.6))], seen_at=0.0)) == []
    assert len(counter.update(tracks(2.0, [(1, standing(0.4, 0.6))]))) == 1


@given(st.lists(st.tuples(st.floats(-0.09, 0.09), st.floats(-0.03, 0.03)), min_size=2, max_size=60))
@settings(deadline=None)
def test_standing_on_the_line_never_counts(jitter: list[tuple[float, float]]) -> None:
    """A foot that wavers by less than a tenth of the body's height about the line has not crossed it."""
    feet = [(0.5 + dx * 0.2 / (16 / 9), 0.6 + dy) for dx, dy in jitter]
    assert walk(LineCounter(line()), feet) == []


@given(st.lists(st.floats(-0.015, 0.015), min_size=30, max_size=30))
@settings(deadline=None)
def test_jitter_on_the_way_does_not_count_twice(jitter: list[float]) -> None:
    feet = [(0.6 - 0.2 * i / 29 + dx / (16 / 9), 0.6) for i, dx in enumerate(jitter)]
    assert [c.direction for c in walk(LineCounter(line()), feet)] == ["in"]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.2, 1)), min_size=2, max_size=30))
@settings(deadline=None)
def test_turning_the_line_round_swaps_the_directions(feet: list[Point]) -> None:
    one = walk(LineCounter(line(*DOWNWARD)), feet)
    other = walk(LineCounter(line(*DOWNWARD[::-1])), feet)
    swap = {"in": "out", "out": "in"}
    assert [(c.direction, c.at) for c in one] == [(swap[c.direction], c.at) for c in other]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.2, 1)), min_size=2, max_size=40))
@settings(deadline=None)
def test_one_track_on_an_endless_line_alternates(feet: list[Point]) -> None:
    ways = [c.direction for c in walk(LineCounter(line((0.5, 0.0), (0.5, 1.0))), feet)]
    assert all(a != b for a, b in itertools.pairwise(ways))


def test_a_parked_car_at_the_line_never_counts() -> None:
    chance = random.Random(3)
    counter = LineCounter(line((0.0, 0.5), (1.0, 0.5), (CAR,)))
    for i in range(2000):
        box = standing(0.5 + chance.gauss(0, 0.002), 0.5 + chance.gauss(0, 0.003), 0.1, 0.1)
        assert counter.update(tracks(i / 2, [(1, box)], CAR)) == []


def test_a_new_identity_just_past_the_line_is_the_same_crossing() -> None:
    """Lost before the line, found past it: one crossing. Counted, lost, found still past it: not a second one."""
    counter = LineCounter(line())

    def box(x: float) -> list[tuple[int, Box]]:
        return [(1 if x > 0.52 else 2 if x > 0.46 else 3, standing(x, 0.6))]

    ways = []
    for i in range(12):
        if i != 4:
            ways += [c.direction for c in counter.update(tracks(i * 0.4, box(0.6 - 0.02 * i)))]
    assert ways == ["in"]


def test_somebody_far_away_inherits_nothing() -> None:
    counter = LineCounter(line())
    counter.update(tracks(0.0, [(1, standing(0.6, 0.6))]))
    assert counter.update(tracks(0.4, [(2, standing(0.2, 0.6))])) == []


def test_two_who_swap_places_at_the_line_count_once_each() -> None:
    """With the real tracker, at two looks a second."""
    tracker, counter = Tracker(CAMERA), LineCounter(line())
    ways = []
    for i in range(20):
        at = i / 2
        seen = people(standing(0.2 + 0.06 * at, 0.60), standing(0.8 - 0.06 * at, 0.66))
        ways += [c.direction for c in counter.update(tracker.update(seen, Instant(at), at))]
    assert sorted(ways) == ["in", "out"]


def test_memory_is_bounded_over_a_hundred_thousand_looks() -> None:
    chance = random.Random(4)
    counter = LineCounter(line())
    for i in range(100_000):
        counter.update(tracks(i * 0.3, [(i // 2, standing(chance.random(), 0.6))]))
    assert counter.held <= 60
    counter.update(tracks(1e6, [(i, standing(0.5, 0.6)) for i in range(3 * MOST_TRACKS)]))
    assert counter.held == MOST_TRACKS
