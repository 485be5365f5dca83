"""Integers that have been through a float: found, counted, refused or rounded on request."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.ingest.text_columns import FLOAT, row_number, whole

REMEDY = "export it as text or hex, not as a number, or pass --allow-rounded for work that need not be exact"

_EVIDENCE_BITS = 60
"""How unlikely a column of exact integers must be before it counts as rounded: 1 in 2**60."""

_SHARE = 0.95
"""Share of the telling values that must be floats: a joined column may have an exact row or two."""


class Column(NamedTuple):
    """One event column of one file."""

    where: Path
    event_column: str


class Rounding:
    """What a stream has seen of rounded integers.

    A value is rounded for sure where its text is a float's ("1.66e+33", "0.5"); a whole float up
    to 2**53 lost nothing. A column of plain digits is rounded where nearly all values above 2**53
    are exactly floats: an exact value of b bits is one with a chance of 2**(53 - b). Round numbers
    say nothing, in decimals (15 digits before their zeros) or in binary (40 bits, as the price 2**96):
    people choose them.
    """

    def __init__(self, allow: bool = False) -> None:
        self.allow = allow
        self._values: Counter[Column] = Counter()
        self._written: Counter[Column] = Counter()
        self._telling: Counter[Column] = Counter()
        self._floats: Counter[Column] = Counter()
        self._bits: Counter[Column] = Counter()
        self._first: dict[Column, int] = {}

    def mend(self, column: pd.Series, event_column: str, where: Path) -> pd.Series:
        """The column with its rounded texts as the nearest integers; InputError where that is not allowed."""
        place = Column(where, event_column)
        self._values[place] += len(column)
        try:
            values: list[int | None] = [int(text) for text in column]
            rounded: list[int] = []
        except ValueError:
            values = [whole(text) for text in column]
            rounded = [row for row, value in enumerate(values) if value is None and FLOAT.fullmatch(column.iloc[row])]
        if rounded:
            self._written[place] += len(rounded)
            if not self.allow:
                first, row = column.iloc[rounded[0]], row_number(column, rounded[0])
                raise InputError(
                    f"column '{column.name}' is rounded in {self._written[place]} of the first {self._values[place]} "
                    f"values, first at row {row} ({first})",
                    where=where,
                    hint=REMEDY,
                )
            column = column.copy()
            column.iloc[rounded] = [_nearest(column.iloc[row]) for row in rounded]
        self._weigh(place, column, values)
        if self._went_through_float(place) and not self.allow:
            raise InputError(
                f"column '{column.name}' went through a float: {self._floats[place]} of {self._telling[place]} long "
                f"integers are exactly a float64, first at row {self._first[place]}",
                where=where,
                hint=REMEDY,
            )
        return column

    def _weigh(self, place: Column, column: pd.Series, values: list[int | None]) -> None:
        seen: set[int] = set()
        for row, value in enumerate(values):
            size = abs(value or 0)
            if size in seen or not tells(size):
                continue
            seen.add(size)
            self._telling[place] += 1
            if is_float(size):
                self._floats[place] += 1
                self._bits[place] += size.bit_length() - 53
                self._first.setdefault(place, row_number(column, row))

    def _went_through_float(self, place: Column) -> bool:
        enough = self._floats[place] >= _SHARE * self._telling[place]
        return enough and self._bits[place] >= _EVIDENCE_BITS

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Rounded values and all values, by event column that has any rounded."""
        rounded: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for place, count in self._values.items():
            total[place.event_column] += count
            rounded[place.event_column] += self._written[place]
            if self._went_through_float(place):
                rounded[place.event_column] += self._floats[place]
        return {name: (count, total[name]) for name, count in rounded.items() if count}


def tells(value: int) -> bool:
    """Whether a number is long enough, and no round one, so that being exactly a float says something of it."""
    size = abs(value)
    return size > 2**54 and len(str(size).rstrip("0")) > 15 and size // (size & -size) >= 2**40


def is_float(value: int) -> bool:
    """Whether a number is exactly a float64, printed in full or as 17 digits and zeros."""
    size = abs(value)
    nearest = float(size)
    return int(nearest) == size or (len(str(size).rstrip("0")) <= 17 and int(Fraction(repr(nearest))) == size)


def maybe_floats(values: ExactInts) -> NDArray[np.bool_]:
    """Values that `tells` and `is_float` may both hold for, shape (n,): what is left out surely is none.

    Exactly a float has at most 53 bits between its first and its last one; printed as 17 digits and zeros it is
    shorter than 18 digits, or ends with a zero; with four of them from 22 digits on.
    """
    limbs = values.absolute()
    used = limbs != 0
    highest, lowest = 3 - np.argmax(used[:, ::-1], axis=1), np.argmax(used, axis=1)
    rows = np.arange(len(limbs))
    top, end = limbs[rows, highest], limbs[rows, lowest]
    # A limb near a power of two may count a bit too many, which lets a value in and leaves none out.
    length = 64 * highest + np.frexp(top.astype(np.float64))[1]
    zeros = 64 * lowest + np.frexp((end & (~end + np.uint64(1))).astype(np.float64))[1] - 1
    tens, thousands = _modulo(limbs, 10), _modulo(limbs, 10**4)
    size = limbs.astype(np.float64) @ np.array([2.0 ** (64 * place) for place in range(limbs.shape[1])])
    decimal = (size < 1.1e17) | ((tens == 0) & ((size < 0.9e21) | (thousands == 0)))
    return (size > 2.0**53) & ((length - zeros <= 54) | decimal)


def _modulo(limbs: NDArray[np.uint64], divisor: int) -> NDArray[np.uint64]:
    """The remainder of each value, shape (n,)."""
    total = np.zeros(len(limbs), dtype=np.uint64)
    for place in range(limbs.shape[1]):
        total += limbs[:, place] % np.uint64(divisor) * np.uint64(pow(2, 64 * place, divisor))
    return total % np.uint64(divisor)


def _nearest(text: str) -> str:
    return str(round(Fraction(text)))
