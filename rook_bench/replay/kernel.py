"""The replay loop: decisions in, orders and fills out, every token unit accounted for.

One loop, compiled. Balances and pool state are exact integers (see execution/wide.py); floats
appear only in the equity curve and in the ratios that limits compare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.core.exact import ExactInts
from rook_bench.execution import amm
from rook_bench.execution.compiled import compiled
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.wide import load, njit, store, to_float, wide
from rook_bench.replay.records import PENDING, Limbs, Records, Terms

PPM = 1_000_000
PPB = 1_000_000_000
DAY_NS = 86_400 * PPB
BUY, SELL = int(Side.BUY), int(Side.SELL)

# Enum members are frozen into the compiled code as plain integers.
FILLED, PARTIAL, REJECTED = int(Outcome.FILLED), int(Outcome.PARTIAL), int(Outcome.REJECTED)
REVERTED_SLIPPAGE, REVERTED_DEADLINE = int(Outcome.REVERTED_SLIPPAGE), int(Outcome.REVERTED_DEADLINE)
INSUFFICIENT_BALANCE, NO_LIQUIDITY = int(Outcome.INSUFFICIENT_BALANCE), int(Outcome.NO_LIQUIDITY)

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


# Numba takes global arrays as constants; Python integers of this size it can't.
LOWEST_PRICE, HIGHEST_PRICE = ExactInts.of([amm.MIN_SQRT_PRICE + 1, amm.MAX_SQRT_PRICE - 1]).limbs


@njit
def _gas_in_quote(gas_wei: Any, price: float, terms: Terms) -> Any:
    """Gas in whole quote units, rounded up. The base token is ether; its price here is the pool's.

    The gas price is an assumption, so float64 decides the last unit of this conversion; from then
    on it is an integer like every other amount.
    """
    if terms.flat_gas >= 0:
        return wide(np.uint64(terms.flat_gas))
    return wide(np.uint64(np.ceil(gas_wei / terms.base_unit * price * terms.quote_unit)))


@njit
def _gas_in_base(gas_wei: Any, price: float, terms: Terms) -> Any:
    """The same gas in base units."""
    if terms.flat_gas >= 0:
        return wide(np.uint64(np.ceil(terms.flat_gas / terms.quote_unit / price * terms.base_unit)))
    return wide(np.uint64(gas_wei))


@njit
def _pay_gas(cash: Any, base: Any, gas_wei: Any, price: float, terms: Terms) -> Any:
    """Take gas from quote; if quote can't cover it, from base. Returns cash, base and both parts.

    A wallet that can cover it with neither pays all the base it has.
    """
    gas_quote = _gas_in_quote(gas_wei, price, terms)
    nothing = wide(np.uint64(0))
    if cash >= gas_quote:
        return cash - gas_quote, base, gas_quote, nothing
    gas_base = _gas_in_base(gas_wei, price, terms)
    gas_base = gas_base if base >= gas_base else base
    return cash, base - gas_base, nothing, gas_base


@njit
def _price_limit(sqrt_price: Any, slippage_ppm: int, zero_for_one: bool) -> Any:
    """The sqrt price at which the price is `slippage_ppm` worse, in v3's allowed range."""
    scale = 1 << 40
    if zero_for_one:
        limit = (sqrt_price * np.uint64(np.sqrt(1.0 - slippage_ppm / PPM) * scale)) >> 40
        lowest = load(LOWEST_PRICE)
        return limit if limit > lowest else lowest
    # A buyer of token0 pays 1 / (1 - s) of the price when he gets (1 - s) of the tokens.
    if slippage_ppm >= PPM:
        return load(HIGHEST_PRICE)
    limit = (sqrt_price * np.uint64(scale / np.sqrt(1.0 - slippage_ppm / PPM))) >> 40
    highest = load(HIGHEST_PRICE)
    return limit if limit < highest else highest


@njit
def _extreme(zero_for_one: bool) -> Any:
    return load(LOWEST_PRICE) if zero_for_one else load(HIGHEST_PRICE)


