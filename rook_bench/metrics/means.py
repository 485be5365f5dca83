"""A mean that keeps its value where its interval can't be told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate


def mean_of(
    values: NDArray[np.float64], *, unit: str, convention: str, factor: float = 1.0, lasting: bool = False
) -> Estimate:
    """Mean of dependent values in their order in time, times a factor, with its 95% interval.

    Args:
        values: shape (n,), n at least 1.
        factor: positive: n for a sum, buckets per day for a daily mean, 1e4 for bps.
        lasting: allow for dependence that lasts, as a gate does (see `stats.spectra`).

    Too few values, or too few that differ from zero, have a mean and no interval; the convention
    then says why.
    """
    # The statistics load scipy, which measuring a run does without.
    from rook_bench.stats import mean_interval, mean_over_spectra

    if not np.isfinite(values).all():
        # Log returns of an equity that fell to zero.
        return Estimate.undefined("costs ate up all equity", n=len(values), unit=unit, convention=convention)
    value = float(values.mean()) * factor
    found = mean_over_spectra(values, unit=unit).estimate if lasting else mean_interval(values, unit=unit)
    if found.low is None or found.high is None:
        return Estimate(value, len(values), unit, f"{convention}; no interval: {found.undefined_because}")
    low, high = found.low * factor, found.high * factor
    return Estimate(value, len(values), unit, convention, low, high, method=found.method)
