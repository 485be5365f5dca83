"""What a section of the page is made of: an answer, its pictures and tables, and what limits them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rook_bench.report.cells import Cell
from rook_bench.report.charts.canvas import NoPicture, Picture


@dataclass(frozen=True)
class Table:
    """Columns, the first one over the rows' heads, and rows of a head and its cells; a long one sorts and filters.

    `anchors` are the rows' names in the page, where something leads to them; `told` where the last column is words.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    sortable: bool = False
    anchors: Sequence[str] = ()
    told: bool = False


@dataclass(frozen=True)
class Topic:
    """One question: the answer in a sentence, what else there is to say, pictures, tables, and what limits it.

    Attributes:
        id, short, heading: anchor, name in the contents, and the question.
        lead, lines, notes: the answer; more of it under it; its limits, small and last.
        draw: draw its pictures, one a call, so that no more than one is kept in memory; call them inside `style`.
    """

    id: str
    short: str
    heading: str
    lead: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    draw: Sequence[Callable[[], Picture | NoPicture]] = ()

    @property
    def reasons(self) -> list[str]:
        """Why cells are undefined, each once."""
        cells = [cell for table in self.tables for _, row in table.rows for cell in row]
        return list(dict.fromkeys(cell.why for cell in cells if cell.why))
