"""Tables that stay readable at any width: names and figures are never cut."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len

from rook_bench.core.console import say

GAP = 2
"""Spaces between columns."""

Row = tuple[Sequence[str], Sequence[str]]
"""The names of a row (what it is about) and its figures."""


def print_table(names: Sequence[str], figures: Sequence[str], rows: Sequence[Row], *, rest: str = "") -> None:
    """Print a table as wide as the terminal allows, in a pipe as wide as it is."""
    for line in laid_out(names, figures, rows, width=line_width(), rest=rest):
        say(line)


def line_width() -> int | None:
    """Columns of the terminal; None in a pipe or file, which have no width."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def laid_out(
    names: Sequence[str], figures: Sequence[str], rows: Sequence[Row], *, width: int | None, rest: str = ""
) -> list[str]:
    """The lines of a table.

    A row that is too wide for `width` has its names on a line of their own, and its figures below. Figures for
    which even that leaves no room are left out from the right, and the last line says which.

    Args:
        names: titles of the columns of names, which stand to the left.
        figures: titles of the columns of figures, which stand to the right.
        rows: cells of both kinds.
        width: columns of the terminal; None for any.
        rest: where the figures that are left out can be found.
    """
    left = _widths([names, *(row[0] for row in rows)])
    right = _widths([figures, *(row[1] for row in rows)])
    whole = sum(left) + sum(right) + GAP * (len(left) + len(right) - 1)
    if width is None or whole <= width:
        head = _line(names, left, "left") + _line(figures, right, "right")
        return [
            _joined(head),
            "-" * whole,
            *(_joined(_line(texts, left, "left") + _line(values, right, "right")) for texts, values in rows),
        ]
    if not figures:
        return _one_below_the_other(names, rows)
    fit = _that_fit(right, width)
    head = _line(figures[:fit], right, "right")
    lines = [_indented(head), " " * GAP + "-" * (len(_indented(head)) - GAP)] if fit else []
    for texts, values in rows:
        lines += [": ".join(texts)] if texts else []
        lines += [_indented(_line(values[:fit], right, "right"))] if fit else []
    if fit < len(figures):
        lines.append(f"not shown at this width: {', '.join(figures[fit:])}" + (f"; {rest}" if rest else ""))
    return lines


def _one_below_the_other(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Each row as lines of "title: text"."""
    blocks = [[f"{name}: {text}" for name, text in zip(names, texts, strict=True)] for texts, _ in rows]
    return [line for number, block in enumerate(blocks) for line in ([""] * (number > 0) + block)]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _that_fit(widths: Sequence[int], width: int) -> int:
    """How many columns, from the left, fit behind an indent."""
    used = 0
    for count, column in enumerate(widths):
        used += GAP + column
        if used > width:
            return count
    return len(widths)


def _line(cells: Sequence[str], widths: Sequence[int], side: str) -> list[str]:
    pads = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=False)]
    return [cell + pad if side == "left" else pad + cell for cell, pad in zip(cells, pads, strict=True)]


def _joined(cells: Sequence[str]) -> str:
    return (" " * GAP).join(cells).rstrip()


def _indented(cells: Sequence[str]) -> str:
    return " " * GAP + _joined(cells)
