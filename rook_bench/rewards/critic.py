"""Fitting the critic: boosted trees of the mark-out, fitted out of fold, and shrunk by what they prove to be worth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.language.chance import Chance
from rook_bench.language.critic import antisymmetric
from rook_bench.language.trees import Trees

FOLDS = 4
EMBARGO_ROWS = 100
"""Rows dropped on either side of a fold beyond those whose rewards reach it: the longest that a feature looks back."""

CLUSTER_HORIZONS = 3
"""Rewards overlap; sums over clusters of this many horizons are taken for independent."""

LEAST_CLUSTERS = 100
"""Stretches of time below which a slope says nothing of other days: one day's rows agree with each other."""

LEAST_OUTCOMES = 20
"""Rows with a profit, and rows without one, that a chance of profit is told from."""

CHANCE_GROUPS = 25
"""Groups of rows that a chance of profit is told from, where there are rows enough."""

SETTINGS: dict[str, Any] = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 100,
    "early_stopping": False,
}
"""Of scikit-learn's HistGradientBoostingRegressor. Its own early stopping draws rows at random, whose rewards overlap
those of the rows that it fits."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to learn a mark-out from, in order of time.

    Attributes:
        numbers, mirrored: what a prompt shows, and what it would show of the mirrored market, shape (rows, fields).
        markout: half the difference of both rewards, bps: what a buy gains before costs, shape (rows,).
        cost: half of what both together lose, bps, shape (rows,).
        at: when each row is, ns; until: when its reward is marked, ns.
        pool: of which of several pools each row is.
    """

    numbers: NDArray[np.float64]
    mirrored: NDArray[np.float64]
    markout: NDArray[np.float64]
    cost: NDArray[np.float64]
    at: NDArray[np.int64]
    until: NDArray[np.int64]
    pool: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.markout)

    def take(self, rows: NDArray[np.intp]) -> Table:
        """Some of its rows."""
        return Table(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Slope:
    """How mark-outs follow what was foretold out of fold.

    Attributes:
        value: regression through the origin of the mark-out on the forecast; 1 where forecasts are as large as they
            should be, 0 where they foretell nothing. NaN where nothing but zero was foretold.
        se: its standard error, clustered in time; clusters: how many.
        spread_bps: standard deviation of the forecasts.
    """

    value: float
    se: float
    clusters: int
    spread_bps: float

    @property
    def enough(self) -> bool:
        """Whether there is time enough to tell."""
        return self.clusters >= LEAST_CLUSTERS

    @property
    def shrunk(self) -> float:
        """The slope less its error, within 0 and 1: what forecasts are multiplied by. 0 says that no edge was found."""
        return float(np.clip(self.value - self.se, 0.0, 1.0)) if np.isfinite(self.value) and self.enough else 0.0

    def clusters_needed(self) -> int | None:
        """Stretches of time after which the slope's error is half the slope, if it stays what it is; None of none."""
        if not np.isfinite(self.value) or self.value <= 0:
            return None
        return max(LEAST_CLUSTERS, math.ceil(self.clusters * (2 * self.se / self.value) ** 2))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Trees fitted on all rows, and the slope of those fitted out of fold.

    Attributes:
        trees: of the mark-out; slope: their worth; cost_bps: median cost of an order.
        foretold: out of fold, bps, shape (rows,).
    """

    trees: Trees
    slope: Slope
    cost_bps: float
    foretold: NDArray[np.float64]


def fit_critic(table: Table, horizon_s: float, seed: int) -> Fitted:
    """Fit, cross-fit and shrink.

    Args:
        table: training rows with defined numbers and rewards.
        horizon_s: of the rewards; clusters of the slope's error are a few times as long.
        seed: of the trees.
    """
    foretold = out_of_fold(table, seed)
    trees = fit_trees(table, seed)
    return Fitted(trees, slope_of(table, foretold, horizon_s), float(np.median(table.cost)), foretold)


def fit_trees(table: Table, seed: int) -> Trees:
    """Boosted trees of the mark-out on the rows and their mirror images."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(**SETTINGS, random_state=seed)
    model.fit(np.vstack([table.numbers, table.mirrored]), np.concatenate([table.markout, -table.markout]))
    return Trees.of(model)


def out_of_fold(table: Table, seed: int) -> NDArray[np.float64]:
    """Each row's mark-out as foretold by trees that saw neither it nor what its reward overlaps, shape (rows,)."""
    out = np.empty(len(table))
    for fold, others in folds(table):
        trees = fit_trees(table.take(others), seed)
        out[fold] = antisymmetric(trees, table.numbers[fold], table.mirrored[fold])
    return out


def folds(table: Table) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Blocks of time, each with the rows that may be learned from when it is foretold.

    A row before the block whose reward is marked inside it, a row inside which a reward of the block is marked, and
    what lies within the embargo of either are left out. A block is one stretch of time in all pools, for they move
    together; the embargo is so many rows of each.
    """
    rows = np.arange(len(table))
    pools = [np.flatnonzero(table.pool == pool) for pool in range(int(table.pool.max(initial=0)) + 1)]
    for block in np.array_split(rows, FOLDS):
        first, last = int(block[0]), int(block[-1])
        known = table.until[block].max()
        others = []
        for own in pools:
            at, until = table.at[own], np.maximum.accumulate(table.until[own])
            begins, ends = np.searchsorted(own, (first, last + 1))
            # Rows before it whose reward is known before it begins; rows after it that begin after its rewards are
            # known.
            before = np.searchsorted(until, table.at[first], side="left") - EMBARGO_ROWS
            after = np.searchsorted(at, known, side="right") + EMBARGO_ROWS
            others += [own[: max(0, min(before, begins - EMBARGO_ROWS))], own[max(after, ends) :]]
        yield block, np.sort(np.concatenate(others))


def slope_of(table: Table, foretold: NDArray[np.float64], horizon_s: float) -> Slope:
    """Regression through the origin: no side is favoured, so that no forecast means no mark-out."""
    cluster = clusters_of(table.at, horizon_s)
    count = int(cluster.max()) + 1
    square = float(foretold @ foretold)
    if square == 0:
        return Slope(np.nan, np.nan, count, 0.0)
    value = float(foretold @ table.markout) / square
    scores = np.bincount(cluster, weights=foretold * (table.markout - value * foretold))
    se = float(np.sqrt(scores @ scores * count / max(count - 1, 1))) / square
    return Slope(value, se, count, float(foretold.std()))


def clustered_mean(values: NDArray[np.float64], at: NDArray[np.int64], horizon_s: float) -> tuple[float, float]:
    """Mean of values that overlap in time, and its standard error over the clusters of `slope_of`; NaN without any."""
    if not len(values):
        return np.nan, np.nan
    cluster = clusters_of(at, horizon_s)
    sums = np.bincount(cluster, weights=values - values.mean())
    count = len(sums)
    se = float(np.sqrt(sums @ sums * count / max(count - 1, 1))) / len(values) if count > 1 else np.nan
    return float(values.mean()), se


def clusters_of(at: NDArray[np.int64], horizon_s: float) -> NDArray[np.intp]:
    """The stretch of time that each row lies in, counted from 0 without gaps, shape (rows,)."""
    numbered: NDArray[np.intp] = np.unique(at // round(CLUSTER_HORIZONS * horizon_s * 1e9), return_inverse=True)[1]
    return numbered


def chance_of_profit(score: NDArray[np.float64], profit: NDArray[np.bool_]) -> Chance | None:
    """Isotonic regression of profit on score; None where there are too few rows of either outcome.

    Args:
        score: what rises with the chance, shape (rows,).
        profit: whether the order earned something, shape (rows,).
    """
    from sklearn.isotonic import IsotonicRegression

    if min(int(profit.sum()), int((~profit).sum())) < LEAST_OUTCOMES:
        return None
    # In groups of rows with like scores, or the single row at either end would be certain.
    groups = np.array_split(np.argsort(score, kind="stable"), min(CHANCE_GROUPS, len(score) // LEAST_OUTCOMES))
    means = np.array([(score[rows].mean(), profit[rows].mean()) for rows in groups])
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(means[:, 0], means[:, 1])
    return Chance(score=fitted.X_thresholds_.tolist(), share=np.maximum.accumulate(fitted.y_thresholds_).tolist())
