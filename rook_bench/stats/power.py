"""How much data a question needs."""

from __future__ import annotations

import math

import numpy as np

from rook_bench.stats.long_run import equal_weighted_cosine
from rook_bench.stats.sample import as_series
from rook_bench.stats.spectra import noncentrality

ALPHA, POWER = 0.025, 0.8
"""One-sided error rate and probability of finding what is there, where nobody asks for others."""


def long_run_variance(values: object) -> float:
    """Variance of one period such that the mean of n periods has about this over n.

    ValueError for fewer than 4 observations or any that is not finite.
    """
    series = as_series(values)
    if len(series) < 4 or not np.isfinite(series).all():
        raise ValueError(f"a variance needs at least 4 finite observations, not these {len(series)}")
    return equal_weighted_cosine(series)[0]


def detectable_effect(variance: float, periods: float, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """Smallest mean per period that the gate's test at `alpha` (see `stats.spectra`) finds with probability `power`.

    Args:
        variance: long-run, of one period.
        periods: how many there are.

    Where dependence is short against the tape; the unit is that of the returns.
    """
    if not (variance >= 0 and periods > 0):
        raise ValueError(f"variance {variance} must not be negative and periods {periods} must be above 0")
    return noncentrality(alpha, power) * math.sqrt(variance / periods)


def periods_needed(effect: float, variance: float, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """Periods until a true mean of `effect` is found; the inverse of `detectable_effect`.

    ValueError for an effect that is not above 0: no length would do.
    """
    if not (effect > 0 and variance >= 0):
        raise ValueError(f"effect {effect} must be above 0 and variance {variance} not negative")
    return variance * (noncentrality(alpha, power) / effect) ** 2
