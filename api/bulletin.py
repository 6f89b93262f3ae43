"""What changed, told to whoever listens: incidents and the state of cameras, as server-sent events.

Promises: incidents come from the outbox in the database, so a change is told whichever process made it, and a notice
that got lost only delays it by a second; every listener has a bounded queue, and one that fell behind is told to read
the lists again; a listener that comes back with its last id misses nothing that is still kept. Not here: HTTP
(`routes/events.py`).
"""

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.cameras import CameraBoard, CameraGroups, in_groups
from api.roles import RESPONDERS
from api.schemas_events import CameraStateEvent, IncidentEvent, ResyncEvent
from api.views import incidents
from configs.words import Role
from models.base import utc_now
from models.session import Database
from models.tables import Incident, OutboxMessage

log = logging.getLogger(__name__)

Kind = Literal["incident.opened", "incident.changed", "camera.state", "resync"]

_KEPT = 500
_QUEUE = 200
_LOOK_EVERY_SECONDS = 1.0
_STATES_EVERY_SECONDS = 0.5
#: Rows may become visible out of the order of their ids; that many before the newest are looked at again.
_OVERLAP = 100


@dataclass(slots=True)
class Notice:
    """One event; its text is made once for each role and, where cameras are limited, their groups."""

    number: int
    kind: Kind
    subject_id: str
    at: datetime
    texts: dict[tuple[Role, CameraGroups], str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Listener:
    role: Role
    groups: CameraGroups
    queue: asyncio.Queue[Notice]
    behind: bool = False


class TooManyListeners(Exception):
    """As many listen as may."""


class Bulletin:
    """Owned by the event loop. `nudge` may be called from any thread."""

    def __init__(self, database: Database, board: CameraBoard, listeners_total: int) -> None:
        self._database, self._board, self._most = database, board, listeners_total
        self._run = secrets.token_hex(4)
        self._number = 0
        self._kept: deque[Notice] = deque(maxlen=_KEPT)
        self._listeners: set[_Listener] = set()
        self._seen: set[int] = set()
        self._newest = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.dropped = 0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        return len(self._listeners) >= self._most

    async def start(self) -> None:
        """Begins to look. What happened before is not told."""
        self._loop = asyncio.get_running_loop()
        self._newest = await run_in_threadpool(self._newest_row)
        self._board.changed()
        self._tasks = [
            asyncio.create_task(self._forever(self._look_at_outbox), name="bulletin-outbox"),
            asyncio.create_task(self._forever(self._look_at_cameras), name="bulletin-cameras"),
        ]

    async def stop(self) -> None:
        """Ends both lookers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def nudge(self) -> None:
        """Says that the outbox has something new. Thread-safe."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._nudged.set)

    @asynccontextmanager
    async def listen(
        self, role: Role, last_id: str | None = None, groups: CameraGroups = None
    ) -> AsyncIterator[_Listener]:
        """A place to hear from, to be given to `next_text`; of cameras, those of these groups (`rights.groups_of`).
        Raises TooManyListeners."""
        if self.is_full:
            raise TooManyListeners
        listener = _Listener(role, groups, asyncio.Queue(_QUEUE))
        missed = self._since(last_id) if last_id else []
        if missed is None or len(missed) > _QUEUE:
            listener.behind = True
        else:
            for notice in missed:
                listener.queue.put_nowait(notice)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def next_text(self, listener: _Listener, timeout_seconds: float) -> str | None:
        """The next event for this listener as text of the wire; None when there was none in time."""
        while True:
            if listener.behind:
                listener.behind = False
                while not listener.queue.empty():
                    listener.queue.get_nowait()
                return self._wire(self._number, "resync", ResyncEvent(kind="resync", at=utc_now()))
            try:
                notice = await asyncio.wait_for(listener.queue.get(), timeout_seconds)
            except TimeoutError:
                return None
            if text := await self._text(notice, listener.role, listener.groups):
                return text

    def _since(self, last_id: str) -> list[Notice] | None:
        run, _, number = last_id.partition("-")
        if run != self._run or not number.isdigit():
            return None
        oldest = self._kept[0].number if self._kept else self._number + 1
        return [n for n in self._kept if n.number > int(number)] if int(number) >= oldest - 1 else None

    def _tell(self, kind: Kind, subject_id: str, at: datetime) -> None:
        self._number += 1
        notice = Notice(self._number, kind, subject_id, at)
        self._kept.append(notice)
        for listener in self._listeners:
            if kind != "camera.state" and listener.role not in RESPONDERS:
                continue
            try:
                listener.queue.put_nowait(notice)
            except asyncio.QueueFull:
                listener.behind = True
                self.dropped += 1

    async def _text(self, notice: Notice, role: Role, groups: CameraGroups) -> str:
        key = role, groups
        if key not in notice.texts:
            if notice.kind == "camera.state":
                notice.texts[key] = self._camera_text(notice, groups)
            elif role in RESPONDERS:
                notice.texts[key] = await run_in_threadpool(self._incident_text, notice, role, groups)
            else:
                notice.texts[key] = ""
        return notice.texts[key]

    def _camera_text(self, notice: Notice, groups: CameraGroups) -> str:
        if notice.subject_id not in self._board or not in_groups(self._board, groups, notice.subject_id):
            return ""
        camera = self._board.view(notice.subject_id)
        body = CameraStateEvent(kind="camera.state", at=notice.at, camera=camera)
        return self._wire(notice.number, notice.kind, body)

    def _incident_text(self, notice: Notice, role: Role, groups: CameraGroups) -> str:
        try:
            with self._database.reading() as session:
                row = session.get(Incident, notice.subject_id)
                if row is None:
                    return ""
                shown = incidents(session, [row], role, lambda c: in_groups(self._board, groups, c))[0]
        except SQLAlchemyError as error:
            log.warning("an incident could not be read to be told: %s", type(error).__name__)
            return self._wire(notice.number, "resync", ResyncEvent(kind="resync", at=utc_now()))
        kind: Literal["incident.opened", "incident.changed"] = (
            "incident.opened" if notice.kind == "incident.opened" else "incident.changed"
        )
        return self._wire(notice.number, kind, IncidentEvent(kind=kind, at=notice.at, incident=shown))

    def _wire(
        self,
        number: int,
        kind: str,
        body: IncidentEvent | CameraStateEvent | ResyncEvent,
    ) -> str:
        data = json.dumps(body.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
        return f"id: {self._run}-{number}\nevent: {kind}\ndata: {data}\n\n"

    async def _forever(self, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await look()
            except SQLAlchemyError as error:
                log.warning("the database does not answer: %s; trying again", type(error).__name__)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _look_at_outbox(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), _LOOK_EVERY_SECONDS)
        self._nudged.clear()
        for row_id, topic, subject_id, at in await run_in_threadpool(self._new_rows):
            self._seen.add(row_id)
            self._newest = max(self._newest, row_id)
            if topic.startswith("incident."):
                self._tell("incident.opened" if topic == "incident.opened" else "incident.changed", subject_id, at)
        self._seen = {row_id for row_id in self._seen if row_id > self._newest - _OVERLAP}

    async def _look_at_cameras(self) -> None:
        await asyncio.sleep(_STATES_EVERY_SECONDS)
        now = utc_now()
        for camera_id in self._board.changed():
            self._tell("camera.state", camera_id, now)

    def _newest_row(self) -> int:
        with self._database.reading() as session:
            newest = session.scalar(select(func.max(OutboxMessage.id))) or 0
            recent = session.scalars(select(OutboxMessage.id).where(OutboxMessage.id > newest - _OVERLAP))
            self._seen = set(recent)
            return newest

    def _new_rows(self) -> list[tuple[int, str, str, datetime]]:
        with self._database.reading() as session:
            query = (
                select(OutboxMessage.id, OutboxMessage.topic, OutboxMessage.subject_id, OutboxMessage.created_at)
                .where(OutboxMessage.id > self._newest - _OVERLAP)
                .order_by(OutboxMessage.id)
            )
            return [(i, t, s, a) for i, t, s, a in session.execute(query) if i not in self._seen]
