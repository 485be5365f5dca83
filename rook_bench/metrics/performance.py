"""Return, risk and their ratios."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, mapped
from rook_bench.metrics.attribution import attribute
from rook_bench.metrics.clock import YEAR_S, Sampled
from rook_bench.plugins import metric
from rook_bench.stats import measures

NET = "net of fee, impact, gas and reverts"


RUIN = 0.9
"""A fall of equity by this share of its highest value: nothing that is measured afterwards speaks for a strategy."""


def is_ruined(estimates: Mapping[str, Estimate]) -> bool:
    """Whether a run's metrics say that it lost nearly all that it had."""
    fall = estimates.get("max_drawdown")
    return fall is not None and fall.value is not None and fall.value >= RUIN


@metric(unit="fraction")
def total_return(sampled: Sampled) -> Estimate:
    """Closing over opening equity, minus one."""
    run = sampled.run
    return Estimate(run.equity[-1] / _opening(sampled) - 1, len(run.equity), "fraction", f"{NET}, first to last swap")


@metric(unit="fraction")
def gross_return(sampled: Sampled) -> Estimate:
    """The return before fee, impact and gas, at the same trades."""
    parts = attribute(sampled.run)
    gross = parts.market + parts.signal
    return Estimate(
        gross / parts.opening, len(sampled.run.equity), "fraction", "same trades at the pool price, without costs"
    )


@metric(unit="fraction")
def excess_return(sampled: Sampled) -> Estimate:
    """Closing equity over that of keeping the initial mix, minus one."""
    run = sampled.run
    kept = run.hold_equity[-1] / run.hold_equity[0]
    excess = float(run.equity[-1] / _opening(sampled) / kept - 1)
    return Estimate(excess, len(run.equity), "fraction", f"{NET}, over what holding the initial mix gives, minus one")


@metric(unit="ratio")
def sharpe_ratio(sampled: Sampled) -> Estimate:
    """Mean over standard deviation of bucket returns, annualised by the square root of time."""
    return _ratio(sampled, sampled.returns, measures.sharpe_ratio, "Sharpe")


@metric(unit="ratio")
def sharpe_ratio_excess(sampled: Sampled) -> Estimate:
    """The Sharpe ratio of the return over holding the initial mix (an information ratio)."""
    return _ratio(
        sampled, sampled.returns - sampled.hold_returns, measures.sharpe_ratio, "Sharpe of the return over hold"
    )


@metric(unit="ratio")
def sortino_ratio(sampled: Sampled) -> Estimate:
    """Mean over downside deviation (below zero, all buckets counted), annualised."""
    return _ratio(sampled, sampled.returns, measures.sortino_ratio, "Sortino")


@metric(unit="ratio")
def calmar_ratio(sampled: Sampled) -> Estimate:
    """Annualised return over the largest drawdown."""
    run, clock = sampled.run, sampled.clock
    rows, days = len(run.equity), run.frame.covered_s / 86_400
    convention = f"geometric, 365 days, at least {clock.min_annual_days:g} days of tape"
    if days < clock.min_annual_days:
        reason = f"{_span(run.frame.covered_s)} of tape can't be extrapolated to a year"
        return Estimate.undefined(reason, n=rows, unit="ratio", convention=convention)
    per_year, deepest = YEAR_S / run.frame.covered_s, _under_water(sampled)[0]
    value = measures.calmar_of(run.equity[-1], deepest, per_year=per_year, start=_opening(sampled))
    if math.isnan(value):
        return Estimate.undefined("there was no drawdown", n=rows, unit="ratio", convention=convention)
    return Estimate(value, rows, "ratio", convention)


@metric(unit="fraction")
def volatility(sampled: Sampled) -> Estimate:
    """Standard deviation of bucket returns, annualised."""
    returns, convention = sampled.returns, _convention(sampled, "standard deviation")
    if len(returns) < 2:
        return Estimate.undefined("fewer than two full buckets", n=len(returns), unit="fraction", convention=convention)
    value = measures.volatility(returns, periods_per_year=sampled.clock.periods_per_year)
    return Estimate(value, len(returns), "fraction", convention)


@metric(unit="fraction")
def max_drawdown(sampled: Sampled) -> Estimate:
    """Largest fall of equity below its highest value so far."""
    deepest, rows = _under_water(sampled)[0], len(sampled.run.equity)
    return Estimate(deepest, rows, "fraction", "marked after every swap, positive number")


@metric(unit="s")
def drawdown_duration(sampled: Sampled) -> Estimate:
    """Longest time from a highest value to the swap that reaches it again, an unfinished one included."""
    longest, rows = _under_water(sampled)[1], len(sampled.run.equity)
    return Estimate(
        longest, rows, "s", "longest stretch under water, to the swap that ends it; marked after every swap"
    )


def _under_water(sampled: Sampled) -> tuple[float, float]:
    return under_water(sampled.run.equity, sampled.run.frame.at, _opening(sampled))


def under_water(equity: NDArray[np.float64], times: NDArray[np.datetime64], opening: float) -> tuple[float, float]:
    """The deepest drawdown, and the longest time below the highest value so far, in seconds.

    Args:
        equity, times: of each row, shape (n,); opening: the value before the first.
    """
    highest, deepest, longest = opening, -math.inf, 0.0
    # The opening value is a high at the first swap's time, even if that swap already costs.
    last_high, before = float(times[0].astype(np.int64) / 1e9), False
    for rows in mapped.parts(len(equity)):
        at = times[rows].astype(np.int64) / 1e9
        drawdowns = measures.drawdowns(equity[rows], start=highest)
        # NumPy's maximum: one undefined value makes all that follows undefined.
        highest = float(np.maximum(highest, equity[rows].max()))
        deepest = float(np.maximum(deepest, drawdowns.max()))
        under = drawdowns > 0
        highs = np.maximum(last_high, np.maximum.accumulate(np.where(under, -np.inf, at)))
        ends = np.append(before, under[:-1])  # what was under water stays so until the swap that lifts it
        waited = np.where(under | ends, at - np.append(last_high, highs[:-1]), 0.0)
        longest, last_high, before = max(longest, float(waited.max())), float(highs[-1]), bool(under[-1])
    return deepest, longest


def _opening(sampled: Sampled) -> float:
    """Value of the opening balances at the first price; the first row's equity may already hold a trade."""
    return float(sampled.run.hold_equity[0])


def _ratio(sampled: Sampled, returns: np.ndarray, measure: Callable[..., float], name: str) -> Estimate:
    convention = _convention(sampled, name)
    if len(returns) < 2:
        return Estimate.undefined("fewer than two full buckets", n=len(returns), unit="ratio", convention=convention)
    value = measure(returns, periods_per_year=sampled.clock.periods_per_year)
    if math.isnan(value):
        reason = "the returns do not vary" if np.isfinite(returns).all() else "costs ate up all equity"
        return Estimate.undefined(reason, n=len(returns), unit="ratio", convention=convention)
    return Estimate(value, len(returns), "ratio", convention)


def _convention(sampled: Sampled, name: str) -> str:
    return f"{name} of simple {sampled.clock.label} returns, {NET}, annualised with 365 days, risk-free rate 0"


def _span(seconds: float) -> str:
    return f"{seconds / 86_400:.1f} days" if seconds >= 86_400 else f"{seconds / 3600:.1f} hours"
