"""Other web origins that may call, where the configuration names them: what browsers must be told (CORS).

Promises: without such an origin nothing is said at all; what a WHEP player or a WHIP client reads from an answer
(`Location`, `Link`, `ETag`) is readable for it. Not here: refusing what comes from elsewhere (`guard.py`).
"""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SENT = ("Authorization", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", "Range")
_READ = (
    "Location", "Link", "ETag", "Accept-Patch", "Accept-Post", "Retry-After", "X-Camera", "X-Live-Serving",
    "X-Media-Zero", "Clip-From", "Clip-To",
)  # fmt: skip


def allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Lets pages of these origins call, with the cookie or a bearer token."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
        )
