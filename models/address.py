"""Where the database is: DATABASE_URL made into something SQLAlchemy takes, and into words that hide its password.

Promises: an address that cannot work is refused with one sentence; `describe` never shows a password. Not here:
connecting (`session.py`).
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from models.errors import DatabaseUnavailable

FILE_NAME = "village-brain.sqlite3"

_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}


def resolve(url: str | None, data_dir: Path) -> URL:
    """The address to use: the SQLite file in `data_dir` where none is given. Raises DatabaseUnavailable."""
    if not url:
        return URL.create("sqlite+pysqlite", database=str(data_dir / FILE_NAME))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUnavailable(
            "DATABASE_URL cannot be understood. Write it like postgresql://user:password@host:5432/database "
            "(with @ / # ? : in the password as %40 %2F %23 %3F %3A), or leave it empty for the built-in SQLite file."
        ) from None
    if parsed.drivername in _POSTGRES:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in _SQLITE:
        if not parsed.database or ":memory:" in parsed.database or parsed.query:
            raise DatabaseUnavailable(
                "DATABASE_URL must name a file for SQLite, like sqlite:////srv/village/brain.sqlite3."
            )
        return parsed.set(drivername="sqlite+pysqlite")
    raise DatabaseUnavailable(
        "DATABASE_URL must begin with postgresql:// or sqlite:///; no other database is supported."
    )


def describe(url: URL) -> str:
    """The address for people, built from the harmless parts alone."""
    if url.drivername.startswith("sqlite"):
        return f"the SQLite file {url.database}"
    host = url.host or url.query.get("host") or "localhost"
    place = f"{host}:{url.port}" if url.port else f"{host}"
    return f"the PostgreSQL database {url.database or url.username or ''} at {place}"
