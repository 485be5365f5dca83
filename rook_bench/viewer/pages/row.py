"""A row of a run: what was seen and said there, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rook_bench.core.untrusted import word
from rook_bench.report.cells import Cell
from rook_bench.report.panes import seconds_of
from rook_bench.viewer.charts import Chart, Window, chart, price_pane
from rook_bench.viewer.columns import Columns
from rook_bench.viewer.orders import COSTS, SEEN, order_of, orders_of
from rook_bench.viewer.outside import Absent
from rook_bench.viewer.pages.desk import Desk, Page, tokens_of
from rook_bench.viewer.sentences import moment, moves_after, order_in_words
from rook_bench.viewer.tables import Grid, To, figure, grid

BEFORE, AFTER = np.timedelta64(10, "m"), np.timedelta64(30, "m")
"""What is drawn around a row."""


def row_page(desk: Desk, id: str, row: int) -> Page:
    """A row of a run: what was seen and said there, what sizer and filters made of it, what it cost and came to."""
    run = desk.shelf.get("run", id)
    columns, orders = desk.reader.columns(run), orders_of(desk.reader, run)
    if row >= len(columns.at):
        raise Absent(f"there is no row {row:,}", where=run.place, hint=f"it has {len(columns.at):,}")
    order, answer = order_of(orders, run, row), desk.reader.answer(run, row)
    base, quote = tokens_of(run)
    title = f"{answer['side']}, no order" if order is None else order_in_words(order, base, quote)
    rows = orders.numbers("row")
    place = int(np.searchsorted(rows, row))
    earlier = int(rows[place - 1]) if place else None
    later = next((int(each) for each in rows[place : place + 2] if each > row), None)
    to = lambda other: None if other is None else desk.links.order(id, other)  # noqa: E731
    context = {
        "run": run,
        "home": desk.links.page("run", id),
        "when": moment(columns.at[row]),
        "row": row,
        "earlier": to(earlier),
        "later": to(later),
        "chart": _around(desk, columns, order, row, id),
        "answer": answer,
        "chances": [
            (side, float(answer[key]))
            for side, key in (("BUY", "p_buy"), ("HOLD", "p_hold"), ("SELL", "p_sell"))
            if answer.get(key) is not None and 0.0 <= answer[key] <= 1.0
        ],
        "spent": _spent(answer),
        "order": order,
        "seen": _seen(order),
        "recorded": orders.recorded,
        "filters": _filters(order),
        "costs": _costs(order, base, quote),
        "marks": _marks(order, columns, row),
        "exact": [(name, str(value)) for name, value in (order or {}).get("exact", {}).items() if value is not None],
    }
    return Page("row.html.j2", f"{title} · row {row:,}", "runs", context | {"said": title})


def _around(desk: Desk, columns: Columns, order: dict[str, Any] | None, row: int, id: str) -> Chart:
    """The price from ten minutes before to half an hour after."""
    rows = columns.rows(columns.at[row] - BEFORE, columns.at[row] + AFTER)
    first, last = (seconds_of(columns.at[place]) for place in (rows.start, rows.stop - 1))
    window = Window(first, last if last > first else first + 1, (first, last if last > first else first + 1))
    marks = None
    if (
        order is not None
        and order["outcome"] in ("FILLED", "PARTIAL")
        and rows.start <= order["landing_row"] < rows.stop
    ):
        marks = np.array([[order["landing_row"] - rows.start, row, 1 if order["side"] == "BUY" else -1]])
    pane = price_pane(columns, rows, marks, "its")
    return chart([pane], "", columns, window, desk.links)


def _spent(answer: dict[str, Any]) -> str:
    parts = [
        f"{answer[name]:,.0f} tokens of the {what}"
        for name, what in (("prompt_tokens", "prompt"), ("answer_tokens", "answer"))
        if answer.get(name) is not None
    ]
    parts += [f"{answer['seconds'] * 1e3:,.1f} ms"] if answer.get("seconds") is not None else []
    parts += [f"${answer['cost_usd']:.6f}"] if answer.get("cost_usd") is not None else []
    return ", ".join(parts)


def _seen(order: dict[str, Any] | None) -> Grid | None:
    """Every feature on the row, as it was before a prompt rounded it; None where none was recorded."""
    told = [(name.removeprefix(SEEN), value) for name, value in (order or {}).items() if name.startswith(SEEN)]
    rows: list[list[Cell | To]] = [[Cell(word(name, 60)), Cell(_whole(value))] for name, value in told[:100]]
    return grid("Every feature on this row, unrounded", ("Feature", "Value"), rows) if rows else None


def _whole(value: Any) -> str:
    """All of its digits; a missing one is undefined, and never zero."""
    return "undefined" if value is None or not np.isfinite(value) else repr(float(value))


def _filters(order: dict[str, Any] | None) -> Grid | None:
    """What every filter answered; None where none was asked or nothing is recorded."""
    told: Sequence[dict[str, Any]] = (order or {}).get("filters") or []
    words = {True: "lets it pass", False: "refuses it", None: "was not asked"}
    rows = [
        [Cell(word(str(each["name"]), 60)), Cell(words[each["ok"]]), figure(each["value"], 4, signed=False)]
        for each in told[:100]
    ]
    return (
        grid("Filters, in the order in which they are asked", ("Filter", "Answer", "Looks at"), rows) if rows else None
    )


def _costs(order: dict[str, Any] | None, base: str, quote: str) -> Grid | None:
    """From the price at which it was decided to what was paid."""
    if order is None or order.get("gas") is None:
        return None
    buys = order["side"] == "BUY"
    gave, got = (quote, base) if buys else (base, quote)
    amounts = [
        ("Offered", figure(order["offered"], 6, signed=False, unit=f" {gave}"), Cell("")),
        ("Quoted", figure(order["quoted"], 6, signed=False, unit=f" {got}"), Cell("")),
        ("Changed hands", figure(order["base"], 6, signed=False, unit=f" {base}"), Cell("")),
        ("\N{HORIZONTAL ELLIPSIS} for", figure(order["quote"], 6, signed=False, unit=f" {quote}"), Cell("")),
    ]
    names = {"delay": "Delay: the price moved while it was under way", "impact": "Its own impact", "fee": "Pool fee",
             "mev": "Searchers", "gas": "Gas"}  # fmt: skip
    costs = [(names[name], order[name], order[f"{name}_bps"]) for name in COSTS]
    costs.append(("All costs", order["shortfall"], order["shortfall_bps"]))
    rows: list[list[Cell | To]] = [[Cell(name), amount, bps] for name, amount, bps in amounts]
    rows += [
        [Cell(name), figure(cost, 6, signed=False, unit=f" {quote}"), figure(bps, 2, signed=False)]
        for name, cost, bps in costs
    ]
    prices = {
        "price_decided": "Price when decided",
        "price": "Price where it landed",
        "paid_price": "Price paid, all in",
    }
    rows += [[Cell(name), figure(order[key], 4, signed=False), Cell("")] for key, name in prices.items()]
    return grid("Quote, fill and costs", ("", "Amount", "bps of its value"), rows)


def _marks(order: dict[str, Any] | None, columns: Columns, row: int) -> Grid:
    """What came of it; of a row without a fill, how the price moved."""
    if order is not None and order.get("base") and not pd.isna(order["base"]):
        told = [
            (name, order.get(f"markout_{after}s_bps"))
            for name, after in (("1 min", 60), ("5 min", 300), ("30 min", 1800))
        ]
        cells: list[list[Cell | To]] = [[Cell(name), figure(value, 1)] for name, value in told]
        cells.append([Cell("At the tape's end, in quote"), figure(order.get("pnl"), 4)])
        return grid("After the fill, in its favour, all costs in", ("After", "bps"), cells)
    moved = [[Cell(name), figure(value, 1)] for name, value in moves_after(columns, row)]
    return grid("How the price moved", ("After", "bps"), moved)
