"""How much of the best point is luck: what is expected of the best of so many, and whether being best lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.gates.checks.selection import deflated
from rook_bench.stats import probability_of_backtest_overfitting
from rook_bench.stats.overfitting import ROWS_PER_PART, Statistic
from rook_bench.sweeps.scores import By, Returns
from rook_bench.sweeps.shelf import on_disk

COMPARED = 1_000
"""Points whose returns are held side by side to see which are near copies; further ones count as tries of their own."""

PARTS, PARTS_OF_MANY, MANY = 16, 10, 500
"""Partitions of the probability of overfitting; fewer for many points, whose rankings take the time."""


@dataclass(frozen=True)
class Luck:
    """What choosing the best of a sweep has to be discounted by.

    Attributes:
        deflated: probability that the best point's Sharpe ratio over hold is above what the best of as many would
            show without skill.
        tries: as how many it counts, those that the ledger knows on these rows included; near copies count once.
        overfitting: probability that the best of one half of the tape is below the middle in the other.
    """

    deflated: Estimate
    tries: int
    overfitting: Estimate


def luck_of(returns: Returns, best: int, usable: NDArray[np.bool_], by: By, *, elsewhere: int = 0) -> Luck:
    """What the best point is worth after so many were tried.

    Args:
        returns: of all points.
        best: the one that was chosen.
        usable: points whose returns are defined, shape (points,).
        by: what it was chosen by.
        elsewhere: other candidates that were tried on these rows.
    """
    others = np.flatnonzero(usable & (np.arange(len(usable)) != best))
    picked = others if len(others) <= COMPARED else others[np.linspace(0, len(others) - 1, COMPARED).astype(int)]
    elsewhere += len(usable) - 1 - len(picked)
    mine = returns.over_hold(best)
    estimate, tries = deflated(mine, [returns.over_hold(point) for point in picked.tolist()], elsewhere=elsewhere)
    return Luck(estimate, tries, _overfitting(returns, np.flatnonzero(usable), by))


def _overfitting(returns: Returns, usable: NDArray[np.intp], by: By) -> Estimate:
    if by == "max_drawdown":
        return Estimate.undefined("a drawdown of the whole tape has no halves", n=returns.buckets, unit="probability")
    partitions = PARTS if len(usable) <= MANY else PARTS_OF_MANY
    while partitions > 2 and returns.buckets < ROWS_PER_PART * partitions:
        partitions -= 2
    table = on_disk(len(usable), returns.buckets)
    for place, point in enumerate(usable.tolist()):
        table[place] = returns.over_hold(point) if "excess" in by else returns.net[point]
    statistic: Statistic = "sharpe" if by.startswith("sharpe") else "mean"
    return probability_of_backtest_overfitting(table.T, partitions=partitions, statistic=statistic)
