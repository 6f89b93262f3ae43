"""The shard's end of the line over which phones' pictures come from the API.

Promises: one thread, which hears what comes and tells when nothing came for a while; what cannot be read is counted,
and so is what the listener fails at. Not here: the sockets of the API (`subscriber.py`), what a shard does with the
pictures (`runtime/phones.py`).
"""

import logging
import threading
from collections.abc import Callable

import msgspec
import zmq

from live.publisher import EndpointTaken
from live.wire import PhoneUnit, phone_endpoint

log = logging.getLogger(__name__)

_RECEIVE_UNITS = 400
_TICK_MS = 500

_units = msgspec.msgpack.Decoder(PhoneUnit)


class PhoneLine:
    """Binds beside `endpoint`. `hear` is told each unit in order, `tick` is called twice a second or more often; both
    in the line's own thread."""

    def __init__(self, endpoint: str, hear: Callable[[PhoneUnit], None], tick: Callable[[], None]) -> None:
        self._address = phone_endpoint(endpoint)
        self._hear, self._tick = hear, tick
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="phone line", daemon=True)
        self.failed = 0

    def start(self) -> None:
        """Binds and starts. Raises EndpointTaken."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.setsockopt(zmq.RCVHWM, _RECEIVE_UNITS)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
        self._socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6000)
        try:
            self._socket.bind(self._address)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise EndpointTaken(f"cannot bind {self._address}: {error.strerror}; is another shard running?") from None
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if self._socket.poll(_TICK_MS):
                    self._guarded(lambda: self._hear(_units.decode(self._socket.recv())))
                self._guarded(self._tick)
        finally:
            self._context.destroy(linger=0)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except msgspec.MsgspecError as error:
            self.failed += 1
            if self.failed == 1:
                log.error("what came of a phone could not be read (%s); is the service of another version?", error)
        except Exception:
            self.failed += 1
            log.exception("a phone's pictures could not be taken in")
