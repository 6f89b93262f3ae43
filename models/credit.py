"""The tables of credit points: accounts, the ledger, the catalogue, what was redeemed.

Promises: as `tables.py` says; amounts are whole points; the database itself refuses a negative balance, negative stock,
and a second entry of one key. Not here: rules (`alerts/credit.py`).
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.append_only import AppendOnly
from models.base import Base, Count, Identified, utc_now


class CreditAccount(Base):
    """The sum of one holder's entries. `id` is `user:ID` or `reporter:ID`; `earned` leaves out what was redeemed."""

    __tablename__ = "credit_accounts"
    __table_args__ = (CheckConstraint("balance >= 0", name="balance_not_negative"),)

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    balance: Mapped[int] = mapped_column(Count, default=0)
    earned: Mapped[int] = mapped_column(Count, default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class CreditEntry(AppendOnly, Base):
    """One movement of points. `kind`: award, redemption, reversal. `key` keeps it from being entered twice."""

    __tablename__ = "credit_entries"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(Count, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("credit_accounts.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    kind: Mapped[str] = mapped_column(String(16))
    amount: Mapped[int] = mapped_column(Count)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    subject_id: Mapped[str | None] = mapped_column(String(48))
    note: Mapped[str | None] = mapped_column(Text)
    by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("credit_entries.id"), unique=True)


class RewardItem(Base):
    """What there is to redeem. Names and points come from village.yaml; the stock lives here."""

    __tablename__ = "reward_items"
    __table_args__ = (CheckConstraint("stock >= 0", name="stock_not_negative"),)

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    stock: Mapped[int]


class Redemption(Identified):
    """Points given for an item. `entry_id` is the ledger's."""

    __tablename__ = "redemptions"

    account_id: Mapped[str] = mapped_column(ForeignKey("credit_accounts.id"), index=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("reward_items.id"))
    points: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=utc_now)
    entry_id: Mapped[int] = mapped_column(ForeignKey("credit_entries.id"), unique=True)
    reversed_at: Mapped[datetime | None]
