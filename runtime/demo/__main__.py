"""`python -m runtime.demo`: the demo village's cameras, as a process of its own.

Promises: says what it does while clips are made, then one line that begins with "ready"; ends at once on SIGINT and
SIGTERM, and with its parent when given `--parent-pid`. Not here: the supervisor that starts it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from runtime.demo.clip import ClipError
from runtime.demo.clips import make_clips
from runtime.demo.rtsp_server import PortTakenError, RtspServer
from runtime.demo.script import DAY, load_day, sources

_PARENT_CHECK_SECONDS = 0.5


def main() -> int:
    options = _options()
    if options.parent_pid:
        threading.Thread(target=_end_with, args=(options.parent_pid,), name="parent-watch", daemon=True).start()
    # While clips are made the main thread is in C code for long: end at once, a half-made clip is never used.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    users = {}
    if options.user:
        password = os.environ.get("VBRAIN_DEMO_PASSWORD")
        if not password:
            print("demo: --user needs a password; set VBRAIN_DEMO_PASSWORD to it", file=sys.stderr)
            return 1
        users[options.user] = password
    try:
        day = load_day(options.day)
        files = make_clips(options.cache, _say_progress, only=day.scenes())
        server = RtspServer(sources(day, files), options.host, options.port, users or None)
        asyncio.run(_serve(server))
    except PortTakenError as error:
        print(f"demo: {error.strerror}", file=sys.stderr)
        return 1
    except (OSError, ClipError, ValueError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m runtime.demo", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8554, help="port to listen on (default 8554; 0 takes a free one)")
    parser.add_argument("--cache", type=Path, help="folder for the clips (default: var/demo)")
    parser.add_argument("--day", type=Path, default=DAY, help="another script of the day")
    parser.add_argument("--user", help="ask clients for this user; the password is taken from VBRAIN_DEMO_PASSWORD")
    parser.add_argument("--parent-pid", type=int, help="end when this process is gone")
    return parser.parse_args()


def _say_progress(done: int, total: int, name: str) -> None:
    print(f"demo: made clip {done} of {total}: {name}", flush=True)


async def _serve(server: RtspServer) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with server:
        print(f"ready: {len(server.paths)} streams at rtsp://{server.host}:{server.port}/", flush=True)
        await stopped.wait()


def _end_with(parent: int) -> None:
    """Leave when the parent has: it was our parent at the start, so we are handed to another process when it goes."""
    adopted = os.getppid()
    while True:
        gone = os.getppid() != adopted
        with contextlib.suppress(PermissionError):
            try:
                os.kill(parent, 0)
            except ProcessLookupError:
                gone = True
        if gone:
            os._exit(0)
        time.sleep(_PARENT_CHECK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
