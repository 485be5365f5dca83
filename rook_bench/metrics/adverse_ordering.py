"""The same decisions under other assumptions about who trades around the orders."""

from __future__ import annotations

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run
from rook_bench.replay.again import ending_under


@metric(unit="fraction")
def return_without_mev(sampled: Sampled) -> Estimate:
    """Net return if nobody trades around the orders."""
    return _return(sampled.run, "none", "nobody trades around the orders")


@metric(unit="fraction")
def return_typical_mev(sampled: Sampled) -> Estimate:
    """Net return if a searcher sandwiches every order that it pays him to."""
    return _return(sampled.run, "typical", "an order is sandwiched where that pays after pool fees and gas")


@metric(unit="fraction")
def return_worst_mev(sampled: Sampled) -> Estimate:
    """Net return if every order gets the least that its slippage limit allows."""
    return _return(sampled.run, "worst", "every fill at its minimum output")


def _return(run: Run, mev: str, convention: str) -> Estimate:
    """Net return of the run's decisions, replayed with this assumption in place of its own."""
    convention += "; all else as in the run"
    frictions, fills = run.config.frictions, int(run.orders.filled.sum())
    if frictions.on_slippage == "partial" and mev != frictions.mev:
        reason = "orders set a price limit, so there is no minimum output to be pushed to"
        return Estimate.undefined(reason, n=fills, unit="fraction", convention=convention)
    closing, opening = float(run.equity[-1]), float(run.hold_equity[0])
    if mev != frictions.mev and fills:
        closing = ending_under(run, frictions=frictions.model_copy(update={"mev": mev})).equity
    return Estimate(closing / opening - 1, fills, "fraction", convention)
