"""Which floor must be paid now, so that none of them breaks later.

Promises: pure; floors are kept whenever all of them together can be paid (earliest deadline first); while they cannot,
those that are not firm stretch, and what happens right now still gets one look in a few. Not here: bids above the
floors, and the budget (`attention.py`).
"""

import numpy as np
from numpy.typing import NDArray

from detectors.slots import Slots

#: A camera that offered no frame for this long does not count among the floors to be paid.
ABSENT_AFTER_SECONDS = 2.0
#: Where nothing stirs, floors that are not firm are so much longer.
RESTING_STRETCH = 3.0
#: Floors found safe are checked again after this long at the latest.
RECHECK_SECONDS = 0.25
#: How many looks may stand between a floor and the engine.
MARGIN_LOOKS = 4.0
#: While floors cannot all be paid, one look in this many plus one still goes to the highest bid.
FLOORS_IN_A_ROW = 4
#: Floors that ask for no more than this share of the engine are surely kept.
SAFE_SHARE = 0.8
#: Floors that are not firm become this many times longer at most.
MOST_STRETCH = 40.0


class Floors:
    """The floors of all slots, where `rate` seconds of the engine may be spent in a second."""

    def __init__(self, slots: Slots, rate: float) -> None:
        self._slots = slots
        self._rate = rate
        self._safe_until = -np.inf
        self._floors_in_a_row = 0

    def unsettle(self) -> None:
        """Something changed: what was found safe may be no more."""
        self._safe_until = -np.inf

    def in_danger(self, ready: NDArray[np.intp], now: float) -> int | None:
        """The floor to pay now because spending on anything else might break one later; None while all are safe.

        Earliest deadline first keeps every floor that can be kept. Floors are safe when, for each deadline d, what must
        be spent by then fits in the time left: of each camera due by d the look it owes, and those that its floor
        asks again up to d (taken as a fluid, which errs on the safe side).
        """
        if now < self._safe_until:
            return None
        slots = self._slots
        floor = self._payable(now)
        deadline = slots.last + floor
        # A floor whose camera has no new frame can be paid only later; once it is overdue, waiting for it helps nobody.
        owed = np.flatnonzero((slots.offered_at >= now - ABSENT_AFTER_SECONDS) & (slots.ready | (deadline > now)))
        if not len(owed):
            return None
        owed = owed[np.argsort(deadline[owed], kind="stable")]
        due, cost = deadline[owed], slots.cost[owed]
        share = cost / floor[owed]
        demand = np.cumsum(cost) + due * np.cumsum(share) - np.cumsum(share * due)
        room = due - now - demand / self._rate
        tightest = int(room.argmin())
        slack = float(room[tightest])
        # What is under way cannot be interrupted, and the next bid would not be either.
        margin = MARGIN_LOOKS * float(cost.max()) / self._rate
        if slack > margin:
            self._safe_until = now + min(slack - margin, RECHECK_SECONDS)
            self._floors_in_a_row = 0
            return None
        if float(share.sum()) > self._rate and self._floors_in_a_row >= FLOORS_IN_A_ROW:
            # The floors cannot all be kept whatever we do: what happens right now must not be blind to that.
            self._floors_in_a_row = 0
            return None
        # Paying a floor that is due after the tightest one would not help that one.
        payable = ready[deadline[ready] <= due[tightest]]
        if not len(payable):
            return None
        self._floors_in_a_row += 1
        return int(payable[((now - slots.last[payable]) / floor[payable]).argmax()])

    def _payable(self, now: float) -> NDArray[np.float64]:
        """Each slot's floor: those that are not firm are longer where nothing stirs, and while all together ask for too
        much, they are stretched to fit."""
        slots = self._slots
        floor = np.where((slots.next_in > 0) & ~slots.firm, RESTING_STRETCH * slots.floor, slots.floor)
        share = np.where(slots.offered_at >= now - ABSENT_AFTER_SECONDS, slots.cost / floor, 0.0)
        firm = float(share[slots.firm].sum())
        soft = float(share.sum()) - firm
        room = SAFE_SHARE * self._rate - firm
        if soft <= max(room, 0.0):
            return floor
        stretch = MOST_STRETCH if room <= soft / MOST_STRETCH else soft / room
        return np.where(slots.firm, floor, floor * stretch)
