"""How often the best of many backtests is below the middle when it counts (CSCV)."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.sample import Series

ROWS_PER_PART = 2
"""Fewest rows in one partition."""

COLUMNS = 512
"""Trials whose returns are in memory at the same time."""

BATCH = 4_000_000
"""Numbers (splits x trials) handled at once, which bounds memory at a few hundred megabytes."""

Statistic = Literal["sharpe", "mean"]


def probability_of_backtest_overfitting(
    returns: object, *, partitions: int = 16, statistic: Statistic = "sharpe"
) -> Estimate:
    """Share of splits where the trial that is best in one half is below the median of the other.

    Combinatorially symmetric cross-validation of Bailey, Borwein, Lopez de Prado and Zhu (2017),
    "The Probability of Backtest Overfitting": rows are cut into `partitions` consecutive parts
    (nearly equal), every choice of half of them is once in sample.

    Args:
        returns: shape (n, trials), rows in order of time, every trial that was looked at.
        partitions: even, 2 to 20.
        statistic: what the best is chosen by, and ranked by.

    About 0.5 when trials differ by luck alone, near 0 when one is really the best. A rank exactly
    in the middle (logit 0) counts one half, so noise gives 0.5 for an odd number of trials too;
    trials that tie for best in sample share the split; equal ranks are averaged. A trial without
    any return in a half has the statistic 0 there. No interval: the splits overlap.
    """
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"expected returns of shape (n, trials), but got shape {table.shape}")
    if partitions % 2 or not 2 <= partitions <= 20:
        raise ValueError(f"partitions must be an even number from 2 to 20, not {partitions}")
    if statistic not in ("sharpe", "mean"):
        raise ValueError(f"statistic is sharpe or mean, not {statistic!r}")
    n, trials = table.shape
    convention = (
        f"CSCV (Bailey, Borwein, Lopez de Prado, Zhu 2017) of {trials} trials by {statistic}, {partitions} partitions"
    )
    because = None
    if trials < 2:
        because = f"{trials} trial can't be overfitted by choosing; at least 2 are needed"
    elif n < ROWS_PER_PART * partitions:
        because = f"{n} rows are too few for {partitions} partitions; {ROWS_PER_PART * partitions} are needed"
    elif not np.isfinite(table).all():
        because = f"{int((~np.isfinite(table)).sum())} returns are not finite numbers"
    elif not np.ptp(table, axis=0).any():
        because = "no trial's returns vary"
    if because:
        return Estimate.undefined(because, n=n, unit="probability", convention=convention)
    return Estimate(_share_below(table, partitions, statistic), n, "probability", convention)


def _share_below(table: Series, partitions: int, statistic: Statistic) -> float:
    n, trials = table.shape
    starts = (np.arange(partitions) * n) // partitions
    rows = np.diff(np.append(starts, n)).astype(np.float64)
    # Sums per part are all that a half's mean and deviation need. Scaling keeps their digits.
    # Some columns at a time: a table of many trials may lie on disk.
    blocks = [slice(start, start + COLUMNS) for start in range(0, trials, COLUMNS)]
    centre = np.concatenate([table[:, block].mean(axis=0) for block in blocks])
    scale = max(float(table[:, block].std(axis=0).max()) for block in blocks)
    halves_of = []
    for block in blocks:
        scaled = (table[:, block] - centre[block]) / scale
        halves_of.append([np.add.reduceat(part, starts, axis=0) for part in (scaled, scaled**2)])
    sums = [np.concatenate(parts, axis=1) for parts in zip(*halves_of, strict=True)]
    picks = np.array(list(combinations(range(partitions), partitions // 2)))
    halves = np.zeros((len(picks), partitions))
    np.put_along_axis(halves, picks, 1.0, axis=1)
    below = 0.0
    step = max(1, BATCH // trials)
    for inside in np.array_split(halves, -(-len(halves) // step)):
        scores = [_score(half, rows, sums, centre / scale, statistic) for half in (inside, 1 - inside)]
        below += _below_middle(*scores).sum()
    return float(below / len(halves))


def _score(half: Series, rows: Series, sums: list[Series], centre: Series, statistic: Statistic) -> Series:
    """Statistic of every trial in the parts that `half` marks, shape (splits, trials)."""
    count = (half @ rows)[:, None]
    shift = half @ sums[0] / count
    mean = shift + centre
    if statistic == "sharpe":
        deviation = np.sqrt(np.maximum(half @ sums[1] / count - shift**2, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where((np.abs(mean) < 1e-12) & (deviation < 1e-7), 0.0, mean / deviation)
    # Columns that are the same must tie, whatever order a matrix product adds in.
    return np.round(mean, 12)


def _below_middle(inside: Series, outside: Series) -> Series:
    """1 where the best in sample ranks below the middle out of sample, 0.5 at the middle, shape (splits,)."""
    from scipy.stats import rankdata

    middle = (inside.shape[1] + 1) / 2
    worse = 0.5 - 0.5 * np.sign(rankdata(outside, axis=1) - middle)
    best = inside == inside.max(axis=1, keepdims=True)
    return (worse * best).sum(axis=1) / best.sum(axis=1)
