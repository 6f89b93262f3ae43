"""Drivers' errors as sentences: which failures of SQLite and PostgreSQL mean that the database is unavailable, and why.

Promises: `install` makes every statement, commit and connection of an engine raise `DatabaseUnavailable` for them, and
leaves all else as it is. Not here: retrying.
"""

import sqlite3

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, ExceptionContext

from models.address import describe
from models.errors import DatabaseUnavailable

#: Set on connections that only read, where "readonly" is what was asked for.
READING = "village_brain_reading"

_SQLITE = {
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Free some space; nothing that was committed is lost",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened. Check that its folder exists and that this user may write there",
    sqlite3.SQLITE_READONLY: "cannot be written. Check the permissions of the file and of its folder",
    sqlite3.SQLITE_PERM: "cannot be used by this user. Check the permissions of the file and of its folder",
    sqlite3.SQLITE_NOTADB: "is not a database. Move it away (a new one is made at the next start), or restore a backup",
    sqlite3.SQLITE_CORRUPT: "is damaged. Stop the program and restore a backup",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports errors. Check the disk, then restart",
    sqlite3.SQLITE_BUSY: "was held by another writer for too long. Try again; if it lasts, look for a stuck process",
    sqlite3.SQLITE_LOCKED: "was held by another writer for too long. Try again; if it lasts, look for a stuck process",
}

#: By the start of SQLSTATE (the longest that fits), for errors that carry one.
_POSTGRES = {
    "08": "lost its connection. Check the server and the network; the program connects again by itself",
    "28": "refuses this user or password. Check both in DATABASE_URL",
    "3D000": "does not exist. Create it with createdb, or correct the name in DATABASE_URL",
    "42501": "does not allow this user to do that. Grant it rights on the database",
    "53100": "cannot grow: the server's disk is full. Free some space there",
    "53200": "is out of memory on its server",
    "53300": "has no free connections. Raise max_connections, or stop other programs that use it",
    "55P03": "was held by another writer for too long. Try again; if it lasts, look for a stuck process",
    "57014": "took too long to answer. Try again; if it lasts, look at the load of its server",
    "57P": "is shutting down or starting. The program connects again by itself",
    "58": "reports trouble with its server's disk. Look at the server's log",
    "XX001": "is damaged. Restore a backup",
    "XX002": "is damaged. Rebuild its indexes or restore a backup",
}

#: While connecting there is no SQLSTATE; libpq's words are all there is.
_CONNECTING = {
    "password authentication failed": _POSTGRES["28"],
    "no password supplied": _POSTGRES["28"],
    "no pg_hba.conf entry": "does not let this host in. Add it to pg_hba.conf on the server",
    "does not exist": "or its user does not exist. Create it with createdb, or correct DATABASE_URL",
    "refused": "does not answer: no server listens there. Start it, or correct host and port in DATABASE_URL",
    "No such file": "does not answer: no server listens there. Start it, or correct host and port in DATABASE_URL",
    "resolve": "has a host that is not known. Correct the host in DATABASE_URL",
    "Name or service not known": "has a host that is not known. Correct the host in DATABASE_URL",
    "timeout": "does not answer. Check the network, and host and port in DATABASE_URL",
    "too many": _POSTGRES["53300"],
    "starting up": _POSTGRES["57P"],
    "shutting down": _POSTGRES["57P"],
}


def install(engine: Engine, url: URL) -> None:
    """Let `engine` speak in the words above."""
    where = describe(url)

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # the pool replaces the connection; if that fails too, that is the error to tell
        options = context.connection.get_execution_options() if context.connection is not None else {}
        error = context.original_exception
        if options.get(READING) and isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_READONLY:
            return  # a caller's mistake: it wrote where it said that it would read
        if (reason := reason_of(error)) is not None:
            raise DatabaseUnavailable(sentence(where, reason))  # SQLAlchemy chains the driver's error to it


def sentence(where: str, reason: str) -> str:
    """`where` and `reason` as one sentence."""
    return f"{where[0].upper()}{where[1:]} {reason}."


def reason_of(error: BaseException) -> str | None:
    """Why the database is unavailable, if that is what this error of a driver means."""
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(_code(error))
    if isinstance(error, psycopg.Error):
        if state := error.sqlstate:
            return next((_POSTGRES[state[:n]] for n in (5, 3, 2) if state[:n] in _POSTGRES), None)
        if isinstance(error, psycopg.OperationalError):
            said = str(error)
            fitting = (reason for words, reason in _CONNECTING.items() if words in said)
            return next(fitting, _POSTGRES["08"])
    return None


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
