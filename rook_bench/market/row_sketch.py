"""Which swaps a tape holds, in a few hundred numbers: two tapes that share swaps share some of these."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.arrays import distinct
from rook_bench.market.frame import SwapFrame

FINE = 1e-7
"""Log price that is told apart."""

KEPT = 512
"""Rows that a sketch keeps, at least, where the tape has as many."""

_ONE, _TWO, _THREE = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True, eq=False)
class RowSketch:
    """Hashes of swaps, those below a limit: a sample that is the same wherever and in whatever order they stand.

    The idea is MinHash with a fixed scale (Broder 1997). A swap goes by the prices around it, to a ten-millionth:
    neither the pool's name nor the times, a few rows more or less, nor a unit more in each make another swap of it.
    One price alone would not do, since bots end their swaps on round ones again and again.

    Attributes:
        shift: hashes below 2^(64 - shift) were kept, one swap in 2^shift.
        hashes: ascending, without doubles, uint64, shape (k,).
        rows: of the tape.
    """

    shift: int
    hashes: NDArray[np.uint64]
    rows: int

    @classmethod
    def of(cls, frame: SwapFrame) -> RowSketch:
        """The sketch of a tape."""
        return cls.of_hashes(row_hashes(frame), len(frame))

    @classmethod
    def of_hashes(cls, hashes: NDArray[np.uint64], rows: int) -> RowSketch:
        """The sketch of so many rows with these hashes (see `row_hashes`)."""
        shift = 0
        different = _different(hashes)
        while different >> (shift + 1) >= KEPT:
            shift += 1
        below = mapped.gathered(len(hashes), lambda rows: _below(hashes[rows], shift), np.uint64)
        return cls(shift, distinct(below), rows)

    @classmethod
    def union(cls, sketches: Sequence[RowSketch]) -> RowSketch:
        """Of several tapes together; at least one."""
        shift = max(sketch.shift for sketch in sketches)
        hashes = distinct(np.concatenate([_below(sketch.hashes, shift) for sketch in sketches]))
        return cls(shift, hashes, sum(sketch.rows for sketch in sketches))

    def shared(self, other: RowSketch) -> tuple[int, int]:
        """How many of these swaps the other tape holds too, and of how many, at the coarser scale of the two."""
        shift = max(self.shift, other.shift)
        mine = _below(self.hashes, shift)
        return len(np.intersect1d(mine, _below(other.hashes, shift), assume_unique=True)), len(mine)

    def to_bytes(self) -> bytes:
        """A NumPy file."""
        buffer = io.BytesIO()
        facts = np.array([self.shift, self.rows], dtype="<u8")
        np.save(buffer, np.concatenate([facts, self.hashes.astype("<u8")]), allow_pickle=False)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> RowSketch:
        """Read back; ValueError for what is none."""
        numbers = np.load(io.BytesIO(content), allow_pickle=False)
        if numbers.ndim != 1 or numbers.dtype != np.uint64 or len(numbers) < 2 or numbers[0] > 63:
            raise ValueError("not a sketch of rows")
        return cls(int(numbers[0]), numbers[2:], int(numbers[1]))

    def to_json(self) -> dict[str, object]:
        """For a record: hexadecimal, so that no reader rounds it."""
        return {"rows": self.rows, "shift": self.shift, "hashes": [f"{int(one):016x}" for one in self.hashes]}

    @classmethod
    def from_json(cls, record: dict[str, object]) -> RowSketch:
        """Read back; ValueError, KeyError or TypeError for what is none."""
        texts: Iterable[str] = record["hashes"]  # type: ignore[assignment]
        hashes = np.array(sorted({int(text, 16) for text in texts}), dtype=np.uint64)
        shift = int(str(record["shift"]))
        if not 0 <= shift <= 63:
            raise ValueError("not a sketch of rows")
        return cls(shift, hashes, int(str(record["rows"])))


def row_hashes(frame: SwapFrame) -> NDArray[np.uint64]:
    """A hash of each three prices in a row that differ from one to the next, uint64, shape (up to n - 2,)."""
    last = np.empty(0, dtype=np.int64)

    def of(rows: slice) -> NDArray[np.uint64]:
        nonlocal last
        prices = np.concatenate([last, _fine(frame, rows)])
        prices = prices[np.concatenate([[True], prices[1:] != prices[:-1]])]
        last = prices[-2:]
        with np.errstate(over="ignore"):
            found = np.full(max(0, len(prices) - 2), _ONE)
            for column in (prices[:-2], prices[1:-1], prices[2:]):
                found = _mixed(found ^ column.view(np.uint64))
        return found

    return mapped.gathered(len(frame), of, np.uint64)


def placed_hashes(frame: SwapFrame) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The same, with the row that each ends on, both of one shape: parts of the tape have all of them together."""

    def moved(rows: slice) -> NDArray[np.intp]:
        first = max(rows.start - 1, 0)
        fine = _fine(frame, slice(first, rows.stop))
        found = first + 1 + np.flatnonzero(fine[1:] != fine[:-1])
        return found if rows.start else np.concatenate([[0], found])

    return row_hashes(frame), mapped.gathered(len(frame), moved, np.intp)[2:]


def _fine(frame: SwapFrame, rows: slice) -> NDArray[np.int64]:
    """Log prices as whole numbers."""
    fine: NDArray[np.int64] = np.round(np.log(frame.sqrt_price_x96[rows].to_floats(2**96)) * 2 / FINE).astype(np.int64)
    return fine


def _different(hashes: NDArray[np.uint64]) -> int:
    """How many different ones there are, however many."""
    if hashes.nbytes < mapped.MAPPED_FROM:
        return len(distinct(hashes))
    # Grouped by their first byte, a part at a time; equal ones are in one group.
    sizes = np.zeros(256, dtype=np.intp)
    for rows in mapped.parts(len(hashes)):
        sizes += np.bincount(_byte(hashes[rows]), minlength=256)
    ends = np.cumsum(sizes)
    grouped, places = mapped.empty(len(hashes), np.uint64), ends - sizes
    for rows in mapped.parts(len(hashes)):
        ordered = np.sort(hashes[rows])
        borders = np.searchsorted(_byte(ordered), np.arange(257))
        for group in np.flatnonzero(np.diff(borders)).tolist():
            own = ordered[borders[group] : borders[group + 1]]
            grouped[places[group] : places[group] + len(own)] = own
            places[group] += len(own)
    return sum(len(distinct(grouped[end - size : end])) for end, size in zip(ends, sizes, strict=True))


def _byte(hashes: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Of each hash the first byte."""
    return (hashes >> np.uint64(56)).astype(np.intp)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014)."""
    values = values + _ONE
    values = (values ^ (values >> np.uint64(30))) * _TWO
    values = (values ^ (values >> np.uint64(27))) * _THREE
    return values ^ (values >> np.uint64(31))


def _below(hashes: NDArray[np.uint64], shift: int) -> NDArray[np.uint64]:
    return hashes if shift == 0 else hashes[hashes < np.uint64(1 << (64 - shift))]
