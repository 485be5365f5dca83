"""How an order is entered: the limits that need the ledger, its size from the free balances, its quote."""

from __future__ import annotations

from typing import Any

import numpy as np

from rook_bench.core import Side
from rook_bench.execution import amm
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.wide import load, njit, store, to_float, wide
from rook_bench.replay.dtypes import PENDING, Balances, Given, Records, Terms
from rook_bench.replay.fills import swap_at
from rook_bench.replay.gas import gas_in_base, gas_in_quote

PPB = 1_000_000_000
BUY = int(Side.BUY)
REJECTED = int(Outcome.REJECTED)
INSUFFICIENT_BALANCE, NO_LIQUIDITY = int(Outcome.INSUFFICIENT_BALANCE), int(Outcome.NO_LIQUIDITY)

ROUNDING = 1e-12
"""Of the equity: how far off the few float operations behind a share can be. To meet a limit is not to be over it."""

# Codes of the limits that need the ledger; codes from FIRST_FREE_CODE on belong to the run's own filters.
END_OF_TAPE, POSITION_LIMIT, TRADES_PER_DAY, COOLDOWN, DRAWDOWN_STOP, COST_AWARE_MINIMUM = range(1, 7)
LEDGER_FILTERS = {
    END_OF_TAPE: "end_of_tape",
    POSITION_LIMIT: "position_limit",
    TRADES_PER_DAY: "trades_per_day",
    COOLDOWN: "cooldown",
    DRAWDOWN_STOP: "drawdown_stop",
    COST_AWARE_MINIMUM: "cost_aware_minimum",
}
FIRST_FREE_CODE = 7


@njit
def limit_hit(
    at_ns: int,
    buys: bool,
    worth: float,
    equity: float,
    base_value: float,
    sent_today: int,
    last_sent_ns: int,
    terms: Terms,
) -> int:
    """Code of the first ledger limit that forbids an order worth `worth` quote, or 0.

    `base_value` is what the base will be worth when the orders in flight have landed, as far as
    they count against the limit.
    """
    if terms.trades_per_day >= 0 and sent_today >= terms.trades_per_day:
        return TRADES_PER_DAY
    if terms.cooldown_ns > 0 and last_sent_ns >= 0 and at_ns - last_sent_ns < terms.cooldown_ns:
        return COOLDOWN
    if buys and base_value + worth > (terms.max_base_share + ROUNDING) * equity:
        return POSITION_LIMIT
    if not buys and base_value - worth < (terms.min_base_share - ROUNDING) * equity:
        return POSITION_LIMIT
    return 0


@njit
def place(index: int, row: int, orders: Records, given: Given, balances: Balances) -> Any:
    """Size one order from the free balances, quote it, and enter it; returns the balances with its amount held.

    It stays PENDING when it is sent; else nothing left the wallet, not even gas.
    """
    market, wishes, pool, terms = given
    cash, base, held_cash, held_base = balances
    free_cash, free_base = _less(cash, held_cash), _less(base, held_base)
    buys, price = wishes[row].side == BUY, market[row].price
    gas_quote = gas_in_quote(terms.swap_units, market[row], terms)
    # A buyer keeps the gas back; a seller pays it from quote, or from base if quote is short.
    if buys:
        spendable = _less(free_cash, gas_quote)
    elif free_cash >= gas_quote:
        spendable = free_base
    else:
        spendable = _less(free_base, gas_in_base(terms.swap_units, market[row], terms))
    amount = (spendable * wishes[row].fraction_ppb) // PPB
    store(amount, orders[index].amount_in)
    liquidity = load(market[row].liquidity)
    if amount == 0:
        orders[index].outcome = INSUFFICIENT_BALANCE
    elif liquidity == 0 and not terms.whole_map:
        orders[index].outcome = NO_LIQUIDITY
    else:
        zero_for_one = buys != terms.base_is_token0
        if terms.whole_map:
            limit = extreme_price(zero_for_one)
            _, _, quoted, _, _ = swap_at(market[row], amount, zero_for_one, limit, pool, terms)
        else:
            fee_pips = market[row].fee_pips
            quoted = amm.quote_exact_in(load(market[row].sqrt_price), liquidity, amount, fee_pips, zero_for_one)
        store(quoted, orders[index].quoted)
        if quoted == 0 and liquidity == 0:
            orders[index].outcome = NO_LIQUIDITY
        if terms.max_cost_bps >= 0.0 and orders[index].outcome == PENDING:
            offered, got = to_float(amount), to_float(quoted)
            offered = offered / terms.quote_unit if buys else offered / terms.base_unit * price
            got = got / terms.base_unit * price if buys else got / terms.quote_unit
            if offered - got + to_float(gas_quote) / terms.quote_unit > terms.max_cost_bps * 1e-4 * offered:
                orders[index].outcome, orders[index].rejected = REJECTED, COST_AWARE_MINIMUM
    if orders[index].outcome != PENDING:
        return balances
    if buys:
        return Balances(cash, base, held_cash + amount, held_base)
    return Balances(cash, base, held_cash, held_base + amount)


@njit
def _less(left: Any, right: Any) -> Any:
    """left - right, or zero: gas of orders in flight may eat into what others hold."""
    return left - right if left > right else wide(np.uint64(0))
