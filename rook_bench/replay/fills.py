"""How an order meets the pool: its fill or why it reverts, the searcher's part, gas, and the balances after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rook_bench.core import Side
from rook_bench.execution import amm
from rook_bench.execution.fill import least_out
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.wide import load, njit, store, wide
from rook_bench.replay.dtypes import PENDING, Balances, Given, PoolCalls, Records, Terms
from rook_bench.replay.gas import gas_in_base, gas_in_quote, pay_gas, swap_units_of

PPM = 1_000_000
BUY = int(Side.BUY)

# Enum members are frozen into the compiled code as plain integers.
FILLED, PARTIAL = int(Outcome.FILLED), int(Outcome.PARTIAL)
REVERTED_SLIPPAGE, REVERTED_DEADLINE = int(Outcome.REVERTED_SLIPPAGE), int(Outcome.REVERTED_DEADLINE)
INSUFFICIENT_BALANCE, NO_LIQUIDITY = int(Outcome.INSUFFICIENT_BALANCE), int(Outcome.NO_LIQUIDITY)

NO_MEV, TYPICAL_MEV, WORST_MEV = 0, 1, 2


@njit
def land_due(row: int, pending: int, count: int, orders: Records, given: Given, balances: Balances) -> Any:
    """Land every order that is due at `row`, in the order in which they were sent.

    `pending` is the first order that may still be in flight, `count` the number entered so far.
    Returns both, moved on: pending and the balances.
    """
    while pending < count and (orders[pending].outcome != PENDING or orders[pending].landing_row <= row):
        if orders[pending].outcome == PENDING:
            balances = land_one(pending, orders, given, balances)
        pending += 1
    return pending, balances


@njit
def land_one(index: int, orders: Records, given: Given, balances: Balances) -> Any:
    """Let one order in flight meet the pool; returns the balances after it, and what it had reserved is free."""
    cash, base, held_cash, held_base = balances
    amount = load(orders[index].amount_in)
    if orders[index].side == BUY:
        held_cash = held_cash - amount
    else:
        held_base = held_base - amount
    cash, base = land(index, orders, given, cash, base)
    return Balances(cash, base, held_cash, held_base)


@njit
def land(index: int, orders: Records, given: Given, cash: Any, base: Any) -> Any:
    """Let one order meet the pool; returns cash and base after it."""
    market, wishes, pool, terms = given
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
            after, paid, out, fee, crossed = swap_at(market[row], amount, zero_for_one, limit, pool, terms)
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
def swap_at(at: Any, amount: Any, zero_for_one: bool, limit: Any, pool: PoolCalls, terms: Terms) -> Any:
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
