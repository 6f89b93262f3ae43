"""The state of one stream, and when to try again: pure, with an injected clock and injected chance.

Promises: ONLINE only while fresh pictures come; a state that says what is known, not what is hoped (a camera that
failed stays OFFLINE while it is retried); waiting that grows, with jitter, and long after a refused password. Not here:
threads, sockets, FFmpeg (`stream.py`).
"""

import random
from collections import Counter
from dataclasses import dataclass

from configs.words import Instant
from ingest.clock import Clock
from ingest.errors import SENTENCES, StreamError
from ingest.words import StreamState


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stream waits for what."""

    open_seconds: float = 5.0
    #: No picture for that long: stalled, and connected anew.
    stall_seconds: float = 5.0
    #: The first key frame after opening may take a long group of pictures.
    first_picture_seconds: float = 15.0
    retry_first_seconds: float = 0.5
    retry_most_seconds: float = 30.0
    #: After a refused password. Cameras lock an account for half an hour after some five wrong tries.
    unauthorised_first_seconds: float = 300.0
    unauthorised_most_seconds: float = 3600.0
    #: Online for that long, the next failure counts as the first.
    settled_seconds: float = 10.0


class StreamMachine:
    """The state of one stream. Owned by one thread."""

    def __init__(self, clock: Clock, patience: Patience, chance: random.Random) -> None:
        self._clock = clock
        self._patience = patience
        self._chance = chance
        self.state = StreamState.DISABLED
        self.cause = "unneeded"
        self.reason = SENTENCES["unneeded"][1]
        self.since: Instant = clock.wall()
        self.last_picture_at: Instant | None = None
        self.reconnects = 0
        self.failures: Counter[str] = Counter()
        self._failed_in_a_row = 0
        self._unauthorised_in_a_row = 0
        self._opened_at: float | None = None
        self._picture_at: float | None = None
        self._online_since: float | None = None
        #: Grows whenever state or cause change.
        self.changes = 0

    def _become(self, state: StreamState, cause: str, reason: str | None = None) -> None:
        if state is not self.state:
            self.since = self._clock.wall()
        if (state, cause) != (self.state, self.cause):
            self.changes += 1
        self.state = state
        self.cause = cause
        self.reason = reason or SENTENCES[cause][1]

    def opening(self) -> None:
        """A connection is being tried."""
        self._opened_at = self._picture_at = self._online_since = None
        if self.state is StreamState.DISABLED:
            self._become(StreamState.CONNECTING, "connecting")

    def opened(self) -> None:
        """The camera answered; there is no picture yet."""
        self._opened_at = self._clock.monotonic()
        if self.state is StreamState.CONNECTING:
            self._become(StreamState.CONNECTING, "waiting_picture")

    def picture(self, captured_at: Instant, now: float) -> None:
        """A fresh picture was seen; `now` is the monotonic time."""
        self._picture_at = now
        self.last_picture_at = captured_at
        if self._online_since is None:
            self._online_since = now
        if self.state is not StreamState.ONLINE and self.state is not StreamState.DEGRADED:
            self._become(StreamState.ONLINE, "online")
        if (
            self._failed_in_a_row + self._unauthorised_in_a_row
            and now - self._online_since >= self._patience.settled_seconds
        ):
            self._failed_in_a_row = self._unauthorised_in_a_row = 0

    def degraded(self, cause: str, reason: str) -> None:
        """Pictures come, but they show too little. Says nothing of a stream that is not online anyway."""
        if self.state in (StreamState.ONLINE, StreamState.DEGRADED):
            self._become(StreamState.DEGRADED, cause, reason)

    def recovered(self) -> None:
        """Pictures show enough again."""
        if self.state is StreamState.DEGRADED:
            self._become(StreamState.ONLINE, "online")

    def is_overdue(self, now: float) -> bool:
        """Whether the connection has given no picture for too long; `now` is the monotonic time."""
        if self._picture_at is not None:
            return now - self._picture_at > self._patience.stall_seconds
        return self._opened_at is not None and now - self._opened_at > self._patience.first_picture_seconds

    def failed(self, error: StreamError) -> float:
        """The connection failed; returns the seconds to wait before the next try."""
        self.failures[error.cause] += 1
        self.reconnects += 1
        self._opened_at = None
        settled = self._online_since is not None and (
            self._clock.monotonic() - self._online_since >= self._patience.settled_seconds
        )
        self._online_since = None
        if error.cause == "unauthorised":
            self._become(StreamState.UNAUTHORISED, error.cause, str(error))
            self._unauthorised_in_a_row += 1
            wait = _doubled(
                self._patience.unauthorised_first_seconds,
                self._unauthorised_in_a_row,
                self._patience.unauthorised_most_seconds,
            )
            return wait * self._chance.uniform(1.0, 1.2)
        stalled = error.cause in ("silent", "undecodable")
        self._become(StreamState.STALLED if stalled else StreamState.OFFLINE, error.cause, str(error))
        self._failed_in_a_row = 1 if settled else self._failed_in_a_row + 1
        wait = _doubled(self._patience.retry_first_seconds, self._failed_in_a_row, self._patience.retry_most_seconds)
        return wait * self._chance.uniform(0.5, 1.0)

    def disabled(self, cause: str = "unneeded") -> None:
        """The stream is closed because nobody wants it."""
        self._opened_at = self._picture_at = self._online_since = None
        self._become(StreamState.DISABLED, cause)


def _doubled(first: float, times: int, most: float) -> float:
    return min(most, first * 2.0 ** min(times - 1, 30))
