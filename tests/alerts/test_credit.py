"""Points: the sum is always the balance, and nothing goes below nothing, whatever runs beside it."""

import contextlib
import threading
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import func, select

from alerts import credit as points
from alerts.credit import AlreadyReversed, CreditError, NotEnoughPoints, OutOfStock
from configs.village import DEFAULT_VILLAGE, Credit, load_village
from models.append_only import AppendOnlyViolation
from models.base import new_id
from models.credit import CreditAccount, CreditEntry, Redemption, RewardItem
from models.session import Database

CREDIT: Credit = load_village(DEFAULT_VILLAGE, {}).credit


def standing(database: Database, account: str) -> tuple[int, int]:
    with database.reading() as session:
        row = session.get_one(CreditAccount, account)
        return row.balance, row.earned


def stock(database: Database, item: str) -> int:
    with database.reading() as session:
        return session.get_one(RewardItem, item).stock


def at_once(number: int, work: Callable[[int], object]) -> list[object]:
    """Runs `work(n)` in so many threads that start together; what each returned or raised."""
    start, results = threading.Barrier(number), []

    def run(n: int) -> None:
        start.wait()
        try:
            results.append(work(n))
        except CreditError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == number
    return results


def test_an_award_is_given_once(database: Database) -> None:
    def give(_: int) -> bool:
        with database.session() as session:
            return points.award(session, "user:a", 10, "report:1:a")

    assert sorted(at_once(6, give)) == [False] * 5 + [True]  # type: ignore[type-var]
    assert standing(database, "user:a") == (10, 10)


def test_the_last_pieces_go_to_as_many_and_no_more(database: Database) -> None:
    with database.session() as session:
        points.stock_items(session, CREDIT)
        points.restock(session, "soap", -97)
        for n in range(8):
            points.award(session, f"user:{n}", 100, f"start:{n}")

    def buy(n: int) -> Redemption:
        with database.session() as session:
            return points.redeem(session, f"user:{n}", "soap", CREDIT, new_id())

    results = at_once(8, buy)
    assert sum(isinstance(r, Redemption) for r in results) == 3 and sum(isinstance(r, OutOfStock) for r in results) == 5
    assert stock(database, "soap") == 0
    with database.reading() as session:
        assert points.audit(session) == []
        assert session.scalar(select(func.sum(CreditAccount.balance))) == 800 - 3 * 20


def test_one_purse_cannot_be_spent_twice_at_once(database: Database) -> None:
    with database.session() as session:
        points.award(session, "user:a", 50, "start")
        points.stock_items(session, CREDIT)

    def buy(_: int) -> Redemption:
        with database.session() as session:
            return points.redeem(session, "user:a", "soap", CREDIT, new_id())

    results = at_once(6, buy)
    assert sum(isinstance(r, Redemption) for r in results) == 2
    assert standing(database, "user:a") == (10, 50) and stock(database, "soap") == 98


def test_the_same_redemption_sent_twice_is_one(database: Database) -> None:
    with database.session() as session:
        points.award(session, "user:a", 25, "start")

    def buy(_: int) -> str:
        with database.session() as session:
            return points.redeem(session, "user:a", "soap", CREDIT, "click-1").id

    assert len(set(at_once(4, buy))) == 1
    assert standing(database, "user:a") == (5, 25)


def test_what_was_wrong_is_reversed_once_and_never_deleted(database: Database) -> None:
    with database.session() as session:
        points.award(session, "user:a", 30, "start")
        bought = points.redeem(session, "user:a", "soap", CREDIT, "1")
        award = session.scalars(select(CreditEntry.id).where(CreditEntry.key == "start")).one()
    with pytest.raises(NotEnoughPoints), database.session() as session:
        points.reverse(session, award, None, "a mistake")
    with database.session() as session:
        points.reverse(session, bought.entry_id, None, "it was broken")
    assert standing(database, "user:a") == (30, 30) and stock(database, "soap") == 100
    with pytest.raises(AlreadyReversed), database.session() as session:
        points.reverse(session, bought.entry_id, None, "again")
    with database.session() as session:
        points.reverse(session, award, None, "a mistake")
    assert standing(database, "user:a") == (0, 0)
    with pytest.raises(AppendOnlyViolation), database.session() as session:
        session.get_one(CreditEntry, award).amount = 1000
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CreditEntry)) == 4


@settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["award", "redeem", "reverse"]), st.integers(0, 2), st.integers(1, 60)), max_size=14
    )
)
def test_balances_are_sums_whatever_happens(database: Database, moves: list[tuple[str, int, int]]) -> None:
    run = new_id()[:8]
    for number, (what, who, amount) in enumerate(moves):
        account, key = f"user:{run}-{who}", f"{run}:{number // 2}"
        try:
            with database.session() as session:
                if what == "award":
                    points.award(session, account, amount, key)
                elif what == "redeem":
                    points.redeem(session, account, "soap", CREDIT, key)
                else:
                    newest = session.scalar(select(func.max(CreditEntry.id)))
                    points.reverse(session, max(1, (newest or 1) - amount % 3), None, "")
        except CreditError:
            pass
        with database.reading() as session:
            assert points.audit(session) == []
            assert (session.scalar(select(func.min(CreditAccount.balance))) or 0) >= 0
            assert (session.scalar(select(func.min(RewardItem.stock))) or 0) >= 0


MOVES = st.lists(
    st.tuples(st.sampled_from(["award", "redeem", "reverse", "restock"]), st.integers(0, 1), st.integers(1, 40)),
    max_size=6,
)


@settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(hands=st.lists(MOVES, min_size=2, max_size=3))
def test_balances_are_sums_however_hands_interleave(
    database: Database, hands: list[list[tuple[str, int, int]]]
) -> None:
    """Several people at once, on the same two accounts, the same keys and the same shelf."""
    run = new_id()[:8]
    with database.session() as session:
        points.stock_items(session, CREDIT)
        points.award(session, f"user:{run}-0", 30, f"{run}:start")
        first = session.scalar(select(func.max(CreditEntry.id))) or 1

    def one(move: tuple[str, int, int], number: int) -> None:
        what, who, amount = move
        account, key = f"user:{run}-{who}", f"{run}:{number}"
        with database.session() as session:
            if what == "award":
                points.award(session, account, amount, key)
            elif what == "redeem":
                points.redeem(session, account, "soap", CREDIT, key)
            elif what == "restock":
                points.restock(session, "soap", -amount if who else amount)
            else:
                points.reverse(session, first + amount % 5, None, "")

    def hand(n: int) -> None:
        for number, move in enumerate(hands[n]):
            with contextlib.suppress(CreditError):
                one(move, number)

    at_once(len(hands), hand)
    with database.reading() as session:
        assert points.audit(session) == []
        assert (session.scalar(select(func.min(CreditAccount.balance))) or 0) >= 0
        assert (session.scalar(select(func.min(RewardItem.stock))) or 0) >= 0
        bought = session.scalar(select(func.count()).where(Redemption.reversed_at.is_(None))) or 0
        redeemed = select(func.count()).where(CreditEntry.kind == "redemption")
        undone = select(func.count()).where(CreditEntry.kind == "reversal", CreditEntry.subject_id == "soap")
        assert bought == (session.scalar(redeemed) or 0) - (session.scalar(undone) or 0)


def test_tiers_count_what_was_earned_and_the_export_is_safe(database: Database) -> None:
    from models.tables import User

    with database.session() as session:
        user = User(username="=cmd()", display_name="=1+1", password_hash="-", role="grid_worker")
        session.add(user)
        points.award(session, points.user_account(user.id), 250, "a")
        points.redeem(session, points.user_account(user.id), "rice-5kg", CREDIT, "b")
    with database.reading() as session:
        text = points.export_csv(session, CREDIT)
    assert text.splitlines()[1] == f"user:{user.id},'=1+1 (=cmd()),100,250,silver"
