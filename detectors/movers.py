"""Which of the things that are followed move, and which only stand there.

Promises: a thing moves when its foot has gone a share of its own height within some seconds, so it holds near and far;
jitter of its box is no move; memory is bounded by what is followed. What stands still needs no look to be followed:
when it goes, the motion gate sees it. Not here: following (`tracker.py`), who is looked at (`attention.py`).
"""

import math
from dataclasses import dataclass

from configs.words import Point
from detectors.words import TrackId, Tracks

#: So far, in its own heights, something goes within `WINDOW_SECONDS` if it moves.
LEAST_HEIGHTS = 0.3
WINDOW_SECONDS = 6.0


@dataclass(slots=True)
class _Anchor:
    """Where a thing was when it last counted as moving."""

    foot: Point
    at: float


class Movers:
    """The things of one camera. Not thread-safe."""

    def __init__(self) -> None:
        self._anchors: dict[TrackId, _Anchor] = {}
        self.moving: frozenset[TrackId] = frozenset()

    def update(self, tracks: Tracks) -> int:
        """How many of one look's tracks move; `moving` says which."""
        now, anchors, moving = tracks.looked_at, {}, []
        for track in tracks.tracks:
            anchor = self._anchors.get(track.track_id)
            if anchor is None:
                # New is not yet moving: what comes into the picture is motion for the gate, and has gone a way soon.
                anchor = _Anchor(track.foot, -math.inf)
            height = max(track.box[3] - track.box[1], 1e-3)
            across = (track.foot[0] - anchor.foot[0]) * tracks.aspect
            if math.hypot(across, track.foot[1] - anchor.foot[1]) > LEAST_HEIGHTS * height:
                anchor = _Anchor(track.foot, now)
            anchors[track.track_id] = anchor
            if now - anchor.at <= WINDOW_SECONDS:
                moving.append(track.track_id)
        self._anchors, self.moving = anchors, frozenset(moving)
        return len(moving)
