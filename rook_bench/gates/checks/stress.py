"""The primary difference again under harder assumptions: dearer, later, slower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rook_bench.core import Estimate
from rook_bench.execution.frictions import Frictions
from rook_bench.gates.check import Check
from rook_bench.gates.checks.bounds import no_champion, within
from rook_bench.gates.checks.primary import bound_of, decide_difference
from rook_bench.gates.policy import Bounds, Primary, Stress
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis
from rook_bench.metrics.clock import Sampled
from rook_bench.replay.again import under
from rook_bench.replay.market_rows import fee_pips, gas_prices


def stress(asked: Stress, primary: Primary | None, candidate: Analysis, champion: Analysis | None) -> Iterator[Check]:
    """Both sides replayed with dearer costs, and with more latency; and how long a decision takes."""
    frame = candidate.run.frame
    if primary is not None:
        if asked.cost_factor is not None:
            title, now = f"costs x {asked.cost_factor:g}", candidate.run.config.frictions
            if not pays_fee(frame, now) and not pays_gas(frame, now):
                yield Check(title, "skipped", "does not arise: the runs assume no costs that could rise")
            else:
                yield _again(title, primary, candidate, champion, dearer(now, frame, asked.cost_factor))
        if asked.latency_factor is not None:
            latency = later(candidate.run.config.frictions, asked.latency_factor)
            yield _again(f"latency x {asked.latency_factor} ({latency.latency})", primary, candidate, champion, latency)
    if asked.max_decision_s is not None:
        yield _decision_time(candidate, asked.max_decision_s)


def _again(title: str, primary: Primary, candidate: Analysis, champion: Analysis | None, frictions: Frictions) -> Check:
    """The primary check under other frictions. Blocks when it is clearly on the wrong side.

    It passes by its value alone: that the difference is real is for the primary check to show, and
    asking the interval again would only make both less likely to pass.
    """
    if champion is None:
        return no_champion(title, bound_of(primary))
    mine, theirs = (
        Sampled(under(side.run, frictions=frictions), side.clock).log_returns for side in (candidate, champion)
    )
    check = decide_difference(title, primary, mine - theirs, candidate.clock.bucket_s)
    estimate = check.estimate
    enough = len(mine) >= primary.min_buckets
    if enough and check.status == "inconclusive" and estimate is not None and estimate.value is not None:
        if estimate.value >= primary.boundary:
            return replace(check, status="pass", remarks=(), power=None)
        return replace(check, remarks=("on the wrong side, but not clearly",), power=None)
    return check


def pays_fee(frame: SwapFrame, frictions: Frictions) -> bool:
    """Whether orders pay the pool a fee."""
    return bool(np.any(fee_pips(frame, frictions)))


def pays_gas(frame: SwapFrame, frictions: Frictions) -> bool:
    """Whether transactions cost gas."""
    gas = frictions.gas
    if gas.flat_quote is not None:
        return gas.flat_quote > 0
    return gas.l1_fee_quote > 0 or (gas.swap_units > 0 and bool(np.any(gas_prices(frame, frictions))))


def dearer(frictions: Frictions, frame: SwapFrame, factor: float) -> Frictions:
    """Fee and gas times `factor`. A fee that changes from swap to swap is replaced by its mean times it."""
    pips = min(999_999, round(float(np.mean(fee_pips(frame, frictions))) * factor))
    return frictions.model_copy(update={"fee_pips": pips, "gas": frictions.gas.times(factor)})


def later(frictions: Frictions, factor: int) -> Frictions:
    """The latency times `factor`."""
    return frictions.model_copy(update={"latency": frictions.latency.times(factor)})


def _decision_time(candidate: Analysis, most: float) -> Check:
    convention = "time to decide all rows over their number, as they were asked (in batches): a lower bound"
    seconds, rows = candidate.run.decided.seconds_per_decision, len(candidate.run.frame)
    if seconds is None:
        reason = "how long the source took is not recorded"
        estimate = Estimate.undefined(reason, n=rows, unit="s", convention=convention)
        return Check("decision latency", "inconclusive", f"undefined: {reason}", estimate, f"at most {most:g} s")
    return within("decision latency", Estimate(seconds, rows, "s", convention), Bounds(max=most))