@njit
def _land(index: int, orders: Records, market: Records, wishes: Records, terms: Terms, cash: Any, base: Any) -> Any:
    """Let one order meet the pool; returns cash and base after it."""
    decided, row = orders[index].row, orders[index].landing_row
    buys = orders[index].side == BUY
    zero_for_one = buys != terms.base_is_token0
    amount, quoted = load(orders[index].amount_in), load(orders[index].quoted)
    sqrt_price, liquidity = load(market[row].sqrt_price), load(market[row].liquidity)
    gas_wei = terms.slippage_gas_wei
    nothing = wide(np.uint64(0))
    paid, fee, out, after = nothing, nothing, nothing, sqrt_price

    if wishes[decided].landing_ns - market[decided].at_ns > wishes[decided].deadline_ns:
        outcome = REVERTED_DEADLINE
        gas_wei = terms.deadline_gas_wei
    elif amount > (cash if buys else base):
        outcome = INSUFFICIENT_BALANCE
    elif liquidity == 0:
        outcome = NO_LIQUIDITY
    else:
        limit = _extreme(zero_for_one)
        passed = False
        if not terms.revert_on_slippage:
            quoted_at = load(market[decided].sqrt_price)
            limit = _price_limit(quoted_at, wishes[decided].slippage_ppm, zero_for_one)
            passed = sqrt_price <= limit if zero_for_one else sqrt_price >= limit
        if passed:
            outcome = REVERTED_SLIPPAGE
        else:
            after, paid, out, fee = amm.swap_exact_in(
                sqrt_price, liquidity, amount, terms.fee_pips, zero_for_one, limit
            )
            enough = out * PPM >= quoted * (PPM - wishes[decided].slippage_ppm)
            if terms.revert_on_slippage and (not enough or paid + fee < amount):
                outcome = REVERTED_SLIPPAGE
                paid, fee, out, after = nothing, nothing, nothing, sqrt_price
            else:
                outcome = FILLED if paid + fee == amount else PARTIAL
                gas_wei = terms.swap_gas_wei
    if buys:
        cash, base = cash - (paid + fee), base + out
    else:
        cash, base = cash + out, base - (paid + fee)
    cash, base, gas_quote, gas_base = _pay_gas(cash, base, gas_wei, market[row].price, terms)

    orders[index].outcome = outcome
    store(paid, orders[index].paid)
    store(fee, orders[index].fee)
    store(out, orders[index].out)
    store(after, orders[index].sqrt_after)
    store(gas_quote, orders[index].gas_quote)
    store(gas_base, orders[index].gas_base)
    store(cash, orders[index].cash)
    store(base, orders[index].base)
    return cash, base


@njit
def _land_due(
    row: int,
    pending: int,
    count: int,
    orders: Records,
    market: Records,
    wishes: Records,
    terms: Terms,
    cash: Any,
    base: Any,
    held_cash: Any,
    held_base: Any,
) -> Any:
    """Land every order that is due at `row`, in the order in which they were sent.

    `pending` is the first order that may still be in flight, `count` the number entered so far.
    Returns pending, cash, base and what orders in flight still hold of both.
    """
    while pending < count and (orders[pending].outcome != PENDING or orders[pending].landing_row <= row):
        if orders[pending].outcome == PENDING:
            amount = load(orders[pending].amount_in)
            if orders[pending].side == BUY:
                held_cash = held_cash - amount
            else:
                held_base = held_base - amount
            cash, base = _land(pending, orders, market, wishes, terms, cash, base)
        pending += 1
    return pending, cash, base, held_cash, held_base


@njit
def _less(left: Any, right: Any) -> Any:
    """left - right, or zero: gas of orders in flight may eat into what others hold."""
    return left - right if left > right else wide(np.uint64(0))


@njit
def _limit_hit(
    row: int,
    buys: bool,
    worth: float,
    market: Records,
    terms: Terms,
    equity: float,
    base_value: float,
    sent_today: int,
    last_sent_ns: int,
) -> int:
    """Code of the first ledger limit that forbids an order worth `worth` quote, or 0.

    `base_value` is what the base will be worth when the orders in flight have landed, as far as
    they count against the limit.
    """
    if terms.trades_per_day >= 0 and sent_today >= terms.trades_per_day:
        return TRADES_PER_DAY
    if terms.cooldown_ns > 0 and last_sent_ns >= 0 and market[row].at_ns - last_sent_ns < terms.cooldown_ns:
        return COOLDOWN
    if buys and base_value + worth > terms.max_base_share * equity:
        return POSITION_LIMIT
    if not buys and base_value - worth < terms.min_base_share * equity:
        return POSITION_LIMIT
    return 0


