"""Equity along the tape, from the few rows at which balances changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.execution.compiled import compiled


@compiled
def mark(
    price: NDArray[np.float64],
    moved: NDArray[np.int64],
    quote: NDArray[np.float64],
    base: NDArray[np.float64],
    equity: NDArray[np.float64],
) -> float:
    """Mark both balances to market after every row.

    Args:
        price: of each row, shape (n,).
        moved: rows after which balances were others, ascending, shape (m,).
        quote, base: balances before the first of them and after each, shape (m + 1,).
        equity: filled in place, shape (n,).

    Returns:
        The largest share lost since the highest value so far, the opening balances at the first price included.
    """
    latest, deepest = 0, 0.0
    highest = lowest = quote[0] + base[0] * price[0]
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
    return deepest
