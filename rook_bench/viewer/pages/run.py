"""A run: its lines, its orders, and any row of it."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.untrusted import shown, word
from rook_bench.metrics.periods import deepest_falls
from rook_bench.report.cells import Cell
from rook_bench.report.formatting import count_of, percent
from rook_bench.report.metric_groups import GROUPS
from rook_bench.report.panes import seconds_of
from rook_bench.viewer.charts import Window, chart, run_panes
from rook_bench.viewer.columns import Columns
from rook_bench.viewer.orders import PAGE, SEARCHED, Orders, orders_of
from rook_bench.viewer.pages.desk import Desk, Page, Query, roles_of, tokens_of, whole_number
from rook_bench.viewer.sentences import LONGEST, moment, utc
from rook_bench.viewer.shelf import Found
from rook_bench.viewer.tables import Grid, Head, To, figure, grid, measure

TILES = {
    "total_return": "Net return", "excess_return": "Over hold", "max_drawdown": "Largest drawdown",
    "sharpe_ratio": "Sharpe ratio", "trading_frequency": "Fills a day", "cost_per_turnover": "Costs of value traded",
}  # fmt: skip

ORDERS = {
    "row": "Row", "decided_at": "Decided, UTC", "side": "Side", "outcome": "Outcome", "price_decided": "Price",
    "base": "Base", "quote": "Quote", "shortfall_bps": "All costs, bps", "markout_300s_bps": "5 min later, bps",
    "pnl": "P&L", "reason": "Why",
}  # fmt: skip
"""Columns of the table of orders, with their heads."""

DRAWDOWNS = 10


def run_page(desk: Desk, id: str, query: Query) -> Page:
    """Six figures, equity, price with fills and drawdown on one clock, orders; the rest folded."""
    run = desk.shelf.get("run", id)
    columns, orders = desk.reader.columns(run), orders_of(desk.reader, run)
    window, links = Window.of(columns, query), desk.links
    page = links.page("run", id)
    places = {"page": page, "window": f"/api/window/{id}", "order": f"/run/{id}/row/ROW"} if links.live else {}
    panes, drawn = run_panes(columns, orders, run.name, window)
    estimates = desk.reader.estimates(run)
    roles = roles_of(desk.shelf).get(run.facts.run_hash, [])
    context = {
        "run": run,
        "about": _about(run),
        "tiles": [(label, measure(estimates, name)) for name, label in TILES.items()],
        "roles": [(role, word(each.facts.verdict, 20), links.page("verdict", each.id)) for role, each in roles],
        "chart": chart(panes, drawn, columns, window, links, places),
        "orders": _orders(desk, run, orders, query),
        "drawdowns": _drawdowns(columns, desk, id),
        "measures": [
            (group, [(row.label, measure(estimates, row.name)) for row in rows if row.name in estimates])
            for group, rows in GROUPS.items()
        ],
        "hashes": _hashes(desk, run),
        "risk": _components(run),
    }
    return Page("run.html.j2", run.name, "runs", context)


def window_of(desk: Desk, id: str, query: Query) -> dict[str, Any]:
    """What the script of a run's page asks for when it is zoomed."""
    run = desk.shelf.get("run", id)
    columns, orders = desk.reader.columns(run), orders_of(desk.reader, run)
    window = Window.of(columns, query)
    panes, drawn = run_panes(columns, orders, run.name, window)
    return chart(panes, drawn, columns, window, desk.links).data


def _about(run: Found) -> str:
    check = run.facts.tape_check
    span = f"{check.first_at[:16].replace('T', ' ')} to {check.last_at[:16].replace('T', ' ')} UTC"
    return word(f"{check.pair} · {count_of(check.swaps, 'swap')} · {span} · written {utc(run.written_at)}", LONGEST)


