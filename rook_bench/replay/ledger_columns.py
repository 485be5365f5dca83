"""The ledger's checks for many orders at once, in columns of Python's own integers.

What most orders do, a swap that ends between the two ticks it began between, is a dozen operations on whole columns.
Whatever else there is (ticks crossed, a price limit, a searcher), and whatever does not come out, is left to
`ledger.py`, which looks at orders one by one and says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import ExactInts
from rook_bench.execution.amm import PIPS
from rook_bench.execution.fill import PPM
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.swap import extreme_price, surely_inside

if TYPE_CHECKING:
    from rook_bench.replay.orders import OrderTable
    from rook_bench.replay.traded import Traded

Column = NDArray[np.object_]
"""Python integers, shape (k,)."""

BATCH = 1 << 13
"""Orders that are looked at together."""


def left_to_check(
    run: Traded,
    moved: NDArray[np.intp],
    fees: NDArray[np.int64],
    *,
    whole_map: bool,
    opening: tuple[int, int] | None = None,
) -> NDArray[np.intp]:
    """Which of the landed orders have to be looked at one by one, in their order; the others are right.

    Args:
        run: its orders are in the order in which they landed.
        moved: the orders that changed a balance.
        fees: of the pool on each row, pips.
        whole_map: whether every initialised tick is known, so that a swap may have crossed some.
        opening: quote and base before the first of them; None where others spend from the same balances, which
            then follow from more than these orders.
    """
    if run.config.frictions.mev == "typical":
        return np.arange(len(moved))
    left = [
        part.start
        + np.flatnonzero(~_right(run, moved[part], opening and _before(run, moved, part, opening), fees, whole_map))
        for part in mapped.parts(len(moved), BATCH)
    ]
    return np.concatenate([np.empty(0, dtype=np.intp), *left])


def _before(run: Traded, moved: NDArray[np.intp], part: slice, opening: tuple[int, int]) -> tuple[ExactInts, ExactInts]:
    """Quote and base before each of some orders: what the order before left."""
    earlier = moved[max(part.start - 1, 0) : part.stop - 1]
    columns = (run.orders.cash[earlier], run.orders.base[earlier])
    if part.start:
        return columns
    first = (ExactInts.of([balance]).limbs for balance in opening)
    cash, base = (ExactInts(np.concatenate([one, rest.limbs])) for one, rest in zip(first, columns, strict=True))
    return cash, base


def _right(
    run: Traded,
    which: NDArray[np.intp],
    before: tuple[ExactInts, ExactInts] | None,
    fees: NDArray[np.int64],
    whole_map: bool,
) -> NDArray[np.bool_]:
    """Whether balances, quote and fill of some orders are what follows from their amounts and the pool's states."""
    orders = run.orders.rows(which)
    zero_for_one = orders.buys != run.frame.pool.base_is_token0
    amount, paid, fee = _ints(orders.amount_in), _ints(orders.paid), _ints(orders.fee)
    quoted = _Swaps(run, orders.row, amount, zero_for_one, fees, whole_map)
    right = (orders.crossed == 0) & quoted.plain
    if before is not None:
        right &= _balanced(orders, before)
    right &= quoted.out == _ints(orders.quoted)

    fill = _Swaps(run, orders.landing_row, amount, zero_for_one, fees, whole_map)
    out, after = _ints(orders.out), _ints(orders.sqrt_after)
    came = fill.plain & (fill.after == after) & (fill.taken == paid) & (fill.fee == fee)
    if run.config.frictions.mev == "worst":
        slippage = np.round(run.permitted.slippage_bps[orders.row] * 100).astype(np.int64).astype(object)
        came &= (fill.out == out + _ints(orders.mev)) & (out == _up(quoted.out * (PPM - slippage), PPM))
    else:
        came &= (fill.out == out) & orders.mev.zero()
    still = (paid == 0) & (fee == 0) & (out == 0) & orders.mev.zero() & ((after == 0) | (after == fill.before))
    reverted = np.isin(orders.outcome, (Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE))
    return np.asarray(right & np.where(orders.outcome == Outcome.FILLED, came, reverted & still), dtype=bool)


def _balanced(orders: OrderTable, before: tuple[ExactInts, ExactInts]) -> NDArray[np.bool_]:
    """Whether both balances follow from the amounts, and neither is negative."""
    given = -((-orders.paid).minus(orders.fee))
    right = ~(orders.cash.negative() | orders.base.negative())
    for after, old, gas, gives in (
        (orders.cash, before[0], orders.gas_quote, orders.buys),
        (orders.base, before[1], orders.gas_base, ~orders.buys),
    ):
        change = np.where(gives[:, None], (-given).limbs, orders.out.limbs)
        expected = old.minus(-ExactInts(change)).minus(gas)
        right &= (expected.limbs == after.limbs).all(axis=1)
    return right


class _Swaps:
    """Swaps inside one range, each shape (k,): price before and after, input without fee, fee, output.

    `plain` says which of them surely are such. The formulas are those of v3-core's SqrtPriceMath and SwapMath, with
    its roundings: see `execution.amm`.
    """

    def __init__(
        self,
        run: Traded,
        rows: NDArray[np.intp],
        amount: Column,
        zero_for_one: NDArray[np.bool_],
        fees: NDArray[np.int64],
        whole_map: bool,
    ) -> None:
        frame = run.frame
        self.before, depth, pips = _ints(frame.sqrt_price_x96[rows]), _ints(frame.liquidity[rows]), fees[rows]
        some = depth > 0
        depth, held = np.where(some, depth, 1), amount * (PIPS - pips).astype(object) // PIPS
        self.after, self.out = np.empty_like(amount), np.empty_like(amount)
        self.taken, self.plain = np.empty_like(amount), np.asarray(some, dtype=bool)
        for downward, formula in ((True, _token0_in), (False, _token1_in)):
            which = np.flatnonzero(zero_for_one == downward)
            self.after[which], self.taken[which], self.out[which], exact = formula(
                self.before[which], depth[which], held[which]
            )
            inside = self.after[which] > extreme_price(True) if downward else self.after[which] < extreme_price(False)
            self.plain[which] &= np.asarray(exact & inside, dtype=bool)
        self.fee = amount - self.taken
        if frame.pool.protocol == "v4":
            self.taken, self.fee = held, amount - held
        if whole_map:
            self.plain &= surely_inside(self.after.astype(np.float64), frame.exact_tick[rows], frame.pool.tick_spacing)


def _token0_in(price: Column, depth: Column, held: Column) -> tuple[Column, Column, Column, Column]:
    """The price falls. Price after, token0 taken, token1 out, and whether v3 computes it like this."""
    scaled, product = depth << 96, held * price
    divisor = scaled + product
    after = _up(scaled * price, divisor)
    gap = price - after
    taken = _up(_up(scaled * gap, price), np.where(after > 0, after, 1))
    return after, taken, depth * gap >> 96, (product >> 256 == 0) & (divisor >> 256 == 0)


def _token1_in(price: Column, depth: Column, held: Column) -> tuple[Column, Column, Column, Column]:
    """The price rises. Price after, token1 taken, token0 out; v3 knows no other way."""
    gap = (held << 96) // depth
    after = price + gap
    return after, -(-(depth * gap) >> 96), (depth << 96) * gap // after // price, after > 0


def _up(numerator: Column, divisor: Column | int) -> Column:
    """Division rounded up."""
    return -(-numerator // divisor)


def _ints(column: ExactInts) -> Column:
    return np.fromiter(column, dtype=object, count=len(column))
