"""Human prices of sqrt prices, whole columns at once, each the nearest float64 of the exact ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import CHUNK, ExactInts
from rook_bench.core.rounding import doubtful, over, pair_of_int, scaled, times
from rook_bench.market.pool import Pool


def human_prices(sqrt_prices: ExactInts, pool: Pool) -> NDArray[np.float64]:
    """Quote per base in human units, shape (n,), of sqrt prices (Q64.96)."""
    prices = mapped.empty(len(sqrt_prices))
    unit = over(pair_of_int(pool.base.unit), pair_of_int(pool.quote.unit))
    for rows in mapped.parts(len(sqrt_prices), CHUNK):
        part = sqrt_prices[rows]
        root = scaled(part.magnitudes(), -96)
        square = times(root, root)
        price = times(square, unit) if pool.base_is_token0 else over(unit, square)
        prices[rows] = price.high
        for row in doubtful(price).tolist():
            prices[rows.start + row] = exact_price(part[row], pool)
    return prices


def exact_price(sqrt_price: int, pool: Pool) -> float:
    """The same of one."""
    square = sqrt_price * sqrt_price
    if pool.base_is_token0:
        return square * pool.base.unit / (pool.quote.unit << 192)
    return (pool.base.unit << 192) / (square * pool.quote.unit)
