"""One stream, supervised: a thread that keeps it open, keeps its packets, and decodes what is wished.

Promises: one connection at a time; whatever happens to it is named and survived; every wait is bounded, so the thread
ends soon after `request_stop` (within about twice the opening patience); only wished pictures are decoded; packets are
taken in when a picture is due, when somebody watches, at a key frame, and after two seconds at most; a callback that
raises is logged and hurts nobody. Callbacks run in this stream's thread and must not block. Not here: the rules of
states and waiting (`state.py`), how packets are made and kept (`intake.py`), which pictures are decoded (`looking.py`),
the two streams of a camera (`camera.py`).
"""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from configs.words import CameraId, StreamRole
from ingest import errors
from ingest.clock import Clock
from ingest.intake import Intake
from ingest.looking import Looking, do_keyframes_suffice, may_rest
from ingest.opener import Arrival, Opener, Source
from ingest.ring import PacketRing
from ingest.session import Session
from ingest.state import Patience, StreamMachine
from ingest.turns import LANES
from ingest.words import Frame, FrameWish, Packet, StreamHealth

log = logging.getLogger(__name__)
T = TypeVar("T")

#: How long packets that nobody waits for may lie before they are taken in. Taking in a handful at once costs a fraction
#: of waking up for each: with forty threads taking turns, each finds the processor's caches cold.
LIE_SECONDS = 2.0
#: So long where they tell whether something stirs.
RESTING_LIE_SECONDS = 0.5
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a stream is told once."""

    camera_id: CameraId
    role: StreamRole
    url: str
    transport: str
    ring_seconds: float
    ring_bytes: int
    patience: Patience
    start_delay: float = 0.0
    linger_seconds: float = 10.0
    is_carried: bool = False  # about, by somebody: it has no usual view


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what, in the stream's own thread."""

    on_packet: Callable[[Packet], None]
    on_frame: Callable[[Frame], None]
    on_health: Callable[[StreamHealth], None]


