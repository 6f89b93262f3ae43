"""The switchboard: calls, their record and the bells, put together.

Promises: a call is written down before it rings; one that outlived the service is taken up again, or ended when it was
last seen; recordings that nobody finished are finished. Owned by the event loop; the database is asked in threads. Not
here: whom one may call (`alerts/call_rules.py`), HTTP (`routes/calls.py`, `routes/call_lines.py`).
"""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from alerts import calls
from alerts.call_recordings import CallRecordings
from alerts.call_rules import DESK, CallNotAllowed, may_call_from, whom
from alerts.calls import Link, moment
from alerts.evidence import EvidenceStore
from api.call_bells import Bells
from api.call_book import CallBook
from api.call_resume import rooms_under_way
from api.call_views import room_seen
from api.cameras import CameraBoard
from api.identity import Caller
from api.problems import ProblemError
from api.schemas_calls import CallLink, CallSeen, CallWish
from configs.site import Name
from configs.words import IncidentKind, Role
from live.call_desk import CallDesk, Outgoing
from live.call_people import MOST_PEOPLE, PENDING, CallLimits, CallRefused, Fact, Person, Presence
from live.calls import Room
from models.base import new_id, utc_now
from models.errors import DatabaseUnavailable
from models.session import Database
from models.tables import Incident, User

log = logging.getLogger(__name__)

