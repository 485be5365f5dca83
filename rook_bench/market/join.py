"""Several files of one pool as one tape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.market.frame import COLUMNS, SwapFrame
from rook_bench.market.history import LiquidityHistory


def join_swaps(frames: Sequence[SwapFrame]) -> SwapFrame:
    """Join frames of one pool in order of time, each swap once.

    A swap is known by (block, log index). Frames that overlap in time and lack either can't be
    joined, because nothing would tell a repeated swap from two equal ones. Liquidity histories are
    joined where the files leave no gap between them.

    Raises:
        InputError: for different pools, different columns or an overlap that can't be resolved.
    """
    if len(frames) == 1:
        return frames[0]
    frames = sorted(frames, key=lambda frame: frame.at[0])
    first = frames[0]
    for frame in frames[1:]:
        if frame.pool != first.pool:
            other = ", ".join(
                f"{name} {getattr(frame.pool, name)} against {getattr(first.pool, name)}"
                for name in ("address", "chain", "protocol", "pair", "fee_pips", "tick_spacing", "block_time_s")
                if getattr(frame.pool, name) != getattr(first.pool, name)
            )
            raise InputError(
                f"is from another pool than {first.source} ({other or 'other tokens'})",
                where=frame.source,
                hint="join files of one pool",
            )
        if _columns(frame) != _columns(first):
            raise InputError(
                f"has other columns than {first.source}", where=frame.source, hint="join files of one layout"
            )
    total = sum(len(frame) for frame in frames)
    rows = _rows_by_position(frames) if _overlap(frames) else np.arange(total)
    joined = SwapFrame.concat(frames, rows=rows)
    dropped = f"{len(frames)} files joined, {total - len(rows)} repeated swaps dropped"
    return replace(joined, notes=(*joined.notes, dropped), history=_history(joined, frames, rows))


def _history(joined: SwapFrame, frames: Sequence[SwapFrame], rows: NDArray[np.intp]) -> LiquidityHistory | None:
    """Each swap's changes from the frame that the swap was taken from; None where a history is missing or a gap is."""
    histories = [frame.history for frame in frames if frame.history is not None]
    if len(histories) < len(frames):
        return None
    edges = np.cumsum([0, *(len(frame) for frame in frames)])
    taken_from = np.searchsorted(edges, rows, side="right") - 1
    local = rows - edges[taken_from]
    by_row = [_by_row(history) for history in histories]
    changes = []
    for row, (number, place) in enumerate(zip(taken_from.tolist(), local.tolist(), strict=True)):
        start = histories[number].start
        if row > 0 and place == 0 and start is not None:
            left = joined.sqrt_price_x96[row - 1], joined.liquidity[row - 1]
            if (start.sqrt_price, start.liquidity) != left:
                return None
        changes += [(row, *change) for change in by_row[number].get(place, ())]
    last = int(taken_from[-1])
    changes += [(len(rows), *change) for change in by_row[last].get(len(frames[last]), ())]
    first = histories[int(taken_from[0])]
    complete = all(history.complete for history in histories)
    return LiquidityHistory.of(complete=complete, start=first.start, snapshot=first.snapshot(), changes=changes)


def _by_row(history: LiquidityHistory) -> dict[int, list[tuple[int, int, int]]]:
    found: dict[int, list[tuple[int, int, int]]] = {}
    for row, *change in history.changes():
        found.setdefault(row, []).append((change[0], change[1], change[2]))
    return found


def _rows_by_position(frames: Sequence[SwapFrame]) -> NDArray[np.intp]:
    """Rows of the stacked frames in order on the chain, each position once."""
    if frames[0].block is None or frames[0].log_index is None:
        raise InputError(
            "the files overlap in time and carry no block and log index", where=frames[1].source, hint="cut the overlap"
        )
    block = np.concatenate([frame.block for frame in frames if frame.block is not None])
    log_index = np.concatenate([frame.log_index for frame in frames if frame.log_index is not None])
    order = np.lexsort((log_index, block))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(block[order]) != 0) | (np.diff(log_index[order]) != 0)
    return order[fresh]


def _overlap(frames: Sequence[SwapFrame]) -> bool:
    return any(later.at[0] <= earlier.at[-1] for earlier, later in itertools.pairwise(frames))


def _columns(frame: SwapFrame) -> tuple[object, ...]:
    present = tuple(name for name in COLUMNS if getattr(frame, name) is not None)
    return present, tuple(frame.recorded), tuple(frame.labels), tuple(sorted(frame.references))
