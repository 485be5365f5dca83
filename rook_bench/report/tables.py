"""The tables under the pictures: outcomes, rejections, labels, mark-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rook_bench.core import SIDE_NAMES
from rook_bench.metrics.markouts import Markout
from rook_bench.report.cells import Cell
from rook_bench.report.charts.confusion import answers
from rook_bench.report.charts.markouts import find
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import duration, number, percent

SIDES = ("BUY", "SELL", "BOTH")

OUTCOME_WORDS = {
    "FILLED": "filled whole",
    "PARTIAL": "filled up to the price limit",
    "REJECTED": "refused before it was sent",
    "REVERTED_SLIPPAGE": "the price moved too far; gas was paid",
    "REVERTED_DEADLINE": "too late; gas was paid",
    "INSUFFICIENT_BALANCE": "nothing left to trade with",
    "NO_LIQUIDITY": "the pool could not fill it",
}


@dataclass(frozen=True)
class CountRow:
    """One row of counts by source: what is counted, in a few more words what that means, a sum or not."""

    name: str
    cells: Sequence[Cell]
    meaning: str = ""
    total: bool = False


@dataclass(frozen=True)
class LabelTable:
    """One source's decisions (columns) by label (rows); each row's last cell is its sum."""

    source: Entry
    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class MarkoutTable:
    """Mark-outs by horizon (columns), for each source a row by side; and why cells are undefined, each reason once."""

    horizons: Sequence[str]
    groups: Sequence[tuple[Entry, Sequence[tuple[str, Sequence[Cell]]]]]

    @property
    def reasons(self) -> list[str]:
        """Why there is no mark-out, each reason once."""
        cells = [cell for _, rows in self.groups for _, row in rows for cell in row]
        return list(dict.fromkeys(cell.why for cell in cells if cell.why))


def outcome_table(entries: Sequence[Entry]) -> list[CountRow]:
    """Every outcome with its number of orders and share, by source."""
    names = dict.fromkeys(name for entry in entries for name in entry.analysis.outcomes)
    totals = [sum(entry.analysis.outcomes.values()) for entry in entries]
    rows = []
    for name in names:
        counts = [entry.analysis.outcomes.get(name, 0) for entry in entries]
        rows.append(CountRow(name, _shared(counts, totals), OUTCOME_WORDS.get(name, "")))
    return [*rows, CountRow("All orders", [Cell(f"{total:,}") for total in totals], total=True)]


def rejection_table(entries: Sequence[Entry]) -> list[CountRow]:
    """Refused orders by the filter that refused them; empty where none did."""
    names = dict.fromkeys(name for entry in entries for name in entry.analysis.rejections)
    totals = [sum(entry.analysis.outcomes.values()) for entry in entries]
    return [
        CountRow(name, _shared([entry.analysis.rejections.get(name, 0) for entry in entries], totals, " of orders"))
        for name in names
    ]


def confusion_tables(entries: Sequence[Entry]) -> list[LabelTable]:
    """Counts and row shares of decisions by label, one table per source; empty where there are no labels."""
    tables = []
    for entry in entries:
        table = entry.analysis.confusion
        if table is None:
            continue
        names = answers(table)
        rows = []
        for label in SIDE_NAMES:
            total = sum(table[label].values())
            cells = _shared([table[label].get(name, 0) for name in names], [total] * len(names))
            rows.append((label, [*cells, Cell(f"{total:,}")]))
        tables.append(LabelTable(entry, names, rows))
    return tables


def _shared(counts: Sequence[int], totals: Sequence[int], of: str = "") -> list[Cell]:
    """Each count with its share of the total, no share of nothing."""
    return [
        Cell(f"{count:,}", (f"{percent(count / total, 1)}{of}",) if total else ())
        for count, total in zip(counts, totals, strict=True)
    ]


def markout_table(entries: Sequence[Entry]) -> MarkoutTable:
    """Gross and net mark-outs in bps by source, side and horizon."""
    traded = [entry for entry in entries if entry.fills]
    horizons = sorted({mark.horizon_s for entry in traded for mark in entry.analysis.markouts})
    groups = [
        (entry, [(side, [_markout_cell(find(entry, side, horizon)) for horizon in horizons]) for side in SIDES])
        for entry in traded
    ]
    return MarkoutTable([duration(horizon) for horizon in horizons], groups)


def _markout_cell(mark: Markout | None) -> Cell:
    """Gross, net below it, and n."""
    if mark is None:
        return Cell("undefined", (), "no such mark-out was measured", below="undefined")
    n = (f"{mark.net.n:,}",)
    if mark.gross.value is None or mark.net.value is None:
        why = mark.net.undefined_because or mark.gross.undefined_because or ""
        return Cell("undefined", n, why, below="undefined")
    gross, net = (number(value, 1, signed=True) for value in (mark.gross.value, mark.net.value))
    return Cell(gross, n, below=net)