_BEAT_SECONDS = 10.0
#: The last piece of a recording may be on its way when recording stops.
_LAST_PIECE_SECONDS = 20.0
_PROBLEMS = {"call-full", "call-over", "call-not-found", "call-taken", "too-many-calls", "not-allowed", "cannot"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that rings, and the links that were made for it."""

    room: Room
    links: list[CallLink]


def refusal(refused: CallRefused) -> ProblemError:
    """A call's refusal as a problem."""
    return ProblemError(refused.kind if refused.kind in _PROBLEMS else "cannot", str(refused))


def link_hash(token: str) -> str:
    """What is kept of a household's link."""
    return hashlib.sha256(token.encode()).hexdigest()


class Switchboard:
    """See the module."""

    def __init__(
        self,
        database: Database,
        board: CameraBoard,
        evidence: EvidenceStore,
        listeners: int,
        told: Callable[[], None] = lambda: None,
        limits: CallLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`told` is called when the timeline of an incident has something new."""
        self._database, self._board, self.limits, self._told = database, board, limits or CallLimits(), told
        self.bells = Bells(listeners)
        self.book = CallBook(database, told)
        self.recordings = CallRecordings(evidence)
        self.desk = CallDesk(self._view, self.book.add, self._changed, clock)
        self._kinds: dict[str, IncidentKind] = {}
        self._over: dict[str, float] = {}
        self._asking = asyncio.Lock()
        self._beat: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes up the calls that are under way."""
        await self._take_up(frozenset(), 0.0)
        self.book.start()
        self.desk.start()
        self._beat = asyncio.create_task(self._forever(), name="calls-beat")

    async def stop(self) -> None:
        """Lets the pages go; calls go on between them."""
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)
        await self.desk.stop()
        await self.book.stop()

    # what is seen

    def seen(self, room: Room) -> CallSeen:
        """A call as everybody in it sees it."""
        return room_seen(room, self._kinds[room.id], self.desk.clock(), self._name_of)

    def rooms_for(self, caller: Caller) -> list[CallSeen]:
        """The calls under way that concern the caller."""
        rooms = self.desk.rooms.values()
        return [self.seen(r) for r in rooms if caller.role in DESK or r.of_user(caller.id) is not None]

    def shown_to(self, caller: Caller) -> None:
        """A page of theirs shows what rings for them."""
        for room in list(self.desk.rooms.values()):
            if person := room.of_user(caller.id):
                room.shown(person.id)
                self.desk.settle(room)

    def _view(self, room: Room) -> Outgoing:
        return self.seen(room).model_dump(mode="json")

    def _changed(self, room: Room) -> None:
        self.bells.ring(self.seen(room))
        if room.is_over:
            self._kinds.pop(room.id, None)
            return
        listening = self.bells.users()
        for person in list(room.people.values()):
            if person.state is Presence.INVITED and person.user_id in listening:
                room.shown(person.id)
                self.desk.settle(room)

    def _name_of(self, camera_id: str) -> Name:
        if camera_id in self._board:
            return self._board.point(camera_id).name
        return Name(zh=camera_id, en=camera_id)

    # logins (`logins.py`)

    def logins(self) -> set[str]:
        """The logins by which pages are in calls, or listen for one."""
        return self.desk.logins() | self.bells.logins()

    async def end_login(self, login: str) -> None:
        """What was open by this login ends."""
        await self.desk.end_login(login)
        await self.bells.end_login(login)

    # calling

    async def call(self, incident_id: str, caller: Caller, wish: CallWish, address: str | None) -> Asked:
        """Starts a call from an incident. Raises ProblemError."""
        async with self._asking:
            if self.desk.room_of(incident_id) is not None:
                raise ProblemError("call-under-way")
            room = Room(new_id(), incident_id, new_id(), [], self.desk.clock, self.limits)
            host = self._person(caller.id, caller.display_name, caller.role, room.host_id)
            try:
                kind, asked, links = await run_in_threadpool(self._begin, room, host, caller, wish, address)
            except IntegrityError:
                raise ProblemError("call-under-way") from None
            self._kinds[room.id] = kind
            room.start(host)
            return self._ring(room, asked, links)

    async def ask(self, call_id: str, caller: Caller, wish: CallWish, address: str | None) -> Asked:
        """Asks more people to a call. Raises ProblemError."""
        async with self._asking:
            room = self.room(call_id)
            me = room.of_user(caller.id)
            if caller.role not in DESK and (me is None or me.id != room.host_id):
                raise ProblemError("not-allowed", "whoever started the call, or the desk, asks more people to it")
            asked, links = await run_in_threadpool(self._ask, room, caller, wish, address)
            return self._ring(room, asked, links)

    def room(self, call_id: str) -> Room:
        """The call under way. Raises ProblemError."""
        try:
            return self.desk.room(call_id)
        except CallRefused as refused:
            raise refusal(refused) from None

    def _ring(self, room: Room, asked: Sequence[Person], links: list[CallLink]) -> Asked:
        try:
            room.invite(asked)
            if room.id not in self.desk.rooms:
                self.desk.open(room)
        except CallRefused as refused:
            # Somebody was quicker between the question and the writing: what was written is put right.
            if room.id in self.desk.rooms:
                now = self.desk.clock()
                off = [replace(p, state=Presence.CALLED_OFF) for p in asked]
                self.book.add([Fact(room.id, room.incident_id, "called_off", now, p) for p in off])
            else:
                room.end("refused")
                self.book.add(room.take_facts())
            raise refusal(refused) from None
        self.desk.settle(room)
        self._told()
        return Asked(room, links)

    def _person(self, user_id: str, name: str, role: Role, person_id: str | None = None) -> Person:
        return Person(person_id or new_id(), name, user_id, role.value, may_record=role in DESK)

    def _begin(
        self, room: Room, host: Person, caller: Caller, wish: CallWish, address: str | None
    ) -> tuple[IncidentKind, list[Person], list[CallLink]]:
        with self._database.session() as session:
            incident = self._incident(session, room.incident_id)
            calls.begin(session, incident, room.id, host, moment(self.desk.clock()))
            asked, links = self._write_asked(session, incident, room, caller, wish, address)
            return IncidentKind(incident.kind), asked, links

    def _ask(
        self, room: Room, caller: Caller, wish: CallWish, address: str | None
    ) -> tuple[list[Person], list[CallLink]]:  # fmt: skip
        with self._database.session() as session:
            incident = self._incident(session, room.incident_id, may_be_over=True)
            return self._write_asked(session, incident, room, caller, wish, address)

    def _incident(self, session: Session, incident_id: str, may_be_over: bool = False) -> Incident:
        incident = session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise ProblemError("incident-not-found")
        try:
            if not may_be_over:
                may_call_from(incident)
        except CallNotAllowed as error:
            raise ProblemError(error.kind, str(error)) from None
        return incident

    def _write_asked(
        self, session: Session, incident: Incident, room: Room, caller: Caller, wish: CallWish, address: str | None
    ) -> tuple[list[Person], list[CallLink]]:
        now = self.desk.clock()
        try:
            asked = self._users(session, incident, room, caller, wish)
        except CallNotAllowed as error:
            raise ProblemError(error.kind, str(error)) from None
        links: dict[str, Link] = {}
        shown: list[CallLink] = []
        for household in wish.households:
            person = Person(new_id(), household.name.strip() or household.name)
            token = secrets.token_urlsafe(24)
            expires_at = moment(now + self.limits.longest)
            links[person.id] = Link(link_hash(token), expires_at)
            shown.append(CallLink(person=person.id, name=person.name, link=f"/call#{token}", expires_at=expires_at))
            asked.append(person)
        if not asked:
            raise ProblemError("bad-request", "name whom to call; whoever is in the call need not be asked again")
        if len(asked) > self._free(room):
            raise ProblemError(
                "call-full", f"at most {MOST_PEOPLE} are in a call; {max(0, self._free(room))} can be asked"
            )
        for person in asked:
            wait = self.limits.link_waits if person.is_guest else self.limits.rings
            person.invited_at, person.rings_until = now, now + wait
        asker = session.get_one(User, caller.id)
        calls.ask(session, incident, room.id, asked, links, asker, moment(now), address)
        return asked, shown

    def _users(
        self, session: Session, incident: Incident, room: Room, caller: Caller, wish: CallWish
    ) -> list[Person]:  # fmt: skip
        there = {p.user_id: p for p in room.people.values() if p.user_id}
        busy = {i for i, p in there.items() if i and p.state in PENDING | {Presence.JOINED}}
        found = whom(
            session, incident, (caller.id, caller.role), wish.users, desk=wish.desk, households=len(wish.households),
            there=busy, listening=self.bells.users(), most=self._free(room),
        )  # fmt: skip
        asked: list[Person] = []
        for user, of_group in found:
            known = there.get(user.id)
            person = self._person(user.id, user.display_name, Role(user.role), known.id if known else None)
            person.asked_as = "desk" if of_group else None
            asked.append(person)
        return asked

    def _free(self, room: Room) -> int:
        return room.free if room.people else MOST_PEOPLE - 1

    # recordings

    def may_record(self, room: Room, caller: Caller) -> None:
        """Whether everybody has agreed that the caller records. Raises ProblemError."""
        me = room.of_user(caller.id)
        if me is None or room.consent.recorder != me.id or room.consent.state.value not in ("on", "paused"):
            raise ProblemError("cannot", "not everybody has agreed to be recorded")

    def may_add_piece(self, recording_id: str, call_id: str, caller: Caller) -> None:
        """Pieces come while the call is recorded, and a moment longer. Raises ProblemError."""
        room = self.desk.rooms.get(call_id)
        me = room.of_user(caller.id) if room else None
        if room is not None and me is not None and room.consent.recorder == me.id:
            self._over.pop(recording_id, None)
            return
        now = self.desk.clock()
        if now > self._over.setdefault(recording_id, now + _LAST_PIECE_SECONDS):
            raise ProblemError("cannot", "this call is not recorded any more")

    # time

    async def _take_up(self, known: frozenset[str], older: float) -> None:
        """Takes up the calls that have no end yet and are not `known`, begun so many seconds ago or more."""
        found = await run_in_threadpool(rooms_under_way, self._database, self.desk.clock, self.limits)
        for room, kind in found:
            if room.id not in known | self.desk.rooms.keys() and self.desk.clock() - room.started_at >= older:
                self._kinds[room.id] = kind
                with suppress(CallRefused):
                    self.desk.open(room)

    async def _forever(self) -> None:
        while True:
            try:
                rooms = frozenset(self.desk.rooms)
                await run_in_threadpool(self._look, list(rooms))
                if self.book.is_idle:  # else some have ended, and that is only not written down yet
                    await self._take_up(rooms, _BEAT_SECONDS)
            except (SQLAlchemyError, DatabaseUnavailable, OSError) as error:
                log.warning("calls could not be looked after: %s", type(error).__name__)
            except Exception:
                log.exception("calls could not be looked after")
            await asyncio.sleep(_BEAT_SECONDS)
            self._over = {k: v for k, v in self._over.items() if v > self.desk.clock() - 3600}

    def _look(self, call_ids: list[str]) -> None:
        if call_ids:
            with self._database.session() as session:
                calls.seen(session, call_ids, moment(self.desk.clock()))
        if self.recordings.finish_silent(self._database, utc_now()):
            self._told()
