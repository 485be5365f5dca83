"""What a transaction was worth, and what it cost, in exact units of quote."""

from __future__ import annotations

from typing import NamedTuple

from rook_bench.market.frame import SwapFrame
from rook_bench.replay.orders import Landed


def quote_value(frame: SwapFrame, base: int, row: int) -> int:
    """Quote units that `base` units are worth at the pool price after `row`, rounded down."""
    square = frame.sqrt_price_x96[row] ** 2
    return (base * square) >> 192 if frame.pool.base_is_token0 else (base << 192) // square


class Worth(NamedTuple):
    """One transaction in smallest units: base that changed hands, the others in quote, valued where it landed.

    Attributes:
        base, quote: bought or sold, spent or received.
        fee, impact, mev, gas: what of it was lost, and to whom.
        pnl: what the transaction is worth at the tape's last price, every cost taken off.
    """

    base: int
    quote: int
    fee: int
    impact: int
    mev: int
    gas: int
    pnl: int


def worth_of(frame: SwapFrame, order: Landed) -> Worth:
    """What a transaction exchanged and cost; a revert, its gas."""
    row, last, spent = order.row, len(frame) - 1, order.taken + order.fee
    if order.buys:
        base, quote, fee = order.out, spent, order.fee
        mev = quote_value(frame, order.out + order.mev, row) - quote_value(frame, order.out, row)
        impact = order.taken - quote_value(frame, order.out + order.mev, row)
    else:
        base, quote, fee = spent, order.out, quote_value(frame, order.fee, row)
        mev = order.mev
        impact = quote_value(frame, spent, row) - fee - order.out - order.mev
    gas = order.gas_quote + quote_value(frame, order.gas_base, row)
    pnl = order.cash - order.cash_before
    pnl += quote_value(frame, order.base, last) - quote_value(frame, order.base_before, last)
    return Worth(base, quote, fee, impact if spent else 0, mev, gas, pnl)
