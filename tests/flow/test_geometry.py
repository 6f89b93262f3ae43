"""Sides, distances and polygons, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.words import Point
from flow.geometry import along, contains, metric, root_area, signed_distance

L_SHAPE = [(0.1, 0.1), (0.5, 0.1), (0.5, 0.4), (0.9, 0.4), (0.9, 0.9), (0.1, 0.9)]
points = st.tuples(st.floats(0, 1), st.floats(0, 1))


@pytest.mark.parametrize(
    ("start", "end", "right_hand"),
    [
        ((0.1, 0.5), (0.9, 0.5), (0.5, 0.6)),  # walking to the right: the right hand is below
        ((0.9, 0.5), (0.1, 0.5), (0.5, 0.4)),  # to the left: above
        ((0.5, 0.1), (0.5, 0.9), (0.4, 0.5)),  # down: to the left of the screen
        ((0.5, 0.9), (0.5, 0.1), (0.6, 0.5)),  # up: to the right of the screen
        ((0.1, 0.1), (0.9, 0.9), (0.3, 0.7)),  # slanted
    ],
)
def test_the_right_hand_is_positive_as_seen_on_the_screen(start: Point, end: Point, right_hand: Point) -> None:
    assert signed_distance(start, end, right_hand) > 0
    assert signed_distance(end, start, right_hand) < 0


@pytest.mark.parametrize(
    ("point", "distance", "share"), [((0.5, 0.6), 0.1, 0.5), ((0.1, 0.5), 0.0, 0.0), ((1.3, 0.3), -0.2, 1.5)]
)
def test_distance_and_share_along_a_line(point: Point, distance: float, share: float) -> None:
    assert signed_distance((0.1, 0.5), (0.9, 0.5), point) == pytest.approx(distance)
    assert along((0.1, 0.5), (0.9, 0.5), point) == pytest.approx(share)


def test_a_line_needs_two_ends() -> None:
    with pytest.raises(ValueError, match="must differ"):
        signed_distance((0.5, 0.5), (0.5, 0.5), (0.1, 0.1))


@given(points, points, points)
def test_turning_a_line_round_swaps_its_sides(start: Point, end: Point, point: Point) -> None:
    if start != end:
        assert signed_distance(start, end, point) == pytest.approx(-signed_distance(end, start, point), abs=1e-9)


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((0.3, 0.3), True),
        ((0.7, 0.6), True),
        ((0.7, 0.2), False),
        ((0.05, 0.5), False),
        ((0.95, 0.95), False),
        ((0.45, 0.39), True),
    ],
)
def test_a_concave_zone(point: Point, inside: bool) -> None:
    assert contains(L_SHAPE, point) is inside
    assert contains(L_SHAPE[::-1], point) is inside


def test_both_axes_are_measured_in_picture_heights() -> None:
    assert metric((0.5, 0.5), 16 / 9) == pytest.approx((8 / 9, 0.5))
    assert root_area((0.0, 0.0, 9 / 16, 1.0), 16 / 9) == pytest.approx(1.0)
