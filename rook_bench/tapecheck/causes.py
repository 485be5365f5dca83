"""Why a recorded swap does not follow from the state before it."""

from __future__ import annotations

import numpy as np

from rook_bench.execution.amm import PIPS
from rook_bench.execution.pool_state import PoolState, SwapResult
from rook_bench.execution.tick_map import PoolError, TickMap
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE, sqrt_price_at_tick, tick_at_sqrt_price
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.one_swap import recorded_amounts, reproduces, sold_token0, state_of, swap_fee

CROSSES = "the liquidity changed, and the log does not show why"
SIGN = "an amount has the wrong sign"
REORDERED = "out of order: it follows another swap near it"
UNSEEN = "a mint or burn before it is missing from the log"
MISSING = "a swap before it is missing from the log"
WRONG = "{} does not fit the rest of its row"
UNEXPLAINED = "unexplained"

NEAR = 4
"""Rows on either side that a row out of order is looked for among, besides those of its second."""

_CLOSE = 1e-9


def explain(
    frame: SwapFrame, row: int, liquidity: int, ticks: TickMap | None = None, *, price_holds: bool = False
) -> str:
    """The explanation of one miss.

    Args:
        frame: the tape (with amounts).
        row: the swap that was missed.
        liquidity: active liquidity before it, changes of the history included; below zero where they contradict.
        ticks: the whole tick map before it, where it is known.
        price_holds: whether the next swap follows from the price that this one recorded.
    """
    amount0, amount1 = recorded_amounts(frame, row)
    if amount0 > 0 < amount1 or amount0 < 0 > amount1:
        return SIGN
    before, after = _before(frame, row), frame.sqrt_price_x96[row]
    if before is None:
        return UNEXPLAINED
    falls = sold_token0(frame, row, before[0])
    whole = frame.history is not None and frame.history.complete
    state = state_of(frame.pool, *before, max(liquidity, 0))
    state.map = ticks or state.map
    odd = _odd_column(state, frame, row, falls, price_holds) if liquidity >= 0 else None
    if not whole and liquidity != frame.liquidity[row]:
        # All else fits without a change of liquidity, so none was crossed: the column itself is wrong.
        return WRONG.format(odd) if odd == "liquidity" and not _on_tick(frame, row) else CROSSES
    if (
        whole
        and liquidity != frame.liquidity[row]
        and _fits(state_of(frame.pool, *before, frame.liquidity[row]), frame, row)
    ):
        return UNSEEN
    if _follows_another(frame, row):
        return REORDERED
    if after != before[0] and falls != (after < before[0]):
        return SIGN if _turned(state, frame, row, falls) else MISSING
    if odd is not None:
        return WRONG.format(odd)
    if _started_elsewhere(frame, row, falls):
        return MISSING
    if liquidity < 0 or _other_liquidity(frame, before[0], row):
        return UNSEEN
    return UNEXPLAINED


def _fits(state: PoolState, frame: SwapFrame, row: int) -> bool:
    """Whether the swap follows from this state to the last unit."""
    return reproduces(state, frame, row) is not None


def _on_tick(frame: SwapFrame, row: int) -> bool:
    """Whether the swap ended exactly on a tick that can be initialised."""
    tick = tick_at_sqrt_price(frame.sqrt_price_x96[row])
    return tick % frame.pool.tick_spacing == 0 and sqrt_price_at_tick(tick) == frame.sqrt_price_x96[row]


def _before(frame: SwapFrame, row: int) -> tuple[int, int] | None:
    if row:
        return frame.sqrt_price_x96[row - 1], int(frame.exact_tick[row - 1])
    start = frame.history.start if frame.history else None
    return None if start is None else (start.sqrt_price, start.tick)


def _follows_another(frame: SwapFrame, row: int) -> bool:
    """Whether the swap follows, to the last unit, from another one of its second or its neighbourhood."""
    others = {row + step for step in range(-NEAR - 1, NEAR + 1)}
    second = frame.at[row].astype("datetime64[s]").astype(frame.at.dtype)
    others |= set(range(*frame.at.searchsorted([second, second + np.timedelta64(1, "s")]).tolist()))
    for other in sorted(others - {row, row - 1}):
        if not 0 <= other < len(frame) or frame.liquidity[other] != frame.liquidity[row]:
            continue
        state = state_of(frame.pool, frame.sqrt_price_x96[other], int(frame.exact_tick[other]), frame.liquidity[other])
        if reproduces(state, frame, row):
            return True
    return False


