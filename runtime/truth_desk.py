"""A small local page on which a person labels what crosses a line, by key press.

Promises: it listens on this machine alone, under an address that nobody can guess; every key press is on disk before it
is answered; pictures are spooled to a file that goes with the process, so memory does not grow with the clip. Footage
longer than half an hour is refused. Not here: the page itself (`truth_page.html`), scores (`truth.py`).
"""

import secrets
import socket
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import cv2
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse

from runtime.footage import FootageError, Picture, read_footage
from runtime.truth import Mark, Truth, write_truth

LONGEST_SECONDS = 1800.0
PICTURES_PER_SECOND = 12.5
WIDEST = 1280
_PAGE = Path(__file__).with_name("truth_page.html")


@dataclass
class Spool:
    """The clip's pictures as JPEGs in a file without a name. Safe to read while it is being filled."""

    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    places: list[tuple[int, int]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    done: bool = False
    problem: str | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, clip: Path, image_rate: float | None) -> None:
        """Decodes the whole clip; ends early when told."""
        due = 0.0
        try:
            for picture in read_footage(clip, image_rate):
                if self.stopping.is_set():
                    return
                if picture.seconds > LONGEST_SECONDS:
                    self.problem = (
                        f"the rest is left out: footage is labelled for {LONGEST_SECONDS / 60:.0f} minutes at most"
                    )
                    break
                if picture.seconds + 1e-6 >= due:
                    due = max(due, picture.seconds - 0.5 / PICTURES_PER_SECOND) + 1 / PICTURES_PER_SECOND
                    self._add(picture)
        except FootageError as error:
            self.problem = str(error)
        self.done = True

    def _add(self, picture: Picture) -> None:
        pixels = picture.pixels
        height, width = pixels.shape[:2]
        if width > WIDEST:
            pixels = cv2.resize(pixels, (WIDEST, round(height * WIDEST / width)), interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
        with self.lock:
            self.file.seek(0, 2)
            self.places.append((self.file.tell(), len(data)))
            self.file.write(data)
            self.seconds.append(picture.seconds)

    def read(self, number: int) -> bytes:
        """One picture. Raises IndexError."""
        if number < 0:
            raise IndexError(number)
        with self.lock:
            at, size = self.places[number]
            self.file.seek(at)
            return self.file.read(size)


class TruthDesk:
    """Serves the page until somebody is done with it. `url` is where."""

    def __init__(self, clip: Path, truth: Truth, path: Path, port: int = 0) -> None:
        self._clip, self._truth, self._path = clip, truth, path
        self._spool = Spool()
        self._lock = threading.Lock()
        self._key = secrets.token_urlsafe(16)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/{self._key}/"
        config = uvicorn.Config(self._app(), log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        fill = (clip, truth.image_rate)
        self._filler = threading.Thread(target=self._spool.fill, args=fill, name="footage", daemon=True)

    @property
    def truth(self) -> Truth:
        return self._truth

    def serve(self) -> None:
        """Blocks until the page says that it is done, or a signal comes."""
        self._filler.start()
        try:
            self._server.run([self._listener])
        finally:
            self._spool.stopping.set()
            self._filler.join(5.0)
            self._listener.close()

    def stop(self) -> None:
        """Ends `serve`."""
        self._server.should_exit = True

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        base = f"/{self._key}"

        @app.get(base + "/", response_class=HTMLResponse)
        def page() -> str:
            return _PAGE.read_text(encoding="utf-8")

        @app.get(base + "/state")
        def state() -> dict[str, Any]:
            spool = self._spool
            return {
                "clip": self._clip.name,
                "file": str(self._path),
                "done": spool.done,
                "problem": spool.problem,
                "seconds": spool.seconds[:],
                "truth": self._truth.model_dump(mode="json", by_alias=True),
            }

        @app.get(base + "/picture/{number}")
        def picture(number: int) -> Response:
            try:
                data = self._spool.read(number)
            except IndexError:
                raise HTTPException(404, "there is no such picture") from None
            return Response(data, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

        @app.put(base + "/crossings")
        def put(marks: list[Mark]) -> dict[str, int]:
            with self._lock:
                watched = self._spool.seconds[-1] if self._spool.seconds else 0.0
                self._truth = self._truth.model_copy(update={"crossings": marks, "seconds": watched})
                try:
                    write_truth(self._path, self._truth)
                except OSError as error:
                    raise HTTPException(507, f"{self._path} cannot be written ({error.strerror})") from None
            return {"crossings": len(marks)}

        @app.post(base + "/done")
        def done() -> dict[str, bool]:
            self.stop()
            return {"done": True}

        return app
