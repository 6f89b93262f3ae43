"""The desk where feeds are asked for over HTTP, where WebRTC cannot get through.

Promises: one film of a feed for all its readers; each has a bounded queue, and a slow one goes on at the next key
frame, which is counted; seats are shared with WebRTC's viewers; what was opened is closed. Owned by one event loop. Not
here: the bytes (`film.py`), HTTP, and who reads no more (`api/routes/films.py`).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from configs.words import CameraId, StreamRole
from live.feed import Viewer
from live.film import Film, Unfilmable, film_header
from live.playable import PlayableFeeds, Served, Unplayable
from live.seats import Seat, Seats

#: Beyond the first group of pictures, about ten seconds of them.
_FURTHER_FRAMES = 150


@dataclass(slots=True)
class FilmTotals:
    """Counted since the start."""

    opened: int = 0
    dead: int = 0
    frames_sent: int = 0
    frames_dropped: int = 0


@dataclass(eq=False, slots=True)
class FilmReader:
    """One reader of a film. `header` first, then what `read` gives."""

    film: Film
    served: Served
    seat: Seat
    viewer: Viewer
    login: str | None
    frames_sent: int = 0
    is_closed: bool = False

    @property
    def header(self) -> bytes:
        return self.film.header

    async def read(self) -> bytes | None:
        """The next fragment; None when the film has ended, or must be asked for anew."""
        message = await self.viewer.get()
        if message is None or self.served.is_over:
            return None
        self.frames_sent += 1
        return message.data


class FilmDesk:
    """`open`, and `close` when the reader has left."""

    def __init__(self, playable: PlayableFeeds, seats: Seats) -> None:
        self._playable, self._seats = playable, seats
        self._films: Counter[Film] = Counter()
        self._readers: set[FilmReader] = set()
        self._gone = FilmTotals()

    def __len__(self) -> int:
        return len(self._readers)

    @property
    def totals(self) -> FilmTotals:
        """Counted since the start, open ones included. From any thread."""
        gone = self._gone
        totals = FilmTotals(gone.opened, gone.dead, gone.frames_sent, gone.frames_dropped)
        for reader in list(self._readers):
            totals.frames_sent += reader.frames_sent
            totals.frames_dropped += reader.viewer.frames_dropped
        return totals

    def viewers(self, camera_id: str, role: StreamRole) -> int:
        """How many watch this stream now. From any thread."""
        return sum(r.served.feed.camera_id == camera_id and r.served.feed.role is role for r in list(self._readers))

    async def open(self, camera_id: CameraId, role: StreamRole, login: str | None = None) -> FilmReader:
        """A reader for as long as `login` holds, if it is named, his queue filled with the last group of pictures.
        Raises TooManyViewers, TooManyBits, TooManyTranscoders, NoPicture, Unplayable."""
        seat = self._seats.take(camera_id)
        served: Served | None = None
        try:
            served = await self._playable.hold(camera_id, role)
            self._seats.sit(seat, served.feed)
            film = await self._film(served)
        except BaseException:
            if served is not None:
                self._playable.release(served)
            self._seats.leave(seat)
            raise
        reader = FilmReader(film, served, seat, film.out.join(_FURTHER_FRAMES), login)
        self._films[film] += 1
        self._readers.add(reader)
        self._gone.opened += 1
        return reader

    def close(self, reader: FilmReader, is_dead: bool = False) -> None:
        """The reader has left, or reads no more."""
        if reader.is_closed:
            return
        reader.is_closed = True
        self._readers.discard(reader)
        self._gone.dead += is_dead
        self._gone.frames_sent += reader.frames_sent
        self._gone.frames_dropped += reader.viewer.frames_dropped
        reader.film.out.leave(reader.viewer)
        self._films[reader.film] -= 1
        if not self._films[reader.film]:
            del self._films[reader.film]
            reader.film.end()
        self._playable.release(reader.served)
        self._seats.leave(reader.seat)

    def logins(self) -> set[str]:
        """The logins by which films are read."""
        return {reader.login for reader in self._readers if reader.login is not None}

    async def end_login(self, login: str) -> None:
        """Ends the films of a login that is over; their readers find the end."""
        for reader in [reader for reader in self._readers if reader.login == login]:
            self.close(reader)

    def stop(self) -> None:
        """Ends every film; its readers find its end."""
        for reader in list(self._readers):
            self.close(reader)

    async def _film(self, served: Served) -> Film:
        """The feed's film, made if there is none yet. From making it on, nothing is awaited."""
        if (film := self._running(served)) is not None:
            return film
        keyframe = served.feed.group[0] if served.feed.group else served.keyframe
        try:
            header = await asyncio.to_thread(film_header, keyframe.data)
        except Unfilmable as error:
            raise Unplayable(str(error)) from None
        if (film := self._running(served)) is not None:
            return film
        film = Film(served.feed, keyframe, header)
        film.start()
        return film

    def _running(self, served: Served) -> Film | None:
        return next((film for film in self._films if film.source is served.feed and not film.out.is_closed), None)
