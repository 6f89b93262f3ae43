"""No test of incidents cuts the power, so SQLite need not wait for the disk: these tests commit thousands of times."""

from typing import Any

import pytest
from sqlalchemy import event

from models.session import Database


def without_waiting_for_the_disk(database: Database) -> Database:
    """The same database; what it commits survives a killed process, but not a power cut."""
    if database.is_sqlite:
        database.engine.dispose()

        @event.listens_for(database.engine, "connect")
        def _relax(connection: Any, record: object) -> None:
            connection.execute("PRAGMA synchronous = OFF")

    return database


@pytest.fixture
def sqlite_database(sqlite_database: Database) -> Database:
    return without_waiting_for_the_disk(sqlite_database)
