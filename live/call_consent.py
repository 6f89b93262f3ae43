"""Consent to record a call.

Promises: a recording runs only while everybody who is in the call has said yes; who joins later is asked too and it
pauses until then; a no before it began ends it, a no later pauses it; nobody's yes outlives their leaving. Not here:
who is in the call (`calls.py`), what is recorded (the browser of whoever asked), where it is kept (`api/`).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class RecordingState(StrEnum):
    """How far a recording is."""

    OFF = "off"
    ASKING = "asking"
    ON = "on"
    PAUSED = "paused"


@dataclass(slots=True)
class Consent:
    """One call's recording. `recorder` is who asked, and in whose browser it is made."""

    state: RecordingState = RecordingState.OFF
    recorder: str | None = None
    agreed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def ask(self, recorder: str) -> bool:
        """Somebody wants to record; False while another recording is wanted or runs."""
        if self.recorder is not None:
            return False
        self.recorder, self.state = recorder, RecordingState.ASKING
        self.agreed, self.refused = {recorder}, set()
        return True

    def answer(self, person: str, agrees: bool) -> bool:
        """What somebody says to it; False when that is nothing new, or nothing was asked."""
        said, other = (self.agreed, self.refused) if agrees else (self.refused, self.agreed)
        if self.recorder is None or person == self.recorder or person in said:
            return False
        said.add(person)
        other.discard(person)
        return True

    def stop(self) -> bool:
        """Ends it; False when there was none."""
        was = self.recorder is not None
        self.recorder, self.state = None, RecordingState.OFF
        self.agreed, self.refused = set(), set()
        return was

    def settle(self, present: Collection[str], reachable: Collection[str]) -> RecordingState:
        """What follows, with those who are in the call now, and those of them whom we hear."""
        self.agreed &= set(present)
        self.refused &= set(present)
        if self.recorder is None:
            return self.state
        began = self.state in (RecordingState.ON, RecordingState.PAUSED)
        if self.recorder not in present or (self.refused and not began):
            self.stop()
        elif self.agreed >= set(present) and self.recorder in reachable:
            self.state = RecordingState.ON
        elif began:
            self.state = RecordingState.PAUSED
        return self.state
