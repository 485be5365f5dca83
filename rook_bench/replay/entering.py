"""How an order is entered: the limits that need the ledger, its size from the free balances, its quote."""

from __future__ import annotations

from typing import Any

import numpy as np

from rook_bench.core import Side
from rook_bench.execution import amm
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.wide import from_float, load, njit, store, to_float, wide
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
POOL_LIMIT, EXPOSURE_LIMIT = 7, 8
LEDGER_FILTERS = {
    END_OF_TAPE: "end_of_tape",
    POSITION_LIMIT: "position_limit",
    TRADES_PER_DAY: "trades_per_day",
    COOLDOWN: "cooldown",
    DRAWDOWN_STOP: "drawdown_stop",
    COST_AWARE_MINIMUM: "cost_aware_minimum",
    POOL_LIMIT: "pool_limit",
    EXPOSURE_LIMIT: "exposure_limit",
}
FIRST_FREE_CODE = 9


@njit
def limit_hit(
    at_ns: int,
    buys: bool,
    worth: float,
    equity: float,
    base_value: float,
    built: float,
    exposed: float,
    sent_today: int,
    last_sent_ns: int,
    terms: Terms,
) -> int:
    """Code of the first ledger limit that forbids an order worth `worth` quote, or 0.

    `base_value` is what the base will be worth when the orders in flight have landed, as far as
    they count against the limit; so is `built`, of what the pool's own orders have bought, and `exposed`, of all that
    is no numeraire. That is negative where the order adds nothing to it.
    """
    if terms.trades_per_day >= 0 and sent_today >= terms.trades_per_day:
        return TRADES_PER_DAY
    if terms.cooldown_ns > 0 and last_sent_ns >= 0 and at_ns - last_sent_ns < terms.cooldown_ns:
        return COOLDOWN
    if buys and base_value + worth > (terms.max_base_share + ROUNDING) * equity:
        return POSITION_LIMIT
    if not buys and base_value - worth < (terms.min_base_share - ROUNDING) * equity:
        return POSITION_LIMIT
    if (built if buys else -built) + worth > (terms.max_pool_share + ROUNDING) * equity:
        return POOL_LIMIT
    if exposed >= 0.0 and exposed + worth > (terms.max_exposure + ROUNDING) * equity:
        return EXPOSURE_LIMIT
    return 0


@njit
def refusal(
    row: int,
    given: Given,
    balances: Balances,
    equity: float,
    built: float,
    exposed: float,
    sent_today: int,
    last_sent_ns: int,
    stopped: bool,
) -> int:
    """Code of the first filter or limit that forbids the wish of a row, or 0.

    Args:
        equity: of the whole wallet, in quote.
        built, exposed: see `limit_hit`; in quote.
        sent_today, last_sent_ns: orders sent on the row's day, and when the last one was.
        stopped: whether a drawdown has ended all trading.
    """
    at, wish, terms = given.market[row], given.wishes[row], given.terms
    if wish.rejected != 0:
        return int(wish.rejected)
    if wish.landing_row < 0:
        return END_OF_TAPE
    if stopped:
        return DRAWDOWN_STOP
    buys = wish.side == BUY
    base_value = to_float(balances.base) / terms.base_unit * at.price
    held_quote = to_float(balances.held_cash) / terms.quote_unit
    held_value = to_float(balances.held_base) / terms.base_unit * at.price
    free = to_float(balances.cash) / terms.quote_unit - held_quote if buys else base_value - held_value
    worth = min(free * (wish.fraction_ppb / PPB), terms.max_order_value)
    base_value += held_quote if buys else -held_value
    return limit_hit(at.at_ns, buys, worth, equity, base_value, built, exposed, sent_today, last_sent_ns, terms)


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
    if terms.max_order_value < np.inf:
        most = terms.max_order_value * terms.quote_unit if buys else terms.max_order_value / price * terms.base_unit
        # Beyond 2**127 units there is nothing that a float could cut off.
        largest = from_float(np.floor(min(most, 2.0**127)))
        amount = largest if amount > largest else amount
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
