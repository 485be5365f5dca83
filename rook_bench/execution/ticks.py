"""Exact conversion between ticks and sqrt prices, as Uniswap v3-core's TickMath."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import ExactInts

MIN_TICK = -887272
MAX_TICK = 887272

MIN_SQRT_PRICE = 4295128739
MAX_SQRT_PRICE = 1461446703485210103287273052203988822378723970342
"""sqrtPriceX96 at those ticks; a pool's price lies below the second."""

# sqrt(1.0001) ** -(2**bit) in 128.128 fixed point, for each bit of a tick: v3-core's TickMath.
FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_LOG_BASE = math.log(1.0001)


@lru_cache(maxsize=1 << 16)
def sqrt_price_at_tick(tick: int) -> int:
    """sqrtPriceX96 at a tick: v3's getSqrtRatioAtTick. ValueError outside [MIN_TICK, MAX_TICK]."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is outside [{MIN_TICK}, {MAX_TICK}]")
    ratio = 1 << 128
    for bit, factor in enumerate(FACTORS):
        if abs(tick) >> bit & 1:
            ratio = (ratio * factor) >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio >> 32)  # from 128 to 96 fraction bits, rounded up


def tick_at_sqrt_price(sqrt_price: int) -> int:
    """The greatest tick whose sqrt price is not above `sqrt_price`: v3's getTickAtSqrtRatio.

    ValueError outside [MIN_SQRT_PRICE, MAX_SQRT_PRICE), the prices a pool can have.
    """
    if not sqrt_price_at_tick(MIN_TICK) <= sqrt_price < sqrt_price_at_tick(MAX_TICK):
        raise ValueError(f"sqrt price {sqrt_price} is outside the prices a pool can have")
    # A float logarithm lands within one tick; exact comparisons decide.
    tick = math.floor(2 * (math.log(sqrt_price) - 96 * math.log(2)) / _LOG_BASE)
    tick = max(MIN_TICK, min(tick, MAX_TICK - 1))
    while sqrt_price_at_tick(tick) > sqrt_price:
        tick -= 1
    while sqrt_price_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def ticks_at_sqrt_prices(sqrt_prices: ExactInts) -> NDArray[np.int32]:
    """`tick_at_sqrt_price` of a whole column, int32; prices that no pool can have get the nearest tick."""
    return mapped.by_part(len(sqrt_prices), lambda rows: _ticks_at(sqrt_prices[rows]), np.int32)


def _ticks_at(sqrt_prices: ExactInts) -> NDArray[np.int32]:
    stands = 2.0 * (np.log(sqrt_prices.to_floats(1 << 96))) / _LOG_BASE
    ticks = np.clip(np.floor(stands), MIN_TICK, MAX_TICK - 1).astype(np.int32)
    # Far from a whole tick the float logarithm can't be wrong; close to one exact comparisons decide.
    for row in np.flatnonzero(np.abs(stands - np.round(stands)) < 1e-6).tolist():
        try:
            ticks[row] = tick_at_sqrt_price(sqrt_prices[row])
        except ValueError:
            continue
    return ticks
