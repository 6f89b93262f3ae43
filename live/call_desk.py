"""All calls under way, and the pages that are in them.

Promises: a page hears of every change of its call, and of no other call; whoever comes again under the same name takes
the place of their older page; every queue is bounded, and a page that does not read, or says too much, is let go (it
comes back); time is looked at every second. Owned by one event loop. Not here: who may do what (`api/`), one call
(`calls.py`), the record (`on_facts`).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from live.call_messages import Agree, Hello, Leave, Message, Record, Signal, Status, relayed
from live.call_people import CallRefused, Fact, Presence
from live.calls import Room

log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_QUEUE = 256
#: A page that joins five others sends some hundred candidates at once, then next to nothing.
_BURST, _PER_SECOND = 300.0, 40.0

Outgoing = dict[str, object]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The last thing a page hears: its socket is closed with this code (4000 and above are ours) and word."""

    code: int
    why: str


OVER, ELSEWHERE, REMOVED, LOGGED_OUT, TOO_MUCH = (
    Goodbye(4000, "over"),
    Goodbye(4001, "elsewhere"),
    Goodbye(4002, "removed"),
    Goodbye(4003, "logged_out"),
    Goodbye(4008, "too_much"),
)


@dataclass(eq=False, slots=True)
class Line:
    """One page's line. `goodbye`: it is to be closed. `login`: it holds as long as this; `sees` says which cameras'
    pictures it may pass on."""

    call_id: str
    person_id: str
    session: str
    login: str | None = None
    sees: Callable[[str], bool] = lambda camera_id: False
    queue: asyncio.Queue[Outgoing | Goodbye] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    goodbye: Goodbye | None = None
    allowance: float = _BURST
    heard_at: float = 0.0

    async def next(self) -> Outgoing | Goodbye:
        """What to send next; after a goodbye nothing more comes."""
        if self.goodbye is not None and self.queue.empty():
            return self.goodbye
        return await self.queue.get()


@dataclass(slots=True)
class CallTotals:
    """Counted since the start."""

    relayed: int = 0
    refused: int = 0
    undelivered: int = 0
    let_go: int = 0


