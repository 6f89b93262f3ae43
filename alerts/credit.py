"""Credit points: an append-only ledger, redemption, tiers.

Promises: whole points; an award is entered once however often it is said; a balance is always the sum of its entries
and never negative, stock never negative, whatever runs beside it (conditional updates, which the database serialises);
a mistake is reversed by another entry, never deleted. Not here: what earns points (`consequences.py`, village.yaml).
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alerts.codes import KEY_NAME, code_hash, person_hash
from configs.village import Credit, Tier
from models.base import utc_now
from models.citizens import Rating, Report, Reporter
from models.credit import CreditAccount, CreditEntry, Redemption, RewardItem
from models.tables import Secret, User

#: Stands for a rule where somebody entered the points.
MANUAL = "manual"


class CreditError(Exception):
    """It cannot be done; the sentence says why."""


class NotEnoughPoints(CreditError):
    """The balance would become negative."""


class OutOfStock(CreditError):
    """There is none left."""


class AlreadyReversed(CreditError):
    """It was reversed before."""


def user_account(user_id: str) -> str:
    """The account of somebody who logs in."""
    return f"user:{user_id}"


def reporter_account(reporter_id: str) -> str:
    """The account of somebody who reports."""
    return f"reporter:{reporter_id}"


def _insert_if_new(session: Session, table: Any, values: dict[str, Any], unique: str) -> bool:
    """Whether the row was new. Waits for whoever is inserting the same, and breaks no transaction."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table.__table__).values(values).on_conflict_do_nothing(index_elements=[unique])
    # The row itself is asked for: not every driver counts inserted rows.
    return session.execute(statement.returning(table.__table__.c[unique])).first() is not None


