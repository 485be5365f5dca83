"""Money reconciles on every run: to the last unit, or the run is refused."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rook_bench.core import RookError
from rook_bench.execution import amm
from rook_bench.execution.outcome import Outcome

if TYPE_CHECKING:
    from rook_bench.replay.run import Run

EQUITY_TOLERANCE = 1e-12
"""Largest relative difference between the float64 equity curve and the exact balances."""


class LedgerError(RookError):
    """The ledger does not add up: a defect of this program, never of the input."""


@dataclass(frozen=True)
class Landed:
    """One order as it landed, in Python integers (smallest units); see `OrderTable`."""

    index: int
    decided_row: int
    row: int
    buys: bool
    outcome: Outcome
    amount_in: int
    quoted: int
    taken: int
    fee: int
    out: int
    sqrt_after: int
    gas_quote: int
    gas_base: int
    cash: int
    base: int
    cash_before: int
    base_before: int


_EXACT = ("amount_in", "quoted", "paid", "fee", "out", "sqrt_after", "gas_quote", "gas_base", "cash", "base")
_NAMES = tuple("taken" if name == "paid" else name for name in _EXACT)


def landed_orders(run: Run) -> list[Landed]:
    """The orders that changed a balance, in the order in which they landed."""
    orders = run.orders
    moved = np.flatnonzero(orders.filled | orders.gas_quote_or_base)
    facts = [column[moved].tolist() for column in (orders.row, orders.landing_row, orders.buys, orders.outcome)]
    amounts = zip(*(getattr(orders, name)[moved] for name in _EXACT), strict=True)
    balances = run.opening
    landed = []
    for index, decided_row, row, buys, outcome, exact in zip(moved.tolist(), *facts, amounts, strict=True):
        named = dict(zip(_NAMES, exact, strict=True))
        cash_before, base_before = balances
        order = Landed(
            index=index,
            decided_row=decided_row,
            row=row,
            buys=buys,
            outcome=Outcome(outcome),
            cash_before=cash_before,
            base_before=base_before,
            **named,
        )
        landed.append(order)
        balances = order.cash, order.base
    return landed


def closing_balances(run: Run) -> tuple[int, int]:
    """Quote and base at the end, in smallest units."""
    landed = landed_orders(run)
    return (landed[-1].cash, landed[-1].base) if landed else run.opening


def reconcile(run: Run) -> None:
    """Check every order against Python's own integers, and the equity curve against the balances.

    Raises:
        LedgerError: if balances don't follow from the amounts, a quote or fill is not what the
            pool maths gives, orders land out of order, or the equity curve disagrees.
    """
    landed = landed_orders(run)
    for order in landed:
        problem = _imbalance(order) or _wrong_amounts(run, order)
        if problem:
            raise LedgerError(f"{problem} of order {order.index + 1}", where=run.name)
    if any(later.row < earlier.row for earlier, later in itertools.pairwise(landed)):
        raise LedgerError("orders landed out of order", where=run.name)
    _check_equity(run, landed)


def _imbalance(order: Landed) -> str | None:
    """What is wrong with the balances after an order, if anything."""
    spent = order.taken + order.fee
    cash = order.cash_before + (-spent if order.buys else order.out) - order.gas_quote
    base = order.base_before + (order.out if order.buys else -spent) - order.gas_base
    if (cash, base) != (order.cash, order.base):
        return "balances don't follow from the amounts"
    return "a balance is negative after the landing" if min(cash, base) < 0 else None


def _wrong_amounts(run: Run, order: Landed) -> str | None:
    """What is wrong with the quote or the fill of an order, if anything."""
    frame, frictions = run.frame, run.config.frictions
    fee_pips = frame.pool.fee_pips if frictions.fee_pips is None else frictions.fee_pips
    zero_for_one = order.buys != frame.pool.base_is_token0
    seen = frame.sqrt_price_x96[order.decided_row], frame.liquidity[order.decided_row]
    if order.quoted != amm.quote_exact_in(*seen, order.amount_in, fee_pips, zero_for_one):
        return "the quote is not what the pool maths gives"
    met = frame.sqrt_price_x96[order.row], frame.liquidity[order.row]
    if order.outcome not in (Outcome.FILLED, Outcome.PARTIAL):
        unmoved = order.taken == order.fee == order.out == 0 and order.sqrt_after in (0, met[0])
        return None if unmoved else "tokens moved in a revert"
    limit = amm.MIN_SQRT_PRICE + 1 if zero_for_one else amm.MAX_SQRT_PRICE - 1
    if order.outcome == Outcome.PARTIAL:
        limit = order.sqrt_after
    filled = amm.swap_exact_in(*met, order.amount_in, fee_pips, zero_for_one, limit)
    whole = order.taken + order.fee == order.amount_in
    if filled != (order.sqrt_after, order.taken, order.out, order.fee) or whole != (order.outcome == Outcome.FILLED):
        return "the fill is not what the pool maths gives"
    return None


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
