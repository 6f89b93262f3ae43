"""Figures of many durations.

Promises: with nothing measured there is no figure, never a zero. Not here: which durations.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Of so many durations, in seconds: the middle one, and the one that nine in ten stay within."""

    count: int
    median: float
    p90: float


def spread_of(values: Sequence[float]) -> Spread | None:
    """The spread; None when there is nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(len(ordered), _at(ordered, 0.5), _at(ordered, 0.9))


def _at(ordered: Sequence[float], share: float) -> float:
    """The value at that share of the way, between neighbours in proportion."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
