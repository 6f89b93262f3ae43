"""Feeds that a browser can play, whatever the camera sends.

Promises: what a browser can take comes as it is; else from the camera's other stream, if that is fit; else transcoded,
once for all. Whoever watches is told which, and why. Owned by one event loop. Not here: how viewers get it (`whep.py`,
`films.py`), the transcoding itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from configs.words import CameraId, StreamRole
from live.feed import Feed, FeedPool
from live.fitness import FitnessBook, Unfit, changed
from live.transcode import DECODERS, Transcoder
from live.transcoders import Transcoders
from live.wire import PacketMessage

_FIRST_PICTURE_SECONDS = 8.0
#: A main stream that nobody watched has to be opened first.
_OTHER_STREAM_SECONDS = 5.0
#: So long a main stream is waited for where there is a sub stream to be shown instead.
_MAIN_STREAM_SECONDS = 5.0
#: The sub stream runs already; together with the wait for the main one, players must not give up.
_STAND_IN_SECONDS = 3.0


class NoPicture(Exception):
    """The stream gives no picture now."""


class Unplayable(Exception):
    """A browser cannot take what the camera sends, and nothing can be done about it."""


class How(StrEnum):
    """In which way a feed is served."""

    AS_IS = "as_is"
    OTHER_STREAM = "other_stream"
    TRANSCODED = "transcoded"


@dataclass(eq=False, slots=True)
class Served:
    """A feed that is held for one viewer, fit for his browser. `why` says what was wrong with the stream asked for;
    `awaited` is that stream, where it gave no pictures."""

    feed: Feed
    keyframe: PacketMessage
    how: How
    why: Unfit | None = None
    transcoder: Transcoder | None = None
    awaited: Feed | None = None

    @property
    def is_over(self) -> bool:
        """Whether it must be asked for anew: the camera sends something else now, the transcoding has ended, or the
        stream that was asked for gives pictures again."""
        if self.awaited is not None and self.awaited.last is not None and not self.awaited.is_silent:
            return True
        return self.feed.is_closed or (self.transcoder is None and changed(self.feed))


class PlayableFeeds:
    """`hold` and `release`, as with feeds."""

    def __init__(
        self, feeds: FeedPool, transcoders: Transcoders, roles_of: Callable[[CameraId], tuple[StreamRole, ...]]
    ) -> None:
        """`roles_of` gives the streams that a camera has."""
        self.feeds, self.transcoders, self._roles_of = feeds, transcoders, roles_of
        self._book = FitnessBook()

    async def hold(self, camera_id: CameraId, role: StreamRole) -> Served:
        """A feed to play. Raises NoPicture, Unplayable, TooManyTranscoders."""
        feed = self.feeds.hold(camera_id, role)
        served: Served | None = None
        try:
            stands_in = (
                StreamRole.SUB if role is StreamRole.MAIN and StreamRole.SUB in self._roles_of(camera_id) else None
            )
            keyframe = await feed.keyframe(_FIRST_PICTURE_SECONDS if stands_in is None else _MAIN_STREAM_SECONDS)
            if stands_in is not None and (keyframe is None or feed.is_silent):
                served = await self._other(camera_id, role, Unfit.NO_PICTURE)
                if served is not None:
                    served.awaited = feed
                    return served
            if keyframe is None:
                raise NoPicture("the camera gives no picture now; look at its state")
            try:
                why = await self._book.unfit(feed, keyframe)
            except ValueError as error:
                raise Unplayable(f"{error}; choose H.264 for this stream on the camera") from None
            if why is None:
                served = Served(feed, keyframe, How.AS_IS)
                return served
            other = await self._other(camera_id, role, why)
            return other or await self._transcoded(camera_id, role, why)
        finally:
            if served is None:
                self.feeds.release(feed)

    def release(self, served: Served) -> None:
        """The viewer has left."""
        if served.transcoder is not None:
            self.transcoders.release(served.transcoder)
        else:
            self.feeds.release(served.feed)
        if served.awaited is not None:
            self.feeds.release(served.awaited)

    async def stop(self) -> None:
        """Ends every transcoding and gives every stream back."""
        await self.transcoders.stop()
        self.feeds.close()

    async def _other(self, camera_id: CameraId, role: StreamRole, why: Unfit) -> Served | None:
        """The camera's other stream, if it gives a picture that a browser can take."""
        other = next((r for r in self._roles_of(camera_id) if r is not role), None)
        # A running transcoder has shown that there is none; asking again would open the main stream each time.
        if other is None or self.transcoders.of(camera_id, role) is not None:
            return None
        feed = self.feeds.hold(camera_id, other)
        served: Served | None = None
        try:
            seconds = _STAND_IN_SECONDS if why is Unfit.NO_PICTURE else _OTHER_STREAM_SECONDS
            keyframe = await feed.keyframe(seconds)
            if keyframe is not None and keyframe.codec in DECODERS and await self._book.unfit(feed, keyframe) is None:
                served = Served(feed, keyframe, How.OTHER_STREAM, why)
            return served
        finally:
            if served is None:
                self.feeds.release(feed)

    async def _transcoded(self, camera_id: CameraId, role: StreamRole, why: Unfit) -> Served:
        transcoder = await self.transcoders.hold(camera_id, role)
        served: Served | None = None
        try:
            keyframe = await transcoder.out.keyframe(_FIRST_PICTURE_SECONDS)
            if keyframe is None:
                raise NoPicture("the picture could not be transcoded in time; the service is busy, or the camera")
            served = Served(transcoder.out, keyframe, How.TRANSCODED, why, transcoder)
            return served
        finally:
            if served is None:
                self.transcoders.release(transcoder)
