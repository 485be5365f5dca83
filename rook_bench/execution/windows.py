"""Means and deviations of trailing windows, compiled: each window afresh, and added in the order that NumPy adds in."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from rook_bench.execution.compiled import compiled

LARGEST = 128
"""The largest window that is added in one block of eight sums which take turns; fewer than eight are one sum."""


@register_jitable
def _sum(values: NDArray[np.float64], at: int, window: int) -> float:
    """The sum of the window that begins at a row."""
    if window < 8:
        total = 0.0
        for row in range(at, at + window):
            total += values[row]
        return total
    a, b, c, d = values[at], values[at + 1], values[at + 2], values[at + 3]
    e, f, g, h = values[at + 4], values[at + 5], values[at + 6], values[at + 7]
    whole = at + window - window % 8
    for row in range(at + 8, whole, 8):
        a, b, c, d = a + values[row], b + values[row + 1], c + values[row + 2], d + values[row + 3]
        e, f, g, h = e + values[row + 4], f + values[row + 5], g + values[row + 6], h + values[row + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for row in range(whole, at + window):
        total += values[row]
    return 0.0 + total  # NumPy adds the block to nothing: zeros below zero come out above it


@compiled
def trailing_means(values: NDArray[np.float64], window: int, out: NDArray[np.float64]) -> None:
    """Mean of every whole window, as `numpy.mean` of it gives, to the bit.

    Args:
        values: shape (n,); window: 1 to 128 values.
        out: filled in place, shape (n - window + 1,).
    """
    for row in range(len(out)):
        out[row] = _sum(values, row, window) / window


@compiled
def trailing_deviations(values: NDArray[np.float64], window: int, out: NDArray[np.float64]) -> None:
    """Sample deviation (n - 1) of every whole window, as `numpy.std(ddof=1)` of it gives, to the bit.

    Args:
        values: shape (n,); window: 2 to 128 values.
        out: filled in place, shape (n - window + 1,).
    """
    squares = np.empty(window)
    for row in range(len(out)):
        mean = _sum(values, row, window) / window
        for place in range(window):
            above = values[row + place] - mean
            squares[place] = above * above
        out[row] = np.sqrt(_sum(squares, 0, window) / (window - 1))
