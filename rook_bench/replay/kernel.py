"""The replay loop: decisions in, orders and fills out, every token unit accounted for.

One loop, compiled. Balances and pool state are exact integers (see execution/wide.py); floats
appear only in the equity curve and in the ratios that limits compare.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.core.exact import ExactInts
from rook_bench.execution import amm
from rook_bench.execution.compiled import compiled
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.wide import load, njit, store, to_float, wide

Limbs = NDArray[np.uint64]

PPM = 1_000_000
PPB = 1_000_000_000
DAY_NS = 86_400 * PPB
BUY, SELL = int(Side.BUY), int(Side.SELL)

# Enum members are frozen into the compiled code as plain integers.
FILLED, PARTIAL, REJECTED = int(Outcome.FILLED), int(Outcome.PARTIAL), int(Outcome.REJECTED)
REVERTED_SLIPPAGE, REVERTED_DEADLINE = int(Outcome.REVERTED_SLIPPAGE), int(Outcome.REVERTED_DEADLINE)
INSUFFICIENT_BALANCE, NO_LIQUIDITY = int(Outcome.INSUFFICIENT_BALANCE), int(Outcome.NO_LIQUIDITY)
PENDING = -1

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


class Market(NamedTuple):
    """The tape, by row: ns since the epoch, sqrtPriceX96 and liquidity as limbs (n, 4), price in human units."""

    at_ns: NDArray[np.int64]
    sqrt_price: Limbs
    liquidity: Limbs
    price: NDArray[np.float64]


class Wishes(NamedTuple):
    """The decisions, by row, after sizing and the filters that need no ledger (`rejected`: filter code, 0 for none)."""

    side: NDArray[np.int8]
    fraction_ppb: NDArray[np.int64]
    slippage_ppm: NDArray[np.int64]
    deadline_ns: NDArray[np.int64]
    rejected: NDArray[np.int16]
    landing_row: NDArray[np.int64]
    landing_ns: NDArray[np.int64]


class Terms(NamedTuple):
    """Pool orientation, costs and limits that hold for the whole run; NaN or a negative number switches a limit off."""

    base_is_token0: bool
    base_unit: float
    quote_unit: float
    fee_pips: int
    revert_on_slippage: bool
    swap_gas_wei: int
    slippage_gas_wei: int
    deadline_gas_wei: int
    flat_gas: int
    max_base_share: float
    min_base_share: float
    trades_per_day: int
    cooldown_ns: int
    drawdown_stop: float
    max_cost_bps: float


class Orders(NamedTuple):
    """One entry per decision that wished to trade; amounts as limbs (m, 4) in smallest units.

    `amount_in` is what the order offered; `paid` and `fee` (in the input token), `out` and
    `quoted` (in the output token) are zero where nothing was filled. `cash` and `base` are the
    balances after the order, in the order of landing.
    """

    row: NDArray[np.int64]
    landing_row: NDArray[np.int64]
    side: NDArray[np.int8]
    outcome: NDArray[np.int8]
    rejected: NDArray[np.int16]
    amount_in: Limbs
    quoted: Limbs
    paid: Limbs
    fee: Limbs
    out: Limbs
    gas_quote: Limbs
    gas_base: Limbs
    sqrt_after: Limbs
    cash: Limbs
    base: Limbs


def empty_orders(count: int) -> Orders:
    """Room for `count` orders."""

    def row() -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    def amount() -> Limbs:
        return np.zeros((count, 4), np.uint64)

    return Orders(
        row=row(),
        landing_row=row(),
        side=np.zeros(count, np.int8),
        outcome=np.full(count, PENDING, np.int8),
        rejected=np.zeros(count, np.int16),
        amount_in=amount(),
        quoted=amount(),
        paid=amount(),
        fee=amount(),
        out=amount(),
        gas_quote=amount(),
        gas_base=amount(),
        sqrt_after=amount(),
        cash=amount(),
        base=amount(),
    )


# Numba takes global arrays as constants; Python integers of this size it can't.
LOWEST_PRICE, HIGHEST_PRICE = ExactInts.of([amm.MIN_SQRT_PRICE + 1, amm.MAX_SQRT_PRICE - 1]).limbs


@njit
def _gas_in_quote(gas_wei: int, price: float, terms: Terms) -> Any:
    """Gas in whole quote units, rounded up. The base token is ether; its price here is the pool's.

    The gas price is an assumption, so float64 decides the last unit of this conversion; from then
    on it is an integer like every other amount.
    """
    if terms.flat_gas >= 0:
        return wide(np.uint64(terms.flat_gas))
    return wide(np.uint64(np.ceil(gas_wei / terms.base_unit * price * terms.quote_unit)))


@njit
def _gas_in_base(gas_wei: int, price: float, terms: Terms) -> Any:
    """The same gas in base units."""
    if terms.flat_gas >= 0:
        return wide(np.uint64(np.ceil(terms.flat_gas / terms.quote_unit / price * terms.base_unit)))
    return wide(np.uint64(gas_wei))


@njit
def _pay_gas(cash: Any, base: Any, gas_wei: int, price: float, terms: Terms) -> Any:
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
def _land(index: int, orders: Orders, market: Market, wishes: Wishes, terms: Terms, cash: Any, base: Any) -> Any:
    """Let one order meet the pool; returns cash and base after it."""
    decided, row = orders.row[index], orders.landing_row[index]
    buys = orders.side[index] == BUY
    zero_for_one = buys != terms.base_is_token0
    amount, quoted = load(orders.amount_in[index]), load(orders.quoted[index])
    sqrt_price, liquidity = load(market.sqrt_price[row]), load(market.liquidity[row])
    gas_wei = terms.slippage_gas_wei
    nothing = wide(np.uint64(0))
    paid, fee, out, after = nothing, nothing, nothing, sqrt_price

    if wishes.landing_ns[decided] - market.at_ns[decided] > wishes.deadline_ns[decided]:
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
            quoted_at = load(market.sqrt_price[decided])
            limit = _price_limit(quoted_at, wishes.slippage_ppm[decided], zero_for_one)
            passed = sqrt_price <= limit if zero_for_one else sqrt_price >= limit
        if passed:
            outcome = REVERTED_SLIPPAGE
        else:
            after, paid, out, fee = amm.swap_exact_in(
                sqrt_price, liquidity, amount, terms.fee_pips, zero_for_one, limit
            )
            enough = out * PPM >= quoted * (PPM - wishes.slippage_ppm[decided])
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
    cash, base, gas_quote, gas_base = _pay_gas(cash, base, gas_wei, market.price[row], terms)

    orders.outcome[index] = outcome
    store(paid, orders.paid[index])
    store(fee, orders.fee[index])
    store(out, orders.out[index])
    store(after, orders.sqrt_after[index])
    store(gas_quote, orders.gas_quote[index])
    store(gas_base, orders.gas_base[index])
    store(cash, orders.cash[index])
    store(base, orders.base[index])
    return cash, base


@njit
def _limit_hit(
    row: int,
    market: Market,
    terms: Terms,
    equity: float,
    base_value: float,
    wish: float,
    buys: bool,
    peak: float,
    sent_today: int,
    last_sent_ns: int,
) -> int:
    """Code of the first ledger limit that forbids an order worth `wish` quote, or 0."""
    if equity < peak * (1.0 - terms.drawdown_stop):
        return DRAWDOWN_STOP
    if terms.trades_per_day >= 0 and sent_today >= terms.trades_per_day:
        return TRADES_PER_DAY
    if terms.cooldown_ns > 0 and last_sent_ns >= 0 and market.at_ns[row] - last_sent_ns < terms.cooldown_ns:
        return COOLDOWN
    if buys and base_value + wish > terms.max_base_share * equity:
        return POSITION_LIMIT
    if not buys and base_value - wish < terms.min_base_share * equity:
        return POSITION_LIMIT
    return 0


@compiled
def replay_rows(
    market: Market,
    wishes: Wishes,
    terms: Terms,
    start_cash: Limbs,
    start_base: Limbs,
    orders: Orders,
    equity: NDArray[np.float64],
) -> int:
    """Replay every row: land the orders that are due, then decide, then mark to market.

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
    cash_now, base_now = to_float(cash) / terms.quote_unit, to_float(base) / terms.base_unit
    peak = -1.0
    first_pending, count = 0, 0
    day, sent_today, last_sent_ns = -1, 0, -1
    stopped = False

    for row in range(market.price.shape[0]):
        wants = wishes.side[row] == BUY or wishes.side[row] == SELL
        for turn in range(2):  # orders due now land first, then a decision made now may land at once
            while first_pending < count and (
                orders.outcome[first_pending] != PENDING or orders.landing_row[first_pending] <= row
            ):
                if orders.outcome[first_pending] == PENDING:
                    amount = load(orders.amount_in[first_pending])
                    if orders.side[first_pending] == BUY:
                        held_cash = held_cash - amount
                    else:
                        held_base = held_base - amount
                    cash, base = _land(first_pending, orders, market, wishes, terms, cash, base)
                    cash_now, base_now = to_float(cash) / terms.quote_unit, to_float(base) / terms.base_unit
                first_pending += 1
            if turn == 1 or not wants:
                break

            index, count = count, count + 1
            buys = wishes.side[row] == BUY
            orders.row[index], orders.side[index] = row, wishes.side[row]
            orders.landing_row[index] = wishes.landing_row[row]
            code = int(wishes.rejected[row])
            if code == 0 and wishes.landing_row[row] < 0:
                code = END_OF_TAPE
            if code == 0:
                today = market.at_ns[row] // DAY_NS
                if today != day:
                    day, sent_today = today, 0
                price = market.price[row]
                worth = cash_now + base_now * price
                share = wishes.fraction_ppb[row] / PPB
                free = (
                    (cash_now - to_float(held_cash) / terms.quote_unit)
                    if buys
                    else ((base_now - to_float(held_base) / terms.base_unit) * price)
                )
                code = _limit_hit(
                    row,
                    market,
                    terms,
                    worth,
                    base_now * price,
                    free * share,
                    buys,
                    max(peak, worth),
                    sent_today,
                    last_sent_ns,
                )
                stopped = stopped or code == DRAWDOWN_STOP
                if stopped:
                    code = DRAWDOWN_STOP
            if code != 0:
                orders.outcome[index], orders.rejected[index] = REJECTED, code
                store(cash, orders.cash[index])
                store(base, orders.base[index])
                continue

            sqrt_price, liquidity = load(market.sqrt_price[row]), load(market.liquidity[row])
            gas_quote = _gas_in_quote(terms.swap_gas_wei, market.price[row], terms)
            free_cash, free_base = cash - held_cash, base - held_base
            # A buyer keeps the gas back; a seller pays it from quote, or from base if quote is short.
            if buys:
                spendable = free_cash - gas_quote if free_cash > gas_quote else wide(np.uint64(0))
            else:
                spendable = free_base
                if free_cash < gas_quote:
                    gas_base = _gas_in_base(terms.swap_gas_wei, market.price[row], terms)
                    spendable = free_base - gas_base if free_base > gas_base else wide(np.uint64(0))
            amount = (spendable * wishes.fraction_ppb[row]) // PPB
            zero_for_one = buys != terms.base_is_token0
            outcome = PENDING
            quoted = wide(np.uint64(0))
            if amount == 0:
                outcome = INSUFFICIENT_BALANCE
            elif liquidity == 0:
                outcome = NO_LIQUIDITY
            else:
                quoted = amm.quote_exact_in(sqrt_price, liquidity, amount, terms.fee_pips, zero_for_one)
                if terms.max_cost_bps >= 0.0:
                    offered, expected = to_float(amount), to_float(quoted)
                    if buys:
                        given, got = offered / terms.quote_unit, expected / terms.base_unit * market.price[row]
                    else:
                        given, got = offered / terms.base_unit * market.price[row], expected / terms.quote_unit
                    cost = given - got + to_float(gas_quote) / terms.quote_unit
                    if cost > terms.max_cost_bps * 1e-4 * given:
                        outcome = REJECTED
                        orders.rejected[index] = COST_AWARE_MINIMUM
            store(amount, orders.amount_in[index])
            store(quoted, orders.quoted[index])
            orders.outcome[index] = outcome
            if outcome != PENDING:  # never sent: no gas, nothing held back
                store(cash, orders.cash[index])
                store(base, orders.base[index])
                continue
            if buys:
                held_cash = held_cash + amount
            else:
                held_base = held_base + amount
            sent_today += 1
            last_sent_ns = market.at_ns[row]

        equity[row] = cash_now + base_now * market.price[row]
        peak = max(peak, equity[row])
    return count
