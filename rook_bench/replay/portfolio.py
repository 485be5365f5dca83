"""A Run's fills as a vectorbt Portfolio, for everything that vectorbt can do with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.replay.orders import Landed

DUST = 1e-8
"""Share of the base held that is bought where only gas was paid.

vectorbt knows no fee without an order, and ignores orders below some billionths of the position. The
next larger order gives the dust back.
"""

LEAST_PRICE = 1e-12
"""Price of base that was paid as gas: vectorbt takes no price of zero."""


def to_vectorbt(frame: SwapFrame, opening: tuple[int, int], landed: Sequence[Landed]) -> Any:
    """vectorbt Portfolio of the orders that landed on a tape.

    Args:
        frame: the tape.
        opening: quote and base at the start, smallest units.
        landed: the orders, in the order in which they landed.

    Its rows are the tape's rows, with extra rows before one on which more than one order landed
    (vectorbt takes one order per row), where the gas of a sale exceeds its proceeds (vectorbt
    refuses a sale that can't cover its fee), and at the start to buy the opening base; extra rows
    differ from their tape row by nanoseconds. `value()` on the last row of each tape row is the
    ledger's equity (to float64; to a millionth where gas takes the last of the quote). Prices
    are what each fill paid in all, gas is the fixed fee.

    The index counts swaps: do not annualise it. Sample it on a clock first.
    """
    import vectorbt as vbt  # takes seconds to import, so only where a portfolio is asked for

    pool, price = frame.pool, frame.price
    cash, base = opening[0] / pool.quote.unit, opening[1] / pool.base.unit
    rows, events = [0], [(base if base > 0 else np.nan, float(price[0]), 0.0)]
    by_row: dict[int, list[Landed]] = {}
    for order in landed:
        by_row.setdefault(order.row, []).append(order)
    events_of = _Events(pool)
    for row in range(len(frame)):
        here = [event for order in by_row.get(row, []) for event in events_of(order, price[row])]
        here = here or [(np.nan, price[row], 0.0)]
        rows += [row] * len(here)
        events += here
    size, paid, gas = (np.array(column, dtype=np.float64) for column in zip(*events, strict=True))
    repeat = pd.Series(rows).groupby(rows).cumcount(ascending=False).to_numpy()
    order_in_time = np.maximum.accumulate(frame.at.astype(np.int64)[rows] - repeat)
    index = pd.DatetimeIndex(_strictly_rising(order_in_time), tz="UTC", name="at")
    return vbt.Portfolio.from_orders(
        close=pd.Series(price[rows], index=index, name=pool.pair),
        size=size,
        price=paid,
        fixed_fees=gas,
        fees=0.0,
        slippage=0.0,
        init_cash=cash + base * float(price[0]),
        freq="1s",
    )


def on_clock(
    frame: SwapFrame,
    opening: tuple[int, int],
    landed: Sequence[Landed],
    at: NDArray[np.datetime64],
    rows: NDArray[np.intp],
) -> Any:
    """vectorbt Portfolio with a row for each border of a clock, so that what it annualises has the right period.

    All orders between two borders are one at the later border's price; what they paid more or less than that
    price, costs included, is its fixed fee. `value()` at each border is the ledger's equity there (to float64).
    The first border starts with the balances of that time.

    Args:
        frame, opening, landed: see `to_vectorbt`.
        at: borders, datetime64[ns] in UTC, evenly spaced, shape (k,).
        rows: the last tape row at or before each border, shape (k,).

    Raises:
        InputError: for fewer than two borders.
    """
    import vectorbt as vbt

    if len(at) < 2:
        raise InputError(
            "the tape is shorter than two borders of the clock", where=frame.source, hint="use a finer one"
        )
    pool, price = frame.pool, frame.price[rows]
    cash = np.array([opening[0], *(order.cash for order in landed)], dtype=object) / pool.quote.unit
    base = np.array([opening[1], *(order.base for order in landed)], dtype=object) / pool.base.unit
    latest = np.searchsorted([order.row for order in landed], rows, side="right")
    cash, base = cash[latest].astype(np.float64), base[latest].astype(np.float64)
    size, paid = np.diff(base, prepend=0.0), -np.diff(cash, prepend=cash[0] + base[0] * price[0])
    # An order of no size has no fee in vectorbt: where gas alone was paid some dust is bought, and given back next.
    dust = np.where((size == 0) & (paid != 0), DUST * np.maximum(base, 1.0), 0.0)
    size = size + dust - np.concatenate([[0.0], dust[:-1]])
    quiet = (size == 0) & (paid == 0)
    return vbt.Portfolio.from_orders(
        close=pd.Series(price, index=pd.DatetimeIndex(at, tz="UTC", name="at"), name=pool.pair),
        size=np.where(quiet, np.nan, size),
        price=price,
        fixed_fees=np.where(quiet, 0.0, paid - size * price),
        fees=0.0,
        slippage=0.0,
        init_cash=float(cash[0] + base[0] * price[0]),
        freq=pd.Timedelta(at[1] - at[0]),
    )


def _strictly_rising(times: np.ndarray) -> np.ndarray:
    """Nanosecond times moved forward where they would repeat."""
    steps = np.arange(len(times))
    return np.maximum.accumulate(times - steps) + steps


class _Events:
    """Landed orders, one after the other, as vectorbt orders."""

    def __init__(self, pool: Pool) -> None:
        self.quote_unit, self.base_unit = pool.quote.unit, pool.base.unit
        self.dust, self.dust_cost = 0.0, 0.0

    def __call__(self, order: Landed, price: float) -> list[tuple[float, float, float]]:
        """Size (signed base), price per base including every cost of the pool, and gas, once or twice."""
        gas = order.gas_quote / self.quote_unit
        base = (order.base - order.base_before) / self.base_unit
        cash = (order.cash - order.cash_before + order.gas_quote) / self.quote_unit
        if abs(base) < DUST * max(order.base_before / self.base_unit, 1.0):
            return [self._small(base, cash, gas, order, price)]
        if base < 0 and gas > 0 and cash <= gas:
            return [(base, max(cash / -base, LEAST_PRICE), 0.0), self._small(0.0, 0.0, gas, order, price)]
        if abs(base) > 100 * abs(self.dust):
            base, cash = base - self.dust, cash + self.dust_cost
            self.dust = self.dust_cost = 0.0
        # Gas paid in base makes a sale look larger, or a revert look like a sale for nothing.
        return [(base, max(abs(cash / base), LEAST_PRICE), gas)]

    def _small(self, base: float, cash: float, gas: float, order: Landed, price: float) -> tuple[float, float, float]:
        """A change too small for vectorbt to notice, made noticeable with dust."""
        size = 2 * DUST * max(order.base / self.base_unit, 1.0)
        self.dust, self.dust_cost = self.dust + size - base, self.dust_cost + (size - base) * price
        paid = (size - base) * price - cash
        # vectorbt refuses a purchase that its fee leaves no cash for; so much of the gas is kept back.
        spendable = (order.cash + order.gas_quote) / self.quote_unit - self.dust_cost
        return size, max(paid / size, LEAST_PRICE), min(gas, spendable - paid)
