"""Credit points: standings, the ledger, redemption, the bank's export. The rules are in `alerts/credit.py`."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts import credit
from alerts.credit import CreditError, NotEnoughPoints, OutOfStock
from api import handling as views
from api import schemas_credit as shapes
from api.access import StaffCaller, allow, write_audit
from api.context import Context, InContext
from api.identity import Caller
from api.problems import ProblemError
from api.roles import EVERYBODY
from api.routes.dispatch import DeskCaller
from configs.words import Role
from models.credit import CreditAccount, CreditEntry, Redemption, RewardItem

router = APIRouter(prefix="/api/credit", tags=["credit"])

AnyCaller = Annotated[Caller, allow(*EVERYBODY)]
AdminCaller = Annotated[Caller, allow(Role.ADMINISTRATOR)]
Answer = TypeVar("Answer")


def _do(context: Context, work: Callable[[Session], Answer]) -> Answer:
    try:
        with context.database.session() as session:
            return work(session)
    except NotEnoughPoints as error:
        raise ProblemError("not-enough-points", str(error)) from None
    except OutOfStock as error:
        raise ProblemError("out-of-stock", str(error)) from None
    except CreditError as error:
        raise ProblemError("cannot", str(error)) from None


@router.get("/accounts", operation_id="list_credit_accounts")
def list_accounts(
    caller: DeskCaller, context: InContext, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[shapes.CreditStanding]:
    """Who has how many points; who earned most first."""
    with context.database.reading() as session:
        found = credit.standings(session, context.governance.village.credit, limit)
        return [
            shapes.CreditStanding(
                account_id=s.account_id, holder=s.holder, balance=s.balance, earned=s.earned, tier=s.tier
            )
            for s in found
        ]


@router.post("/lookup", operation_id="find_credit_account")
def find_account(
    wish: shapes.CreditLookup, caller: DeskCaller, context: InContext, request: Request
) -> shapes.CreditAccountSeen:
    """The account of a villager who stands at the desk. Numbers and codes are kept as hashes only, so this is the one
    way from a person to their account."""
    write_audit(context, caller, "credit.lookup", "phone" if wish.phone else "code", request)
    with context.database.reading() as session:
        found = credit.find_reporter(session, wish.phone, wish.code)
    if found is None:
        raise ProblemError("not-found", "nobody has reported with this number or code yet")
    return _account(context, credit.reporter_account(found.id), found.channel)


@router.get("/tiers", operation_id="list_credit_tiers")
def list_tiers(caller: AnyCaller, context: InContext) -> list[shapes.TierSeen]:
    """The credit tiers, the lowest first."""
    tiers = sorted(context.governance.village.credit.tiers, key=lambda t: t.from_points)
    return [shapes.TierSeen(id=t.id, name=t.name, from_points=t.from_points) for t in tiers]


@router.get("/me", operation_id="get_my_credit")
def get_mine(caller: AnyCaller, context: InContext) -> shapes.CreditAccountSeen:
    """The caller's own points."""
    return _account(context, credit.user_account(caller.id), caller.display_name)


@router.get("/accounts/{account_id}", operation_id="get_credit_account")
def get_account(account_id: str, caller: DeskCaller, context: InContext) -> shapes.CreditAccountSeen:
    """One account with its newest 200 movements."""
    with context.database.reading() as session:
        holder = credit.holder_of(session, account_id)
    return _account(context, account_id, holder)


def _account(context: Context, account_id: str, holder: str) -> shapes.CreditAccountSeen:
    with context.database.reading() as session:
        row = session.get(CreditAccount, account_id)
        query = select(CreditEntry).where(CreditEntry.account_id == account_id)
        entries = session.scalars(query.order_by(CreditEntry.id.desc()).limit(200)).all()
        seen = _entries(session, entries, context)
    earned = row.earned if row else 0
    tier = credit.tier_of(earned, context.governance.village.credit)
    return shapes.CreditAccountSeen(
        account_id=account_id,
        holder=holder,
        balance=row.balance if row else 0,
        earned=earned,
        tier=tier.id if tier else None,
        entries=seen,
    )


def _entries(session: Session, rows: Sequence[CreditEntry], context: Context) -> list[shapes.CreditEntrySeen]:
    taken_back = set(
        session.scalars(select(CreditEntry.reverses_id).where(CreditEntry.reverses_id.in_([e.id for e in rows])))
    )
    names = views.persons(session, (e.by for e in rows))
    found = credit.sources(session, rows, context.governance.village.credit)
    return [
        shapes.CreditEntrySeen(
            id=e.id, reversed=e.id in taken_back, at=e.at, kind=e.kind,  # type: ignore[arg-type]
            amount=e.amount, because=found[e.id].because, incident_id=found[e.id].incident_id,
            item_id=found[e.id].item_id, by=names[e.by].display_name if e.by in names else None,
            note=e.note, reverses_id=e.reverses_id,
        )
        for e in rows
    ]  # fmt: skip


