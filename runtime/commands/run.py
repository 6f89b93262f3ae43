"""`vbrain run`: the whole village, from configuration to console."""

import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.progress import Progress

from api.identity import first_admin
from configs.site import Site
from detectors.catalogue import Catalogue, ModelError
from runtime.asks import tasks_of
from runtime.commands.config import load_or_fail
from runtime.commands.screen import done, fail, out, warn
from runtime.commands.users import open_or_fail
from runtime.folders import DEFAULT_CONFIG, Folders
from runtime.supervisor import Supervisor, stop_on_signals

DEMO_PORT = 8554
_READY_SECONDS = 120.0
_CLIPS_SECONDS = 900


def run(
    config: Annotated[
        Path | None, typer.Option(help="your cameras; without it the demo village runs", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="address to serve on; 0.0.0.0 for the whole network")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="VBRAIN_PORT", help="port of the console")] = 8080,
    demo_port: Annotated[int, typer.Option(envvar="VBRAIN_DEMO_PORT", help="port of the demo's cameras")] = DEMO_PORT,
) -> None:
    """Run the village: cameras, models, incidents and the console. Ctrl-C ends it all."""
    is_demo = config is None
    if is_demo:
        os.environ["VBRAIN_RTSP"] = f"127.0.0.1:{demo_port}"
    path = config or DEFAULT_CONFIG
    site = load_or_fail(path)
    done(f"{site.site.name.zh} {site.site.name.en}: {len(site.cameras)} monitoring points")
    for number, what in [(port, "console")] + ([(demo_port, "demo cameras")] if is_demo else []):
        _need_free(host if what == "console" else "127.0.0.1", number, what)
    folders = Folders.from_environment()
    database = open_or_fail(folders)
    done("database is up to date")
    with database.session() as session:
        first = first_admin(session)
    database.close()
    _say_models(site)
    stop = stop_on_signals()
    scheme = "https" if site.service.tls_certificate else "http"
    url = f"{scheme}://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
    supervisor = Supervisor(say=warn)
    try:
        if is_demo:
            _start_demo(supervisor, folders, demo_port, stop)
        supervisor.add("shard-0", ["-m", "runtime", "shard", "--config", str(path), "--name", "shard-0"])
        supervisor.add("desk", ["-m", "runtime", "desk"])
        supervisor.add("api", ["-m", "runtime", "api", "--config", str(path), "--host", host, "--port", str(port)])
        watcher = threading.Thread(target=_announce, args=(url, first, stop), name="announce", daemon=True)
        watcher.start()
        supervisor.watch(stop)
    finally:
        out.print("\nending …")
        supervisor.stop()
        done("all processes have ended")


def _need_free(host: str, port: int, what: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            option = "--port" if what == "console" else "--demo-port"
            fail(
                f"port {port} for the {what} cannot be used ({error.strerror}): "
                f"end what uses it, or choose another with {option}"
            )


def _say_models(site: Site) -> None:
    """Which models will be used. They are opened by the shard alone: this process stays small."""
    try:
        catalogue = Catalogue.load()
    except ModelError as error:
        fail(str(error))
    for task in sorted({task for camera in site.cameras for task in tasks_of(camera)}):
        try:
            done(f"{task.value}: {catalogue.find(task).name}")
        except ModelError as error:
            warn(f"{error}. Everything else runs on.")


def _start_demo(supervisor: Supervisor, folders: Folders, port: int, stop: threading.Event) -> None:
    """Starts the demo's cameras; the first time that means a minute of making clips."""
    ready = threading.Event()
    arguments = ["-m", "runtime.demo", "--port", str(port), "--cache", str(folders.demo)]
    with Progress(console=out, transient=True) as bar:
        making = bar.add_task("making the demo's clips (a minute, the first time only)", total=None, visible=False)

        def hear(line: str) -> None:
            if line.startswith("ready"):
                ready.set()
            elif found := re.search(r"made clip (\d+) of (\d+)", line):
                bar.update(making, completed=int(found[1]), total=int(found[2]), visible=True)

        child = supervisor.add("demo", [*arguments, "--parent-pid", str(os.getpid())], hear)
        deadline = time.monotonic() + _CLIPS_SECONDS
        while not ready.wait(0.1) and not stop.is_set():
            if child.process is None or child.process.poll() is not None:
                fail("the demo's cameras could not start; see above why")
            if time.monotonic() > deadline:
                fail(f"the demo's cameras did not come up on port {port} within {_CLIPS_SECONDS // 60} minutes")
    if ready.is_set():
        done(f"the demo village is on the air at rtsp://127.0.0.1:{port}")


def _announce(url: str, first: tuple[str, str] | None, stop: threading.Event) -> None:
    """Says the URL once the console answers."""
    deadline = time.monotonic() + _READY_SECONDS
    while not stop.is_set() and time.monotonic() < deadline:
        try:
            # our own certificate may name the village's host, not this address
            if httpx.get(f"{url}/api/health", timeout=1.0, verify=False).is_success:  # noqa: S501
                break
        except httpx.HTTPError:
            stop.wait(0.2)
    else:
        if not stop.is_set():
            warn(f"the console does not answer at {url} yet")
        return
    out.print(f"\n  [bold]The village brain is at [cyan]{url}[/cyan][/bold]")
    if first:
        username, password = first
        out.print(f"  Log in as [bold]{username}[/bold] with the password [bold]{password}[/bold]")
        out.print(f"  It is shown this once. To set another: .venv/bin/vbrain users password {username}")
    out.print("  Ctrl-C ends it all.\n")
