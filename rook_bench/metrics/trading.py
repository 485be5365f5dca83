"""How much was traded, and how the closed trades ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rook_bench.core import Estimate, mapped
from rook_bench.metrics.attribution import traded_value
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run
from rook_bench.replay.ledger import balances_by_row


@metric(unit="ratio")
def turnover(sampled: Sampled) -> Estimate:
    """Value traded over mean equity."""
    run = sampled.run
    fills = int(run.orders.filled.sum())
    return Estimate(
        traded_value(run) / float(run.equity.mean()), fills, "ratio", "buys and sells both counted, whole tape"
    )


@metric(unit="fraction")
def exposure(sampled: Sampled) -> Estimate:
    """Mean share of equity held in the base token."""
    run = sampled.run
    _, base = balances_by_row(run)
    price, at = run.frame.price, run.frame.at
    share = mapped.by_part(len(price), lambda rows: base[rows] * price[rows] / run.equity[rows])
    waits = mapped.by_part(len(at) - 1, lambda rows: np.diff(at[rows.start : rows.stop + 1]) / np.timedelta64(1, "s"))
    convention = "base value over equity, weighted by time"
    if waits.sum() == 0:
        return Estimate.undefined("the tape spans no time", n=len(share), unit="fraction", convention=convention)
    weighted = mapped.by_part(len(waits), lambda rows: share[rows] * waits[rows])
    return Estimate(float(weighted.sum() / waits.sum()), len(share), "fraction", convention)


@metric(unit="per day")
def trading_frequency(sampled: Sampled) -> Estimate:
    """Fills per day."""
    run = sampled.run
    fills, days = int(run.orders.filled.sum()), run.frame.covered_s / 86_400
    if days == 0:
        return Estimate.undefined("the tape spans no time", n=fills, unit="per day")
    return Estimate(fills / days, fills, "per day", "fills over the tape's span")


@metric(unit="fraction")
def win_rate(sampled: Sampled) -> Estimate:
    """Share of sales above the average cost of what they sold."""
    gains = realised_gains(sampled.run)
    if len(gains) == 0:
        return Estimate.undefined("no trade was closed", n=0, unit="fraction", convention=_CONVENTION)
    return Estimate(float((gains > 0).mean()), len(gains), "fraction", _CONVENTION)


@metric(unit="ratio")
def profit_factor(sampled: Sampled) -> Estimate:
    """Gains of winning sales over losses of losing ones."""
    gains = realised_gains(sampled.run)
    lost = -gains[gains < 0].sum()
    if len(gains) == 0:
        return Estimate.undefined("no trade was closed", n=0, unit="ratio", convention=_CONVENTION)
    if lost == 0:
        return Estimate.undefined("no closed trade lost", n=len(gains), unit="ratio", convention=_CONVENTION)
    return Estimate(float(gains[gains > 0].sum() / lost), len(gains), "ratio", _CONVENTION)


_CONVENTION = "each sale against the average cost of the base held, fee, impact and gas included"


@dataclass(frozen=True)
class ClosedTrade:
    """One sale against the average cost of the base it sold.

    Attributes:
        row: of the tape, where the sale landed.
        entry_s: seconds from the first swap to the mean time at which the base was acquired, weighted by amount.
        base: sold, and paid as gas with it, in human units.
        cost, proceeds: in quote, gas included.
    """

    row: int
    entry_s: float
    base: float
    cost: float
    proceeds: float


def closed_trades(run: Run) -> Iterator[ClosedTrade]:
    """Every sale, in order.

    The opening base enters at the first price. Gas is added to the cost of a buy and taken from
    the proceeds of a sale; gas of reverts belongs to no trade. Base that was paid as gas is base
    not bought, or sold for nothing.
    """
    quote_unit, base_unit = run.frame.pool.quote.unit, run.frame.pool.base.unit
    at = run.frame.at
    held = run.opening[1] / base_unit
    cost, entry = held * float(run.frame.price[0]), 0.0
    for order in run.landed:
        spent, gas, burnt = order.taken + order.fee, order.gas_quote / quote_unit, order.gas_base / base_unit
        now = float((at[order.row] - at[0]) / np.timedelta64(1, "s"))
        if order.buys and spent:
            before = held
            held, cost = held + order.out / base_unit - burnt, cost + spent / quote_unit + gas
            entry = now + (entry - now) * min(1.0, before / held) if held > 0 else now
            continue
        gone = spent / base_unit + burnt
        basis = cost * min(1.0, gone / held) if held > 0 else 0.0
        since = entry if held > 0 else now
        held, cost = max(0.0, held - gone), cost - basis
        if spent:
            yield ClosedTrade(order.row, since, gone, basis, order.out / quote_unit - gas)


def realised_gains(run: Run) -> np.ndarray:
    """Quote gained by each sale against the average cost of the base held, shape (sales,)."""
    return np.fromiter((trade.proceeds - trade.cost for trade in closed_trades(run)), np.float64)
