"""What a section of the page is made of: an answer, tables, and what limits them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rook_bench.core import Estimate
from rook_bench.report.comparison import estimate_text, interval_text


@dataclass(frozen=True)
class Cell:
    """What one cell shows; `why` where it is undefined."""

    text: str
    small: str = ""
    why: str = ""


@dataclass(frozen=True)
class Table:
    """Columns, the first one over the rows' heads, and rows of a head and its cells."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class Question:
    """One section: the answer in a sentence, what else there is to say, tables, and what limits it.

    Attributes:
        id, short, heading: anchor, name in the contents, and the question.
        lead, lines, notes: the answer; more of it under it; its limits, small and last.
    """

    id: str
    short: str
    heading: str
    lead: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()

    @property
    def reasons(self) -> list[str]:
        """Why cells are undefined, each once."""
        cells = [cell for table in self.tables for _, row in table.rows for cell in row]
        return list(dict.fromkeys(cell.why for cell in cells if cell.why))


def cell(estimate: Estimate, quote: str = "", *, signed: bool = True) -> Cell:
    """An estimate's value, with its interval and n under it, or why it is undefined."""
    text, n = estimate_text(estimate, quote, signed=signed), f"n = {estimate.n:,}"
    if estimate.undefined_because is not None:
        return Cell(text, n, estimate.undefined_because)
    bounds = interval_text(estimate, quote, signed=signed)
    return Cell(text, f"{bounds}; {n}" if bounds else f"no interval; {n}")


def plain(estimate: Estimate, *, signed: bool = True) -> Cell:
    """A cell of a replay: exact given its assumptions, so without an interval."""
    text = estimate_text(estimate, "", signed=signed)
    return Cell(text, f"n = {estimate.n:,}", estimate.undefined_because or "")