@njit
def _place(
    index: int,
    row: int,
    orders: Records,
    market: Records,
    wishes: Records,
    terms: Terms,
    free_cash: Any,
    free_base: Any,
) -> Any:
    """Size one order from the free balances, quote it, and enter it. Returns its amount.

    It stays PENDING when it is sent; else nothing left the wallet, not even gas.
    """
    buys, price = wishes[row].side == BUY, market[row].price
    gas_quote = _gas_in_quote(terms.swap_gas_wei, price, terms)
    # A buyer keeps the gas back; a seller pays it from quote, or from base if quote is short.
    if buys:
        spendable = _less(free_cash, gas_quote)
    elif free_cash >= gas_quote:
        spendable = free_base
    else:
        spendable = _less(free_base, _gas_in_base(terms.swap_gas_wei, price, terms))
    amount = (spendable * wishes[row].fraction_ppb) // PPB
    store(amount, orders[index].amount_in)
    liquidity = load(market[row].liquidity)
    if amount == 0:
        orders[index].outcome = INSUFFICIENT_BALANCE
    elif liquidity == 0:
        orders[index].outcome = NO_LIQUIDITY
    else:
        zero_for_one = buys != terms.base_is_token0
        quoted = amm.quote_exact_in(load(market[row].sqrt_price), liquidity, amount, terms.fee_pips, zero_for_one)
        store(quoted, orders[index].quoted)
        if terms.max_cost_bps >= 0.0:
            given, got = to_float(amount), to_float(quoted)
            given = given / terms.quote_unit if buys else given / terms.base_unit * price
            got = got / terms.base_unit * price if buys else got / terms.quote_unit
            if given - got + to_float(gas_quote) / terms.quote_unit > terms.max_cost_bps * 1e-4 * given:
                orders[index].outcome, orders[index].rejected = REJECTED, COST_AWARE_MINIMUM
    return amount


@compiled
def replay_rows(
    market: Records,
    wishes: Records,
    terms: Terms,
    start_cash: Limbs,
    start_base: Limbs,
    orders: Records,
    equity: NDArray[np.float64],
) -> int:
    """Replay every row: land the orders that are due, enter a new one, mark to market.

    Args:
        market, wishes, terms: the inputs, by row.
        start_cash, start_base: opening balances as limbs (4,).
        orders: filled in place, one entry per BUY or SELL among the wishes.
        equity: filled in place, shape (n,): quote value of both balances at each row's price.

    Returns:
        Number of orders entered.
    """
    cash, base = load(start_cash), load(start_base)
    held_cash, held_base = wide(np.uint64(0)), wide(np.uint64(0))  # promised to orders in flight
    pending, count = 0, 0
    peak, stopped = -1.0, False
    day, sent_today, last_sent_ns = -1, 0, -1

    for row in range(market.shape[0]):
        price = market[row].price
        if pending < count:
            pending, cash, base, held_cash, held_base = _land_due(
                row, pending, count, orders, market, wishes, terms, cash, base, held_cash, held_base
            )
        cash_now, base_now = to_float(cash) / terms.quote_unit, to_float(base) / terms.base_unit
        now = cash_now + base_now * price
        peak = max(peak, now)
        stopped = stopped or now < peak * (1.0 - terms.drawdown_stop)

        buys = wishes[row].side == BUY
        if buys or wishes[row].side == SELL:
            index, count = count, count + 1
            orders[index].row, orders[index].side = row, wishes[row].side
            orders[index].landing_row = wishes[row].landing_row
            code = int(wishes[row].rejected)
            if code == 0 and wishes[row].landing_row < 0:
                code = END_OF_TAPE
            if code == 0:
                if market[row].at_ns // DAY_NS != day:
                    day, sent_today = market[row].at_ns // DAY_NS, 0
                held_quote = to_float(held_cash) / terms.quote_unit
                held_value = to_float(held_base) / terms.base_unit * price
                free = cash_now - held_quote if buys else base_now * price - held_value
                worth = free * wishes[row].fraction_ppb / PPB
                base_value = base_now * price + (held_quote if buys else -held_value)
                code = _limit_hit(row, buys, worth, market, terms, now, base_value, sent_today, last_sent_ns)
                code = DRAWDOWN_STOP if stopped else code
            if code != 0:
                orders[index].outcome, orders[index].rejected = REJECTED, code
            else:
                amount = _place(
                    index, row, orders, market, wishes, terms, _less(cash, held_cash), _less(base, held_base)
                )
                if orders[index].outcome == PENDING:
                    held_cash = held_cash + amount if buys else held_cash
                    held_base = held_base if buys else held_base + amount
                    sent_today, last_sent_ns = sent_today + 1, market[row].at_ns
            if orders[index].outcome != PENDING:
                store(cash, orders[index].cash)
                store(base, orders[index].base)
            elif orders[index].landing_row == row:  # no latency: it meets the state it was decided on
                pending, cash, base, held_cash, held_base = _land_due(
                    row, pending, count, orders, market, wishes, terms, cash, base, held_cash, held_base
                )
                now = to_float(cash) / terms.quote_unit + to_float(base) / terms.base_unit * price

        equity[row] = now
    return count
