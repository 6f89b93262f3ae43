"""The RTSP server in a thread of its own, for tests and tools that are not asyncio.

Promises: `start` returns when it listens, or raises what hindered it; `stop` returns when it is gone. Not here: the
server.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any

from runtime.demo.clip import Source
from runtime.demo.faults import Faults
from runtime.demo.rtsp_server import RtspServer

_WAIT_SECONDS = 10.0


class ThreadedServer:
    """Owns a loop in a thread and an `RtspServer` in it. `stop` and `start` again give a restart on the same port."""

    def __init__(self, server: RtspServer) -> None:
        self.server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> ThreadedServer:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="demo-rtsp", daemon=True)
        self._thread.start()
        self._loop = loop
        try:
            self._run(self.server.start())
        except BaseException:
            self._end_loop()
            raise
        return self

    def stop(self) -> None:
        """Drop every client and stop listening. Calling it twice does no harm."""
        if self._loop is not None:
            try:
                self._run(self.server.stop())
            finally:
                self._end_loop()

    def url(self, path: str, user: str | None = None, password: str = "") -> str:
        return self.server.url(path, user, password)

    def faults(self, path: str) -> Faults:
        return self.server.faults(path)

    def drop(self, path: str | None = None) -> None:
        self.server.drop(path)

    def replace(self, path: str, source: Source, drop: bool = True) -> None:
        self.server.replace(path, source, drop)

    def __enter__(self) -> ThreadedServer:
        return self if self._loop is not None else self.start()

    def __exit__(self, kind: object, value: object, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_SECONDS)

    def _end_loop(self) -> None:
        loop, self._loop = self._loop, None
        assert loop is not None and self._thread is not None
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_WAIT_SECONDS)
        loop.close()


def serve_in_thread(
    sources: Mapping[str, Source],
    host: str = "127.0.0.1",
    port: int = 0,
    users: Mapping[str, str] | None = None,
    **options: Any,
) -> ThreadedServer:
    """A running server; use it as a context manager, or call `stop`. Options are those of `RtspServer`."""
    return ThreadedServer(RtspServer(sources, host, port, users, **options)).start()
