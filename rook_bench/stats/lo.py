"""The statistics of one Sharpe ratio over time (Lo 2002, "The Statistics of Sharpe Ratios")."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.long_run import half_width
from rook_bench.stats.sample import Series, as_series, estimate, flaw, percent


def sharpe_standard_error(sharpe: float, n: int) -> float:
    """Standard error of a Sharpe ratio of `n` independent normal returns; both per period."""
    if n < 1:
        raise ValueError(f"a standard error needs observations, not {n}")
    return math.sqrt((1 + sharpe**2 / 2) / n)


def eta(periods: int, autocorrelations: Sequence[float]) -> float:
    """Factor from a Sharpe ratio per period to one over `periods` of them.

    Args:
        periods: q, at least 1.
        autocorrelations: of lags 1, 2, ...; at most the first q - 1 count, missing ones are 0.

    Without autocorrelation it is sqrt(q). ValueError where the autocorrelations make the
    variance of the sum negative, which no stationary series does.
    """
    if periods < 1:
        raise ValueError(f"periods must be at least 1, not {periods}")
    rho = np.asarray(autocorrelations, dtype=np.float64)[: periods - 1]
    variance = periods + 2 * float(np.sum((periods - np.arange(1, len(rho) + 1)) * rho))
    if not variance > 0:
        raise ValueError("no stationary series has these autocorrelations")
    return periods / math.sqrt(variance)


def sharpe_interval(returns: object, *, periods_per_year: float, level: float = 0.95) -> Estimate:
    """Annualised Sharpe ratio (risk-free rate 0) with an interval that allows for dependence.

    Lo's GMM standard error: the delta method on mean and second moment, with the long-run
    variance of `influence`. The value is the per-period ratio times sqrt(periods_per_year), the
    usual convention; autocorrelation enters the interval, not the value (for that, see `eta`).
    """
    series = as_series(returns)
    convention = (
        f"Sharpe annualised by sqrt({periods_per_year:g}), risk-free rate 0; {percent(level)} interval, "
        "GMM standard error (Lo 2002) with cosine long-run variance and t quantiles"
    )
    if because := flaw(series):
        return Estimate.undefined(because, n=len(series), unit="ratio", convention=convention)
    scale = math.sqrt(periods_per_year)
    value = scale * float(series.mean() / series.std(ddof=1))
    half = scale * half_width(influence(series), level)
    return estimate(value, value - half, value + half, n=len(series), unit="ratio", convention=convention)


def influence(returns: Series) -> Series:
    """What each return adds to the error of the Sharpe ratio per period, shape (n,), mean 0.

    (r - mean) / s - SR / 2 ((r - mean)^2 / s^2 - 1): its long-run variance over n is the squared
    standard error.
    """
    deviation = returns.std()
    standard = (returns - returns.mean()) / deviation
    return standard - returns.mean() / deviation / 2 * (standard**2 - 1)
