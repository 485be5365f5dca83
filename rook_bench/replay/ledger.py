"""Money reconciles on every run: to the last unit, or the run is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

from rook_bench.core import RookError, mapped
from rook_bench.execution.fill import least_out, pool_swap, sandwiched_out
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price
from rook_bench.market.history import TickWalk
from rook_bench.replay.dtypes import BASE, QUOTE
from rook_bench.replay.gas import COIN
from rook_bench.replay.ledger_columns import left_to_check
from rook_bench.replay.market_rows import fee_pips, gas_prices, native_prices
from rook_bench.replay.orders import Landed, Landings
from rook_bench.tapecheck.repricing import known_depth

if TYPE_CHECKING:
    from rook_bench.replay.run import Run
    from rook_bench.replay.traded import Traded

EQUITY_TOLERANCE = 1e-12
"""Largest relative difference between the float64 equity curve and the exact balances."""


class LedgerError(RookError):
    """The ledger does not add up: a defect of this program, never of the input."""


def closing_balances(run: Run) -> tuple[int, int]:
    """Quote and base at the end, in smallest units."""
    landed = run.landed
    return (landed[-1].cash, landed[-1].base) if landed else run.opening


def reconcile(run: Run) -> None:
    """Check every order against Python's own integers, and the equity curve against the balances.

    Raises:
        LedgerError: if balances don't follow from the amounts, a quote or fill is not what the
            pool maths gives, orders land out of order, or the equity curve disagrees.
    """
    rows = run.orders.landing_row[run.landed.moved]
    if (rows[1:] < rows[:-1]).any():
        raise LedgerError("orders landed out of order", where=run.name)
    check_fills(run, run.landed, where=run.name, opening=run.opening)
    _check_equity(run)


def check_fills(run: Traded, landed: Landings, *, where: str, opening: tuple[int, int] | None = None) -> None:
    """Check that quotes and fills are what the pool's maths gives.

    Args:
        landed: the orders, in the order in which they landed.
        where: what an error names.
        opening: quote and base before the first of them, where nobody else spends from them: that the balances
            follow is checked too.

    Raises:
        LedgerError: where one is not.
    """
    pools = _Pools(run)
    left = left_to_check(run, landed.moved, pools.fees, whole_map=pools.whole_map, opening=opening)
    for order in landed.some(left):
        problem = (opening and _imbalance(order)) or _wrong_amounts(run, order, pools)
        if problem:
            raise LedgerError(f"{problem} of order {order.index + 1}", where=where)


def _imbalance(order: Landed) -> str | None:
    """What is wrong with the balances after an order, if anything."""
    spent = order.taken + order.fee
    cash = order.cash_before + (-spent if order.buys else order.out) - order.gas_quote
    base = order.base_before + (order.out if order.buys else -spent) - order.gas_base
    if (cash, base) != (order.cash, order.base):
        return "balances don't follow from the amounts"
    return "a balance is negative after the landing" if min(cash, base) < 0 else None


class _Pools:
    """The pool as each order saw it and met it, in Python integers; orders come in the order they were sent."""

    def __init__(self, run: Traded) -> None:
        self.frame = run.frame
        self.gas = run.config.frictions.gas
        self.fees = np.broadcast_to(fee_pips(run.frame, run.config.frictions), len(run.frame))
        self.gas_prices = np.broadcast_to(gas_prices(run.frame, run.config.frictions), len(run.frame))
        self.native, prices = native_prices(run.frame, run.config.frictions)
        self.native_prices = np.broadcast_to(prices, len(run.frame))
        depth = known_depth(run.frame)
        self.whole_map = depth is not None
        # Landings only go forward along the tape, and so do decisions, some of which lie before the last landing.
        self._walks = [TickWalk(depth), TickWalk(depth)] if depth else []

    def fill(self, row: int, amount: int, zero_for_one: bool, limit: int) -> tuple[int, ...]:
        """Price after, input without fee, output, fee, and ticks crossed, of a swap at this row."""
        fee_pips = int(self.fees[row])
        after, _, _, taken, out, fee, crossed = pool_swap(
            *self.state(row), amount, True, fee_pips, zero_for_one, limit, *self.terms(row)
        )
        return after, taken, out, fee, crossed

    def state(self, row: int) -> tuple[int, int, int]:
        """Sqrt price, tick and liquidity that swap `row` left."""
        frame = self.frame
        return frame.sqrt_price_x96[row], int(frame.exact_tick[row]), frame.liquidity[row]

    def terms(self, row: int) -> tuple[int, Sequence[tuple[int, int]], bool, bool]:
        """Spacing, tick map, whether it is whole, and whether the pool is v4's."""
        pool = self.frame.pool
        return pool.tick_spacing, _Ticks(self, row), self.whole_map, pool.protocol == "v4"

    def ticks_at(self, row: int) -> list[tuple[int, int]]:
        """The tick map at this row; empty where none is known."""
        for walk in self._walks:  # the one that is ahead, unless the row lies behind it
            if walk.row <= row:
                return walk.at(row).pairs
        return []

    def attack_cost(self, order: Landed) -> int:
        """Gas of a searcher's two swaps in units of the order's input token, rounded as the loop rounds it."""
        pool, gas, price = self.frame.pool, self.gas, float(self.frame.price[order.row])
        base_unit, quote_unit = float(pool.base.unit), float(pool.quote.unit)
        wei = 2 * gas.swap_units * int(self.gas_prices[order.row]) if gas.flat_quote is None else 0
        extra = math.ceil((gas.l1_fee_quote if gas.flat_quote is None else gas.flat_quote) * pool.quote.unit)
        if self.native == QUOTE and quote_unit == COIN:
            own = wei
        else:
            own = math.ceil(_float(wei) / COIN * float(self.native_prices[order.row]) * quote_unit)
        if order.buys:
            return own + extra
        if self.native == BASE and base_unit == COIN:
            return wei + math.ceil(extra / quote_unit / price * base_unit)
        return math.ceil(_float(own + extra) / quote_unit / price * base_unit)


