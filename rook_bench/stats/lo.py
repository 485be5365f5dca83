"""The statistics of one Sharpe ratio over time (Lo 2002, "The Statistics of Sharpe Ratios")."""

from __future__ import annotations

import math

from rook_bench.core import Estimate
from rook_bench.stats.long_run import half_width
from rook_bench.stats.sample import Series, as_series, estimate, flaw, percent


def sharpe_interval(returns: object, *, periods_per_year: float, level: float = 0.95) -> Estimate:
    """Annualised Sharpe ratio (risk-free rate 0) with an interval that allows for dependence.

    Lo's GMM standard error: the delta method on mean and second moment, with the long-run
    variance of `influence`. The value is the per-period ratio times sqrt(periods_per_year), the
    usual convention; autocorrelation enters the interval, not the value.
    """
    series = as_series(returns)
    convention = f"Sharpe annualised by sqrt({periods_per_year:g}), risk-free rate 0"
    method = f"{percent(level)} interval, GMM standard error (Lo 2002) with cosine long-run variance and t quantiles"
    if because := flaw(series):
        return Estimate.undefined(because, n=len(series), unit="ratio", convention=convention)
    scale = math.sqrt(periods_per_year)
    value = scale * float(series.mean() / series.std(ddof=1))
    half = scale * half_width(influence(series), level)
    low, high = value - half, value + half
    return estimate(value, low, high, n=len(series), unit="ratio", convention=convention, method=method)


def influence(returns: Series) -> Series:
    """What each return adds to the error of the Sharpe ratio per period, shape (n,), mean 0.

    (r - mean) / s - SR / 2 ((r - mean)^2 / s^2 - 1): its long-run variance over n is the squared
    standard error.
    """
    deviation = returns.std()
    standard = (returns - returns.mean()) / deviation
    return standard - returns.mean() / deviation / 2 * (standard**2 - 1)
