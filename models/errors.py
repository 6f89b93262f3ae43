"""What can go wrong with the database as a whole, in sentences for the person who runs it.

Promises: each message says what to do, and none holds a password. Not here: mistakes of callers (SQLAlchemy's own
IntegrityError, StaleDataError and the like pass through untouched).
"""


class DatabaseUnavailable(Exception):
    """The database cannot be used now: unreachable, refused, corrupt, read-only, full, or too busy."""


class DatabaseTooNew(DatabaseUnavailable):
    """The database was made by a newer version of the program."""
