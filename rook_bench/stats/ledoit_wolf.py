"""Whether one Sharpe ratio is larger than another (Ledoit, Wolf 2008)."""

from __future__ import annotations

import math

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.blocks import circular_block_length
from rook_bench.stats.lo import influence
from rook_bench.stats.long_run import prewhitened_qs
from rook_bench.stats.sample import Series, constant, estimate, flaw, percent, same_length

BATCH = 500_000
"""Block means drawn at once, which bounds memory at tens of megabytes."""


def sharpe_difference(
    candidate: object,
    champion: object,
    *,
    rng: np.random.Generator,
    periods_per_year: float,
    level: float = 0.95,
    replications: int = 1000,
    block: int | None = None,
) -> Estimate:
    """Annualised Sharpe ratio of candidate minus champion, on the same buckets.

    "Robust performance hypothesis testing with the Sharpe ratio", section 3.2: symmetric
    studentised circular block bootstrap. The standard error of the data is the delta method with
    a prewhitened quadratic spectral long-run variance, that of a resample the variance of its own
    block means. Two deliberate departures: the block length is the automatic one of the
    difference of influences (at least n^(1/4)), not calibrated by an inner bootstrap, and
    prewhitening is done on that scalar series instead of the four moments.

    Args:
        candidate, champion: shape (n,); ValueError for different shapes.
        block: observations per block, or None for automatic.
    """
    first, second = same_length(candidate, champion)
    n = len(first)
    convention = f"Sharpe annualised by sqrt({periods_per_year:g}), candidate minus champion"
    wide = percent(level)
    because = flaw(first) or flaw(second)
    if because is None and constant(first - second):
        because = "the two series differ by a constant"
    if because:
        return Estimate.undefined(because, n=n, unit="ratio", convention=convention)
    gap = influence(first) - influence(second)
    length = _length(gap, block)
    method = (
        f"{wide} interval, studentised circular block bootstrap (Ledoit, Wolf 2008), {replications} resamples, "
        f"block {length}"
    )
    error = math.sqrt(max(prewhitened_qs(gap), 0.0) / n)
    drawn = _studentised(np.column_stack([first, second]), length, replications, rng)
    if error == 0 or not np.isfinite(drawn).any():
        return Estimate.undefined("the difference has no spread", n=n, unit="ratio", convention=convention)
    quantile = float(np.quantile(drawn[np.isfinite(drawn)], level))
    ratios = [series.mean() / series.std(ddof=1) for series in (first, second)]
    scale = math.sqrt(periods_per_year)
    value, half = scale * (ratios[0] - ratios[1]), scale * quantile * error
    return estimate(value, value - half, value + half, n=n, unit="ratio", convention=convention, method=method)


def _length(gap: Series, block: int | None) -> int:
    # A resample's standard error comes from its block means: ten of them at the least.
    longest = max(1, len(gap) // 10)
    if block is None:
        # Dependence too weak to be seen still grows the variance, so the block grows with n.
        return min(max(circular_block_length(gap), math.ceil(len(gap) ** 0.25)), longest)
    if not 1 <= block <= longest:
        raise ValueError(f"a block holds 1 to {longest} of {len(gap)} observations, not {block}")
    return int(block)


def _studentised(returns: Series, block: int, replications: int, rng: np.random.Generator) -> Series:
    """|difference of a resample - difference of the data| over the resample's own standard error.

    Args:
        returns: shape (n, 2).

    Returns:
        shape (replications,); nan where a resample does not vary.
    """
    n = len(returns)
    blocks = n // block
    # Scaled, so that squares of returns of a few bps lose no digits against the means.
    scaled = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    offset = returns.mean(axis=0) / returns.std(axis=0)
    means = _block_means(np.column_stack([scaled, scaled**2]), block)
    batch = max(1, BATCH // blocks)
    counts = [min(batch, replications - done) for done in range(0, replications, batch)]
    draws = (means[rng.integers(n, size=(count, blocks))] for count in counts)
    return np.concatenate([_errors_in_units(drawn, offset) for drawn in draws])


def _errors_in_units(drawn: Series, offset: Series) -> Series:
    """The studentised differences of some resamples, shape (m,).

    Args:
        drawn: block means of the two scaled series and of their squares, shape (m, blocks, 4).
        offset: Sharpe ratios of the data per period, which scaling took out, shape (2,).
    """
    moments = drawn.mean(axis=1)
    shift, square = moments[:, :2], moments[:, 2:]
    spread = np.sqrt(np.maximum(square - shift**2, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = (shift + offset) / spread
        # Gradient of (m + offset) / sqrt(q - m^2) by the mean m and the second moment q.
        by_mean = (square + offset * shift) / spread**3
        by_square = -(shift + offset) / (2 * spread**3)
        gradient = np.concatenate([by_mean, by_square], axis=1) * [1, -1, 1, -1]
        block_errors = np.einsum("rbk,rk->rb", drawn - moments[:, None, :], gradient)
        error = np.sqrt(np.mean(block_errors**2, axis=1) / drawn.shape[1])
        gap = (sharpe[:, 0] - sharpe[:, 1]) - (offset[0] - offset[1])
        return np.where(error > 0, np.abs(gap) / error, np.nan)


def _block_means(columns: Series, block: int) -> Series:
    """Mean of the block that starts at each row, wrapping around, shape (n, k)."""
    n = len(columns)
    total = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(np.vstack([columns, columns[:block]]), axis=0)])
    return (total[block : block + n] - total[:n]) / block
