"""A throw-away PostgreSQL cluster in a temporary folder.

It listens on a Unix socket (trusted, for tests) and on a free TCP port of 127.0.0.1 (password needed, for tests of
passwords). It ends with `stop`, and with the process that started it, however that dies.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

PASSWORD = "let-me-in"  # of a cluster that lives for one test run
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=100",
    "listen_addresses=127.0.0.1",
)
_PR_SET_PDEATHSIG = 1
_START_LIMIT = 60.0


class PostgresMissing(Exception):
    """No cluster can be made here; the message says why."""


@dataclass
class Cluster:
    """A running cluster. `socket_folder` and `port` are where it listens."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def url(self, database: str) -> str:
        """The address of a database, over the socket, without a password."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def url_over_tcp(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement in the maintenance database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_cluster() -> Cluster:
    """Make and start a cluster. Raises PostgresMissing where that cannot be done."""
    binaries = _binaries()
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="vbrain-pg-", dir="/tmp"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        _make(binaries, folder, user)
        return _start(binaries, folder, user)
    except LookupError:
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresMissing("PostgreSQL refuses to run as root, and there is no user postgres to run it as") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _binaries() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: _number(p.parent.name), reverse=True)
    if found := shutil.which("initdb"):
        places.append(Path(found).resolve().parent)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise PostgresMissing("no PostgreSQL server is installed (looked for initdb in PATH and /usr/lib/postgresql)")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _make(binaries: Path, folder: Path, user: str | None) -> None:
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    password_file.chmod(0o644)
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8", "--locale=C"]
    command += ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    done = subprocess.run(command, cwd=folder, user=user, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise PostgresMissing(f"initdb failed: {done.stderr.strip()[-300:]}")


def _start(binaries: Path, folder: Path, user: str | None) -> Cluster:
    for _ in range(3):  # another process may take the free port before the server does
        port = _free_port()
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
        command += [part for setting in _SETTINGS for part in ("-c", setting)]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                user=user,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                start_new_session=True,
            )
        cluster = Cluster(folder, port, process)
        if _answers(cluster):
            return cluster
        if process.poll() is None:
            process.kill()
        process.wait()
    raise PostgresMissing(f"the server did not start: {(folder / 'log').read_text()[-300:]}")


def _answers(cluster: Cluster) -> bool:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline and cluster.process.poll() is None:
        try:
            psycopg.connect(cluster.url("postgres"), connect_timeout=5).close()
            return True
        except psycopg.OperationalError:
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