class Stream:
    """One stream of a camera. Its thread starts when the stream is first needed and ends with `request_stop`."""

    def __init__(self, settings: StreamSettings, listeners: Listeners, opener: Opener, clock: Clock) -> None:
        self._settings = settings
        self._listeners = listeners
        self._opener = opener
        self._clock = clock
        self._lock = threading.Lock()
        self._machine = StreamMachine(clock, settings.patience, random.Random())
        self._wake = threading.Event()
        self._stopping = False
        self._needed_until = float("-inf")
        self._is_prompt = settings.role is StreamRole.MAIN  # it is open only while somebody waits for it
        self._settle_at = float("-inf")
        self._lane = LANES.next()
        self._thread: threading.Thread | None = None
        self._published = 0
        self.ring = PacketRing(settings.ring_seconds, settings.ring_bytes)
        self._codec: str | None = None
        self._looking = Looking(clock, partial(self._tell, listeners.on_frame), self._judged, settings.is_carried)
        hand_on = partial(self._tell, listeners.on_packet)
        self._intake = Intake(settings.camera_id, settings.role, clock, self.ring, self._looking, hand_on)

    # What others call, from any thread.

    def need(self) -> None:
        """Keep the stream open from now on."""
        with self._lock:
            if self._stopping:
                return
            self._needed_until = float("inf")
            if self._thread is None:
                name = f"ingest-{self._settings.camera_id}-{self._settings.role.value}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
        self._wake.set()

    def unneed(self) -> None:
        """Close the stream some seconds from now, unless it is needed again."""
        with self._lock:
            self._needed_until = self._clock.monotonic() + self._settings.linger_seconds
        self._settle_at = float("-inf")
        self._wake.set()

    def request_stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        with self._lock:
            self._stopping = True
        self._settle_at = float("-inf")
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; false when it still runs."""
        thread = self._thread
        if thread is None:
            return True
        thread.join(max(0.0, seconds))
        return not thread.is_alive()

    def set_wish(self, wish: FrameWish) -> None:
        """Change what frames are wanted; holds from the next packet."""
        self._intake.wish = wish
        self._settle_at = float("-inf")

    def set_prompt(self, is_prompt: bool) -> None:
        """Whether packets are to be handed on as they come, for somebody who watches; holds from the next packet."""
        self._is_prompt = is_prompt or self._settings.role is StreamRole.MAIN

    @property
    def failures(self) -> dict[str, int]:
        """How often the connection failed, by cause."""
        with self._lock:
            return dict(self._machine.failures)

    def health(self) -> StreamHealth:
        """What is known of the stream now."""
        with self._lock:
            machine, size = self._machine, self._intake.size
            frames_per_second, bits_per_second = self._intake.meter.rates(self._clock.monotonic())
            return StreamHealth(
                camera_id=self._settings.camera_id,
                role=self._settings.role,
                state=machine.state,
                since=machine.since,
                cause=machine.cause,
                reason=machine.reason,
                codec=self._codec,
                width=size[0] if size else None,
                height=size[1] if size else None,
                frames_per_second=frames_per_second,
                bits_per_second=bits_per_second,
                gop_seconds=self._intake.meter.gop_seconds,
                packets=self._intake.packets,
                frames_decoded=self._looking.decoded,
                frames_shed=self._looking.shed,
                reconnects=machine.reconnects,
                ring_bytes=self.ring.size,
                decode_seconds=self._looking.seconds,
                last_picture_at=machine.last_picture_at,
            )

    # The thread.

    def _is_over(self) -> bool:
        return self._stopping or self._clock.monotonic() >= self._needed_until

    def _run(self) -> None:
        self._pause(self._settings.start_delay)
        while not self._stopping:
            if self._is_over():
                self._park()
                continue
            wait = self._connect_once()
            self._publish()
            self._pause(wait)
        with self._lock:
            self._machine.disabled("stopped")
        self._publish()

    def _park(self) -> None:
        with self._lock:
            self._machine.disabled()
        self.ring.clear()
        self._publish()
        while not self._stopping and self._is_over():
            self._clock.wait(self._wake, 3600.0)
            self._wake.clear()

    def _pause(self, seconds: float) -> None:
        """Wait, unless the stream is stopped or no longer needed."""
        until = self._clock.monotonic() + seconds
        while not self._is_over():
            now = self._clock.monotonic()
            if now >= until:
                return
            self._clock.wait(self._wake, min(until, self._needed_until) - now)
            self._wake.clear()

    def _connect_once(self) -> float:
        """One connection from opening to its end; gives the seconds to wait before the next."""
        settings = self._settings
        try:
            with self._lock:
                self._machine.opening()
            self._publish()
            source = self._opener(
                settings.url,
                settings.transport,
                open_seconds=settings.patience.open_seconds,
                read_seconds=settings.patience.stall_seconds,
            )
            try:
                self._read(source)
            finally:
                source.close()
            return 0.0
        except errors.StreamError as error:
            failure = error
        except Exception:
            log.exception("%s %s: unexpected failure", settings.camera_id, settings.role.value)
            failure = errors.StreamError(errors.redact(settings.url))
        with self._lock:
            wait = self._machine.failed(failure)
        log.info("%s %s: %s Next try in %.1f s.", settings.camera_id, settings.role.value, failure, wait)
        return wait

    def _read(self, source: Source) -> None:
        with self._lock:
            self._machine.opened()
            self._codec = source.codec
        self._publish()
        session = Session(source, self._clock)
        self._looking.begin()
        lying: list[tuple[Arrival, float]] = []
        monotonic, due = self._clock.monotonic, 0.0
        self._settle_at, self._lie_seconds = float("-inf"), LIE_SECONDS
        try:
            # The way of every packet of every camera: nothing here that could be done once a second.
            for arrival in source.arrivals():
                now, pts = monotonic(), arrival.pts
                lying.append((arrival, now))
                may_lie = now < self._settle_at and not self._is_prompt and pts is not None and pts < due
                if may_lie and not arrival.is_keyframe:
                    continue
                if self._stopping or now >= self._needed_until:
                    return
                self._settle_at = now + self._lie_seconds
                arrived, lying = lying, []
                with self._lane.turn():
                    self._settle(source, session, arrived, now)
                due = self._due_ticks(source, session)
        finally:
            self._intake.take_in(source, session, lying, monotonic())

    def _due_ticks(self, source: Source, session: Session) -> float:
        """From which time on, in the stream's ticks, a packet cannot lie."""
        if not session.seen_keyframe:
            return 0.0
        wish, gop_seconds = self._intake.wish, self._intake.meter.gop_seconds
        self._lie_seconds = LIE_SECONDS
        if wish.per_second <= 0 or do_keyframes_suffice(wish, gop_seconds):
            return _NEVER
        if may_rest(wish, gop_seconds) and not self._looking.stirs:
            self._lie_seconds = RESTING_LIE_SECONDS
            return _NEVER
        return session.pace.due_from() * source.ticks_per_second

    def _settle(self, source: Source, session: Session, arrived: list[tuple[Arrival, float]], now: float) -> None:
        """Take in what came, and follow the stream's state."""
        fresh_at = self._intake.take_in(source, session, arrived, now)
        with self._lock:
            if fresh_at is not None:
                self._machine.picture(fresh_at, now)
            is_overdue = fresh_at is None and self._machine.is_overdue(now)
        if self._machine.changes != self._published:
            self._publish()
        if is_overdue:
            where = errors.redact(self._settings.url)
            raise errors.Undecodable(where) if self._looking.failed_last else errors.Silent(where)

    def _judged(self, fault: str | None) -> None:
        """What the view is found to show, at each picture given."""
        with self._lock:
            if fault is None:
                self._machine.recovered()
            else:
                self._machine.degraded(fault, errors.SENTENCES[fault][1])

    def _publish(self) -> None:
        """Tell of the state, if it changed."""
        if self._machine.changes != self._published:
            self._published = self._machine.changes
            self._tell(self._listeners.on_health, self.health())

    def _tell(self, listener: Callable[[T], None], value: T) -> None:
        try:
            listener(value)
        except Exception:
            log.exception("%s %s: a listener failed", self._settings.camera_id, self._settings.role.value)
