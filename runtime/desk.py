"""The desk: the process that watches the clocks of incidents and sends what must be told.

Promises: what is due is done within seconds; a database that is away is waited for; both threads end when told. Not
here: the rules (`alerts/tick.py`), the sending (`alerts/notify/courier.py`).
"""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from alerts.notify.courier import Courier
from alerts.tick import tick
from models.base import utc_now
from models.errors import DatabaseUnavailable
from models.session import Database

log = logging.getLogger(__name__)

_TICK_SECONDS = 2.0


def keep_desk(database: Database, stop: threading.Event) -> None:
    """Ticks and delivers until `stop` is set."""
    courier = threading.Thread(target=Courier(database).run, args=(stop,), name="courier")
    courier.start()
    try:
        while not stop.wait(_TICK_SECONDS):
            try:
                done = tick(database, utc_now())
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                log.error("the clocks wait for the database: %s", type(error).__name__)
                continue
            if done.timed_out or done.escalated:
                log.info("%d asked in vain, %d incidents escalated", done.timed_out, done.escalated)
    finally:
        stop.set()
        courier.join(30.0)
