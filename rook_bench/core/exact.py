"""Columns of exact 256-bit integers, as limbs that NumPy, Arrow and compiled code share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.arrays import read_only
from rook_bench.core.rounding import PAIR_BOUND, Pair, doubtful, over, pair_of_int, pair_of_limbs

if TYPE_CHECKING:
    import pyarrow as pa

LIMBS = 4
_BYTES = 8 * LIMBS

CHUNK = 1 << 14
"""Rows converted at once, so that what lies in between stays in the processor's cache."""

PAIR_BITS, MOST_POWER = 106, 256
"""Bits of a divisor that a pair holds as it is, and the power of two beside it: beyond, results may be denormal."""


class ExactInts:
    """An immutable column of signed integers below 2**255 in magnitude.

    `limbs` has shape (n, 4): 64-bit limbs, least significant first, two's complement. That is
    also the memory layout of Arrow's decimal256, so Parquet and compiled code read it uncopied.
    No float ever holds a value; `to_floats` rounds once, on request.
    """

    __slots__ = ("limbs",)
    limbs: NDArray[np.uint64]

    def __init__(self, limbs: NDArray[np.uint64]) -> None:
        if limbs.ndim != 2 or limbs.shape[1] != LIMBS or limbs.dtype != np.uint64:
            raise ValueError(f"limbs must have shape (n, {LIMBS}) and dtype uint64")
        object.__setattr__(self, "limbs", read_only(limbs))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("ExactInts is immutable")

    def __reduce__(self) -> tuple[type[ExactInts], tuple[NDArray[np.uint64]]]:
        return ExactInts, (self.limbs,)

    @classmethod
    def of(cls, values: Iterable[int]) -> ExactInts:
        """From Python integers; OverflowError beyond 256 bits."""
        joined = b"".join(int(value).to_bytes(_BYTES, "little", signed=True) for value in values)
        return cls(np.frombuffer(joined, dtype="<u8").reshape(-1, LIMBS).astype(np.uint64))

    def __len__(self) -> int:
        return self.limbs.shape[0]

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice | NDArray[np.generic]) -> ExactInts: ...
    def __getitem__(self, index: int | slice | NDArray[np.generic]) -> int | ExactInts:
        if isinstance(index, int | np.integer):
            return int.from_bytes(self.limbs[index].tobytes(), "little", signed=True)
        return ExactInts(self.limbs[index] if isinstance(index, slice) else mapped.taken(self.limbs, index))

    def __iter__(self) -> Iterator[int]:
        for part in mapped.parts(len(self)):
            limbs = self.limbs[part].view(np.int64)
            low, high, sign = limbs[:, 0].view(np.uint64), limbs[:, 1], limbs[:, 1] >> 63
            if (limbs[:, 2:] == sign[:, None]).all():  # 128 bits, as most: three times as fast as from bytes
                yield from [above << 64 | below for above, below in zip(high.tolist(), low.tolist(), strict=True)]
                continue
            data = np.ascontiguousarray(limbs).tobytes()
            for start in range(0, len(data), _BYTES):
                yield int.from_bytes(data[start : start + _BYTES], "little", signed=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactInts) and np.array_equal(self.limbs, other.limbs)

    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> ExactInts:
        return ExactInts(_negated(self.limbs))

    def minus(self, other: ExactInts) -> ExactInts:
        """The differences row by row."""
        difference, borrow = np.empty_like(self.limbs), np.zeros(len(self), dtype=np.uint64)
        for place in range(LIMBS):
            mine, theirs = self.limbs[:, place], other.limbs[:, place]
            part = mine - theirs
            difference[:, place] = part - borrow
            borrow = ((mine < theirs) | ((part == 0) & (borrow == 1))).astype(np.uint64)
        return ExactInts(difference)

    def negative(self) -> NDArray[np.bool_]:
        """Which values are below zero, shape (n,)."""
        return np.asarray(self.limbs[:, -1] >> np.uint64(63)).astype(bool)

    def zero(self) -> NDArray[np.bool_]:
        """Which values are zero, shape (n,)."""
        return np.logical_not(self.limbs.any(axis=1))

    def below(self, other: ExactInts | int) -> NDArray[np.bool_]:
        """Which values are less than `other` (row by row, or one integer), shape (n,); for non-negative values."""
        bounds = ExactInts.of([other]).limbs if isinstance(other, int) else other.limbs
        less = np.zeros(len(self), dtype=bool)
        for place in range(LIMBS):  # the most significant limb that differs decides, so it comes last
            mine, theirs = self.limbs[:, place], bounds[:, place]
            less = np.where(mine != theirs, mine < theirs, less)
        return less

    def to_floats(self, scale: int = 1) -> NDArray[np.float64]:
        """The nearest float64 of value / scale (each correctly rounded), shape (n,); `scale` is positive."""
        power = (scale & -scale).bit_length() - 1
        divisor = scale >> power
        if divisor.bit_length() > PAIR_BITS or power > MOST_POWER:
            return np.fromiter((value / scale for value in self), dtype=np.float64, count=len(self))
        nearest = mapped.empty(len(self))
        for rows in mapped.parts(len(self), CHUNK):
            part = self[rows]
            value = part.magnitudes()
            if divisor > 1:
                value = over(value, pair_of_int(divisor))
            floats = np.ldexp(np.where(part.negative(), -value.high, value.high), -power)
            doubts = doubtful(value)
            if divisor == 1:  # below the bound a pair holds the value as it is
                doubts = doubts[value.high[doubts] >= PAIR_BOUND]
            for row in doubts.tolist():
                floats[row] = part[row] / scale
            nearest[rows] = floats
        return nearest

    def magnitudes(self) -> Pair:
        """The absolute values as pairs of floats (see `core.rounding`)."""
        return pair_of_limbs(self.absolute())

    def absolute(self) -> NDArray[np.uint64]:
        """The limbs of the absolute values, shape (n, 4)."""
        negative = self.negative()
        return np.where(negative[:, None], _negated(self.limbs), self.limbs) if negative.any() else self.limbs

    def to_arrow(self, digits: int) -> pa.Array:
        """Arrow decimal of `digits` digits: decimal128 up to 38, decimal256 up to 76."""
        import pyarrow as pa

        if 10**digits < 1 << 255 and not ExactInts(self.absolute()).below(10**digits).all():
            raise OverflowError(f"a value has more than {digits} digits")
        wide = pa.Array.from_buffers(
            pa.decimal256(76), len(self), [None, pa.py_buffer(np.ascontiguousarray(self.limbs))]
        )
        return wide.cast(pa.decimal128(digits)) if digits <= 38 else wide

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray | pa.Array) -> ExactInts:
        """Read back what `to_arrow` wrote; ValueError where a value is missing."""
        import pyarrow as pa

        if column.null_count:
            raise ValueError(f"{column.null_count} values are missing")
        wide = column.cast(pa.decimal256(76))
        array = wide.combine_chunks() if isinstance(wide, pa.ChunkedArray) else wide
        if isinstance(array, pa.ChunkedArray):  # an empty chunked column stays chunked
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], wide.type)
        limbs = np.frombuffer(array.buffers()[1] or b"", dtype="<u8").reshape(-1, LIMBS)
        return cls(limbs[array.offset : array.offset + len(array)].astype(np.uint64))


def _negated(limbs: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Two's complement negation of each row of limbs."""
    flipped = ~limbs
    carry = np.ones(len(limbs), dtype=bool)
    for place in range(limbs.shape[1]):
        flipped[:, place] += carry.astype(np.uint64)
        carry &= flipped[:, place] == 0
    return flipped