def _odd_column(state: PoolState, frame: SwapFrame, row: int, falls: bool, price_holds: bool) -> str | None:
    """The one column that does not fit, where all others do."""
    names = ("amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")
    amount0, amount1 = recorded_amounts(frame, row)
    recorded = {
        "amount0": amount0,
        "amount1": amount1,
        "sqrt_price_x96": frame.sqrt_price_x96[row],
        "liquidity": frame.liquidity[row],
        "tick": None if frame.tick is None else int(frame.tick[row]),
    }
    spent, gained = ("amount0", "amount1") if falls else ("amount1", "amount0")
    fee = swap_fee(frame, row)
    tries = ((recorded[spent], None), (recorded[gained], None), (1 << 200, recorded["sqrt_price_x96"]))
    for amount, limit in tries:
        try:
            result = state.quote(falls, amount or 0, limit, fee)
        except PoolError:
            continue
        given = _columns(result)
        odd = [name for name in names if recorded[name] is not None and given[name] != recorded[name]]
        # A cut amount in and a cut price look alike in their own row; the next one tells.
        if len(odd) == 1 and not (price_holds and odd == ["sqrt_price_x96"]):
            return odd[0]
    return None


def _turned(state: PoolState, frame: SwapFrame, row: int, falls: bool) -> bool:
    """Whether the swap comes out with both signs the other way round."""
    amount0, amount1 = recorded_amounts(frame, row)
    amounts = -amount0, -amount1
    spent, gained = amounts if not falls else amounts[::-1]
    for amount, limit in ((spent, None), (gained, None), (1 << 200, frame.sqrt_price_x96[row])):
        try:
            result = state.quote(not falls, amount, limit, swap_fee(frame, row))
        except PoolError:
            continue
        if (result.amount0, result.amount1, result.sqrt_price) == (*amounts, frame.sqrt_price_x96[row]):
            return True
    return False


def _columns(result: SwapResult) -> dict[str, int]:
    return {
        "amount0": result.amount0,
        "amount1": result.amount1,
        "sqrt_price_x96": result.sqrt_price,
        "liquidity": result.liquidity,
        "tick": result.tick,
    }


def _net_amounts(frame: SwapFrame, row: int) -> tuple[float, float]:
    """Amounts that moved the price: inputs without the fee, outputs as they are."""
    kept = 1 - swap_fee(frame, row) / PIPS
    net0, net1 = (amount * (kept if amount > 0 else 1.0) for amount in recorded_amounts(frame, row))
    return net0, net1


def _started_elsewhere(frame: SwapFrame, row: int, falls: bool) -> bool:
    """Whether both amounts agree on a price that the swap started from, which is not the one before it."""
    liquidity, after = frame.liquidity[row], frame.sqrt_price_x96[row]
    if liquidity == 0:
        return False
    net0, net1 = _net_amounts(frame, row)
    by1 = after - net1 * 2.0**96 / liquidity
    inverse = 1 / after - net0 / (liquidity * 2.0**96)
    if not (by1 > MIN_SQRT_PRICE and by1 < MAX_SQRT_PRICE and inverse > 0):
        return False
    # Whole units blur what small amounts tell of the price.
    least = max(min(abs(net0), abs(net1)), 1.0)
    return abs(by1 * inverse - 1) < max(_CLOSE, 4.0 / least * abs(by1 / after - 1))


def _other_liquidity(frame: SwapFrame, before: int, row: int) -> bool:
    """Whether both amounts agree on an active liquidity, which is not the recorded one."""
    after = frame.sqrt_price_x96[row]
    if after == before:
        return False
    net0, net1 = _net_amounts(frame, row)
    by0 = net0 / ((1 / after - 1 / before) * 2.0**96)
    by1 = net1 * 2.0**96 / (after - before)
    return by0 > 0 and by1 > 0 and abs(by0 / by1 - 1) < 1e-6
