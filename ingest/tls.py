"""Encrypted cameras (`rtsps://`): whether their certificates are checked, and why a connection failed.

Promises: without `VBRAIN_RTSPS_CA`, what travels is encrypted and no certificate is checked: cameras sign their own, so
checking would lock out nearly all of them; who can stand between us and a camera could pretend to be it. With it, a
PEM file of trusted certificates (the cameras' own, one after the other, or that of whoever signed them), a camera whose
certificate or name does not fit is not connected. Where that cannot be checked, nothing is connected either. Media goes
through the same encrypted connection, whatever the transport. Not here: opening (`opener.py`).
"""

import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import av

from ingest import errors

VARIABLE = "VBRAIN_RTSPS_CA"
PORT = 322
#: FFmpeg's RTSP passes on what is asked of TLS since its version 8.
_FIRST_THAT_CHECKS = 62


def options(url: str, where: str) -> dict[str, str]:
    """FFmpeg's options for the URL. Raises UntrustedCertificate when checking is asked for and cannot be done."""
    trusted = os.environ.get(VARIABLE, "").strip()
    if not _is_encrypted(url) or not trusted:
        return {}
    if av.library_versions["libavformat"][0] < _FIRST_THAT_CHECKS:
        raise errors.UntrustedCertificate(where, f"this FFmpeg cannot check it; install av 16 or unset {VARIABLE}")
    if not Path(trusted).is_file():
        raise errors.UntrustedCertificate(where, f"{VARIABLE} names no file: {trusted}")
    return {"tls_verify": "1", "ca_file": trusted}


def diagnosis(url: str, where: str, seconds: float) -> errors.StreamError | None:
    """Why an encrypted connection failed, by a handshake of our own (FFmpeg only says that something did); None when
    encryption was not the reason. Returns within about twice `seconds`."""
    if not _is_encrypted(url):
        return None
    parts = urlsplit(url)
    trusted = os.environ.get(VARIABLE, "").strip()
    try:
        context = ssl.create_default_context(cafile=trusted or None)
        if not trusted:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection((parts.hostname or "", parts.port or PORT), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return errors.UntrustedCertificate(where, error.verify_message)
    except TimeoutError:
        return errors.TimedOut(where)
    except ssl.SSLError:
        return errors.NotEncrypted(where)
    except OSError:
        return None


def _is_encrypted(url: str) -> bool:
    with suppress(ValueError):
        return urlsplit(url).scheme == "rtsps"
    return False
