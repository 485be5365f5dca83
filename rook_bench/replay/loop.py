"""The replay loop: decisions in, orders and fills out, every token unit accounted for.

One loop, compiled. Balances and pool state are exact integers (see execution/wide.py); floats
appear only in the equity curve and in the ratios that limits compare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.execution import amm
from rook_bench.execution.compiled import compiled
from rook_bench.execution.fill import least_out
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.tick_records import apply_change
from rook_bench.execution.wide import load, njit, store, to_float, wide
from rook_bench.replay.dtypes import PENDING, Limbs, PoolCalls, Records, Terms
from rook_bench.replay.gas import gas_in_base, gas_in_quote, pay_gas, swap_units_of

PPM = 1_000_000
PPB = 1_000_000_000
DAY_NS = 86_400 * PPB
BUY, SELL = int(Side.BUY), int(Side.SELL)

# Enum members are frozen into the compiled code as plain integers.
FILLED, PARTIAL, REJECTED = int(Outcome.FILLED), int(Outcome.PARTIAL), int(Outcome.REJECTED)
REVERTED_SLIPPAGE, REVERTED_DEADLINE = int(Outcome.REVERTED_SLIPPAGE), int(Outcome.REVERTED_DEADLINE)
INSUFFICIENT_BALANCE, NO_LIQUIDITY = int(Outcome.INSUFFICIENT_BALANCE), int(Outcome.NO_LIQUIDITY)

NO_MEV, TYPICAL_MEV, WORST_MEV = 0, 1, 2

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
def _price_limit(sqrt_price: Any, slippage_ppm: int, zero_for_one: bool) -> Any:
    """The sqrt price at which the price is `slippage_ppm` worse, in v3's allowed range."""
    scale = 1 << 40
    if zero_for_one:
        limit = (sqrt_price * np.uint64(np.sqrt(1.0 - slippage_ppm / PPM) * scale)) >> 40
        lowest = extreme_price(True)
        return limit if limit > lowest else lowest
    # A buyer of token0 pays 1 / (1 - s) of the price when he gets (1 - s) of the tokens.
    if slippage_ppm >= PPM:
        return extreme_price(False)
    limit = (sqrt_price * np.uint64(scale / np.sqrt(1.0 - slippage_ppm / PPM))) >> 40
    highest = extreme_price(False)
    return limit if limit < highest else highest


@njit
def _prepare(at: Any, amount: Any, zero_for_one: bool, pool: PoolCalls, terms: Terms) -> Any:
    """The record of a call with the state of a row in it."""
    call = pool.calls[0]
    store(load(at.sqrt_price), call.sqrt_price)
    store(load(at.liquidity), call.liquidity)
    store(amount, call.amount)
    call.tick, call.fee_pips, call.spacing = at.tick, at.fee_pips, terms.tick_spacing
    call.exact_in, call.zero_for_one = 1, 1 if zero_for_one else 0
    call.whole_map, call.v4 = 1 if terms.whole_map else 0, 1 if terms.v4 else 0
    return call


@njit
def _swap(at: Any, amount: Any, zero_for_one: bool, limit: Any, pool: PoolCalls, terms: Terms) -> Any:
    """Swap at the state of a row: price after, input without fee, output, fee, ticks crossed.

    Without a whole tick map one step is all there is, and it is done right here.
    """
    if terms.whole_map:
        call = _prepare(at, amount, zero_for_one, pool, terms)
        store(limit, call.sqrt_limit)
        pool.swap(pool.calls, pool.ticks)
        return load(call.after), load(call.taken), load(call.out), load(call.fee), call.crossed
    after, taken, out, fee = amm.swap_exact_in(
        load(at.sqrt_price), load(at.liquidity), amount, at.fee_pips, zero_for_one, limit
    )
    if terms.v4 and after != limit:
        taken, fee = amm.split_of_v4(amount, at.fee_pips)
    return after, taken, out, fee, 0


@njit
def _sandwich(at: Any, amount: Any, least: Any, buys: bool, pool: PoolCalls, terms: Terms) -> Any:
    """Output that a searcher leaves to an order; see `fill.sandwiched_out`."""
    attack = 2 * terms.swap_units
    call = _prepare(at, amount, buys != terms.base_is_token0, pool, terms)
    store(least, call.least)
    store(gas_in_quote(attack, at, terms) if buys else gas_in_base(attack, at, terms), call.cost)
    pool.sandwich(pool.calls, pool.ticks)
    return load(call.out)


