"""A Run's fills as a vectorbt Portfolio, for everything that vectorbt can do with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rook_bench.replay.ledger import Landed, landed_orders

if TYPE_CHECKING:
    from rook_bench.replay.run import Run

DUST = 1e-9
"""Base traded where only gas was paid: vectorbt knows no fee without an order. Worth some 3e-6 USDC, and bought or sold at its price."""

LEAST_PRICE = 1e-12
"""Price of base that was paid as gas: vectorbt takes no price of zero."""


def to_vectorbt(run: Run) -> Any:
    """vectorbt Portfolio of the run's fills.

    Its rows are the tape's rows, with an extra row before one on which more than one order
    landed (vectorbt takes one order per row) and one at the start that buys the opening base;
    extra rows differ from their tape row by nanoseconds. `value()` on the last row of each tape
    row is the ledger's equity. Prices are what each fill paid in all, gas is the fixed fee.

    The index counts swaps: do not annualise it. Sample it on a clock first.
    """
    import vectorbt as vbt  # takes seconds to import, so only where a portfolio is asked for

    pool, price = run.frame.pool, run.frame.price
    rows, events = [0], [_opening(run)]
    landed = landed_orders(run)
    by_row: dict[int, list[Landed]] = {}
    for order in landed:
        by_row.setdefault(order.row, []).append(order)
    for row in range(len(run.frame)):
        orders = by_row.get(row, [])
        rows += [row] * max(1, len(orders))
        events += [_event(order, price[row], run) for order in orders] or [(np.nan, price[row], 0.0)]
    size, paid, gas = (np.array(column, dtype=np.float64) for column in zip(*events, strict=True))
    repeat = pd.Series(rows).groupby(rows).cumcount(ascending=False).to_numpy()
    order_in_time = np.maximum.accumulate(run.frame.at.astype(np.int64)[rows] - repeat)
    index = pd.DatetimeIndex(_strictly_rising(order_in_time), tz="UTC", name="at")
    return vbt.Portfolio.from_orders(
        close=pd.Series(price[rows], index=index, name=pool.pair),
        size=size,
        price=paid,
        fixed_fees=gas,
        fees=0.0,
        slippage=0.0,
        init_cash=run.hold_equity[0],
        freq="1s",
    )


def _strictly_rising(times: np.ndarray) -> np.ndarray:
    """Nanosecond times moved forward where they would repeat."""
    steps = np.arange(len(times))
    return np.maximum.accumulate(times - steps) + steps


def _opening(run: Run) -> tuple[float, float, float]:
    base = run.opening[1] / run.frame.pool.base.unit
    return (base if base > 0 else np.nan), float(run.frame.price[0]), 0.0


def _event(order: Landed, price: float, run: Run) -> tuple[float, float, float]:
    """Size (signed base), price per base including every cost of the pool, and gas of one landed order."""
    quote_unit, base_unit = run.frame.pool.quote.unit, run.frame.pool.base.unit
    gas = order.gas_quote / quote_unit
    base = (order.base - order.base_before) / base_unit
    cash = (order.cash - order.cash_before + order.gas_quote) / quote_unit
    if base == 0:
        # Sold where there is base, because a purchase could lack the quote that gas just took.
        return (-DUST if order.base_before > base_unit * DUST else DUST), price, gas
    # Gas paid in base makes a sale look larger, or a revert look like a sale for nothing.
    return base, max(abs(cash / base), LEAST_PRICE), gas
