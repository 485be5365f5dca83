"""The orders of the first source, one by one: what each was promised, what it got, and where the rest went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.csv import CSVWriter

from rook_bench.core.untrusted import word
from rook_bench.metrics.reasons import by_reason
from rook_bench.replay import Run
from rook_bench.replay.evidence import evidence
from rook_bench.replay.saved import EVIDENCE
from rook_bench.report.cells import Cell
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number
from rook_bench.report.topics.topic import Table, Topic

ROWS = 500
"""Orders that the page shows."""

CSV_ROWS = 250_000
"""Orders that trades.csv holds at most: beyond, a spreadsheet can't open it and the run's own file is at hand."""

REASONS = 12
"""Kinds of reasons that the page shows."""

CSV = "trades.csv"
LONGEST = 90

_BPS = {"delay": "Delay", "impact": "Impact", "fee": "Fee", "mev": "Searchers", "gas": "Gas"}


def trades(entry: Entry) -> Topic | None:
    """Its orders, or of many those that gained and lost most; None where it made none."""
    run = entry.run
    count = len(run.orders)
    if count == 0:
        return None
    shown = _shown(run)
    lead = _lead(entry, shown if len(shown) == count else None)
    file = CSV if count <= CSV_ROWS else EVIDENCE
    part = (
        f": the {len(shown):,} of {count:,} that gained or lost most; the rest in {file}" if len(shown) < count else ""
    )
    costs = [name for name in _BPS if name != "mev" or run.config.frictions.mev != "none"]
    columns = (
        "Decided, UTC", "Side", "Outcome", "Price", entry.base, entry.quote, *(_BPS[name] for name in costs),
        "All, bps", "5 min later, bps", f"P&L, {entry.quote}", "Why",
    )  # fmt: skip
    rows = [(f"{row.decided_at:%Y-%m-%d %H:%M:%S}", _cells(row, costs)) for row in shown.itertuples()]
    notes = (
        "Costs are bps of what was traded, from the pool's price when the order was decided: what the price moved "
        "while it was under way (delay), its own impact, the pool's fee, searchers and gas, and all of them together. "
        "5 min later: how far the price had moved in the fill's favour against all that it paid. P&L: what the order "
        "is worth at the tape's last price, all costs taken off.",
        f"Every column is in {file}; every filter's answer in the run's {EVIDENCE}.",
    )
    anchors = [f"order-{row}" for row in shown["row"]]  # a fill in the chart leads to its order
    table = Table(f"Orders of {entry.label}{part}", columns, rows, sortable=True, anchors=anchors, told=True)
    return Topic("trades", "Trades", "Order by order", lead, (), (*_by_reason(entry), table), notes)


def _by_reason(entry: Entry) -> list[Table]:
    """What the orders came to by reason, where more than one was given."""
    found = by_reason(entry.run)
    if len(found) < 2:
        return []
    rows = [(word(str(row.Index), LONGEST), _of_reason(row)) for row in found.head(REASONS).itertuples()]
    caption = f"By reason (# stands for a number{f'; {REASONS} of {len(found):,}' if len(found) > REASONS else ''})"
    return [Table(caption, ("Reason", "Orders", "Fills", "Cost, bps", "5 min, bps", f"P&L, {entry.quote}"), rows)]


def _of_reason(row: Any) -> list[Cell]:
    return [
        Cell(f"{row.orders:,}"),
        Cell(f"{row.fills:,}"),
        _number(row.cost_bps, 1, signed=False),
        _number(row.markout_300s_bps, 1, signed=True),
        _number(row.pnl, 2, signed=True),
    ]


def _shown(run: Run) -> pd.DataFrame:
    """The orders with the largest gains and losses, those that were not sent last, found a part at a time."""
    kept: list[pd.DataFrame] = []
    for part, reasons in _evidence(run):
        kept.append(part.to_pandas().assign(reason=reasons))
        whole = pd.concat(kept, ignore_index=True)
        size = whole["pnl"].abs().fillna(-1.0).to_numpy()
        kept = [whole.iloc[np.sort(np.argsort(-size, kind="stable")[:ROWS])]]
    return kept[0]


def _evidence(run: Run) -> Iterator[tuple[pa.Table, list[str]]]:
    """The evidence a part at a time, with the orders' reasons."""
    first = 0
    for table in evidence(run):
        yield table.drop_columns(["filters"]), run.orders.reason[first : first + len(table)].tolist()
        first += len(table)


def _lead(entry: Entry, whole: pd.DataFrame | None) -> str:
    orders = entry.run.orders
    filled, sent = int(orders.filled.sum()), int(orders.sent.sum())
    said = f"{entry.label} wished to trade {count_of(len(orders), 'time')}: {count_of(filled, 'fill')}"
    said += f", {count_of(sent - filled, 'revert')}, {len(orders) - sent:,} not sent."
    if whole is None or not filled:
        return said
    won = whole["pnl"][whole["base"] > 0]
    return f"{said} {count_of(int((won > 0).sum()), 'fill is', 'fills are')} worth more at the end than what was given."


def _cells(row: Any, costs: Sequence[str]) -> list[Cell]:
    value = lambda name, decimals, signed=True: _number(getattr(row, name), decimals, signed=signed)  # noqa: E731
    why = word(row.reason.strip(), LONGEST)
    small = (f"refused by {row.rejected_by}",) if isinstance(row.rejected_by, str) else ()
    return [
        Cell(row.side),
        Cell(row.outcome),
        value("price_decided", 2, signed=False),
        value("base", 4, signed=False),
        value("quote", 2, signed=False),
        *(value(f"{name}_bps", 1) for name in costs),
        value("shortfall_bps", 1),
        value("markout_300s_bps", 1),
        value("pnl", 2),
        Cell(why or "no reason given", small),
    ]


def _number(value: float, decimals: int, *, signed: bool) -> Cell:
    return Cell("\N{EN DASH}") if pd.isna(value) else Cell(number(value, decimals, signed=signed))


def write_trades(entry: Entry, folder: Path) -> None:
    """trades.csv: the evidence of every order but the list of filters, and its reason; none of very many orders."""
    if not 0 < len(entry.run.orders) <= CSV_ROWS:
        return
    with ExitStack() as stack:
        writer: CSVWriter | None = None
        for part, reasons in _evidence(entry.run):
            table = part.append_column("reason", pa.array(reasons, pa.string()))
            writer = writer or stack.enter_context(CSVWriter(folder / CSV, table.schema))
            writer.write_table(table)
