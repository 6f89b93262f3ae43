"""What Alembic runs: our tables, on the connection that it was given, inside the caller's transaction.

Not here: opening a database or taking its lock (`models/migrate.py`).
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import JSON

from models import tables
from models.base import UtcDateTime


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Our own types as plain SQLAlchemy, so that a migration keeps its meaning when our code changes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    render_item=_render,
    transactional_ddl=False,  # the caller's transaction holds all of it, on SQLite too
)
context.run_migrations()
