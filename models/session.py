"""The way to the database: one `Database` a process, from which sessions come.

Promises, on SQLite and PostgreSQL alike:
- What a `session()` committed survives a killed process and a power cut (WAL with synchronous=FULL: each commit is
  synced; with NORMAL the last alerts before a power cut would be gone, which is just when they matter).
- "database is locked" cannot strike half-way: a `session()` takes SQLite's write lock at its first statement and waits
  for it there, so nothing is ever upgraded from reading to writing. Hold it briefly, and never open one inside another.
- `reading()` takes no lock: it sees one unchanging snapshot, waits for nobody, and cannot write.
- Every wait is limited; failures of the database as a whole are `DatabaseUnavailable`, without passwords or values.

Not here: tables (`tables.py`), changes of their shape (`migrations/`, run by `migrate` in `migrate.py`).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from models.address import describe, resolve
from models.errors import DatabaseUnavailable
from models.faults import READING, install, sentence

#: The longest that a writer waits for another, in seconds.
LOCK_WAIT = 20
#: The longest that one statement may take on PostgreSQL, in seconds.
STATEMENT_LIMIT = 60


class Database:
    """An open database. Safe to share between threads; not across a fork. `close` it once at the end."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = sessionmaker(engine, expire_on_commit=False)
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if not self.is_sqlite else {}
        self._reading = sessionmaker(engine.execution_options(**{READING: True}, **snapshot), expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """The database in words for people, without its password."""
        return describe(self.engine.url)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One unit of work: commits when the block ends well, rolls back when it raises. May commit in between.

        Objects stay usable after it. Raises DatabaseUnavailable, and SQLAlchemy's errors of the caller's making.
        """
        with self._writing() as session:
            try:
                yield session
            except BaseException:
                session.rollback()
                raise
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read-only look at one snapshot of everything that was committed when it began."""
        with self._reading() as session:
            yield session

    def close(self) -> None:
        """Close all connections; on SQLite the last one folds the write-ahead log into the file."""
        self.engine.dispose()


def open_database(url: str | None, data_dir: Path) -> Database:
    """Open the database that `url` names (`postgresql://…`, `sqlite:///…`), else the SQLite file in `data_dir`.

    The file and its folder are made if need be, readable by this user alone. Raises DatabaseUnavailable if the database
    does not answer. Its tables may not be there yet: call `models.migrate.migrate`.
    """
    address = resolve(url, data_dir)
    sqlite = address.drivername.startswith("sqlite")
    if sqlite:
        _make_file(Path(address.database or ""), describe(address))
    engine = _sqlite_engine(address) if sqlite else _postgres_engine(address)
    install(engine, address)
    database = Database(engine)
    try:
        with engine.connect() as connection:
            _check(connection)
    except DBAPIError as error:
        engine.dispose()
        reason = f"cannot be used ({type(error.orig).__name__})"
        raise DatabaseUnavailable(sentence(describe(address), reason)) from None
    except DatabaseUnavailable:
        engine.dispose()
        raise
    return database


def _check(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT 1"))
        return
    # Taking the write lock finds a file that cannot be written, reading the schema one that is no database.
    connection.execute(text("SELECT count(*) FROM sqlite_master"))


def _make_file(path: Path, where: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        reason = f"cannot be opened ({error.strerror}). Check its folder, and that this user may write there"
        raise DatabaseUnavailable(sentence(where, reason)) from None


def _sqlite_engine(address: URL) -> Engine:
    engine = create_engine(address, hide_parameters=True, pool_size=8, max_overflow=24, pool_timeout=LOCK_WAIT)
    wal_is_on = False

    @event.listens_for(engine, "connect")
    def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        nonlocal wal_is_on
        raw: Any = connection
        raw.isolation_level = None  # sqlite3 must not begin transactions by its own lights; `_begin` does
        raw.execute(f"PRAGMA busy_timeout = {LOCK_WAIT * 1000}")
        if not wal_is_on:
            _turn_on_wal(raw)
            wal_is_on = True
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = bool(connection.get_execution_options().get(READING))
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _turn_on_wal(raw: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, which it then stays in.

    The switch does not wait for others as statements do, so processes that start together take the lock first.
    """
    (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        return
    for attempt in range(50):
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if attempt == 49:
                raise
            raw.execute("BEGIN IMMEDIATE")  # waits, within busy_timeout, for whoever is switching
            raw.execute("COMMIT")


def _postgres_engine(address: URL) -> Engine:
    limits = f"-c lock_timeout={LOCK_WAIT}s -c statement_timeout={STATEMENT_LIMIT}s"
    given = address.query.get("options", "")
    options = f"{limits} {given if isinstance(given, str) else ' '.join(given)}".strip()
    return create_engine(
        address.difference_update_query(["options"]),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=LOCK_WAIT,
        connect_args={
            "connect_timeout": 10,
            "options": options,
            "application_name": "village-brain",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
    )
