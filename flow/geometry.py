"""Lines and polygons in the picture, measured in one unit on both axes.

Promises: pure functions of numbers. Points are normalised to 0…1 of the picture; where distances matter they are first
put in picture heights by `metric`, since a step of 0.1 across a wide picture is longer than one of 0.1 down it. Not
here: tracks, time, counting (`line_counter.py`, `zones.py`).

Sides are as a person sees them on the screen. Walking from a line's start to its end, with x growing to the right and y
growing *downward*, the right hand is where `signed_distance` is positive. A line drawn from left to right has its right
side below it; one drawn downward has its right side to the left of the screen.
"""

import math
from collections.abc import Sequence

from configs.words import Box, Point


def metric(point: Point, aspect: float) -> Point:
    """A normalised point in picture heights. `aspect` is width / height of the picture."""
    return point[0] * aspect, point[1]


def signed_distance(start: Point, end: Point, point: Point) -> float:
    """The distance of a point from the endless line through `start` and `end`; positive on its right, seen on the
    screen. Raises ValueError when the two are the same."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    if length == 0:
        raise ValueError("a line's start and end must differ")
    return (dx * (point[1] - start[1]) - dy * (point[0] - start[0])) / length


def along(start: Point, end: Point, point: Point) -> float:
    """Where the foot of the perpendicular from `point` lies on the line: 0 at its start, 1 at its end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    return (dx * (point[0] - start[0]) + dy * (point[1] - start[1])) / (dx * dx + dy * dy)


def between(a: Point, b: Point, share: float) -> Point:
    """The point that lies that share of the way from `a` to `b`."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether the point lies in the polygon, by the even-odd rule; concave and self-crossing polygons are fine."""
    x, y = point
    inside = False
    ax, ay = polygon[-1]
    for bx, by in polygon:
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
        ax, ay = bx, by
    return inside


def foot(box: Box) -> Point:
    """The bottom centre of a box: where it stands on the ground."""
    return (box[0] + box[2]) / 2, box[3]


def height(box: Box) -> float:
    """The height of a box in picture heights."""
    return box[3] - box[1]


def root_area(box: Box, aspect: float) -> float:
    """The square root of a box's area, in picture heights."""
    return math.sqrt(max((box[2] - box[0]) * aspect * (box[3] - box[1]), 0.0))
