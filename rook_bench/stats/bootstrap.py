"""Intervals of one dependent series, and of the difference of two on the same buckets."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.long_run import half_width
from rook_bench.stats.sample import Series, as_series, constant, estimate, flaw, percent, same_length

UNUSABLE = 0.05
"""Largest share of resamples without a value of the statistic that is still left out quietly."""


def block_length(values: object) -> float:
    """Mean block of the stationary bootstrap chosen from the series, in observations.

    Politis and White (2004) with the correction of Patton, Politis and White (2009), as arch has
    it; between 1 (a constant or very short series) and a third of the series.
    """
    return _automatic(as_series(values), "stationary")


def circular_block_length(values: object) -> int:
    """The same for blocks of one fixed length, rounded up."""
    return math.ceil(_automatic(as_series(values), "circular"))


def bootstrap_interval(
    returns: object,
    statistic: Callable[[Series], float],
    *,
    rng: np.random.Generator,
    unit: str,
    name: str,
    level: float = 0.95,
    replications: int = 2000,
    block: float | None = None,
) -> Estimate:
    """Percentile interval of any statistic of one series, by the stationary bootstrap.

    Args:
        returns: shape (n,).
        statistic: one series of any order and of the same length to a number; nan where it has none.
        unit, name: of the statistic, for the Estimate.
        block: mean block length in observations; chosen by `block_length` when None.

    Resamples where the statistic is not finite are left out; more than 5% of them make the
    interval undefined, because what is left is then a sample of the convenient cases. The order
    of observations inside blocks is kept, so statistics of a path (a drawdown) may be given, but
    blocks forget what came before them.
    """
    series = as_series(returns)
    length = _block(series, block)
    convention = f"{name}; {_percentile(level, replications, length)}"
    because = flaw(series)
    value = math.nan if because else float(statistic(series))
    if because is None and not math.isfinite(value):
        because = f"{name} has no value on this series"
    if because:
        return Estimate.undefined(because, n=len(series), unit=unit, convention=convention)
    draws = _resampled(series, statistic, rng, replications, length)
    usable = draws[np.isfinite(draws)]
    if len(usable) < (1 - UNUSABLE) * replications:
        because = f"{name} has no value in {replications - len(usable)} of {replications} resamples"
        return Estimate.undefined(because, n=len(series), unit=unit, convention=convention)
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return estimate(value, low, high, n=len(series), unit=unit, convention=convention)


def mean_interval(
    values: object,
    *,
    rng: np.random.Generator,
    unit: str = "fraction",
    name: str = "mean",
    level: float = 0.95,
    replications: int = 2000,
    block: float | None = None,
) -> Estimate:
    """The mean of a dependent series, per bucket.

    The default is the t interval on the equal-weighted cosine variance (`equal_weighted_cosine`):
    of the methods compared in docs/explanation/statistics.md it comes nearest to its stated level
    and needs no random numbers. Giving a `block` asks for the percentile stationary bootstrap
    with that mean block instead; `rng` and `replications` are used only there.
    """
    if block is not None:
        return bootstrap_interval(
            values, np.mean, rng=rng, unit=unit, name=name, level=level, replications=replications, block=block
        )
    series = as_series(values)
    convention = f"{name} per bucket; {_cosine(level)}"
    if because := flaw(series):
        return Estimate.undefined(because, n=len(series), unit=unit, convention=convention)
    value, half = float(series.mean()), half_width(series, level)
    return estimate(value, value - half, value + half, n=len(series), unit=unit, convention=convention)


def paired_difference(
    candidate: object,
    champion: object,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    replications: int = 2000,
    block: float | None = None,
) -> Estimate:
    """Mean of candidate minus champion per bucket, both log returns on the same buckets.

    Pairing takes out what moved both; see `mean_interval` for the method. ValueError for
    different shapes.
    """
    first, second = same_length(candidate, champion)
    name = "mean log return of candidate minus champion, paired"
    return mean_interval(first - second, rng=rng, name=name, level=level, replications=replications, block=block)


def _cosine(level: float) -> str:
    return f"{percent(level)} interval, equal-weighted cosine variance with t quantiles (Lazarus et al. 2018)"


def _automatic(series: Series, kind: str) -> float:
    if len(series) < 9 or not np.isfinite(series).all() or constant(series):
        return 1.0
    from arch.bootstrap import optimal_block_length

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        length = float(optimal_block_length(series)[kind].iloc[0])
    # A series with a long run of zeros at an end makes arch divide zero by zero.
    longest = len(series) / 3
    return min(max(1.0, length), longest) if math.isfinite(length) else min(math.sqrt(len(series)), longest)


def _block(series: Series, block: float | None) -> float:
    if block is None:
        return _automatic(series, "stationary")
    if block < 1:
        raise ValueError(f"a block holds at least one observation, not {block}")
    return float(block)


def _resampled(
    series: Series, statistic: Callable[[Series], float], rng: np.random.Generator, replications: int, block: float
) -> Series:
    """The statistic on each resample, shape (replications,)."""
    from arch.bootstrap import StationaryBootstrap

    sampler = StationaryBootstrap(block, series, seed=rng)
    return np.array([float(statistic(data[0])) for data, _ in sampler.bootstrap(replications)])


def _percentile(level: float, replications: int, block: float) -> str:
    return (
        f"{percent(level)} percentile interval, stationary bootstrap, {replications} resamples, mean block {block:.1f}"
    )
