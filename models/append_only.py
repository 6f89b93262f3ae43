"""Rows that are written once: timelines, ledgers.

Promises: the session refuses to change or delete such a row; what was wrong is put right by another row. Not here:
statements that go around the session, which no code of ours makes.
"""

from typing import Any

from sqlalchemy import Connection, event, inspect
from sqlalchemy.orm import Mapper


class AppendOnlyViolation(Exception):
    """A row that may only be appended was changed or deleted."""


class AppendOnly:
    """Mixin of a table whose rows never change."""


@event.listens_for(AppendOnly, "before_update", propagate=True)
def _refuse_change(mapper: Mapper[Any], connection: Connection, target: object) -> None:
    state: Any = inspect(target)
    if any(attribute.history.has_changes() for attribute in state.attrs):
        raise AppendOnlyViolation(f"rows of {mapper.local_table} are never changed; append another")


@event.listens_for(AppendOnly, "before_delete", propagate=True)
def _refuse_deletion(mapper: Mapper[Any], connection: Connection, target: object) -> None:
    raise AppendOnlyViolation(f"rows of {mapper.local_table} are never deleted; append another")
