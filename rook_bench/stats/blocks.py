"""How long the blocks of a bootstrap must be for the dependence of a series."""

from __future__ import annotations

import math
import warnings

import numpy as np

from rook_bench.stats.sample import Series, as_series, constant


def block_length(values: object) -> float:
    """Mean block of the stationary bootstrap chosen from the series, in observations.

    Politis and White (2004) with the correction of Patton, Politis and White (2009), as arch has
    it; between 1 (a constant or very short series) and a third of the series.
    """
    return _automatic(as_series(values), "stationary")


def circular_block_length(values: object) -> int:
    """The same for blocks of one fixed length, rounded up."""
    return math.ceil(_automatic(as_series(values), "circular"))


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
