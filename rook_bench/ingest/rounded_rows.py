"""Rows of a log whose integers went through a float, found where most of the log is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_map import PoolError
from rook_bench.ingest.rounding import REMEDY, is_float, maybe_floats, tells
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.one_swap import sold_token0, state_of, swap_fee
from rook_bench.tapecheck.repricing import missed_rows, why_not_repriced

COLUMNS = ("sqrt_price_x96", "amount0", "amount1", "liquidity")

IMPROBABLE = 2.0**-40
"""A number of liquidities that are exactly floats is no chance where it is less likely than this."""

UNPRICED_SHARE = 0.5
"""Share of the prices that has to be floats where nothing else can tell.

Swaps that end at a limit which a bot computed with floats do so in exact logs too: on 2024-01-05 178 of 6,046 in the
0.05% pool of USDC/WETH, and 23 of 267 in that of 0.3%.
"""


def without_rounded(frame: SwapFrame, *, allow: bool) -> SwapFrame:
    """The frame, if its integers are exact; with `allow` the rounded columns are marked and their ticks forgotten.

    Raises:
        InputError: for a rounded column where that is not allowed.
    """
    if frame.rounded:
        return frame  # the stream has found it, or somebody allowed it
    found = rounded_rows(frame)
    if not found:
        return frame
    if not allow:
        name, rows = max(found.items(), key=lambda one: len(one[1]))
        raise InputError(
            f"column '{name}' went through a float in {len(rows):,} of {len(frame):,} swaps at least, first at swap "
            f"{rows[0] + 1:,}: {_why(name)}",
            where=frame.source,
            hint=REMEDY,
        )
    reasons = {
        name: f"{len(rows)} of {len(frame)} values at least went through a float before they were imported"
        for name, rows in found.items()
    }
    return replace(frame, rounded=reasons, history=None)


def _why(name: str) -> str:
    if name == "liquidity":
        return "so many are exactly a float64 by no chance, or next to what the pool maths gives"
    return "each is the float64 next to what the pool maths gives"


def rounded_rows(frame: SwapFrame) -> dict[str, list[int]]:
    """Rows whose value is not the one that the pool maths gives but the float64 next to it, by column.

    That a number is exactly a float proves nothing by itself: people and bots choose amounts and price limits with
    floats. That it is a float *and* the number from which it was rounded would fit, does. The liquidity is no one's
    choice: there more floats than chance gives are enough.
    """
    suspects = {name: _floats(getattr(frame, name)) for name in COLUMNS if getattr(frame, name) is not None}
    found = {name: rows for name, rows in [("liquidity", _liquidity(frame, suspects["liquidity"]))] if rows}
    if why_not_repriced(frame) is not None:
        prices = suspects["sqrt_price_x96"]
        return found | ({"sqrt_price_x96": prices} if len(prices) > UNPRICED_SHARE * len(frame) else {})
    rows = sorted({row for rows in suspects.values() for row in rows})
    if not rows:
        return found
    missed = missed_rows(frame)
    proven: dict[str, list[int]] = {}
    sets = {name: set(rows) for name, rows in suspects.items()}
    for row in rows:
        if row > 0 and missed[row]:
            for name in _explained(frame, row, sets):
                proven.setdefault(name, []).append(row)
    return proven | {name: sorted({*rows, *proven.get(name, ())}) for name, rows in found.items()}


def _floats(values: ExactInts) -> list[int]:
    """Rows whose value tells something by being exactly a float."""
    rows = np.flatnonzero(maybe_floats(values))
    chosen = zip(rows.tolist(), values[rows], strict=True)
    return [row for row, value in chosen if tells(value) and is_float(value)]


def _liquidity(frame: SwapFrame, suspects: list[int]) -> list[int]:
    """The suspected rows, where so many liquidities of their size are floats by no chance."""
    if not suspects:
        return []
    from scipy.special import pdtrc  # of a Poisson variable that it exceeds k; takes a second to import

    distinct = {value for value in ExactInts(np.unique(frame.liquidity.limbs, axis=0)) if tells(value)}
    by_size = sorted(distinct, key=lambda value: -value.bit_length())
    expected = np.cumsum([2.0 ** (53 - value.bit_length()) for value in by_size])
    floats = np.cumsum([is_float(value) for value in by_size])
    # None of them is no evidence, and has no place in that function.
    improbable = (floats > 0) & (pdtrc(np.maximum(floats - 1, 0), expected) < IMPROBABLE)
    if not improbable.any():
        return []
    least = by_size[int(np.flatnonzero(improbable)[-1])].bit_length()
    return [row for row in suspects if frame.liquidity[row].bit_length() >= least]


def _explained(frame: SwapFrame, row: int, suspects: dict[str, set[int]]) -> list[str]:
    """Columns whose value at a missed row is the float of what the pool maths gives, all else being equal."""
    before = frame.sqrt_price_x96[row - 1], int(frame.exact_tick[row - 1]), frame.liquidity[row - 1]
    rounded = []
    if frame.liquidity[row] != before[2]:  # one of the two may be the other's float
        own, last = row in suspects["liquidity"], row - 1 in suspects["liquidity"]
        if not (own or last) or not _same_float(frame.liquidity[row], before[2]):
            return []
        rounded = ["liquidity"] if own else []
        before = (*before[:2], before[2] if own else frame.liquidity[row])
    if before[2] == 0:
        return []
    state = state_of(frame.pool, *before)
    falls = sold_token0(frame, row, before[0])
    amount0, amount1 = (amounts[row] for amounts in frame.amounts)
    spent, gained = (amount0, amount1) if falls else (amount1, amount0)
    recorded = {"sqrt_price_x96": frame.sqrt_price_x96[row], "amount0": amount0, "amount1": amount1}
    tries = ((spent, None), (gained, None), (1 << 200, frame.sqrt_price_x96[row]))
    for amount, limit in tries:
        given = _given(state, falls, amount, limit, swap_fee(frame, row))
        other = [name for name, value in given.items() if value != recorded[name]]
        if given and all(row in suspects[name] and _same_float(given[name], recorded[name]) for name in other):
            return [*other, *rounded]
    return []


def _given(state: PoolState, falls: bool, amount: int, limit: int | None, fee: int) -> dict[str, int]:
    try:
        result = state.quote(falls, amount, limit, fee)
    except PoolError:
        return {}
    return {"sqrt_price_x96": result.sqrt_price, "amount0": result.amount0, "amount1": result.amount1}


def _same_float(exact: int, recorded: int) -> bool:
    return float(exact) == float(recorded)
