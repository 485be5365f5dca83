"""A Run's fills as a vectorbt Portfolio, for everything that vectorbt can do with one.

vectorbt is handed records of what happened and simulates nothing: its own simulation knows one order per row,
refuses a sale that can't cover its fee, and fills in part what its rounding finds too dear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.market.frame import SwapFrame
from rook_bench.replay.orders import Landed

DUST = 1e-8
"""Share of the base held that is bought and sold again where only gas was paid: vectorbt knows no fee without order."""

LEAST_PRICE = 1e-12
"""Price of base that was paid as gas: vectorbt takes no price of zero."""

Event = tuple[float, float, float]
"""Base that came in (negative: went out), quote per base, and fees in quote."""


def by_swap(frame: SwapFrame, opening: tuple[int, int], landed: Sequence[Landed]) -> Any:
    """vectorbt Portfolio with a row for each swap of the tape.

    `value()` is the ledger's equity, to the billionth part below which vectorbt takes a balance for zero. Swaps of
    one time differ by nanoseconds in its index, which counts swaps: do not annualise it.

    Args:
        frame: the tape.
        opening: quote and base at the start, smallest units.
        landed: the orders, in the order in which they landed.
    """
    index = pd.DatetimeIndex(_strictly_rising(frame.at.astype(np.int64)), tz="UTC", name="at")
    close = pd.Series(frame.price, index=index, name=frame.pool.pair)
    return _portfolio(frame, close, pd.Timedelta("1s"), opening, ((order.row, order) for order in landed))


def on_clock(
    frame: SwapFrame,
    opening: tuple[int, int],
    landed: Sequence[Landed],
    at: NDArray[np.datetime64],
    rows: NDArray[np.intp],
) -> Any:
    """vectorbt Portfolio with a row for each border of a clock, so that what it annualises has the right period.

    An order stands at the first border after it, with the price that it paid. `value()` at each border is the
    ledger's equity, as in `by_swap`. The first border starts with the balances of that time; orders after the last
    one are left out.

    Args:
        frame, opening, landed: see `by_swap`.
        at: borders, datetime64[ns] in UTC, evenly spaced, shape (k,).
        rows: the last tape row at or before each border, shape (k,).

    Raises:
        InputError: for fewer than two borders.
    """
    if len(at) < 2:
        raise InputError(
            "the tape is shorter than two borders of the clock", where=frame.source, hint="use a finer one"
        )
    before = [order for order in landed if order.row <= rows[0]]
    inside = [order for order in landed if rows[0] < order.row <= rows[-1]]
    opening = (before[-1].cash, before[-1].base) if before else opening
    borders = np.searchsorted(rows, [order.row for order in inside], side="left").tolist()
    close = pd.Series(frame.price[rows], index=pd.DatetimeIndex(at, tz="UTC", name="at"), name=frame.pool.pair)
    return _portfolio(frame, close, pd.Timedelta(at[1] - at[0]), opening, zip(borders, inside, strict=True))


def _portfolio(
    frame: SwapFrame,
    close: pd.Series,
    freq: pd.Timedelta,
    opening: tuple[int, int],
    orders: Iterable[tuple[int, Landed]],
) -> Any:
    """The orders, each with the row of `close` it belongs to; the opening base is bought on the first row."""
    import vectorbt as vbt  # takes seconds to import, so only where a portfolio is asked for
    from vectorbt.portfolio.enums import OrderSide, log_dt, order_dt

    cash, base = opening[0] / frame.pool.quote.unit, opening[1] / frame.pool.base.unit
    first = float(close.iloc[0])
    found: list[tuple[int, Event]] = [(0, (base, first, 0.0))] if base > 0 else []
    found += [(row, event) for row, order in orders for event in _events(frame, order)]
    records = np.zeros(len(found), dtype=order_dt)
    if found:
        size, records["price"], records["fees"] = np.array([event for _, event in found]).T
        records["size"], records["side"] = np.abs(size), np.where(size > 0, OrderSide.Buy, OrderSide.Sell)
        records["id"], records["idx"] = np.arange(len(found)), [row for row, _ in found]
    return vbt.Portfolio(
        vbt.ArrayWrapper.from_obj(close, freq=freq),
        close,
        records,
        np.empty(0, dtype=log_dt),
        cash + base * first,
        cash_sharing=False,
    )


def _events(frame: SwapFrame, order: Landed) -> Iterator[Event]:
    """A landed order as vectorbt knows it; together they change cash and base as the order did.

    The pool's fee and gas paid in quote are fees, all else that was lost is in the price. Base that was paid as gas
    makes a purchase smaller and a sale larger, or is sold for nothing. The gas of a revert is a cost of the base
    held; where none is held, that of a purchase as it was meant, sold again at once.
    """
    base_unit, quote_unit, price = frame.pool.base.unit, frame.pool.quote.unit, float(frame.price[order.row])
    size, cash = (order.base - order.base_before) / base_unit, (order.cash - order.cash_before) / quote_unit
    if size == 0:
        meant = order.amount_in / quote_unit / price if order.buys else order.amount_in / base_unit
        turned = DUST * order.base / base_unit or meant
        yield turned, price, -cash
        yield -turned, price, 0.0
        return
    pool_fee = order.fee / quote_unit if order.buys else order.fee / base_unit * price
    paid = max((cash + pool_fee + order.gas_quote / quote_unit) / -size, LEAST_PRICE)
    yield size, paid, -size * paid - cash


def _strictly_rising(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nanosecond times moved forward where they would repeat."""
    steps = np.arange(len(times))
    return np.maximum.accumulate(times - steps) + steps
