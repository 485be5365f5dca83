"""Two runs on the same tape: the difference of their net log returns, bucket by bucket."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, InputError
from rook_bench.metrics.clock import Clock, Sampled
from rook_bench.metrics.means import mean_of
from rook_bench.replay import Run
from rook_bench.stats.power import ALPHA, POWER, long_run_variance, periods_needed


@dataclass(frozen=True, eq=False)
class Paired:
    """How much more one run earned than another on the same clock.

    Attributes:
        values: net log-return difference of each full bucket, first minus second, shape (k,).
        total: their sum; per_day: their mean in bps per day.
        alike: share of rows on which both decide for the same side, 0 to 1.
        same_decisions: whether they decide alike on every row, size and limits included.
    """

    values: NDArray[np.float64]
    total: Estimate
    per_day: Estimate
    alike: float
    same_decisions: bool


def log_difference(mine: Run, theirs: Run, clock: Clock) -> NDArray[np.float64]:
    """Net log return of each full bucket, first minus second, shape (k,); InputError for different tapes."""
    if mine.frame is not theirs.frame and mine.frame.data_hash != theirs.frame.data_hash:
        raise InputError("runs on different tapes can't be paired", where=f"{mine.name} and {theirs.name}")
    with np.errstate(invalid="ignore"):  # no mean is made of buckets after equity is gone
        return Sampled(mine, clock).log_returns - Sampled(theirs, clock).log_returns


def paired(mine: Run, theirs: Run, clock: Clock) -> Paired:
    """The difference of two runs on the same tape, with its interval."""
    values = log_difference(mine, theirs, clock)
    first, second = mine.decided.tape, theirs.decided.tape
    same = first is second or first.content_hash == second.content_hash
    daily = 86_400 / clock.bucket_s * 1e4
    return Paired(
        values=values,
        total=_scaled(values, "fraction", float(len(values)), "sum", clock, same),
        per_day=_scaled(values, "bps", daily, "mean per day", clock, same),
        alike=float(np.mean(first.side == second.side)),
        same_decisions=same,
    )


def _scaled(values: NDArray[np.float64], unit: str, factor: float, what: str, clock: Clock, same: bool) -> Estimate:
    """Their mean times a factor; exactly zero where the equity curves are the same."""
    convention = f"{what} of the net log-return differences of full {clock.label} buckets, paired"
    if len(values) == 0:
        return Estimate.undefined("there is no full bucket", n=0, unit=unit, convention=convention)
    if not values.any():
        why = "both decide alike on every row" if same else "the two equity curves are the same"
        return Estimate(0.0, len(values), unit, f"{convention}; zero by construction: {why}", low=0.0, high=0.0)
    return mean_of(values, unit=unit, convention=convention, factor=factor, lasting=True)


def days_needed(
    values: NDArray[np.float64], bucket_s: int, *, boundary: float = 0.0, alpha: float = ALPHA, power: float = POWER
) -> Estimate:
    """Days of such tape after which a difference of this size, if it is the true one, is told from a boundary.

    Args:
        values: difference of log returns by bucket, shape (k,).
        bucket_s: seconds in a bucket.
        boundary: what it is told from, bps per day; a gate's policy may set another than none.
        alpha, power: of the one-sided test.
    """
    convention = f"long-run variance of the differences, one-sided {alpha:.1%}, power {power:.0%}"
    convention += f", told from {boundary:g} bps per day" if boundary else ""
    unknown = _no_length(values)
    if unknown is None:
        scale = 86_400 / bucket_s * 1e4
        distance, variance = abs(float(values.mean()) * scale - boundary) / scale, long_run_variance(values)
        unknown = _never(distance, variance, boundary)
    if unknown is None:
        periods = periods_needed(distance, variance, alpha=alpha, power=power)
        if math.isfinite(periods):
            return Estimate(float(periods) * bucket_s / 86_400, len(values), "days", convention)
        unknown = "no length of tape would do"
    return Estimate.undefined(unknown, n=len(values), unit="days", convention=convention)


def _no_length(values: NDArray[np.float64]) -> str | None:
    """Why the spread of the differences is unknown, if so."""
    if len(values) < 20:
        return "fewer than 20 full buckets to measure their spread on"
    if not np.isfinite(values).all():
        return "costs ate up all equity"
    return None if values.any() else "there is no difference to see"


def _never(distance: float, variance: float, boundary: float) -> str | None:
    """Why no length of tape tells the mean from the boundary, if so."""
    if not variance > 0:
        return "the differences do not vary"
    if distance > 0:
        return None
    return f"the mean difference is exactly {boundary:g} bps per day" if boundary else "the mean difference is zero"