@router.get("/catalogue", operation_id="list_rewards")
def list_rewards(caller: AnyCaller, context: InContext) -> list[shapes.RewardSeen]:
    """What there is to redeem."""
    with context.database.reading() as session:
        stock = {r.id: r.stock for r in session.scalars(select(RewardItem))}
    return [
        shapes.RewardSeen(id=i.id, name=i.name, points=i.points, stock=stock.get(i.id, i.stock))
        for i in context.governance.village.credit.catalogue
    ]


@router.post("/accounts/{account_id}/redemptions", operation_id="redeem_points")
def redeem(
    account_id: str, wish: shapes.RedeemWish, caller: DeskCaller, context: InContext, request: Request
) -> shapes.RedemptionSeen:
    """Hands out an item for points, at the desk. The same `key` again is the same redemption."""
    catalogue = context.governance.village.credit
    found = _do(context, lambda s: credit.redeem(s, account_id, wish.item_id, catalogue, wish.key, caller.id))
    write_audit(context, caller, "credit.redeem", f"{account_id} {wish.item_id}", request)
    return _redemption(found)


@router.post("/me/redemptions", operation_id="redeem_my_points")
def redeem_mine(wish: shapes.RedeemWish, caller: StaffCaller, context: InContext) -> shapes.RedemptionSeen:
    """Redeems one's own points."""
    account, catalogue = credit.user_account(caller.id), context.governance.village.credit
    key = f"{caller.id}:{wish.key}"
    return _redemption(_do(context, lambda s: credit.redeem(s, account, wish.item_id, catalogue, key, caller.id)))


def _redemption(row: Redemption) -> shapes.RedemptionSeen:
    return shapes.RedemptionSeen(
        id=row.id, account_id=row.account_id, item_id=row.item_id, points=row.points, at=row.at, entry_id=row.entry_id
    )


@router.post("/entries/{entry_id}/reversal", operation_id="reverse_credit_entry")
def reverse(
    entry_id: int, wish: shapes.ReverseWish, caller: AdminCaller, context: InContext, request: Request
) -> shapes.CreditEntrySeen:
    """Puts a mistake right by an entry that says the opposite."""
    row = _do(context, lambda s: credit.reverse(s, entry_id, caller.id, wish.note))
    write_audit(context, caller, "credit.reverse", str(entry_id), request)
    with context.database.reading() as session:
        return _entries(session, [row], context)[0]


@router.post("/accounts/{account_id}/awards", operation_id="award_points")
def award(
    account_id: str, wish: shapes.AwardByHand, caller: AdminCaller, context: InContext, request: Request
) -> shapes.CreditAccountSeen:
    """Enters points for what no rule sees, with the reason. The same `key` again is the same award."""

    def work(session: Session) -> str:
        return credit.award_by_hand(session, account_id, wish.points, wish.key, wish.note, caller.id)

    holder = _do(context, work)
    write_audit(context, caller, "credit.award", f"{account_id} {wish.points}", request)
    return _account(context, account_id, holder)


@router.post("/catalogue/{item_id}/stock", operation_id="restock_reward")
def restock(
    item_id: str, wish: shapes.StockWish, caller: AdminCaller, context: InContext, request: Request
) -> shapes.RewardSeen:
    """Enters pieces that came."""
    catalogue = context.governance.village.credit
    item = next((i for i in catalogue.catalogue if i.id == item_id), None)
    if item is None:
        raise ProblemError("not-found", "there is no such item")

    def work(session: Session) -> int:
        credit.stock_items(session, catalogue)
        return credit.restock(session, item_id, wish.change)

    stock = _do(context, work)
    write_audit(context, caller, "credit.restock", f"{item_id} {wish.change}", request)
    return shapes.RewardSeen(id=item.id, name=item.name, points=item.points, stock=stock)


@router.get(
    "/export.csv",
    operation_id="export_credit",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def export(caller: AdminCaller, context: InContext, request: Request) -> Response:
    """All accounts with their tiers, for the rural bank."""
    write_audit(context, caller, "credit.export", "all accounts", request)
    with context.database.reading() as session:
        text = credit.export_csv(session, context.governance.village.credit)
    headers = {"Content-Disposition": 'attachment; filename="credit.csv"'}
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)
