"""What every point of a sweep earned in parts of the tape, for choosing in one part and judging in another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import UnknownName

By = Literal["sharpe_ratio_excess", "sharpe_ratio", "excess_return", "total_return", "max_drawdown"]

BY: tuple[By, ...] = ("sharpe_ratio_excess", "sharpe_ratio", "excess_return", "total_return", "max_drawdown")
"""The metrics that the best point may be chosen by; the last is best where it is smallest."""

LOWER = ("max_drawdown",)

COLUMNS = 256
"""Points whose returns are in memory at the same time."""

NO_SPREAD = 1e-15


def by_of(name: str) -> By:
    """The metric of that name; UnknownName with the near one where no point is chosen by it."""
    found = next((by for by in BY if by == name), None)
    if found is None:
        raise UnknownName("metric to choose by", name, BY)
    return found


@dataclass(frozen=True, eq=False)
class Returns:
    """Net log returns of every point on one clock, on disk while nobody looks at them.

    Attributes:
        net: shape (points, n); rows of points whose equity is gone somewhere are not finite.
        hold: log returns of keeping the opening balances, shape (openings, n).
        opening: which of them is each point's, shape (points,).
        per_year: buckets in a year.
    """

    net: NDArray[np.float64]
    hold: NDArray[np.float64]
    opening: NDArray[np.intp]
    per_year: float

    @property
    def buckets(self) -> int:
        """Returns of each point."""
        return self.net.shape[1]

    def over_hold(self, point: int) -> NDArray[np.float64]:
        """Net log returns over hold of one point, shape (n,)."""
        difference: NDArray[np.float64] = self.net[point] - self.hold[self.opening[point]]
        return difference

    def blocks(self, *, excess: bool) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """The points in order, some at a time, with their returns (over hold, if asked), shape (k, n)."""
        for start in range(0, len(self.net), COLUMNS):
            which = slice(start, start + COLUMNS)
            block = np.asarray(self.net[which])
            yield which, block - self.hold[self.opening[which]] if excess else block

    def scores(self, masks: NDArray[np.bool_], by: By) -> NDArray[np.float64]:
        """What each point is chosen by in each part, shape (parts, points); NaN where it is undefined.

        Of log returns: what their sum amounts to for total_return and excess_return, their mean over their deviation,
        annualised, for Sharpe ratios.

        Args:
            masks: the buckets of each part, shape (parts, n).
            by: the metric; a drawdown has no parts.
        """
        excess, ratio = by.endswith("excess") or by == "excess_return", by.startswith("sharpe")
        picked, counts = masks.astype(np.float64), masks.sum(axis=1, dtype=np.float64)[:, None]
        found = np.full((len(masks), len(self.net)), np.nan)
        for which, block in self.blocks(excess=excess):
            # What is not finite spoils the parts that it lies in, and no other: equity may be gone later only.
            finite = np.isfinite(block)
            spoilt = picked @ (~finite).T.astype(np.float64) > 0
            block = np.where(finite, block, 0.0)
            with np.errstate(invalid="ignore", divide="ignore"):
                sums = picked @ block.T
                if not ratio:
                    found[:, which] = np.where(spoilt, np.nan, np.expm1(sums))
                    continue
                # Around each point's own mean, which keeps the digits of small deviations.
                centre = block.mean(axis=1)
                moved = block - centre[:, None]
                shift = picked @ moved.T / counts
                square = picked @ (moved**2).T - counts * shift**2
                deviation = np.sqrt(np.maximum(square, 0.0) / np.maximum(counts - 1, 1))
                value = (shift + centre) / deviation * math.sqrt(self.per_year)
                found[:, which] = np.where((deviation > NO_SPREAD) & ~spoilt, value, np.nan)
        return found


def best_of(values: NDArray[np.float64], by: By, allowed: NDArray[np.bool_]) -> int | None:
    """The first of the best points; None where every value is undefined or not allowed."""
    usable = np.isfinite(values) & allowed
    if not usable.any():
        return None
    worst, pick = (np.inf, np.argmin) if by in LOWER else (-np.inf, np.argmax)
    choose: Callable[..., np.intp] = pick
    return int(choose(np.where(usable, values, worst)))
