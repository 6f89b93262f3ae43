"""From the picture to the ground: metres and speeds, where four points on the ground were measured out.

Promises: exact at the four points, for a plain lens and a flat ground (a homography); outside the area that they
enclose, and a little beyond it, nothing is said, since a small error there is a large one on the ground. A speed is the
straight line that fits a thing's foot points of the last two seconds best. State is bounded for ever. Not here: what
crosses a line how fast (`passing.py`).
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from configs.site import GroundPoint
from configs.words import Instant, Point
from detectors.words import TrackId, Tracks
from flow.geometry import contains, foot

#: How far beyond the four points their plane is believed: so many times their distance from their middle.
REACHES = 1.35
WINDOW_SECONDS = 2.0
#: A speed needs to have been watched for this long.
LEAST_SECONDS = 0.35
MOST_TRACKS = 512
MOST_POINTS = 64


class GroundPlane:
    """The mapping that four points fix."""

    def __init__(self, points: Sequence[GroundPoint]) -> None:
        if len(points) != 4:
            raise ValueError("a ground plane needs four points")
        seen, known = [p.at for p in points], [p.metres for p in points]
        self._matrix = _homography(seen, known)
        middle = np.mean(seen, axis=0)
        corners = middle + (np.array(seen) - middle) * REACHES
        order = np.argsort(np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0]))
        self._believed: list[Point] = [(float(x), float(y)) for x, y in corners[order]]

    def metres(self, point: Point) -> Point | None:
        """Where a point of the picture lies on the ground; None where that is not known."""
        if not contains(self._believed, point):
            return None
        x, y, w = self._matrix @ (point[0], point[1], 1.0)
        return None if w <= 1e-9 else (float(x / w), float(y / w))

    def square_metres(self, polygon: Sequence[Point]) -> float | None:
        """The area of the ground that a polygon of the picture covers; None where the plane is not known all over it,
        or where it covers nothing."""
        corners = [self.metres(point) for point in polygon]
        known = [corner for corner in corners if corner is not None]
        if len(known) < len(corners):
            return None
        following = [*known[1:], *known[:1]]
        area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(known, following, strict=True))) / 2
        return area if area > 0 else None


def _homography(seen: Sequence[Point], known: Sequence[Point]) -> NDArray[np.float64]:
    """The 3 × 3 matrix that takes four points to four others, positive in front of the camera."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, known, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    solved = np.linalg.solve(np.array(rows, float), np.array(values, float))
    matrix = np.append(solved, 1.0).reshape(3, 3)
    sign = np.sign(matrix[2] @ (*seen[0], 1.0))
    turned: NDArray[np.float64] = matrix * (sign or 1.0)
    return turned


class SpeedGauge:
    """How fast each thing moves over the ground; feed it every look's tracks in order."""

    def __init__(self, plane: GroundPlane) -> None:
        self._plane = plane
        self._paths: dict[int, deque[tuple[Instant, Point]]] = {}

    @property
    def held(self) -> int:
        """How many tracks are remembered."""
        return len(self._paths)

    def update(self, tracks: Tracks) -> None:
        """Take in one look."""
        now = tracks.looked_at
        for track in tracks.tracks:
            place = self._plane.metres(foot(track.box)) if track.seen_at >= now else None
            if place is None:
                continue
            path = self._paths.setdefault(track.track_id, deque(maxlen=MOST_POINTS))
            path.append((now, place))
            while now - path[0][0] > WINDOW_SECONDS:
                path.popleft()
        for key in [k for k, path in self._paths.items() if not 0 <= now - path[-1][0] <= WINDOW_SECONDS]:
            del self._paths[key]
        while len(self._paths) > MOST_TRACKS:
            del self._paths[min(self._paths, key=lambda k: self._paths[k][-1][0])]

    def speed(self, track_id: TrackId) -> float | None:
        """Metres a second over the last two seconds; None while that is not known."""
        path = self._paths.get(track_id)
        if path is None or path[-1][0] - path[0][0] < LEAST_SECONDS:
            return None
        times = np.array([at for at, _ in path])
        times -= times.mean()
        places = np.array([place for _, place in path])
        return float(np.hypot(*(times @ places / (times @ times))))