class _Ticks(Sequence[tuple[int, int]]):
    """The tick map at a row, walked to when somebody looks: most swaps stay between two ticks, and nobody does."""

    def __init__(self, pools: _Pools, row: int) -> None:
        self._pools, self._row = pools, row

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        return self._pools.ticks_at(self._row)

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, place: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[tuple[int, int]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, int] | Sequence[tuple[int, int]]:
        return self._pairs[place]


def _float(value: int) -> float:
    """float64 as `execution.wide.to_float` gives it."""
    return float(value >> 64) * 2.0**64 + float(value & (2**64 - 1))


def _wrong_amounts(run: Traded, order: Landed, pools: _Pools) -> str | None:
    """What is wrong with the quote or the fill of an order, if anything."""
    zero_for_one = order.buys != run.frame.pool.base_is_token0
    extreme = extreme_price(zero_for_one)
    quoted = pools.fill(order.decided_row, order.amount_in, zero_for_one, extreme)[2]
    if order.quoted != quoted:
        return "the quote is not what the pool maths gives"
    if order.outcome not in (Outcome.FILLED, Outcome.PARTIAL):
        moved = order.taken or order.fee or order.out or order.mev or order.crossed
        untouched = not moved and order.sqrt_after in (0, run.frame.sqrt_price_x96[order.row])
        return None if untouched else "tokens moved in a revert"
    limit = order.sqrt_after if order.outcome == Outcome.PARTIAL else extreme
    filled = pools.fill(order.row, order.amount_in, zero_for_one, limit)
    whole = order.taken + order.fee == order.amount_in
    given = (order.sqrt_after, order.taken, order.out + order.mev, order.fee, order.crossed)
    if filled != given or whole != (order.outcome == Outcome.FILLED):
        return "the fill is not what the pool maths gives"
    return None if order.out == _left_by_searchers(run, order, pools, zero_for_one) else "the searcher's part is wrong"


def _left_by_searchers(run: Traded, order: Landed, pools: _Pools, zero_for_one: bool) -> int:
    """Output that an order keeps under the run's assumption about adverse ordering."""
    mode = run.config.frictions.mev
    slippage_ppm = round(float(run.permitted.slippage_bps[order.decided_row]) * 100)
    least = least_out(order.quoted, slippage_ppm)
    if mode == "none":
        return order.out + order.mev
    if mode == "worst":
        return least
    state, terms = pools.state(order.row), pools.terms(order.row)
    cost, fee = pools.attack_cost(order), int(pools.fees[order.row])
    return sandwiched_out(*state, order.amount_in, least, cost, fee, zero_for_one, *terms)


class Holdings:
    """Quote and base held after each row, in human units, float64."""

    def __init__(self, run: Run) -> None:
        pool, orders, moved = run.frame.pool, run.orders, run.landed.moved
        self._cash = np.append(run.opening[0] / pool.quote.unit, orders.cash[moved].to_floats(pool.quote.unit))
        self._base = np.append(run.opening[1] / pool.base.unit, orders.base[moved].to_floats(pool.base.unit))
        self._rows = orders.landing_row[moved]

    def at(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Both on some rows."""
        latest = np.searchsorted(self._rows, np.arange(rows.start, rows.stop), side="right")
        return self._cash[latest], self._base[latest]


def balances_by_row(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Quote and base held after each row, in human units, float64, shape (n,)."""
    holdings, count = Holdings(run), len(run.frame)
    return mapped.by_part(count, lambda rows: holdings.at(rows)[0]), mapped.by_part(
        count, lambda rows: holdings.at(rows)[1]
    )


def _check_equity(run: Run) -> None:
    """The float64 curve must be the exact balances marked at each row's price."""
    holdings = Holdings(run)
    for rows in mapped.parts(len(run.frame)):
        cash, base = holdings.at(rows)
        marked = cash + base * run.frame.price[rows]
        error = np.abs(run.equity[rows] - marked) > EQUITY_TOLERANCE * np.maximum(marked, 1.0)
        if error.any():
            row = rows.start + int(np.argmax(error)) + 1
            raise LedgerError(f"the equity curve disagrees with the balances at row {row}", where=run.name)
