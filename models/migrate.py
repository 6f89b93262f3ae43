"""Bringing a database to the shape that this code knows.

Promises: all migrations that are due are applied in one transaction, or none (a kill in between leaves the old shape);
processes that start together take turns; a database newer than the code is refused untouched. Not here: the migrations
(`migrations/`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from models import tables
from models.errors import DatabaseTooNew, DatabaseUnavailable
from models.session import Database

_FOLDER = Path(__file__).with_name("migrations")
#: Any number that no other user of the same PostgreSQL database locks.
_LOCK = 0x76627261696E


def migrate(database: Database) -> list[str]:
    """Apply the migrations that are due, and name them, oldest first; none is the usual answer.

    Raises DatabaseTooNew if the database knows migrations that this code does not, DatabaseUnavailable if it belongs to
    something else or fails.
    """
    with _alone(database) as connection:
        before = _revision(connection, database)
        due = due_after(before)
        if due:
            command.upgrade(config_for(connection), "head")
        if due and database.is_sqlite and (broken := connection.execute(text("PRAGMA foreign_key_check")).first()):
            raise DatabaseUnavailable(
                f"A migration would leave rows of {broken[0]} without what they refer to; stopped."
            )
    return due


def due_after(revision: str | None) -> list[str]:
    """The migrations that follow `revision` (None: all of them), oldest first."""
    script = ScriptDirectory(str(_FOLDER))
    return [step.revision for step in script.iterate_revisions("head", revision or "base")][::-1]


def _revision(connection: Connection, database: Database) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = [step.revision for step in ScriptDirectory(str(_FOLDER)).walk_revisions()]
    where = database.address[0].upper() + database.address[1:]
    if revision is not None and revision not in known:
        raise DatabaseTooNew(
            f"{where} was made by a newer version of this program (its revision is {revision}, this program knows "
            f"{known[0]}). Update the program, or restore a backup that fits it."
        )
    if revision is None and set(inspect(connection).get_table_names()) & set(tables.metadata.tables):
        raise DatabaseUnavailable(f"{where} has tables of another program with our names. Use an empty database.")
    return revision


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for `connection`, without any ini file."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction that no other process migrates beside; committed if the block ends well."""
    with database.engine.connect() as connection:
        if database.is_sqlite:
            # Rebuilding a table drops the old one, and with foreign keys on, that deletes what refers to its rows.
            # The switch does nothing inside a transaction; and this connection is not to be used again.
            raw: Any = connection.connection.driver_connection
            connection.detach()
            raw.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            if not database.is_sqlite:
                connection.execute(text("SET LOCAL lock_timeout = '300s'"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
