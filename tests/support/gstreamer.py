"""Starts `gst_rtsp.py` for a test, where GStreamer's RTSP server is installed."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
_PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@cache
def is_installed() -> bool:
    """Whether the system's python3 has GStreamer's RTSP server."""
    if shutil.which(SYSTEM_PYTHON) is None:
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, timeout=60, check=False).returncode == 0


@contextmanager
def gst_server(*mounts: str, auth: str | None = None, tls: Path | None = None) -> Iterator[str]:
    """A server of `/path=KIND` mounts; gives `127.0.0.1:PORT`. The account is admin with the password `right`. With
    `tls`, a folder that holds cert.pem and key.pem, it speaks rtsps alone."""
    if not is_installed():
        pytest.skip("GStreamer's RTSP server is missing: apt install gir1.2-gst-rtsp-server-1.0 python3-gi")
    command = [SYSTEM_PYTHON, str(Path(__file__).with_name("gst_rtsp.py")), *mounts]
    if auth:
        command += ["--auth", auth]
    if tls:
        command += ["--tls", str(tls)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("port "), f"GStreamer's RTSP server did not start: {line!r}"
        yield f"127.0.0.1:{line.split()[1]}"
    finally:
        process.communicate(timeout=10) if process.poll() is None else None
