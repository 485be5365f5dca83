"""Rows of one second put back into the order in which their prices chain, where only one order does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.one_swap import reproduces, state_of

LONGEST = 12
"""Rows of one second beyond which the orders are not searched."""


def mend_order(frame: SwapFrame) -> SwapFrame:
    """A frame whose log carries no log index, with the rows of each second in the order of the chain.

    A second is put in another order only where exactly one order of its rows chains from the swap
    before it through all of them (each swap's amounts follow from the price that the one before
    left). Logs with a log index, rounded logs and logs without amounts are returned as they are.
    """
    if frame.log_index is not None or frame.rounded or frame.amount0 is None or frame.amount1 is None:
        return frame
    seconds = frame.at.astype("datetime64[s]").astype(np.int64)
    edges = np.flatnonzero(np.diff(seconds)) + 1
    order = np.arange(len(frame))
    moved = mended = 0
    for rows in np.split(np.arange(len(frame)), edges):
        if not 1 < len(rows) <= LONGEST or rows[0] == 0:
            continue
        # The row before may have been moved itself: what precedes this second is what was put there.
        found = _only_order(frame, int(order[rows[0] - 1]), rows.tolist())
        if found is not None and found != rows.tolist():
            order[rows] = found
            moved += int((np.array(found) != rows).sum())
            mended += 1
    if not moved:
        return frame
    note = f"{moved} rows of {mended} seconds put into the only order in which their prices chain"
    taken = frame.take(order)
    return replace(taken, at=frame.at, notes=(*frame.notes, note))


def _only_order(frame: SwapFrame, before: int, rows: list[int]) -> list[int] | None:
    """The one order in which all rows chain from `before`; None where there is none, or more than one."""
    follows = {row: [other for other in rows if other != row and _chains(frame, row, other)] for row in rows}
    found: list[list[int]] = []

    def walk(path: list[int], nexts: list[int]) -> None:
        if len(found) > 1:
            return
        if len(path) == len(rows):
            found.append(path)
            return
        for row in nexts:
            if row not in path:
                walk([*path, row], follows[row])

    walk([], [row for row in rows if _chains(frame, before, row)])
    return found[0] if len(found) == 1 else None


def _chains(frame: SwapFrame, before: int, row: int) -> bool:
    """Whether swap `row` follows from the state that swap `before` left, with nothing crossed."""
    if frame.liquidity[before] != frame.liquidity[row]:
        return False
    state = state_of(frame.pool, frame.sqrt_price_x96[before], int(frame.exact_tick[before]), frame.liquidity[before])
    return reproduces(state, frame, row) is not None
