"""A monitoring point's two streams: one RTSP connection a stream, whoever looks.

Promises: the sub stream is open from `start` to `stop`; the main stream only while somebody holds it, and some seconds
longer; everything here may be called from any thread; after `stop` no thread of this camera is left. Not here: what
happens inside a stream (`stream.py`).
"""

import logging
import random
import threading
from collections.abc import Callable

from configs.words import CameraId, StreamRole
from ingest import errors
from ingest.clock import SYSTEM_CLOCK, Clock
from ingest.decode import full_frame, newest_picture
from ingest.opener import Opener, open_rtsp
from ingest.state import Patience
from ingest.stream import Listeners, Stream, StreamSettings
from ingest.words import Frame, FrameWish, Packet, StreamHealth, StreamState

log = logging.getLogger(__name__)

RING_BYTES = {StreamRole.SUB: 8 << 20, StreamRole.MAIN: 48 << 20}
#: `newest_frame` does not pass off anything older as new.
NEWEST_SECONDS = 5.0


class Camera:
    """One monitoring point's streams."""

    def __init__(
        self,
        camera_id: CameraId,
        sub_url: str,
        main_url: str | None,
        transport: str,
        *,
        ring_seconds: float,
        on_packet: Callable[[Packet], None],
        on_frame: Callable[[Frame], None],
        on_health: Callable[[StreamHealth], None],
        opener: Opener = open_rtsp,
        clock: Clock = SYSTEM_CLOCK,
        patience: Patience | None = None,
        start_spread_seconds: float = 0.4,
        main_linger_seconds: float = 10.0,
        is_carried: bool = False,
    ) -> None:
        """`transport` is `tcp` or `udp`. Callbacks run in the streams' threads: they must be quick and never block.
        Without a main stream, the sub stream stands in for it. Starts are spread over `start_spread_seconds` by
        chance, so that many cameras do not fall on the network at once."""
        self.camera_id = camera_id
        self._clock = clock
        self._lock = threading.Lock()
        self._holders: set[str] = set()
        self._changed = threading.Condition()

        def notice(packet: Packet) -> None:
            if packet.is_keyframe:
                with self._changed:
                    self._changed.notify_all()
            on_packet(packet)

        listeners = Listeners(notice, on_frame, on_health)

        def stream(role: StreamRole, url: str, delay: float) -> Stream:
            settings = StreamSettings(
                camera_id=camera_id,
                role=role,
                url=url,
                transport=transport,
                ring_seconds=ring_seconds,
                ring_bytes=RING_BYTES[role],
                patience=patience or Patience(),
                start_delay=delay,
                linger_seconds=main_linger_seconds,
                is_carried=is_carried,
            )
            return Stream(settings, listeners, opener, clock)

        self._streams = {StreamRole.SUB: stream(StreamRole.SUB, sub_url, random.uniform(0, start_spread_seconds))}
        if main_url is not None:
            self._streams[StreamRole.MAIN] = stream(StreamRole.MAIN, main_url, 0.0)
        self._where = errors.redact(sub_url)

    def __repr__(self) -> str:
        return f"<Camera {self.camera_id} at {self._where}>"

    def start(self) -> None:
        """Open the sub stream; returns at once."""
        self._streams[StreamRole.SUB].need()

    def rest(self) -> None:
        """Close the sub stream until `start` is called again; returns at once. What the ring holds goes with it."""
        self._streams[StreamRole.SUB].unneed()

    def stop(self, timeout: float) -> None:
        """Close everything and wait for the threads, at most `timeout` seconds in all. (A thread that FFmpeg holds
        inside an opening ends by itself within the opening's patience.)"""
        for stream in self._streams.values():
            stream.request_stop()
        with self._changed:
            self._changed.notify_all()
        deadline = self._clock.monotonic() + timeout
        for role, stream in self._streams.items():
            if not stream.join(deadline - self._clock.monotonic()):
                log.warning("%s %s: still closing after %.1f s", self.camera_id, role.value, timeout)

    def set_wish(self, wish: FrameWish) -> None:
        """Change what frames are wanted of the sub stream; holds from the next packet."""
        self._streams[StreamRole.SUB].set_wish(wish)

    def set_prompt(self, role: StreamRole, is_prompt: bool) -> None:
        """Whether somebody watches the stream, so that each packet is handed on as it comes. Otherwise packets whose
        pictures are not due may lie for up to two seconds first. The main stream is always prompt."""
        self._stream(role).set_prompt(is_prompt)

    def hold_main(self, holder: str) -> None:
        """Keep the main stream open for `holder`, until it is released. Holding twice is holding once."""
        with self._lock:
            self._holders.add(holder)
            main = self._streams.get(StreamRole.MAIN)
            if main is not None:
                main.need()

    def release_main(self, holder: str) -> None:
        """`holder` needs the main stream no more; it closes some seconds after the last has said so."""
        with self._lock:
            held = bool(self._holders)
            self._holders.discard(holder)
            main = self._streams.get(StreamRole.MAIN)
            if main is not None and held and not self._holders:
                main.unneed()

    def health(self, role: StreamRole) -> StreamHealth:
        """What is known of a stream now. For a main stream that the camera does not have: the sub stream's."""
        return self._stream(role).health()

    def failures(self, role: StreamRole) -> dict[str, int]:
        """How often the stream's connection failed, by cause."""
        return self._stream(role).failures

    def recent(self, role: StreamRole, seconds: float | None = None) -> list[Packet]:
        """Packets from the last key frame on; with `seconds`, from a key frame at least that far back (or all)."""
        return self._stream(role).ring.recent(seconds)

    def newest_frame(self, role: StreamRole, timeout: float) -> Frame | None:
        """The newest picture at full size, decoded apart from the stream's own decoder; None when none came in time.
        Holds the main stream open while it waits. Call it from a thread that may take some tens of milliseconds."""
        holder = f"newest-frame-{threading.get_ident()}"
        if role is StreamRole.MAIN:
            self.hold_main(holder)
        try:
            packets = self._wait_fresh(self._stream(role), timeout)
        finally:
            if role is StreamRole.MAIN:
                self.release_main(holder)
        picture = newest_picture(packets)
        return None if picture is None else full_frame(picture, packets[-1])

    def _stream(self, role: StreamRole) -> Stream:
        return self._streams.get(role) or self._streams[StreamRole.SUB]

    def _wait_fresh(self, stream: Stream, timeout: float) -> list[Packet]:
        deadline = self._clock.monotonic() + timeout
        while True:
            packets = stream.ring.recent()
            if packets and self._clock.wall() - packets[-1].captured_at <= NEWEST_SECONDS:
                return packets
            left = deadline - self._clock.monotonic()
            if left <= 0 or (stream.health().state is StreamState.DISABLED and stream.join(0.0)):
                return []
            with self._changed:
                self._changed.wait(min(left, 0.25))
