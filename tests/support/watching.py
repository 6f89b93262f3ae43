"""A camera under watch: gathers what it says, and waits for things with a limit."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType
from typing import Any

from configs.words import CameraId, StreamRole
from ingest.camera import Camera
from ingest.state import Patience
from ingest.words import Frame, FrameWish, Packet, StreamHealth, StreamState

#: Patience for tests: the same machinery, in a hurry.
HURRY = Patience(
    open_seconds=1.0, stall_seconds=1.0, first_picture_seconds=2.5, retry_first_seconds=0.1, retry_most_seconds=0.4
)

#: Nobody wishes pictures.
NOTHING = FrameWish(2, 2, 0.0)


class Watch:
    """Runs one camera and remembers its packets, frames and states."""

    def __init__(
        self,
        url: str,
        *,
        main: str | None = None,
        transport: str = "tcp",
        wish: FrameWish | None = None,
        patience: Patience | None = None,
        camera_id: str = "gate",
        **options: Any,
    ) -> None:
        self.packets: list[Packet] = []
        self._packets_at: list[float] = []
        self.frames: list[Frame] = []
        self.states: list[StreamHealth] = []
        #: Whoever else is to get each packet, in the stream's thread.
        self.also: Callable[[Packet], None] | None = None
        #: What the listener to frames raises from now on.
        self.fails: Exception | None = None
        self._came = threading.Condition()
        self.camera = Camera(
            CameraId(camera_id),
            url,
            main,
            transport,
            **({"ring_seconds": 5.0} | options),
            on_packet=self._note_packet,
            on_frame=self._gather(self.frames),
            on_health=self._gather(self.states),
            patience=patience,
            start_spread_seconds=0.0,
        )
        if wish:
            self.camera.set_wish(wish)

    def _gather(self, into: list[Any]) -> Callable[[Any], None]:
        def take(value: Any) -> None:
            if self.fails is not None and into is self.frames:
                raise self.fails
            with self._came:
                into.append(value)
                self._came.notify_all()

        return take

    def _note_packet(self, packet: Packet) -> None:
        if self.also is not None:
            self.also(packet)
        with self._came:
            self.packets.append(packet)
            self._packets_at.append(time.monotonic())
            self._came.notify_all()

    def pauses(self) -> list[float]:
        """Seconds from one packet to the next, as they were handed on."""
        return [after - before for before, after in pairwise(self._packets_at)]

    def __enter__(self) -> "Watch":
        self.camera.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.camera.stop(15)
        left = [t.name for t in threading.enumerate() if t.name.startswith(f"ingest-{self.camera.camera_id}-")]
        assert not left, f"threads left after stop: {left}"

    def until(self, happened: Callable[[], object], limit: float = 30.0, hoped: bool = True) -> None:
        """Wait until it happened; fails after `limit` seconds with what was seen, if it was hoped for."""
        deadline = time.monotonic() + limit
        with self._came:
            while not happened():
                left = deadline - time.monotonic()
                if left <= 0 and not hoped:
                    return
                assert left > 0, (
                    f"did not happen; states {[(s.role.value, s.state.value, s.cause) for s in self.states]}"
                )
                self._came.wait(min(left, 0.25))

    def until_state(self, state: StreamState, role: StreamRole = StreamRole.SUB, after: int = 0) -> StreamHealth:
        """Wait until the stream said that it is in that state, among what it says after the first `after`."""

        def found() -> list[StreamHealth]:
            return [s for s in self.states[after:] if s.state is state and s.role is role]

        self.until(found)
        return found()[0]
