"""Runs the service: uvicorn, with logs that hold no secret.

Promises: a port that is taken is one clear sentence; on a signal, open streams are given a few seconds and then
ended. Not here: the command line (`runtime/`).
"""

import logging
import socket
from urllib.parse import urlsplit

import uvicorn

from api.app import create_app
from api.settings import ApiSettings


class CannotListen(OSError):
    """The address cannot be listened on; the sentence says why and what to do."""


class _NoQuery(logging.Filter):
    """Takes the query out of access log lines: it may hold what is nobody's business."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            record.args = (client, method, urlsplit(str(path)).path, version, status)
        return True


def run(settings: ApiSettings) -> None:
    """Serves until SIGINT or SIGTERM. Raises CannotListen."""
    listener = _listen(settings.host, settings.port)
    logging.getLogger("uvicorn.access").addFilter(_NoQuery())
    config = uvicorn.Config(
        create_app(settings),
        log_level="info",
        access_log=True,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=3,
        ws_max_size=65536,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    try:
        uvicorn.Server(config).run([listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {host}:{port} ({error.strerror}); stop what uses this port or choose another one"
        ) from None
    return listener
