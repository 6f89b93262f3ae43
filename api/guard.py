"""The door of the service: what every request and every response goes through.

Promises: an unsafe request or a WebSocket that a browser makes for another site is refused (besides the cookie's
SameSite=Strict); no body is larger than the limit; every response carries the security headers. A request with a
bearer token carries nothing that a browser adds by itself, so its origin does not matter. Not here: logins
(`access.py`).
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_BODY_BYTES = 1_000_000
#: Routes that take photos and videos (method POST, the path's beginning and end) take more; they check each file.
MOST_UPLOAD_BYTES = 120_000_000
_UPLOADS = (("/api/reports", ""), ("/api/incidents/", "/photos"))

_CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self' ws: wss:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_foreign(headers: Headers, allowed_origins: tuple[str, ...]) -> bool:
    """Whether a browser says that the request comes from another site's page."""
    origin = headers.get("origin")
    if origin is not None:
        return origin not in allowed_origins and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, allowed_origins: tuple[str, ...] = ()) -> None:
        self._app, self._allowed = app, allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if unsafe and "authorization" not in headers and is_foreign(headers, self._allowed):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": "the page is from another site"})
            else:
                await problem_response("foreign-origin")(scope, receive, _with_headers(scope, send))
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        length, most = headers.get("content-length", "0"), most_bytes(scope)
        if length.isdigit() and int(length) > most:
            await problem_response("too-large", f"at most {most} bytes")(scope, receive, _with_headers(scope, send))
            return
        await self._app(scope, _limited(receive, most), _with_headers(scope, send))


def most_bytes(scope: Scope) -> int:
    """How large a body the route takes."""
    path: str = scope["path"]
    upload = scope["method"] == "POST" and any(path.startswith(a) and path.endswith(b) for a, b in _UPLOADS)
    return MOST_UPLOAD_BYTES if upload else MOST_BODY_BYTES


def _limited(receive: Receive, most: int) -> Receive:
    """Ends a body without a declared length at the limit, as if the client had gone."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return {"type": "http.disconnect"} if read > most else message

    return limited


def _with_headers(scope: Scope, send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if scope["path"].startswith("/api/"):
                headers.setdefault("Cache-Control", "no-store")
            if scope.get("scheme") == "https":
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        await send(message)

    return with_headers
