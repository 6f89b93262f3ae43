"""Clips that were cut for somebody a moment ago: a player asks for one many times, part by part.

Promises: the same clip is cut once, however many ask at the same time; the folder is bounded in files and bytes, and
what it holds can be thrown away at any time. Not here: cutting (`ingest/cut.py`).
"""

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ingest.cut import Cut, Piece, cut

MOST_CLIPS = 32
MOST_BYTES = 4 << 30
CLIP_BYTES = 1 << 30


class TooBusy(Exception):
    """Others are being cut; try again."""


class ClipCache:
    """The folder of clips. Safe to call from several threads."""

    def __init__(self, folder: Path, at_once: int = 2, wait_seconds: float = 30.0) -> None:
        self._folder = folder
        self._slots = threading.Semaphore(at_once)
        self._wait = wait_seconds
        self._known: dict[str, Cut] = {}
        self._digests: dict[str, str] = {}
        self._lock = threading.Lock()
        self._cutting: dict[str, threading.Lock] = {}

    def get(self, pieces: Sequence[Piece], begin: float, end: float) -> tuple[Path, Cut]:
        """The file of that clip. Raises TooBusy, NothingToCut, OSError."""
        text = "|".join([f"{begin:.3f}", f"{end:.3f}", *(f"{p.path}@{p.started_at:.3f}" for p in pieces)])
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        path = self._folder / f"{key}.mp4"
        with self._lock:
            mine = self._cutting.setdefault(key, threading.Lock())
        if not mine.acquire(timeout=self._wait):
            raise TooBusy
        try:
            known = self._known.get(key)
            if known is not None and path.is_file():
                with suppress(OSError):
                    os.utime(path)
                return path, known
            if not self._slots.acquire(timeout=self._wait):
                raise TooBusy
            try:
                made = self._make(pieces, begin, end, path)
            finally:
                self._slots.release()
            self._known[key] = made
            self._digests.pop(key, None)
            return path, made
        finally:
            mine.release()
            with self._lock:
                self._cutting.pop(key, None)

    def digest(self, path: Path) -> str:
        """The SHA-256 of a clip that `get` gave. Raises OSError."""
        known = self._digests.get(path.stem)
        if known is None:
            with path.open("rb") as file:
                known = hashlib.file_digest(file, "sha256").hexdigest()
            self._digests[path.stem] = known
        return known

    def _make(self, pieces: Sequence[Piece], begin: float, end: float, path: Path) -> Cut:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._trim()
        part = path.with_suffix(".part")
        try:
            made = cut(pieces, begin, end, part, CLIP_BYTES)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        return made

    def _trim(self) -> None:
        """The least recently used go first."""
        files = sorted(self._folder.glob("*.mp4"), key=lambda f: f.stat().st_mtime, reverse=True)
        total = 0
        for number, file in enumerate(files):
            total += file.stat().st_size
            if number >= MOST_CLIPS - 1 or total > MOST_BYTES:
                file.unlink(missing_ok=True)
                self._known.pop(file.stem, None)
                self._digests.pop(file.stem, None)
