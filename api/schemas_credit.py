"""What the interface says and takes of credit: accounts, movements, tiers, things to redeem.

Promises: as `schemas.py`. Not here: what earns points (`alerts/credit.py`), routes (`routes/credit.py`).
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Schema
from configs.site import Name


class CreditStanding(BaseModel):
    """An account."""

    account_id: str
    holder: str
    balance: int
    earned: int
    tier: str | None


class TierSeen(BaseModel):
    """A credit tier and the points ever earned that reach it."""

    id: str
    name: Name
    from_points: int


class CreditEntrySeen(BaseModel):
    """One movement of points. `reversed`: another entry took it back. `because` is what earned an award (manual:
    somebody entered it); `incident_id` where it came from, `item_id` what was redeemed, `by` who entered it."""

    id: int
    reversed: bool
    at: datetime
    kind: Literal["award", "redemption", "reversal"]
    amount: int
    because: Literal["verified_report", "on_time", "good_rating", "manual"] | None
    incident_id: str | None
    item_id: str | None
    by: str | None
    note: str | None
    reverses_id: int | None


class CreditAccountSeen(CreditStanding):
    """An account with its newest movements."""

    entries: list[CreditEntrySeen]


class RewardSeen(BaseModel):
    """Something to redeem."""

    id: str
    name: Name
    points: int
    stock: int


class RedeemWish(Schema):
    """`key` is made by the client for each click: the same again is the same redemption."""

    item_id: str = Field(max_length=48)
    key: str = Field(min_length=8, max_length=64)


class AwardByHand(Schema):
    """Points for something no rule sees. `key` as in `RedeemWish`."""

    points: int = Field(ge=1, le=1000)
    note: str = Field(min_length=1, max_length=500)
    key: str = Field(min_length=8, max_length=64)


class CreditLookup(Schema):
    """A villager at the desk: the phone number they report with, or the code of one of their reports."""

    phone: str | None = Field(default=None, max_length=32)
    code: str | None = Field(default=None, max_length=64)


class RedemptionSeen(BaseModel):
    """Points given for an item."""

    id: str
    account_id: str
    item_id: str
    points: int
    at: datetime
    entry_id: int


class ReverseWish(Schema):
    """Why an entry is reversed."""

    note: str = Field(min_length=1, max_length=500)


class StockWish(Schema):
    """Pieces that came (or went, negative)."""

    change: int = Field(ge=-100_000, le=100_000)
