"""The mean of a dependent series, and how sure it is."""

from __future__ import annotations

from rook_bench.core import Estimate
from rook_bench.stats.long_run import half_width
from rook_bench.stats.sample import as_series, estimate, flaw, percent


def mean_interval(values: object, *, unit: str = "fraction", level: float = 0.95) -> Estimate:
    """The mean of a dependent series, per bucket, with its interval.

    The t interval on the equal-weighted cosine variance (`equal_weighted_cosine`): of the methods
    compared in docs/explanation/statistics.md it comes nearest to its stated level, and it needs
    no random numbers.

    Args:
        values: shape (n,), in their order in time; the difference of two series for a paired one.
        unit: of the values, for the Estimate.
        level: of the two-sided interval.
    """
    series = as_series(values)
    method = f"{percent(level)} interval, equal-weighted cosine variance with t quantiles (Lazarus et al. 2018)"
    convention = "mean per bucket"
    if because := flaw(series):
        return Estimate.undefined(because, n=len(series), unit=unit, convention=convention)
    value, half = float(series.mean()), half_width(series, level)
    return estimate(value, value - half, value + half, n=len(series), unit=unit, convention=convention, method=method)