def _move(session: Session, account_id: str, amount: int, earned: int) -> bool:
    """Changes the balance unless it would become negative; locks the account until the transaction ends."""
    changed = session.execute(
        update(CreditAccount)
        .where(CreditAccount.id == account_id, CreditAccount.balance + amount >= 0)
        .values(balance=CreditAccount.balance + amount, earned=CreditAccount.earned + earned)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1


def open_account(session: Session, account_id: str) -> None:
    """Makes the account if there is none."""
    row = {"id": account_id, "balance": 0, "earned": 0, "created_at": utc_now()}
    _insert_if_new(session, CreditAccount, row, "id")


def award(
    session: Session,
    account_id: str,
    points: int,
    key: str,
    subject_id: str | None = None,
    now: datetime | None = None,
    note: str | None = None,
    by: str | None = None,
) -> bool:
    """Enters points once for `key`; False when they were entered before."""
    if points <= 0:
        raise ValueError("an award is a positive number of points; take points back with `reverse`")
    open_account(session, account_id)
    entry = {
        "account_id": account_id, "at": now or utc_now(), "kind": "award", "amount": points, "key": key,
        "subject_id": subject_id, "note": note, "by": by,
    }  # fmt: skip
    if not _insert_if_new(session, CreditEntry, entry, "key"):
        return False
    _move(session, account_id, points, points)
    return True


def award_by_hand(session: Session, account_id: str, points: int, key: str, note: str, by: str) -> str:
    """Enters points for what no rule sees; the same `key` again changes nothing. Says whose account it is. Raises
    CreditError when it is nobody's."""
    kind, _, owner = account_id.partition(":")
    if session.get({"user": User, "reporter": Reporter}.get(kind, User), owner) is None:
        raise CreditError("there is no such account")
    award(session, account_id, points, f"{MANUAL}:{account_id}:{key}", note=note, by=by)
    return holder_of(session, account_id)


def redeem(
    session: Session, account_id: str, item_id: str, catalogue: Credit, key: str, by: str | None = None
) -> Redemption:
    """Gives an item for points. The same `key` again gives the same redemption. Raises CreditError."""
    item = next((i for i in catalogue.catalogue if i.id == item_id), None)
    if item is None:
        raise CreditError("there is no such item in the catalogue")
    stock_items(session, catalogue)
    open_account(session, account_id)
    now, full_key = utc_now(), f"redeem:{key}"
    session.get(CreditAccount, account_id, with_for_update=True, populate_existing=True)
    known = session.scalar(select(CreditEntry).where(CreditEntry.key == full_key))
    if known is None:
        if not _move(session, account_id, -item.points, 0):
            raise NotEnoughPoints(f"this takes {item.points} points, and the account holds fewer")
        taken = session.execute(
            update(RewardItem).where(RewardItem.id == item_id, RewardItem.stock >= 1)
            .values(stock=RewardItem.stock - 1).execution_options(synchronize_session=False)
        )  # fmt: skip
        if cast("CursorResult[Any]", taken).rowcount != 1:
            raise OutOfStock("there is none left of it")
        entry = {
            "account_id": account_id, "at": now, "kind": "redemption", "amount": -item.points, "key": full_key,
            "subject_id": item_id, "by": by,
        }  # fmt: skip
        if _insert_if_new(session, CreditEntry, entry, "key"):
            entry_id = session.scalar(select(CreditEntry.id).where(CreditEntry.key == full_key))
            redemption = Redemption(
                account_id=account_id, item_id=item_id, points=item.points, at=now, entry_id=entry_id
            )
            session.add(redemption)
            session.flush()
            return redemption
        raise CreditError("the same redemption is being made at this moment; look at the account")
    if known.account_id != account_id:
        raise CreditError("this redemption belongs to another account")
    return session.scalars(select(Redemption).where(Redemption.entry_id == known.id)).one()


def reverse(session: Session, entry_id: int, by: str | None, note: str) -> CreditEntry:
    """Takes back an award, or gives back what was paid for an item, which returns to stock. Raises CreditError."""
    entry = session.get(CreditEntry, entry_id)
    if entry is None:
        raise CreditError("there is no such entry")
    if entry.kind == "reversal":
        raise CreditError("a reversal is not reversed; enter what should hold instead")
    now, key = utc_now(), f"reverse:{entry_id}"
    values = {
        "account_id": entry.account_id, "at": now, "kind": "reversal", "amount": -entry.amount, "key": key,
        "subject_id": entry.subject_id, "note": note, "by": by, "reverses_id": entry_id,
    }  # fmt: skip
    if not _insert_if_new(session, CreditEntry, values, "key"):
        raise AlreadyReversed("this was reversed before")
    if not _move(session, entry.account_id, -entry.amount, -entry.amount if entry.kind == "award" else 0):
        raise NotEnoughPoints("the points were spent already; the account holds fewer")
    if entry.kind == "redemption":
        session.execute(
            update(Redemption).where(Redemption.entry_id == entry_id).values(reversed_at=now)
            .execution_options(synchronize_session=False)
        )  # fmt: skip
        session.execute(
            update(RewardItem).where(RewardItem.id == entry.subject_id).values(stock=RewardItem.stock + 1)
            .execution_options(synchronize_session=False)
        )  # fmt: skip
    return session.scalars(select(CreditEntry).where(CreditEntry.key == key)).one()


@dataclass(frozen=True, slots=True)
class Source:
    """What an entry came from. `because` is an `Award` or `manual`."""

    because: Any = None
    incident_id: str | None = None
    item_id: str | None = None


def sources(session: Session, entries: Sequence[CreditEntry], credit: Credit) -> dict[int, Source]:
    """Where each entry came from, by its id; of a reversal, where what it takes back came from."""
    undone = {e.reverses_id for e in entries if e.reverses_id is not None}
    earlier = {e.id: e for e in session.scalars(select(CreditEntry).where(CreditEntry.id.in_(undone)))}
    said = {e.id: earlier.get(e.reverses_id or 0, e) for e in entries}
    subjects = {e.subject_id for e in said.values() if e.kind == "award" and e.subject_id}
    rated = {r.id: r.incident_id for r in session.scalars(select(Rating).where(Rating.id.in_(subjects)))}
    rules = {rule.id: rule.award.value for rule in credit.rules} | {MANUAL: MANUAL}

    def source(entry: CreditEntry) -> Source:
        if entry.kind == "redemption":
            return Source(item_id=entry.subject_id)
        because = rules.get(entry.key.split(":", 1)[0])
        return Source(because, rated.get(entry.subject_id or "", entry.subject_id))

    return {id_: source(entry) for id_, entry in said.items()}


def stock_items(session: Session, catalogue: Credit) -> None:
    """Enters the first stock of items that are new in the catalogue."""
    known = set(session.scalars(select(RewardItem.id)))
    for item in catalogue.catalogue:
        if item.id not in known:
            _insert_if_new(session, RewardItem, {"id": item.id, "stock": item.stock}, "id")


def restock(session: Session, item_id: str, change: int) -> int:
    """Adds to (or takes from) the stock; what there is now. Raises CreditError."""
    changed = session.execute(
        update(RewardItem).where(RewardItem.id == item_id, RewardItem.stock + change >= 0)
        .values(stock=RewardItem.stock + change).execution_options(synchronize_session=False)
    )  # fmt: skip
    if cast("CursorResult[Any]", changed).rowcount != 1:
        raise OutOfStock("there is no such item, or less of it than that")
    return session.scalar(select(RewardItem.stock).where(RewardItem.id == item_id)) or 0


def tier_of(earned: int, credit: Credit) -> Tier | None:
    """The best tier that so many points reach."""
    reached = [t for t in credit.tiers if earned >= t.from_points]
    return max(reached, key=lambda t: t.from_points, default=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as it is shown and exported. `holder` is a user's name, or how a reporter is known."""

    account_id: str
    holder: str
    balance: int
    earned: int
    tier: str | None


def standings(session: Session, credit: Credit, limit: int = 100_000) -> Iterator[Standing]:
    """All accounts, who earned most first."""
    users = {user_account(u.id): f"{u.display_name} ({u.username})" for u in session.scalars(select(User))}
    channels = {reporter_account(r.id): r.channel for r in session.scalars(select(Reporter))}
    query = select(CreditAccount).order_by(CreditAccount.earned.desc(), CreditAccount.id).limit(limit)
    for account in session.scalars(query):
        tier = tier_of(account.earned, credit)
        holder = users.get(account.id) or channels.get(account.id, "")
        yield Standing(account.id, holder, account.balance, account.earned, tier.id if tier else None)


def holder_of(session: Session, account_id: str) -> str:
    """Whose account it is: a user's name, or how a reporter is known."""
    kind, _, owner = account_id.partition(":")
    if kind == "user":
        user = session.get(User, owner)
        return f"{user.display_name} ({user.username})" if user else account_id
    reporter = session.get(Reporter, owner)
    return reporter.channel if reporter else account_id


def find_reporter(session: Session, phone: str | None, code: str | None) -> Reporter | None:
    """Whoever reports with this phone number, or made the report of this code."""
    if phone and (digits := "".join(c for c in phone if c.isdigit() or c == "+")[:32]):
        if session.get(Secret, KEY_NAME) is None:
            return None
        hashed = person_hash(session, "phone", digits)
        return session.scalar(select(Reporter).where(Reporter.key_hash == hashed))
    if code:
        report = session.scalar(select(Report).where(Report.code_hash == code_hash(code)))
        return session.get(Reporter, report.reporter_id) if report and report.reporter_id else None
    return None


def export_csv(session: Session, credit: Credit) -> str:
    """What the rural bank gets: one line an account. Cells that a spreadsheet would run as formulas are made text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["account", "holder", "balance", "earned", "tier"])
    for s in standings(session, credit):
        writer.writerow([s.account_id, _as_text(s.holder), s.balance, s.earned, s.tier or ""])
    return out.getvalue()


def _as_text(value: str) -> str:
    return f"'{value}" if value[:1] in "=+-@\t\r" else value


def audit(session: Session) -> list[str]:
    """The accounts whose balance is not the sum of their entries: always none."""
    sums = select(CreditEntry.account_id, func.sum(CreditEntry.amount).label("total")).group_by(CreditEntry.account_id)
    found = sums.subquery()
    query = (
        select(CreditAccount.id)
        .outerjoin(found, found.c.account_id == CreditAccount.id)
        .where(CreditAccount.balance != func.coalesce(found.c.total, 0))
    )
    return list(session.scalars(query))
