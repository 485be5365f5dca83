"""Tables of the pages: cells that are values, or lead somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rook_bench.core import Estimate
from rook_bench.report.cells import Cell, estimate_text
from rook_bench.report.formatting import number
from rook_bench.report.metric_groups import GROUPS

NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class To:
    """A cell that leads somewhere.

    Attributes:
        text: what it says; href: where to, None where there is nothing.
        small: lines under it.
        tick: the value of a box to tick before it, "" without.
    """

    text: str
    href: str | None
    small: tuple[str, ...] = ()
    tick: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a column.

    Attributes:
        text: its name; href: an address that sorts by it, "" where none does.
        way: "ascending" or "descending" where the table is sorted by it.
    """

    text: str
    href: str = ""
    way: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: heads, and rows whose first cell is their head.

    Attributes:
        caption: what it holds.
        sortable: whether a script may sort and filter it, which it does with the rows that are there.
        anchors: names of the rows in the page.
        text: whether its cells are words and not numbers.
    """

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell | To]]
    sortable: bool = False
    anchors: Sequence[str] = ()
    text: bool = False


def grid(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell | To]], **how: Any) -> Grid:
    """A table whose heads lead nowhere."""
    return Grid(caption, [Head(head) for head in heads], rows, **how)


def figure(value: Any, decimals: int, *, signed: bool = True, unit: str = "") -> Cell:
    """A number, or a dash where there is none."""
    return Cell(NONE) if pd.isna(value) else Cell(number(float(value), decimals, signed=signed) + unit)


SIGNED = frozenset(row.name for rows in GROUPS.values() for row in rows if row.signed)


def measure(found: Mapping[str, Estimate], name: str) -> Cell:
    """A metric's value; a dash where it was not measured."""
    if name not in found:
        return Cell(NONE)
    estimate = found[name]
    return Cell(estimate_text(estimate, signed=name in SIGNED), why=estimate.undefined_because or "")
