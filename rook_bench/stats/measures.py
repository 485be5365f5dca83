"""Measures of returns and of equity as pure functions, of an array, a list or a pandas Series.

Returns are simple, one per period, shape (n,); equity is a value at each moment, shape (n,). Where a
measure has no value (too short, no spread, no drawdown) it is NaN, and never zero or infinite. One NaN
among the values makes the measure NaN: nothing is left out or filled in. ValueError for another shape.

The metrics of a run are these functions, with the reason in place of NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rook_bench.stats.sample import Series, as_series

NO_SPREAD = 1e-15
"""A spread this far below the returns' own rounding is none."""


def volatility(returns: object, *, periods_per_year: float) -> float:
    """Annualised sample deviation (n - 1), a fraction; NaN for fewer than two returns or a NaN among them."""
    series = as_series(returns)
    return _deviation(series) * math.sqrt(periods_per_year) if len(series) > 1 else math.nan


def sharpe_ratio(returns: object, *, periods_per_year: float) -> float:
    """Mean over sample deviation (n - 1), annualised by the square root of time, risk-free rate 0.

    NaN for fewer than two returns, without spread, or with a NaN among them.
    """
    return _ratio(as_series(returns), _deviation, periods_per_year)


def sortino_ratio(returns: object, *, periods_per_year: float) -> float:
    """Mean over downside deviation, annualised; that is the root mean square of the negative returns over all of them.

    NaN for fewer than two returns, without a negative one, or with a NaN among them.
    """
    return _ratio(as_series(returns), _downside, periods_per_year)


def drawdowns(equity: object, *, start: float | None = None) -> Series:
    """Share lost since the highest value so far, 0 or more, shape (n,).

    Args:
        equity: shape (n,), positive; from a NaN on the drawdowns are NaN, because the highest value is unknown.
        start: value before the first moment, which may be the highest; none when None.
    """
    series = as_series(equity)
    highest = np.maximum.accumulate(series)
    return 1.0 - series / (highest if start is None else np.maximum(highest, start))


def max_drawdown(equity: object, *, start: float | None = None) -> float:
    """The largest of `drawdowns`, a positive fraction; NaN for no values or a NaN among them."""
    found = drawdowns(equity, start=start)
    return float(found.max()) if len(found) else math.nan


def calmar_ratio(equity: object, *, per_year: float, start: float | None = None) -> float:
    """Return annualised geometrically, over the largest drawdown.

    Args:
        equity, start: as for `drawdowns`; without `start` the first value is what was begun with.
        per_year: stretches as long as this one in a year.

    NaN for no values, without a drawdown, or with a NaN among the values.
    """
    series = as_series(equity)
    deepest = max_drawdown(series, start=start)
    if not deepest > 0:
        return math.nan
    return calmar_of(series[-1], deepest, per_year=per_year, start=float(series[0]) if start is None else start)


def calmar_of(end: float, deepest: float, *, per_year: float, start: float) -> float:
    """`calmar_ratio` from the values at start and end and the largest drawdown; NaN without one."""
    return float(((end / start) ** per_year - 1) / deepest) if deepest > 0 else math.nan


def _ratio(series: Series, spread: Callable[[Series], float], periods_per_year: float) -> float:
    scale = spread(series) if len(series) > 1 else math.nan
    return float(series.mean()) / scale * math.sqrt(periods_per_year) if scale > NO_SPREAD else math.nan


def _deviation(series: Series) -> float:
    return float(np.std(series, ddof=1))


def _downside(series: Series) -> float:
    return float(np.sqrt(np.mean(np.minimum(series, 0.0) ** 2)))
