"""Values at ranks of a column, quantiles and medians among them, without sorting a copy of a large one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped

_DIGIT = 16
_SIGN, _ALL = np.uint64(1 << 63), np.uint64(2**64 - 1)


def at_ranks(column: NDArray[np.float64], ranks: Sequence[int]) -> list[float]:
    """The values that would stand at these places (from 0) if the column were sorted; it holds no NaN.

    A column in memory is partitioned. Of a larger one the leading 16 bits of each value are counted, then the next 16
    of those that begin like the one that is looked for, and so on: four passes, and no copy.
    """
    if column.nbytes < mapped.MAPPED_FROM:
        places = sorted(set(ranks))
        found = np.partition(column, places)
        return [float(found[rank]) for rank in ranks]
    return [_by_digits(column, rank) for rank in ranks]


def median(column: NDArray[np.float64]) -> float:
    """The middle value, or the mean of the two middle ones, as NumPy gives it; NaN of none, or where one is NaN."""
    if len(column) == 0 or mapped.count(len(column), lambda rows: np.isnan(column[rows])):
        return float("nan")
    high = len(column) // 2
    found = at_ranks(column, [high] if len(column) % 2 else [high - 1, high])
    return float(np.mean(found))


def quantile(column: NDArray[np.float64], share: float) -> float:
    """The value below which a share of a column lies, between the two nearest in proportion, as NumPy gives it.

    The column has at least one value, and no NaN.
    """
    place = share * (len(column) - 1)
    first = int(np.floor(place))
    low, high = at_ranks(column, [first, min(first + 1, len(column) - 1)])
    part = place - first
    # The form of NumPy's own: the end is met exactly from either side.
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def _by_digits(column: NDArray[np.float64], rank: int) -> float:
    known, shift = np.uint64(0), 64
    while shift:
        shift -= _DIGIT
        counts = np.zeros(1 << _DIGIT, dtype=np.int64)
        for rows in mapped.parts(len(column)):
            keys = _ordered(column[rows])
            if shift < 64 - _DIGIT:
                keys = keys[keys >> np.uint64(shift + _DIGIT) == known]
            digits = (keys >> np.uint64(shift)) & np.uint64((1 << _DIGIT) - 1)
            counts += np.bincount(digits.astype(np.int64), minlength=1 << _DIGIT)
        below = np.cumsum(counts)
        digit = int(np.searchsorted(below, rank, side="right"))
        rank -= int(below[digit - 1]) if digit else 0
        known = (known << np.uint64(_DIGIT)) | np.uint64(digit)
    bits = known ^ (_SIGN if known & _SIGN else _ALL)
    return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])


def _ordered(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Unsigned integers in the order of the values."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)  # -0.0 is 0.0
    return np.where(bits & _SIGN, bits ^ _ALL, bits | _SIGN)
