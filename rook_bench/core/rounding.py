"""Correctly rounded float64 of exact ratios, whole columns at once.

A pair of float64 (high + low) carries some 100 bits (Dekker 1971; the operations are those of Hida, Li and Bailey's
double-double arithmetic, 2001). What it rounds to is what the exact number rounds to, unless that lies within 2**-90 of
the middle between two floats: those few are named as doubtful, and the caller computes them with Python's integers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

DOUBT = 2.0**-90
"""Relative error that no chain of a few operations on pairs reaches (each adds at most 2**-100)."""

PAIR_BOUND = 2.0**106
"""Integers below it are held by a pair as they are."""

_SPLIT = 134217729.0  # 2**27 + 1
_HALF_LIMB = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)


class Pair(NamedTuple):
    """Numbers as unevaluated sums of two float64, the second at most half a last place of the first."""

    high: Column
    low: Column


def pair_of_limbs(limbs: NDArray[np.uint64]) -> Pair:
    """Non-negative integers; limbs of shape (n, 4) as `ExactInts` holds them."""
    high, low = np.zeros(len(limbs)), np.zeros(len(limbs))
    for place in range(limbs.shape[1] - 1, -1, -1):
        limb = limbs[:, place]
        if not limb.any():
            continue
        for half, power in ((limb >> _HALF_LIMB, 64 * place + 32), (limb & _LOW_HALF, 64 * place)):
            high, rest = _two_sum(high, half.astype(np.float64) * 2.0**power)
            high, low = _quick_two_sum(high, low + rest)
    return Pair(high, low)


def pair_of_int(value: int) -> Pair:
    """One positive integer; exact below 2**106."""
    high = float(value)
    return Pair(np.float64(high), np.float64(value - int(high)))  # type: ignore[arg-type]  # it broadcasts


def times(left: Pair, right: Pair) -> Pair:
    """The product."""
    high, low = _two_product(left.high, right.high)
    return Pair(*_quick_two_sum(high, low + (left.high * right.low + left.low * right.high)))


def over(numerator: Pair, divisor: Pair) -> Pair:
    """The ratio: three digits of 53 bits each, by the remainder."""
    first = numerator.high / divisor.high
    rest = _less(numerator, divisor, first)
    second = rest.high / divisor.high
    rest = _less(rest, divisor, second)
    high, low = _quick_two_sum(first, second)
    return Pair(*_quick_two_sum(high, low + rest.high / divisor.high))


def scaled(value: Pair, power: int) -> Pair:
    """The value times 2**power, exactly."""
    return Pair(np.ldexp(value.high, power), np.ldexp(value.low, power))


def doubtful(value: Pair) -> NDArray[np.intp]:
    """Rows whose `high` may not be the nearest float64 of the exact number."""
    size, low = np.abs(value.high), np.abs(value.low)
    gap = np.spacing(size)
    # Below a power of two floats lie twice as close.
    near = (np.abs(low - gap / 2) <= DOUBT * size) | (
        (np.abs(low - gap / 4) <= DOUBT * size) & (np.frexp(size)[0] == 0.5)
    )
    return np.flatnonzero(near & (size > 0))


def _two_sum(left: Column, right: Column) -> tuple[Column, Column]:
    total = left + right
    other = total - left
    return total, (left - (total - other)) + (right - other)


def _quick_two_sum(left: Column, right: Column) -> tuple[Column, Column]:
    total = left + right
    return total, right - (total - left)


def _halves(value: Column) -> tuple[Column, Column]:
    large = _SPLIT * value
    high = large - (large - value)
    return high, value - high


def _two_product(left: Column, right: Column) -> tuple[Column, Column]:
    product = left * right
    (a, b), (c, d) = _halves(left), _halves(right)
    return product, ((a * c - product) + a * d + b * c) + b * d


def _less(numerator: Pair, divisor: Pair, digit: Column) -> Pair:
    """numerator - digit * divisor."""
    high, low = _two_product(digit, divisor.high)
    total, rest = _two_sum(numerator.high, -high)
    return Pair(*_quick_two_sum(total, rest + (numerator.low - low - digit * divisor.low)))
