"""Equity along the tape, from the few rows at which balances changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.execution.compiled import compiled

HIGHEST, LOWEST, DEEPEST = range(3)
"""What a walk along the tape knows: the highest value so far, the lowest since then, and the largest share lost."""


def start(value: float) -> NDArray[np.float64]:
    """A walk that begins with this value."""
    return np.array([value, value, 0.0])


@compiled
def mark(
    price: NDArray[np.float64],
    moved: NDArray[np.int64],
    quote: NDArray[np.float64],
    base: NDArray[np.float64],
    equity: NDArray[np.float64],
    walked: NDArray[np.float64],
) -> None:
    """Mark both balances to market after every row of a part.

    Args:
        price: of each row, shape (n,).
        moved: rows after which balances were others, ascending, shape (m,).
        quote, base: balances before the first of them and after each, shape (m + 1,).
        equity: filled in place, shape (n,).
        walked: moved along (see `start`).
    """
    latest = 0
    highest, lowest, deepest = walked[HIGHEST], walked[LOWEST], walked[DEEPEST]
    for row in range(len(price)):
        while latest < len(moved) and moved[latest] <= row:
            latest += 1
        value = quote[latest] + base[latest] * price[row]
        equity[row] = value
        if value > highest:
            highest = lowest = value
        elif value < lowest:  # nothing else can be deeper
            lowest = value
            deepest = max(deepest, 1.0 - value / highest)
    walked[HIGHEST], walked[LOWEST], walked[DEEPEST] = highest, lowest, deepest
