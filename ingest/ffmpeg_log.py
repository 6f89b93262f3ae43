"""FFmpeg's own messages: silent by default, on request in Python's logging, never with a password.

Promises: what a user must know comes as states and errors, without FFmpeg's log; when asked for, its messages go to the
loggers below `libav`, with accounts in URLs struck out. Not here: the configuration of logging.

PyAV's callback takes the interpreter's lock, which threads of a decoder must never wait for: that is why our decoders
have one thread each, and why this is off unless somebody looks for a fault.
"""

import logging
import re

import av.logging

_ACCOUNT = re.compile(r"(\w+://)[^/\s@]*@")
_FIELD = re.compile(r"(?i)\b(authorization|username|response|nonce)(\s*[:=]\s*)\S+")


class _StrikeOut(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = _FIELD.sub(r"\1\2***", _ACCOUNT.sub(r"\1***@", record.getMessage()))
        record.msg, record.args = message, ()
        return True


class _Forward(logging.Handler):
    """Hands messages on under one logger, for filters work only on the logger that a record was given to."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger("ingest.ffmpeg").handle(record)


def quiet() -> None:
    """Say nothing of FFmpeg's."""
    av.logging.set_level(None)


def to_python(level: int = av.logging.WARNING) -> None:
    """Send FFmpeg's messages of that level and above to the logger `ingest.ffmpeg`. May be called again."""
    root = logging.getLogger("libav")
    root.propagate = False
    if not any(isinstance(handler, _Forward) for handler in root.handlers):
        forward = _Forward()
        forward.addFilter(_StrikeOut())
        root.addHandler(forward)
    root.setLevel(av.logging.adapt_level(level))
    av.logging.set_level(level)
