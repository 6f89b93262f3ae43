"""The desk where phones become cameras: who broadcasts on which temporary monitoring point.

Promises: one broadcast a person, and as many at a time as there are points; who comes again (another network, a page
loaded anew, another phone) takes his own place over, and the one before is told; one that is silent is gone within
seconds; whatever was opened is closed. Source: RFC 9725 (WHIP). Owned by one event loop. Not here: HTTP, rights and
audit (`api/`), one connection (`phone.py`), the shard's end (`phone_line.py`).
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from configs.words import CameraId
from live.candidates import CannotRestart
from live.codecs import OfferRefused
from live.phone import Phone, PhoneFigures
from live.whep import IceServers, SessionNotFound
from live.wire import PhoneUnit

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
#: So many sessions that were taken over are remembered, to be told so.
_REMEMBERED = 64

Spot = tuple[float, float]


class TakenOver(Exception):
    """The same person has begun again since, with another phone perhaps."""


class TooManyPhones(Exception):
    """As many phones are cameras as may be."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who broadcasts, by which login, and with which of their phones, by its own word."""

    id: str
    name: str
    login: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a phone is: on the globe, and on the plan if it is there."""

    latitude: float
    longitude: float
    spot: Spot | None


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One person's broadcast. `since`: Unix time; `is_seen`: whether a picture has come."""

    id: str
    camera_id: CameraId
    person: Person
    since: float
    whereabouts: Whereabouts | None = None
    is_seen: bool = False


