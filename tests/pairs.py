"""The same market on a pool of other tokens: every swap put through the pool maths again, to the last unit."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from rook_bench.core.exact import ExactInts
from rook_bench.execution.fill import pool_swap
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.ticks import MAX_TICK, tick_at_sqrt_price
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool, Token

WETH, WBTC, UNI = Token(symbol="WETH", decimals=18), Token(symbol="WBTC", decimals=8), Token(symbol="UNI", decimals=18)
SHIB, DAI, USDC = Token(symbol="SHIB", decimals=18), Token(symbol="DAI", decimals=18), Token(symbol="USDC", decimals=6)


def pool_of(base: Token, quote: Token, *, base_first: bool, fee_pips: int = 500, spacing: int = 10, **facts) -> Pool:
    """A pool of two tokens in this order."""
    tokens = (base, quote) if base_first else (quote, base)
    return Pool(
        address="0x" + "5" * 40, token0=tokens[0], token1=tokens[1], base_is_token0=base_first, fee_pips=fee_pips,
        tick_spacing=spacing, **{"chain": "ethereum"} | facts,
    )  # fmt: skip


def rewritten(frame: SwapFrame, pool: Pool, *, base_per: float = 1.0, quote_per: float = 1.0) -> SwapFrame:
    """The tape of `pool` on which the same swaps happened, in value.

    Args:
        frame: a tape with amounts and the state before its first swap.
        pool: what it becomes; its fee may be another.
        base_per, quote_per: how many of the new tokens one of the old ones is.
    """
    old = frame.pool
    of_base = Fraction(base_per) * pool.base.unit / old.base.unit
    of_quote = Fraction(quote_per) * pool.quote.unit / old.quote.unit
    deep = _root(of_base * of_quote)
    ratio = Fraction(frame.history.start.sqrt_price**2, 1 << 192)
    ratio = ratio if old.base_is_token0 else 1 / ratio  # quote units per base unit
    ratio *= of_quote / of_base
    sqrt_price = int(_root(ratio if pool.base_is_token0 else 1 / ratio) * 2**96)
    edge = MAX_TICK // pool.tick_spacing * pool.tick_spacing
    start, rows, changes, before = sqrt_price, [], [], 0
    base, quote = (frame.amount0, frame.amount1) if old.base_is_token0 else (frame.amount1, frame.amount0)
    for row, (sold, paid, depth) in enumerate(zip(base, quote, frame.liquidity, strict=True)):
        liquidity = int(depth * deep)
        if liquidity != before:
            changes.append((row, -edge, edge, liquidity - before))
        before = liquidity
        falls = (sold > 0) == pool.base_is_token0
        offered = max(int(sold * of_base if sold > 0 else paid * of_quote), 1)
        after, tick, _, taken, out, fee, _ = pool_swap(
            sqrt_price, tick_at_sqrt_price(sqrt_price), liquidity, offered, True, pool.fee_pips, falls,
            extreme_price(falls), pool.tick_spacing, [(-edge, liquidity), (edge, -liquidity)], True,
            pool.protocol == "v4",
        )  # fmt: skip
        rows.append((taken + fee if falls else -out, -out if falls else taken + fee, after, liquidity, tick))
        sqrt_price = after
    amount0, amount1, sqrt_after, liquidity, tick = zip(*rows, strict=True)
    return replace(
        frame,
        pool=pool,
        amount0=ExactInts.of(amount0),
        amount1=ExactInts.of(amount1),
        sqrt_price_x96=ExactInts.of(sqrt_after),
        liquidity=ExactInts.of(liquidity),
        tick=np.array([tick_at_sqrt_price(price) for price in sqrt_after], dtype=np.int32),
        history=LiquidityHistory.of(
            complete=True, start=PoolStart(start, tick_at_sqrt_price(start), 0), changes=changes
        ),
        source=f"simulated {pool.pair}",
    )


def _root(value: Fraction) -> Fraction:
    """The square root, to 60 digits."""
    scale = 10**60
    return Fraction(math.isqrt(int(value * scale * scale)), scale)
