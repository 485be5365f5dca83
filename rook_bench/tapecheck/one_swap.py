"""One recorded swap held against a state of the pool."""

from __future__ import annotations

from rook_bench.execution.pool_state import PoolState, SwapResult
from rook_bench.execution.tick_map import PoolError
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.tapecheck.fees import implied_fee, paid_pips


def state_of(pool: Pool, sqrt_price: int, tick: int, liquidity: int) -> PoolState:
    """The pool at a price, tick and active liquidity, with no initialised tick."""
    return PoolState(
        sqrt_price, tick, liquidity, fee_pips=pool.fee_pips, tick_spacing=pool.tick_spacing, protocol=pool.protocol
    )


def recorded_amounts(frame: SwapFrame, row: int) -> tuple[int, int]:
    """amount0 and amount1 of swap `row`."""
    amount0, amount1 = frame.amounts
    return amount0[row], amount1[row]


def reproduces(state: PoolState, frame: SwapFrame, row: int) -> str | None:
    """The kind of swap by which `state` gives recorded swap `row`, to the last unit; None for none."""
    falls = sold_token0(frame, row, state.sqrt_price)
    amounts = recorded_amounts(frame, row)
    spent, gained = amounts if falls else amounts[::-1]
    after = frame.sqrt_price_x96[row]
    fee = swap_fee(frame, row)
    tries = (("exact input", spent, None), ("exact output", gained, None), ("price limit", 1 << 200, after))
    for kind, amount, limit in tries:
        try:
            result = state.quote(falls, amount, limit, fee)
        except PoolError:
            continue
        if _equal(result, frame, row):
            return kind
    return None


def _equal(result: SwapResult, frame: SwapFrame, row: int) -> bool:
    recorded = (*recorded_amounts(frame, row), frame.sqrt_price_x96[row], frame.liquidity[row])
    same_tick = frame.tick is None or result.tick == frame.tick[row]
    return same_tick and (result.amount0, result.amount1, result.sqrt_price, result.liquidity) == recorded


def sold_token0(frame: SwapFrame, row: int, before: int) -> bool:
    """Whether a swap sold token0; where it moved no token (a gap without liquidity), whether the price fell."""
    amount0, amount1 = recorded_amounts(frame, row)
    if amount0 == 0 == amount1:
        return frame.sqrt_price_x96[row] < before
    return amount0 > 0 or amount1 < 0


def swap_fee(frame: SwapFrame, row: int) -> int:
    """Fee that swap `row` paid, in pips: that row of `tapecheck.fees.own_pips`, without the others."""
    if frame.fee_pips is not None:
        return int(frame.fee_pips[row])
    paid, found = paid_pips(frame), implied_fee(frame)
    if isinstance(paid, int):
        return paid
    told = -1 if found is None else int(found.by_row[row])
    return told if told >= 0 else int(paid[row])
