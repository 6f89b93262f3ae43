"""Packets of the present that wait while a stream's past is being replayed to a new subscriber.

Promises: bounded in number and in time; several replays of one stream at once are waited for together. Owned by the
publisher's thread. Not here: sockets (`publisher.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Message = TypeVar("Message")


@dataclass(slots=True)
class _Hold(Generic[Message]):
    until: float
    replays: int = 1
    messages: list[Message] = field(default_factory=list)


class Holds(Generic[Message]):
    """What is held back, by topic."""

    def __init__(self, clock: Callable[[], float], most_messages: int = 500, most_seconds: float = 2.0) -> None:
        self._clock, self._most_messages, self._most_seconds = clock, most_messages, most_seconds
        self._holds: dict[str, _Hold[Message]] = {}

    def begin(self, topic: str) -> None:
        """A replay of this topic begins."""
        until = self._clock() + self._most_seconds
        hold = self._holds.get(topic)
        if hold is None:
            self._holds[topic] = _Hold(until)
        else:
            hold.replays, hold.until = hold.replays + 1, until

    def __contains__(self, topic: str) -> bool:
        return topic in self._holds

    def keep(self, topic: str, message: Message) -> bool:
        """Holds a message back; False when there is no room."""
        messages = self._holds[topic].messages
        if len(messages) >= self._most_messages:
            return False
        messages.append(message)
        return True

    def finish(self, topic: str) -> list[Message]:
        """One replay has ended; what may go on now, in order."""
        hold = self._holds.get(topic)
        if hold is None:
            return []
        hold.replays -= 1
        return [] if hold.replays else self._holds.pop(topic).messages

    def overdue(self) -> list[tuple[str, list[Message]]]:
        """What has waited too long, by topic; it is held no more."""
        now = self._clock()
        topics = [topic for topic, hold in self._holds.items() if now > hold.until]
        return [(topic, self._holds.pop(topic).messages) for topic in topics]
