"""The amounts that a move of the price implies, whole columns at once, each correctly rounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.rounding import Pair, doubtful, over, scaled, times
from rook_bench.market.frame import SwapFrame

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moves:
    """Swaps that moved the price of one liquidity from where other swaps left it.

    Attributes:
        net0, net1: what the pool got of each token, without a fee; negative where it came out.
        amount0, amount1: what the log says, fee and all.
        before, after: sqrt prices (Q64.96); moved: by how much.
    """

    net0: Column
    net1: Column
    amount0: Column
    amount1: Column
    before: Column
    after: Column
    moved: Column

    @classmethod
    def of(cls, frame: SwapFrame, earlier: NDArray[np.intp], rows: NDArray[np.intp]) -> Moves:
        """Of `rows`, each from the price that the swap at the same place of `earlier` left."""
        before, after, liquidity = frame.sqrt_price_x96[earlier], frame.sqrt_price_x96[rows], frame.liquidity[rows]
        move = after.minus(before)
        sign = np.where(move.negative(), -1.0, 1.0)
        size = times(liquidity.magnitudes(), scaled(move.magnitudes(), -96))
        share = over(size, scaled(times(before.magnitudes(), after.magnitudes()), -192))
        amount0, amount1 = (amount[rows].to_floats() for amount in frame.amounts)
        return cls(
            net0=_nearest(share, -sign, lambda row: net0(before[row], after[row], liquidity[row])),
            net1=_nearest(size, sign, lambda row: net1(before[row], after[row], liquidity[row])),
            amount0=amount0,
            amount1=amount1,
            before=before.to_floats(),
            after=after.to_floats(),
            moved=np.abs(move.to_floats()),
        )


def is_move(frame: SwapFrame, earlier: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which rows have the liquidity of those before them, and another price."""
    liquidity, price = frame.liquidity.limbs, frame.sqrt_price_x96.limbs
    same = (liquidity[earlier] == liquidity[rows]).all(axis=1) & liquidity[rows].any(axis=1)
    return np.asarray(same & (price[earlier] != price[rows]).any(axis=1))


def _nearest(value: Pair, sign: Column, exact: Callable[[int], float]) -> Column:
    floats = np.asarray(sign * value.high)
    for row in doubtful(value).tolist():
        floats[row] = exact(row)
    return floats


def net0(before: int, after: int, liquidity: int) -> float:
    """Token0 that moving the price asks for without a fee; negative where it comes out."""
    return liquidity * (before - after) * 2**96 / (before * after)


def net1(before: int, after: int, liquidity: int) -> float:
    """The same of token1."""
    return liquidity * (after - before) / 2**96
