"""Money reconciles on every run: to the last unit, or the run is refused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rook_bench.core import RookError
from rook_bench.execution import amm
from rook_bench.execution.outcome import OUTCOME_NAMES, Outcome

if TYPE_CHECKING:
    from rook_bench.replay.run import Run

EQUITY_TOLERANCE = 1e-12
"""Largest relative difference between the float64 equity curve and the exact balances."""


class LedgerError(RookError):
    """The ledger does not add up: a defect of this program, never of the input."""


@dataclass(frozen=True)
class Landed:
    """One order as it landed, in Python integers (smallest units)."""

    index: int
    row: int
    buys: bool
    outcome: Outcome
    taken: int
    fee: int
    out: int
    gas_quote: int
    gas_base: int
    cash_before: int
    base_before: int
    cash: int
    base: int


def landed_orders(run: Run) -> list[Landed]:
    """The orders that changed a balance, in the order in which they landed."""
    orders = run.orders
    moved = np.flatnonzero(orders.filled | orders.gas_quote_or_base)
    columns = [getattr(orders, name)[moved] for name in ("paid", "fee", "out", "gas_quote", "gas_base", "cash", "base")]
    facts = (orders.landing_row[moved].tolist(), orders.buys[moved].tolist(), orders.outcome[moved].tolist())
    cash, base = run.opening
    landed = []
    for index, row, buys, outcome, taken, fee, out, gas_quote, gas_base, cash_after, base_after in zip(
        moved.tolist(), *facts, *columns, strict=True
    ):
        landed.append(
            Landed(
                index,
                row,
                buys,
                Outcome(outcome),
                taken,
                fee,
                out,
                gas_quote,
                gas_base,
                cash,
                base,
                cash_after,
                base_after,
            )
        )
        cash, base = cash_after, base_after
    return landed


def closing_balances(run: Run) -> tuple[int, int]:
    """Quote and base at the end, in smallest units."""
    landed = landed_orders(run)
    return (landed[-1].cash, landed[-1].base) if landed else run.opening


def reconcile(run: Run) -> None:
    """Check every order against Python's own integers, and the equity curve against the balances.

    Raises:
        LedgerError: if balances don't follow from the amounts, an amount is not what the pool
            maths gives, rows land out of order, or the equity curve disagrees with the balances.
    """
    pool, frictions = run.frame.pool, run.config.frictions
    fee_pips = pool.fee_pips if frictions.fee_pips is None else frictions.fee_pips
    landed = landed_orders(run)
    for order in landed:
        spent = order.taken + order.fee
        cash = order.cash_before - (spent if order.buys else -order.out) - order.gas_quote
        base = order.base_before + (order.out if order.buys else -spent) - order.gas_base
        if (cash, base) != (order.cash, order.base):
            raise LedgerError(f"balances don't follow from the amounts of order {order.index + 1}", where=run.name)
        if min(cash, base) < 0:
            raise LedgerError(f"a balance is negative after order {order.index + 1}", where=run.name)
        if order.outcome == Outcome.FILLED:
            zero_for_one = order.buys != pool.base_is_token0
            limit = amm.MIN_SQRT_PRICE + 1 if zero_for_one else amm.MAX_SQRT_PRICE - 1
            state = run.frame.sqrt_price_x96[order.row], run.frame.liquidity[order.row]
            _, taken, out, fee = amm.swap_exact_in(*state, spent, fee_pips, zero_for_one, limit)
            if (taken, out, fee) != (order.taken, order.out, order.fee):
                raise LedgerError(
                    f"the fill of order {order.index + 1} is not what the pool maths gives", where=run.name
                )
        elif order.outcome != Outcome.PARTIAL and spent + order.out:
            raise LedgerError(
                f"order {order.index + 1} is {OUTCOME_NAMES[order.outcome]} but moved tokens", where=run.name
            )
    if any(later.row < earlier.row for earlier, later in itertools.pairwise(landed)):
        raise LedgerError("orders landed out of order", where=run.name)
    _check_equity(run, landed)


def balances_by_row(run: Run, landed: list[Landed] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Quote and base held after each row, in human units, float64, shape (n,)."""
    landed = landed_orders(run) if landed is None else landed
    pool = run.frame.pool
    cash = np.array([run.opening[0], *(order.cash for order in landed)], dtype=object) / pool.quote.unit
    base = np.array([run.opening[1], *(order.base for order in landed)], dtype=object) / pool.base.unit
    latest = np.searchsorted([order.row for order in landed], np.arange(len(run.frame)), side="right")
    return cash.astype(np.float64)[latest], base.astype(np.float64)[latest]


def _check_equity(run: Run, landed: list[Landed]) -> None:
    """The float64 curve must be the exact balances marked at each row's price."""
    cash, base = balances_by_row(run, landed)
    marked = cash + base * run.frame.price
    error = np.abs(run.equity - marked) > EQUITY_TOLERANCE * np.maximum(marked, 1.0)
    if error.any():
        raise LedgerError(
            f"the equity curve disagrees with the balances at row {int(np.argmax(error)) + 1}", where=run.name
        )