class CallDesk:
    """See the module. `view` says a call as pages see it; `on_facts` and `on_change` hear what happened."""

    def __init__(
        self,
        view: Callable[[Room], Outgoing],
        on_facts: Callable[[list[Fact]], None] = lambda facts: None,
        on_change: Callable[[Room], None] = lambda room: None,
        clock: Callable[[], float] = time.time,
        most_calls: int = 50,
    ) -> None:
        self._view, self._on_facts, self._on_change, self.clock = view, on_facts, on_change, clock
        self._most_calls = most_calls
        self.rooms: dict[str, Room] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._told: dict[str, int] = {}
        self._ticker: asyncio.Task[None] | None = None
        self.totals = CallTotals()

    def start(self) -> None:
        """Begins to look at the time."""
        self._ticker = asyncio.create_task(self._forever(), name="calls-tick")

    async def stop(self) -> None:
        """Lets every page go; the calls themselves go on from browser to browser, and their pages come back."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for line in list(self._lines.values()):
            self._close(line, Goodbye(1012, "restart"))

    @property
    def lines(self) -> int:
        return len(self._lines)

    def open(self, room: Room) -> None:
        """A call begins. Raises CallRefused."""
        if len(self.rooms) >= self._most_calls:
            raise CallRefused("too-many-calls", f"{self._most_calls} calls are under way, which is the limit")
        self.rooms[room.id] = room
        self.settle(room)

    def room(self, call_id: str) -> Room:
        """The call under way. Raises CallRefused."""
        room = self.rooms.get(call_id)
        if room is None:
            raise CallRefused("call-over", "this call is over")
        return room

    def room_of(self, incident_id: str) -> Room | None:
        """The call under way from this incident."""
        return next((r for r in self.rooms.values() if r.incident_id == incident_id), None)

    def join(
        self,
        call_id: str,
        person_id: str,
        hello: Hello,
        login: str | None = None,
        sees: Callable[[str], bool] = lambda camera_id: False,
    ) -> Line:
        """A page comes. Raises CallRefused."""
        room = self.room(call_id)
        room.join(person_id, hello.session, hello.device)
        older = self._lines.get((call_id, person_id))
        if older is not None:
            self._close(older, ELSEWHERE if older.session != hello.session else Goodbye(4009, "again"))
        line = Line(call_id, person_id, hello.session, login, sees, heard_at=self.clock())
        self._lines[call_id, person_id] = line
        self.settle(room)
        return line

    def hang(self, line: Line) -> None:
        """The page's socket is gone."""
        if self._lines.get((line.call_id, line.person_id)) is line:
            del self._lines[line.call_id, line.person_id]
            if room := self.rooms.get(line.call_id):
                room.drop(line.person_id, line.session)
                self.settle(room)

    def hear(self, line: Line, message: Message) -> None:
        """What a page says. What it may not say is refused to itself alone."""
        room = self.rooms.get(line.call_id)
        if room is None or line.goodbye is not None or not self._in_measure(line):
            return
        try:
            self._take(room, line, message)
        except CallRefused as refusal:
            self.totals.refused += 1
            self._send(line, {"type": "refused", "kind": refusal.kind, "detail": str(refusal)})
        self.settle(room)

    def _take(self, room: Room, line: Line, message: Message) -> None:
        person = line.person_id
        match message:
            case Signal():
                self._relay(room, line, message)
            case Status():
                if message.share and not line.sees(message.share.camera_id):
                    raise CallRefused("not-allowed", "you may not show this camera")
                room.set_status(person, message)
            case Record(wanted=True):
                room.ask_to_record(person)
            case Record():
                room.stop_recording(person)
            case Agree():
                room.answer_recording(person, message.agrees)
            case Leave():
                room.leave(person)
                self._close(line, OVER)
            case Hello():
                raise CallRefused("cannot", "say hello once")

    def _relay(self, room: Room, line: Line, message: Signal) -> None:
        if not room.may_send(line.person_id, message.to):
            raise CallRefused("cannot", "whom you send this to is not in this call with you")
        other = self._lines.get((room.id, message.to))
        is_other_page = other is not None and message.session not in (None, other.session)
        if other is None or is_other_page or not self._send(other, relayed(message, line.person_id, line.session)):
            self.totals.undelivered += 1
        else:
            self.totals.relayed += 1

    def settle(self, room: Room) -> None:
        """Tells the record and the pages what became of a call."""
        if facts := room.take_facts():
            self._on_facts(facts)
        if self._told.get(room.id) == room.version:
            return
        self._told[room.id] = room.version
        seen: Outgoing = {"type": "call", "call": self._view(room)}
        for person in list(room.people.values()):
            line = self._lines.get((room.id, person.id))
            if line is not None:
                self._send(line, seen)
                if room.is_over or person.state not in (Presence.JOINED, Presence.LOST):
                    self._close(line, OVER if room.is_over else REMOVED)
        self._on_change(room)
        if room.is_over:
            self.rooms.pop(room.id, None)
            self._told.pop(room.id, None)

    def tick(self) -> None:
        """Looks at the time in every call."""
        for room in list(self.rooms.values()):
            room.tick()
            self.settle(room)

    def logins(self) -> set[str]:
        """The logins by which pages are in calls."""
        return {line.login for line in self._lines.values() if line.login is not None}

    async def end_login(self, login: str) -> None:
        """Whoever came by this login is in no call any more."""
        for line in [found for found in self._lines.values() if found.login == login]:
            room = self.rooms[line.call_id]
            room.leave(line.person_id)
            self._close(line, LOGGED_OUT)
            self.settle(room)

    def _in_measure(self, line: Line) -> bool:
        now = self.clock()
        line.allowance = min(_BURST, line.allowance + max(0.0, now - line.heard_at) * _PER_SECOND) - 1.0
        line.heard_at = now
        if line.allowance < 0:
            self.totals.let_go += 1
            self._close(line, TOO_MUCH)
            return False
        return True

    def _send(self, line: Line, message: Outgoing) -> bool:
        if line.goodbye is not None:
            return False
        try:
            line.queue.put_nowait(message)
        except asyncio.QueueFull:
            # What it missed it cannot make up for; when it comes back it is told all there is to know.
            self.totals.let_go += 1
            while not line.queue.empty():
                line.queue.get_nowait()
            self._close(line, TOO_MUCH)
            return False
        return True

    def _close(self, line: Line, goodbye: Goodbye) -> None:
        if line.goodbye is None:
            line.goodbye = goodbye
            with contextlib.suppress(asyncio.QueueFull):  # then `next` says it after what is queued
                line.queue.put_nowait(goodbye)

    async def _forever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self.tick()
            except Exception:
                log.exception("calls could not be looked after")