@dataclass(slots=True)
class PhoneTotals:
    """Counted since the start."""

    begun: int = 0
    silent: int = 0
    refused: int = 0
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What an offer is answered with."""

    session_id: str
    camera_id: CameraId
    sdp: str


class PhoneDesk:
    """All phones. `start`, then `open` as often as asked, `stop` at the end."""

    def __init__(
        self,
        points: Sequence[CameraId],
        hand_over: Callable[[PhoneUnit], bool],
        ice: IceServers | None = None,
        silent_after_seconds: float = 8.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`points` are the temporary monitoring points; `hand_over` takes what was filmed to their shard."""
        self._hand_over, self._silent_after_seconds, self._clock = hand_over, silent_after_seconds, clock
        self.ice = ice or IceServers()
        #: The point that was free for longest comes first: what is remembered of one is then forgotten by the next.
        self._free = list(points)
        self._phones: dict[str, Phone] = {}
        self._broadcasts: dict[str, Broadcast] = {}
        self._opening = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._gone = PhoneTotals()
        self._taken_over: dict[str, str] = {}
        #: Told of each broadcast that is over, in the event loop.
        self.on_end: Callable[[Broadcast], None] = lambda broadcast: None

    def start(self) -> None:
        """Begins to look after the phones."""
        self._watch = asyncio.create_task(self._look_after(), name="phones-watch")

    async def stop(self) -> None:
        """Ends every broadcast."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*(self._end(session_id) for session_id in list(self._phones)))
        await asyncio.gather(*self._closing, return_exceptions=True)

    @property
    def totals(self) -> PhoneTotals:
        """Counted since the start, broadcasts under way included."""
        losses = sum(phone.figures().losses for phone in list(self._phones.values()))
        return replace(self._gone, losses=self._gone.losses + losses)

    def live(self) -> dict[CameraId, Broadcast]:
        """Whose broadcast each monitoring point shows now. From any thread."""
        return {b.camera_id: b for b in list(self._broadcasts.values()) if b.is_seen}

    async def open(self, person: Person, offer: str, whereabouts: Whereabouts | None = None) -> Opened:
        """Answers an offer. Raises OfferRefused, TooManyPhones."""
        async with self._opening:
            before = next((s for s, b in self._broadcasts.items() if b.person.id == person.id), None)
            if before is None and not self._free:
                self._gone.refused += 1
                raise TooManyPhones("as many phones are cameras as may be; end another one first")
            camera_id = self._broadcasts[before].camera_id if before else self._free[0]
            since = self._broadcasts[before].since if before else time.time()
            phone: Phone | None = None

            def give(data: bytes, is_keyframe: bool, seconds: float) -> bool:
                return phone is not None and self._give(phone.id, data, is_keyframe, seconds)

            def ended() -> None:
                if phone is not None:
                    self._end_soon(phone.id)

            phone = Phone(camera_id, self.ice.configuration(), give, ended, self._clock)
            try:
                sdp = self.ice.announce(await phone.answer(offer))
            except BaseException:
                await phone.close()
                raise
            seen = before is not None and before in self._broadcasts and self._broadcasts[before].is_seen
            if before is not None and before in self._broadcasts:
                whereabouts = whereabouts or self._broadcasts[before].whereabouts
                if person.phone is None or self._broadcasts[before].person.phone != person.phone:
                    self._remember_taken_over(before, person)
                await self._end(before, told=False)
            if camera_id in self._free:
                self._free.remove(camera_id)
            self._phones[phone.id] = phone
            # Named otherwise than its session, which only its owner knows.
            self._broadcasts[phone.id] = Broadcast(
                secrets.token_urlsafe(9), camera_id, person, since, whereabouts, is_seen=seen
            )
            self._gone.begun += before is None
        self._close_when_lost(phone)
        return Opened(phone.id, camera_id, sdp)

    def figures(self, session_id: str, owner: str | None) -> tuple[Broadcast, PhoneFigures]:
        """One broadcast as it stands. `owner` None: anybody's. Raises SessionNotFound, TakenOver."""
        if session_id in self._taken_over and owner in (None, self._taken_over[session_id]):
            raise TakenOver
        phone = self._find(session_id, owner)
        return self._broadcasts[session_id], phone.figures()

    def move(self, session_id: str, owner: str | None, whereabouts: Whereabouts) -> None:
        """The phone is somewhere else now. Raises SessionNotFound."""
        self._find(session_id, owner)
        self._broadcasts[session_id] = replace(self._broadcasts[session_id], whereabouts=whereabouts)

    async def trickle(self, session_id: str, owner: str | None, fragment: str) -> None:
        """Takes further candidates. Raises SessionNotFound, CannotRestart, OfferRefused."""
        await self._find(session_id, owner).take_candidates(fragment)

    async def end(self, session_id: str, owner: str | None) -> None:
        """Ends a broadcast. Raises SessionNotFound."""
        self._find(session_id, owner)
        await self._end(session_id)

    def logins(self) -> set[str]:
        """The logins by which phones are cameras."""
        return {b.person.login for b in self._broadcasts.values() if b.person.login is not None}

    async def end_login(self, login: str) -> None:
        """Ends the broadcasts of a login that is over."""
        over = [session_id for session_id, b in self._broadcasts.items() if b.person.login == login]
        await asyncio.gather(*(self._end(session_id) for session_id in over))

    def _find(self, session_id: str, owner: str | None) -> Phone:
        phone, broadcast = self._phones.get(session_id), self._broadcasts.get(session_id)
        if phone is None or broadcast is None or owner not in (None, broadcast.person.id):
            raise SessionNotFound
        return phone

    def _remember_taken_over(self, session_id: str, person: Person) -> None:
        self._taken_over[session_id] = person.id
        if len(self._taken_over) > _REMEMBERED:
            del self._taken_over[next(iter(self._taken_over))]

    def _give(self, session_id: str, data: bytes, is_keyframe: bool, seconds: float) -> bool:
        broadcast = self._broadcasts.get(session_id)
        if broadcast is None:
            return False
        if not broadcast.is_seen:
            broadcast = self._broadcasts[session_id] = replace(broadcast, is_seen=True)
        spot = broadcast.whereabouts.spot if broadcast.whereabouts else None
        unit = PhoneUnit(
            broadcast.camera_id, broadcast.id, broadcast.person.name, spot, data, is_keyframe, seconds
        )  # fmt: skip
        return self._hand_over(unit)

    def _close_when_lost(self, phone: Phone) -> None:
        @phone.peer.on("connectionstatechange")
        def changed() -> None:
            if phone.peer.connectionState in ("failed", "closed") and not phone.is_closing:
                self._end_soon(phone.id)

    def _end_soon(self, session_id: str) -> None:
        task = asyncio.create_task(self._end(session_id))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, session_id: str, told: bool = True) -> None:
        """`told` False: the same person goes on, on the same point."""
        phone, broadcast = self._phones.pop(session_id, None), self._broadcasts.pop(session_id, None)
        if phone is None or broadcast is None:
            return
        self._gone.losses += phone.figures().losses
        if told:
            self._free.append(broadcast.camera_id)
            self._hand_over(PhoneUnit(broadcast.camera_id, broadcast.id, "", None, b"", False, 0.0, is_over=True))
            self.on_end(broadcast)
        await phone.close()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = self._clock()
            for session_id, phone in list(self._phones.items()):
                if now - phone.heard_at > self._silent_after_seconds:
                    log.info("%s is silent and is let go", phone.camera_id)
                    self._gone.silent += 1
                    self._end_soon(session_id)


__all__ = ["CannotRestart", "OfferRefused", "PhoneDesk", "SessionNotFound", "TooManyPhones"]
