"""How many may watch: seats, taken before a feed is opened and given back when the viewer has left.

Promises: one count for everybody, whichever way the picture reaches him; in total, for each camera, and in bits a
second, as they are measured. Who sits keeps his seat when a stream grows; who comes then is refused. Owned by one
event loop. Not here: who may watch (`api/`).
"""

from collections import Counter
from dataclasses import dataclass

from configs.words import CameraId
from live.feed import Feed


class TooManyViewers(Exception):
    """The limit of viewers is reached."""


class TooManyBits(Exception):
    """The limit of what all feeds together may take is reached."""


@dataclass(eq=False, slots=True)
class Seat:
    """One viewer's place. Given back once; twice does no harm. `feed`: what he watches, once that is known."""

    camera_id: CameraId
    feed: Feed | None = None
    is_free: bool = False


class Seats:
    """All places. The counts of refusals are since the start."""

    def __init__(self, total: int, per_camera: int, megabits: float = 200.0) -> None:
        """`megabits` a second, of all feeds together."""
        self._total, self._per_camera, self.most_bits_per_second = total, per_camera, megabits * 1e6
        self._taken: Counter[CameraId] = Counter()
        self._seats: set[Seat] = set()
        self.refused_for_viewers = self.refused_for_bits = 0

    @property
    def bits_per_second(self) -> float:
        """What all who watch take together now. From any thread."""
        return sum(seat.feed.bits_per_second for seat in list(self._seats) if seat.feed is not None)

    def take(self, camera_id: CameraId) -> Seat:
        """A place. `leave` must follow. Raises TooManyViewers."""
        try:
            if self._taken.total() >= self._total:
                raise TooManyViewers(f"{self._total} live feeds are open, which is the limit")
            if self._taken[camera_id] >= self._per_camera:
                raise TooManyViewers(f"{self._per_camera} watch this camera, which is the limit")
        except TooManyViewers:
            self.refused_for_viewers += 1
            raise
        self._taken[camera_id] += 1
        seat = Seat(camera_id)
        self._seats.add(seat)
        return seat

    def sit(self, seat: Seat, feed: Feed) -> None:
        """What is watched from the place. A feed so new that it could not be measured is let in. Raises TooManyBits."""
        total = self.bits_per_second + feed.bits_per_second
        if total > self.most_bits_per_second:
            self.refused_for_bits += 1
            raise TooManyBits(
                f"all live feeds together would take {total / 1e6:.1f} Mbit/s, and "
                f"{self.most_bits_per_second / 1e6:g} is the limit; close some, or let the limit be raised"
            )
        seat.feed = feed

    def leave(self, seat: Seat) -> None:
        """Gives a place back."""
        if not seat.is_free:
            seat.is_free = True
            self._seats.discard(seat)
            self._taken[seat.camera_id] -= 1
            self._taken += Counter()
