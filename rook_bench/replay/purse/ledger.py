"""A purse reconciles: every token to the last unit, over all pools in the order in which their orders landed."""

from __future__ import annotations

from rook_bench.replay.ledger import LedgerError, check_fills
from rook_bench.replay.purse.run import PurseRun


def reconcile_purse(run: PurseRun) -> None:
    """Check every quote and fill against the pools' maths, and every balance against all that moved it.

    Raises:
        LedgerError: if a balance does not follow from the amounts, a token is spent twice or below zero, a quote or
            fill is not what the pool gives, or a pool's orders land out of order.
    """
    for leg in run.legs:
        rows = leg.orders.landing_row[leg.landed.moved]
        if (rows[1:] < rows[:-1]).any():
            raise LedgerError("orders landed out of order", where=leg.pool.pair)
        check_fills(leg, leg.landed, where=leg.pool.pair)
    balances = list(run.opening)
    leg_of, order_of = (one.tolist() for one in run.landings)
    landed = [iter(leg.landed) for leg in run.legs]  # of each pool they come in its own order
    for which, place in zip(leg_of, order_of, strict=True):
        order = next(landed[which])
        quote, base = run.coins.quote[which], run.coins.base[which]
        spent = order.taken + order.fee
        balances[quote] += (-spent if order.buys else order.out) - order.gas_quote
        balances[base] += (order.out if order.buys else -spent) - order.gas_base
        name = f"{run.legs[which].pool.pair}, order {place + 1}"
        if order.index != place or (balances[quote], balances[base]) != (order.cash, order.base):
            raise LedgerError("balances don't follow from the amounts", where=name)
        if min(balances[quote], balances[base]) < 0:
            raise LedgerError("a balance is negative after the landing", where=name)