@njit
def _land(
    index: int, orders: Records, market: Records, wishes: Records, pool: PoolCalls, terms: Terms, cash: Any, base: Any
) -> Any:
    """Let one order meet the pool; returns cash and base after it."""
    decided, row = orders[index].row, orders[index].landing_row
    buys = orders[index].side == BUY
    zero_for_one = buys != terms.base_is_token0
    amount, quoted = load(orders[index].amount_in), load(orders[index].quoted)
    sqrt_price, liquidity = load(market[row].sqrt_price), load(market[row].liquidity)
    slippage_ppm = wishes[decided].slippage_ppm
    units = terms.slippage_units
    nothing = wide(np.uint64(0))
    paid, fee, out, after, lost, crossed = nothing, nothing, nothing, sqrt_price, nothing, 0

    if wishes[decided].landing_ns - market[decided].at_ns > wishes[decided].deadline_ns:
        outcome = REVERTED_DEADLINE
        units = terms.deadline_units
    elif amount > (cash if buys else base):
        outcome = INSUFFICIENT_BALANCE
    elif liquidity == 0 and not terms.whole_map:
        outcome = NO_LIQUIDITY
    else:
        limit = extreme_price(zero_for_one)
        passed = False
        if not terms.revert_on_slippage:
            limit = _price_limit(load(market[decided].sqrt_price), slippage_ppm, zero_for_one)
            passed = sqrt_price <= limit if zero_for_one else sqrt_price >= limit
        if passed:
            outcome = REVERTED_SLIPPAGE
        else:
            after, paid, out, fee, crossed = _swap(market[row], amount, zero_for_one, limit, pool, terms)
            least = least_out(quoted, slippage_ppm)
            if terms.revert_on_slippage and (out < least or paid + fee < amount):
                outcome = REVERTED_SLIPPAGE
                paid, fee, out, after, crossed = nothing, nothing, nothing, sqrt_price, 0
            else:
                outcome = FILLED if paid + fee == amount else PARTIAL
                units = swap_units_of(crossed, terms)
                left = out
                if terms.mev == WORST_MEV:
                    left = least
                elif terms.mev == TYPICAL_MEV:
                    left = _sandwich(market[row], amount, least, buys, pool, terms)
                lost, out = out - left, left
    if buys:
        cash, base = cash - (paid + fee), base + out
    else:
        cash, base = cash + out, base - (paid + fee)
    cash, base, gas_quote, gas_base = pay_gas(cash, base, units, market[row], terms)

    orders[index].outcome = outcome
    orders[index].crossed = crossed
    store(paid, orders[index].paid)
    store(fee, orders[index].fee)
    store(out, orders[index].out)
    store(lost, orders[index].mev)
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
    pool: PoolCalls,
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
            cash, base = _land(pending, orders, market, wishes, pool, terms, cash, base)
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
    pool: PoolCalls,
    terms: Terms,
    free_cash: Any,
    free_base: Any,
) -> Any:
    """Size one order from the free balances, quote it, and enter it. Returns its amount.

    It stays PENDING when it is sent; else nothing left the wallet, not even gas.
    """
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
            _, _, quoted, _, _ = _swap(market[row], amount, zero_for_one, limit, pool, terms)
        else:
            fee_pips = market[row].fee_pips
            quoted = amm.quote_exact_in(load(market[row].sqrt_price), liquidity, amount, fee_pips, zero_for_one)
        store(quoted, orders[index].quoted)
        if quoted == 0 and liquidity == 0:
            orders[index].outcome = NO_LIQUIDITY
        if terms.max_cost_bps >= 0.0 and orders[index].outcome == PENDING:
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
    pool: PoolCalls,
    changes: Records,
    terms: Terms,
    start_cash: Limbs,
    start_base: Limbs,
    orders: Records,
    equity: NDArray[np.float64],
) -> int:
    """Replay every row: land the orders that are due, enter a new one, mark to market.

    Args:
        market, wishes, terms: the inputs, by row.
        pool: the pool's swap, and the tick map before the first swap, which is moved along in place.
        changes: of the tick map (see `execution.tick_records`); used where `terms.whole_map` says that they are all.
        start_cash, start_base: opening balances as limbs (4,).
        orders: filled in place, one entry per BUY or SELL among the wishes.
        equity: filled in place, shape (n,): quote value of both balances at each row's price.

    Returns:
        Number of orders entered.
    """
    cash, base = load(start_cash), load(start_base)
    held_cash, held_base = wide(np.uint64(0)), wide(np.uint64(0))  # promised to orders in flight
    # Typed from the start: a literal 0 would have every function that takes it compiled twice.
    pending: Any = np.int64(0)
    count, cursor, sent_today = pending, pending, pending
    peak, stopped = -1.0, False
    day: Any = np.int64(-1)
    last_sent_ns = day

    for row in range(market.shape[0]):
        price = market[row].price
        while cursor < changes.shape[0] and changes[cursor].before_row <= row:
            apply_change(pool.ticks, changes[cursor])
            cursor += 1
        if pending < count:
            pending, cash, base, held_cash, held_base = _land_due(
                row, pending, count, orders, market, wishes, pool, terms, cash, base, held_cash, held_base
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
                worth = free * (wishes[row].fraction_ppb / PPB)
                base_value = base_now * price + (held_quote if buys else -held_value)
                code = _limit_hit(row, buys, worth, market, terms, now, base_value, sent_today, last_sent_ns)
                code = DRAWDOWN_STOP if stopped else code
            if code != 0:
                orders[index].outcome, orders[index].rejected = REJECTED, code
            else:
                amount = _place(
                    index, row, orders, market, wishes, pool, terms, _less(cash, held_cash), _less(base, held_base)
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
                    row, pending, count, orders, market, wishes, pool, terms, cash, base, held_cash, held_base
                )
                now = to_float(cash) / terms.quote_unit + to_float(base) / terms.base_unit * price

        equity[row] = now
    return count
