"""What every statistic asks of its sample first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate

Series = NDArray[np.float64]

LEAST = 20
"""Fewest observations with which any interval is given."""

LEAST_ACTIVE = 10
"""Fewest observations that differ from zero: a source that traded in three buckets has shown three returns."""


def as_series(values: object) -> Series:
    """One series as float64, shape (n,); ValueError for any other shape."""
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"expected one series, shape (n,), but got shape {series.shape}")
    return series


def same_length(first: object, second: object) -> tuple[Series, Series]:
    """Two series on the same buckets; ValueError where their shapes differ."""
    one, other = as_series(first), as_series(second)
    if one.shape != other.shape:
        raise ValueError(f"series on different buckets can't be paired: shapes {one.shape} and {other.shape}")
    return one, other


def flaw(values: Series, *, least: int = LEAST, active: int = LEAST_ACTIVE) -> str | None:
    """Why nothing can be said from `values`, or None."""
    if len(values) < least:
        return f"{len(values)} observations are too few; at least {least} are needed"
    if not np.isfinite(values).all():
        return f"{int((~np.isfinite(values)).sum())} of {len(values)} observations are not finite numbers"
    if constant(values):
        return "the series does not vary"
    moved = int(np.count_nonzero(values))
    if moved < active:
        return f"only {moved} of {len(values)} observations differ from zero; at least {active} are needed"
    return None


def constant(values: Series) -> bool:
    """Whether the spread is no more than rounding, of the values themselves or of sums near 1."""
    # Returns come from ratios of equities, so 1e-15 is noise whatever their own size.
    return bool(np.ptp(values) <= max(1e-15, 1e-12 * float(np.abs(values).max())))


def estimate(value: float, low: float, high: float, *, n: int, unit: str, convention: str, method: str) -> Estimate:
    """An Estimate of computed numbers, or undefined where one of them is not finite."""
    if not np.isfinite([value, low, high]).all():
        return Estimate.undefined("the computation gave no finite number", n=n, unit=unit, convention=convention)
    return Estimate(float(value), n, unit, convention, low=float(low), high=float(high), method=method)


def percent(level: float) -> str:
    """A confidence level in words, "97.5%"; ValueError unless it lies between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return f"{100 * level:g}%"
