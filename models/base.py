"""What all tables share: the declarative base, UTC times, identifiers.

Promises: a naive datetime can neither be stored nor read; the same types on SQLite and PostgreSQL.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Double, Integer, MetaData, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import JSON, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC moment. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given; times in the database are timezone-aware UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: A counted key: 64 bits on PostgreSQL (32 would be used up in years); SQLite counts in 64 bits by itself.
Count = BigInteger().with_variant(Integer(), "sqlite")

#: JSON that PostgreSQL keeps parsed, so that it can be compared and indexed.
Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Double, dict[str, Any]: Json, list[Any]: Json}  # noqa: RUF012


def new_id() -> str:
    """A new identifier: a random UUID as 32 hex digits."""
    return uuid.uuid4().hex


class Identified(Base):
    """A row whose random `id` is there as soon as the object is: others can refer to it before it is written."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id, sort_order=-1)

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"id": new_id()} | given)


def utc_now() -> datetime:
    """The present moment, timezone-aware UTC."""
    return datetime.now(UTC)
