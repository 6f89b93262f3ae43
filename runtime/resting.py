"""When a camera's stream may rest: nothing has moved for a while.

Promises: pure; wakes at once, rests only after `STILL_SECONDS` of calm. A resting stream has its key frames alone
decoded, as long as these keep the floor of smoke and fire (`ingest.words.FrameWish.rest_seconds`). To be watched
is no reason to wake: live pictures are passed through undecoded, and where nothing stirs the boxes stay put.
Not here: noticing that something stirs between key frames (`ingest/stirring.py`), who is looked at
(`detectors/attention.py`).
"""

#: Nothing moved for so long.
STILL_SECONDS = 8.0
#: Key frames no further apart than this keep smoke's and fire's floor of two seconds, by the camera's own clock.
REST_SECONDS = 2.05


class Resting:
    """One camera. Not thread-safe."""

    def __init__(self, now: float) -> None:
        self._stirred_at = now
        self.rests = False

    def update(self, now: float, is_wanted: bool) -> bool:
        """Whether the camera rests from now on. `is_wanted`: something moves in it, or is being confirmed."""
        if is_wanted:
            self._stirred_at = now
        self.rests = now - self._stirred_at >= STILL_SECONDS
        return self.rests
