"""What the routes work with: the database, the shards, the live feeds.

Promises: one object per application, made when it starts and closed when it stops. Not here: the routes.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.bulletin import Bulletin
from api.cameras import CameraBoard
from api.governance import Governance
from api.logins import LoginWatch
from api.overlays import OverlayPool
from api.phone_log import PhoneLog
from api.settings import ApiSettings
from api.switchboard import Switchboard
from api.throttle import LoginThrottle
from live.films import FilmDesk
from live.phones import PhoneDesk
from live.playable import PlayableFeeds
from live.seats import Seats
from live.subscriber import ShardLink
from live.whep import WhepDesk
from models.session import Database


@dataclass
class Context:
    """All that is shared between requests."""

    settings: ApiSettings
    database: Database
    shards: ShardLink
    board: CameraBoard
    bulletin: Bulletin
    overlays: OverlayPool
    playable: PlayableFeeds
    whep: WhepDesk
    films: FilmDesk
    switchboard: Switchboard
    phones: PhoneDesk
    phone_log: PhoneLog
    seats: Seats
    logins: LoginWatch
    throttle: LoginThrottle
    governance: Governance


def get_context(connection: HTTPConnection) -> Context:
    """The application's context."""
    context: Context = connection.app.state.context
    return context


InContext = Annotated[Context, Depends(get_context)]
