"""Intervals of the headline metrics, from the clock's returns. Dear, so never part of `analyse`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.means import mean_of
from rook_bench.metrics.performance import is_ruined


def intervals(sampled: Sampled, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Headline metrics with 95% intervals that allow for dependence: returns and Sharpe ratios, net and over hold.

    The value stays the metric's own. The interval comes from the returns of full buckets, which
    leave out the tape's first and last part, and the method says so. What is undefined, or
    has too few buckets or too few that moved for an interval, is not in the result, and nothing of a run that lost
    nearly all. Neither is
    the largest drawdown: it depends on the order of the returns, so an interval of a mean can't
    speak for it.
    """
    from rook_bench.stats import sharpe_interval

    net, hold, year = sampled.returns, sampled.hold_returns, sampled.clock.periods_per_year
    if len(net) == 0 or is_ruined(estimates):  # a mean of what came before says nothing of money that is gone
        return {}
    logs = np.log1p(net)
    growth, excess = (
        mean_of(values, unit="fraction", convention="sum of log returns", factor=len(values))
        for values in (logs, logs - np.log1p(hold))
    )
    found = {
        "total_return": _exponential(growth),
        "excess_return": _exponential(excess),
        "sharpe_ratio": sharpe_interval(net, periods_per_year=year),
        "sharpe_ratio_excess": sharpe_interval(net - hold, periods_per_year=year),
    }
    return {
        name: _as_interval_of(estimates[name], estimate)
        for name, estimate in found.items()
        if estimate.low is not None and name in estimates and estimates[name].defined
    }


def _exponential(growth: Estimate) -> Estimate:
    """A log return's bounds as simple returns."""
    if growth.low is None or growth.high is None:
        return growth
    return replace(growth, low=math.expm1(growth.low), high=math.expm1(growth.high))


def _as_interval_of(metric: Estimate, found: Estimate) -> Estimate:
    """The metric's own value between the bounds found."""
    method = f"interval from {found.n:,} full buckets: {found.method}"
    return replace(metric, low=found.low, high=found.high, method=method)
