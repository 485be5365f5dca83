"""Risk filters: which wishes may become orders.

A filter's factory returns either `allow(view, decisions)`, a boolean array with one value per
row, or `Limits`, which the replay loop applies because they need the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError, RookError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.frictions import YEAR_S
from rook_bench.market.view import MarketView
from rook_bench.plugins import risk_filter
from rook_bench.risk.limits import Limits

Allow = Callable[[MarketView, DecisionTape], NDArray[np.bool_]]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(ge=0)]


@risk_filter(reads="confidence")
def confidence_threshold(minimum: Share = 0.6) -> Allow:
    """Only decisions at least this confident; one that states no confidence is not."""
    return lambda view, decisions: decisions.confidence >= minimum


@risk_filter(reads="volatility")
def volatility_bounds(minimum: Positive = 0.0, maximum: Positive = 0.05) -> Allow:
    """Only while volatility (standard deviation of returns per swap) lies within bounds."""
    return lambda view, decisions: (view["volatility"] >= minimum) & (view["volatility"] <= maximum)


@risk_filter(reads="impact_bps")
def liquidity_impact(maximum_bps: Positive = 10.0) -> Allow:
    """Only after swaps that were small against the pool's depth (bps by which their volume moves the price)."""
    return lambda view, decisions: view["impact_bps"] <= maximum_bps


@risk_filter
def market_hours(start: Annotated[int, Field(ge=0, le=23)] = 8, end: Annotated[int, Field(ge=0, le=23)] = 20) -> Allow:
    """Only in these UTC hours, both included; start 22, end 4 runs over midnight."""

    def allow(view: MarketView, decisions: DecisionTape) -> NDArray[np.bool_]:
        hour = view.at_index.hour.to_numpy()
        inside = (hour >= start, hour <= end)
        return inside[0] & inside[1] if start <= end else inside[0] | inside[1]

    return allow


@risk_filter
def position_limit(max_base_share: Share = 0.8, min_base_share: Share = 0.0) -> Limits:
    """Keep the base token's share of equity within bounds."""
    return Limits(max_base_share=max_base_share, min_base_share=min_base_share)


@risk_filter
def pool_limit(max_share: Share = 0.5) -> Limits:
    """Keep what a pool's own orders have built up, net bought or net sold, below this share of equity."""
    return Limits(max_pool_share=max_share)


@risk_filter
def exposure_limit(max_share: Share = 0.8) -> Limits:
    """Keep all tokens but the numeraire (and other dollars) below this share of equity, over all pools."""
    return Limits(max_exposure=max_share)


@risk_filter
def trades_per_day(maximum: Annotated[int, Field(ge=0)] = 50) -> Limits:
    """At most this many orders per UTC day."""
    return Limits(trades_per_day=maximum)


@risk_filter
def cooldown(seconds: Annotated[float, Field(ge=0, le=YEAR_S)] = 60.0) -> Limits:
    """Wait this long after an order before the next."""
    return Limits(cooldown_s=seconds)


@risk_filter
def drawdown_stop(fraction: Annotated[float, Field(gt=0, le=1)] = 0.2) -> Limits:
    """Stop trading for good once equity is this fraction below its highest value."""
    return Limits(drawdown_stop=fraction)


@risk_filter
def cost_aware_minimum(max_cost_bps: Positive = 25.0) -> Limits:
    """Refuse orders too small or too large to be cheap: fee, impact and gas above this share of their value."""
    return Limits(max_cost_bps=max_cost_bps)


Block = Annotated[int, Field(ge=0)]


@risk_filter
def blackout(blocks: tuple[tuple[Block, Block], ...] = ()) -> Allow:
    """No orders on swaps of these ranges of blocks, both ends included: maintenance, or what was decided too late."""

    def allow(view: MarketView, decisions: DecisionTape) -> NDArray[np.bool_]:
        allowed = np.ones(len(view), dtype=bool)
        if view.block is None and blocks:
            hint = "use a tape with block numbers, or leave the filter away"
            raise InputError("the tape has no block numbers", where="risk filter blackout", hint=hint)
        for first, last in blocks:
            # Blocks are in order, so that a range is a slice.
            rows = np.searchsorted(np.asarray(view.block), [first, last + 1], side="left")
            allowed[rows[0] : rows[1]] = False
        return allowed

    return allow


def read_by(name: str) -> str | None:
    """The column of a view, or "confidence", that a filter says it looks at; one of somebody's own need not say."""
    try:
        read: str | None = risk_filter.get(name).traits.get("reads")
    except RookError:
        return None
    return read
