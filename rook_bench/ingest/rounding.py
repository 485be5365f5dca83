"""Integers that have been through a float: found, counted, refused or rounded on request."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rook_bench.core import InputError
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


def _nearest(text: str) -> str:
    return str(round(Fraction(text)))