def _orders(desk: Desk, run: Found, orders: Orders, query: Query) -> dict[str, Any]:
    """The table of orders, as the address asks for it."""
    find, by, down = query.get("find", ""), query.get("sort", ""), query.get("way", "down") == "down"
    columns = {name: head for name, head in ORDERS.items() if name in orders.table.column_names}
    if by and by not in columns:
        raise InputError(f"orders have no column '{word(by, 40)}'", where="the address", hint=", ".join(columns))
    places = orders.matching(find) if find else np.arange(len(orders))
    matching = len(places)
    if by:
        places = orders.sorted(places, by, down=down)
    elif not desk.links.live and orders.recorded and len(places) > 5 * PAGE:
        places = orders.sorted(places, "pnl", down=False)
    size = PAGE if desk.links.live else 5 * PAGE
    number = max(1, whole_number(query, "page", 1, max(1, -(-matching // size))))
    page = desk.links.page("run", run.id)
    asked = {name: query[name] for name in ("find", "sort", "way", "from", "to") if query.get(name)}
    to = lambda **more: desk.links.asking(page, {**asked, **more}) + "#orders"  # noqa: E731
    rows = orders.at(places[size * (number - 1) : size * number])
    heads = [_head(name, head, by, down, to if desk.links.live else None) for name, head in columns.items()]
    base, quote = tokens_of(run)
    cells = [[_order_cell(desk, run, row, name) for name in columns] for row in rows]
    caption = f"Orders, {base} and {quote}" if orders.recorded else "Orders; their costs were not recorded"
    return {
        "grid": Grid(caption, heads, cells, not desk.links.live, [f"order-{row['row']}" for row in rows]),
        "find": find,
        "kept": [(name, value) for name, value in asked.items() if name != "find"],
        "told": f"{matching:,} of {count_of(len(orders), 'order')}" if find else count_of(len(orders), "order"),
        "shown": f"{size * (number - 1) + 1:,} to {min(size * number, matching):,}" if matching > size else "",
        "before": to(page=str(number - 1)) if number > 1 and desk.links.live else "",
        "after": to(page=str(number + 1)) if size * number < matching and desk.links.live else "",
        "csv": desk.links.orders(run.id),
        "recorded": orders.recorded,
    }


def _head(name: str, head: str, by: str, down: bool, to: Any) -> Head:
    if to is None:
        return Head(head)
    way = ("descending" if down else "ascending") if name == by else ""
    return Head(head, to(sort=name, way="up" if name == by and down else "down"), way)


def _order_cell(desk: Desk, run: Found, row: dict[str, Any], name: str) -> Cell | To:
    value = row[name]
    if name == "row":
        return To(f"{value:,}", desk.links.order(run.id, value))
    if name == "decided_at":
        return Cell(f"{value:%Y-%m-%d %H:%M:%S}")
    if name == "outcome":
        small = (f"by {word(str(row['rejected_by']), 60)}",) if row.get("rejected_by") else ()
        return Cell(word(str(value), 40), small)
    if name in SEARCHED:
        return Cell(word(str(value or ""), 90) or "no reason given")
    decimals = {"price_decided": 2, "base": 4, "quote": 2, "pnl": 2}.get(name, 1)
    return figure(value, decimals, signed=name not in ("price_decided", "base", "quote"))


def _drawdowns(columns: Columns, desk: Desk, id: str) -> Grid:
    """The deepest drawdowns: from a highest value to the swap that reaches it again, or to the end."""
    rows: list[list[Cell | To]] = []
    for fall in deepest_falls(columns.equity, DRAWDOWNS):
        end = columns.at[-1 if fall.end is None else fall.end]
        query = {"from": f"{seconds_of(columns.at[fall.start]):.3f}", "to": f"{seconds_of(end):.3f}"}
        place_of = desk.links.asking(desk.links.page("run", id), query) if desk.links.live else None
        rows.append(
            [
                To(percent(-fall.depth), place_of),
                Cell(moment(columns.at[fall.start]).removesuffix(" UTC")),
                Cell(moment(columns.at[fall.bottom]).removesuffix(" UTC")),
                Cell("not yet" if fall.end is None else moment(end).removesuffix(" UTC")),
            ]
        )
    return grid("The deepest drawdowns, UTC", ("Depth", "From", "Lowest", "Reached again"), rows)


def _hashes(desk: Desk, run: Found) -> dict[str, Any]:
    intact = desk.reader.intact(run)
    files = {True: "its files match their hashes", False: "a file does NOT match its hash", None: "a file is missing"}
    record = "run.json is as it was written" if run.sound else "run.json was CHANGED after it was written"
    return {
        "bad": not (run.sound and intact),
        "told": f"{record}; {files[intact]}. Whether its decisions give these orders again was not checked here:",
        "command": f"rook-bench report {shlex.quote(shown(str(run.folder)))}",
        "facts": [
            ("Run hash", run.facts.run_hash), ("Tape", run.facts.data_hash), ("Decisions", run.facts.decisions_hash),
            ("Source", shown(run.facts.source)), ("ROOK Bench", word(run.facts.rook_bench, 40)),
            ("Look-ahead", word(run.facts.lookahead.detail or run.facts.lookahead.status, 400)),
        ],
    }  # fmt: skip


def _components(run: Found) -> Grid:
    rows = [
        [Cell(word(str(spec.get(name, "")), 200)) for name in ("kind", "name", "params", "file")]
        for spec in run.facts.specs[:50]
    ]
    return grid("Components", ("Kind", "Name", "Parameters", "File"), rows, text=True)
