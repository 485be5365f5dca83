"""Rows of the columns of a tape taken, and columns of consecutive parts stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.arrays import read_only
from rook_bench.core.exact import ExactInts
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.holes import find_holes


def rows_of(column: Any, rows: NDArray[np.intp] | slice) -> Any:
    """Some rows of a column; consecutive ones are a view of the same memory."""
    if isinstance(column, ExactInts):
        return column[rows]
    return read_only(column[rows]) if isinstance(rows, slice) else mapped.taken(column, rows)


def consecutive(rows: NDArray[np.intp] | slice) -> slice | None:
    """Rows as a slice where each follows the one before; None where they don't, or where there are none."""
    if isinstance(rows, slice):
        return rows if rows.stop > rows.start else None
    if len(rows) == 0 or any(
        (np.diff(rows[max(0, part.start - 1) : part.stop]) != 1).any() for part in mapped.parts(len(rows))
    ):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1)


def stack(parts: Sequence[Any], rows: NDArray[np.intp] | None) -> Any:
    """The parts of a column one after the other, or these rows of them; None where one lacks it."""
    if any(part is None for part in parts):
        return None
    exact = isinstance(parts[0], ExactInts)
    stacked = mapped.concatenated([part.limbs if exact else part for part in parts])
    column = ExactInts(stacked) if exact else stacked
    return column if rows is None else column[rows]


def stacked_breaks(
    parts: Sequence[tuple[int, ...] | None], rows: Sequence[int], at: NDArray[np.datetime64]
) -> tuple[int, ...] | None:
    """What consecutive parts were told of their holes, and what their times tell together (see `SwapFrame.breaks`).

    Args:
        parts, rows: of each part; at: times of all rows.
    """
    if all(breaks is None for breaks in parts):
        return None
    starts = np.cumsum([0, *rows])
    told = {int(row + start) for breaks, start in zip(parts, starts, strict=False) for row in breaks or ()}
    own = set(find_holes(at).tolist())
    return None if told <= own else tuple(sorted(told | own))


def stacked_history(histories: Sequence[LiquidityHistory | None], rows: Sequence[int]) -> LiquidityHistory | None:
    """The first part's snapshot with the changes of all; None where a part has no history."""
    parts = [(one, count) for one, count in zip(histories, rows, strict=True) if one is not None]
    return LiquidityHistory.concat(parts) if len(parts) == len(histories) else None
