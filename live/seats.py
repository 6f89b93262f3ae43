"""How many may watch: seats, taken before a feed is opened and given back when the viewer has left.

Promises: one count for everybody, whichever way the picture reaches him; in total and for each camera. Owned by one
event loop. Not here: who may watch (`api/`).
"""

from collections import Counter
from dataclasses import dataclass

from configs.words import CameraId


class TooManyViewers(Exception):
    """The limit of viewers is reached."""


@dataclass(eq=False, slots=True)
class Seat:
    """One viewer's place. Given back once; twice does no harm."""

    camera_id: CameraId
    is_free: bool = False


class Seats:
    """All places."""

    def __init__(self, total: int, per_camera: int) -> None:
        self._total, self._per_camera = total, per_camera
        self._taken: Counter[CameraId] = Counter()

    def take(self, camera_id: CameraId) -> Seat:
        """A place. `leave` must follow. Raises TooManyViewers."""
        if self._taken.total() >= self._total:
            raise TooManyViewers(f"{self._total} live feeds are open, which is the limit")
        if self._taken[camera_id] >= self._per_camera:
            raise TooManyViewers(f"{self._per_camera} watch this camera, which is the limit")
        self._taken[camera_id] += 1
        return Seat(camera_id)

    def leave(self, seat: Seat) -> None:
        """Gives a place back."""
        if not seat.is_free:
            seat.is_free = True
            self._taken[seat.camera_id] -= 1
            self._taken += Counter()
