"""Where the P&L came from: market, signal, fee, impact, searchers, gas and reverts, summing exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from weakref import WeakKeyDictionary

import numpy as np

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import LedgerError, Run
from rook_bench.replay.ledger import closing_balances
from rook_bench.replay.worth import quote_value


@dataclass(frozen=True)
class Attribution:
    """The P&L of a run in quote units (integers): market + signal - fee - impact - mev - gas - reverts
    = net.

    Attributes:
        opening: value of the opening balances at the first price.
        market: what the opening balances gained by themselves (the hold benchmark).
        signal: what trading gained at the pool price, before any cost.
        fee, impact, mev, gas, reverts: costs, positive; mev is what searchers took from fills, gas that
            of filled orders, reverts that of the others.
        net: closing minus opening value.
        buy, sell: what the fills of each side gained, fee and impact included, valued at the last price.
        quote_unit: smallest units in one quote token.
    """

    opening: int
    market: int
    signal: int
    fee: int
    impact: int
    mev: int
    gas: int
    reverts: int
    net: int
    buy: int
    sell: int
    quote_unit: int

    def in_quote(self) -> dict[str, float]:
        """Every part in human units of quote."""
        names = [field.name for field in fields(self) if field.name != "quote_unit"]
        return {name: getattr(self, name) / self.quote_unit for name in names}


def attribute(run: Run) -> Attribution:
    """Split the P&L; LedgerError if the parts don't sum to it within one unit per fill.

    Impact is what a fill lost against the pool price it met, fee apart. Signal is computed from
    the fills (base bought or sold, times the price move from fill to end), not as a remainder;
    that both ways agree is the check. What rounding is left belongs to signal.
    """
    if run not in _KNOWN:
        _KNOWN[run] = _attribute(run)
    return _KNOWN[run]


_KNOWN: WeakKeyDictionary[Run, Attribution] = WeakKeyDictionary()
"""Ten metrics ask for the same split of the same Run."""


def _attribute(run: Run) -> Attribution:
    frame, landed = run.frame, run.landed
    last = len(frame) - 1
    fee = impact = mev = gas = reverts = signal = buy = sell = 0
    for order in landed:
        row, spent = order.row, order.taken + order.fee
        burnt = order.gas_quote + quote_value(frame, order.gas_base, row)
        signal -= quote_value(frame, order.gas_base, last) - quote_value(frame, order.gas_base, row)
        if spent == 0:
            reverts += burnt
            continue
        gas += burnt
        if order.buys:
            at_fill, at_end = quote_value(frame, order.out, row), quote_value(frame, order.out, last)
            fee += order.fee
            taken = quote_value(frame, order.out + order.mev, row) - at_fill
            impact += order.taken - at_fill - taken
            mev += taken
            signal += at_end - at_fill
            buy += at_end - spent
        else:
            at_fill, at_end = quote_value(frame, spent, row), quote_value(frame, spent, last)
            fee_value = quote_value(frame, order.fee, row)
            fee += fee_value
            impact += at_fill - fee_value - order.out - order.mev
            mev += order.mev
            signal += at_fill - at_end
            sell += order.out - at_end
    cash, base = run.opening
    opening = cash + quote_value(frame, base, 0)
    market = quote_value(frame, base, last) - quote_value(frame, base, 0)
    end_cash, end_base = closing_balances(run)
    net = end_cash + quote_value(frame, end_base, last) - opening
    rounding = net - (market + signal - fee - impact - mev - gas - reverts)
    if abs(rounding) > 4 * len(landed) + 2:
        raise LedgerError(f"{rounding} units of P&L are unaccounted for", where=run.name)
    return Attribution(
        opening, market, signal + rounding, fee, impact, mev, gas, reverts, net, buy, sell, frame.pool.quote.unit
    )


@metric(unit="quote")
def fee_paid(sampled: Sampled) -> Estimate:
    """Pool fees paid."""
    return _cost(sampled, "fee", "valued at each fill's pool price")


@metric(unit="quote")
def impact_paid(sampled: Sampled) -> Estimate:
    """Lost to the orders' own price impact."""
    return _cost(sampled, "impact", "against the pool price each fill met, fee apart")


@metric(unit="quote")
def mev_paid(sampled: Sampled) -> Estimate:
    """Taken from the fills by searchers, as assumed."""
    return _cost(sampled, "mev", f"output lost, with mev '{sampled.run.config.frictions.mev}', at the pool price")


@metric(unit="quote")
def gas_paid(sampled: Sampled) -> Estimate:
    """Gas of filled orders."""
    return _cost(sampled, "gas", "ether valued at the pool price")


@metric(unit="quote")
def reverts_paid(sampled: Sampled) -> Estimate:
    """Gas of orders that filled nothing."""
    return _cost(sampled, "reverts", "ether valued at the pool price")


@metric(unit="bps")
def cost_per_turnover(sampled: Sampled) -> Estimate:
    """All costs over the value traded."""
    parts, traded = attribute(sampled.run), traded_value(sampled.run)
    convention = "fee + impact + mev + gas + reverts, over the quote value of all fills"
    fills = int(sampled.run.orders.filled.sum())
    if traded == 0:
        return Estimate.undefined("nothing was traded", n=0, unit="bps", convention=convention)
    costs = parts.fee + parts.impact + parts.mev + parts.gas + parts.reverts
    return Estimate(costs / parts.quote_unit / traded * 1e4, fills, "bps", convention)


@metric(unit="quote")
def pnl_buy(sampled: Sampled) -> Estimate:
    """What buying gained against not buying."""
    return _side(sampled, "buy", sampled.run.orders.buys)


@metric(unit="quote")
def pnl_sell(sampled: Sampled) -> Estimate:
    """What selling gained against not selling."""
    return _side(sampled, "sell", ~sampled.run.orders.buys)


def traded_value(run: Run) -> float:
    """Quote value of all fills: quote spent by buys, quote received by sells."""
    total = sum(order.taken + order.fee if order.buys else order.out for order in run.landed)
    return total / run.frame.pool.quote.unit


def _cost(sampled: Sampled, name: str, convention: str) -> Estimate:
    landed = len(sampled.run.landed)
    return Estimate(attribute(sampled.run).in_quote()[name], landed, "quote", convention)


def _side(sampled: Sampled, name: str, members: np.ndarray) -> Estimate:
    fills = int((sampled.run.orders.filled & members).sum())
    convention = "fills valued at the last price, fee and impact included, gas apart"
    if fills == 0:
        return Estimate.undefined(f"there was no {name} fill", n=0, unit="quote", convention=convention)
    return Estimate(attribute(sampled.run).in_quote()[name], fills, "quote", convention)
