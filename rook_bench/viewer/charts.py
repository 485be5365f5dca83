"""The charts of a run and of a comparison: what is in view, thinned to what can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.report.entries import BOUND_COLOUR, COLOURS, HOLD_COLOUR
from rook_bench.report.panes import Line, Pane, Times, middles, seconds_of
from rook_bench.viewer.columns import Columns
from rook_bench.viewer.links import Links
from rook_bench.viewer.orders import Orders
from rook_bench.viewer.svg import svg

STRETCHES = 600
"""Stretches of time of which the lowest and the highest value of each line are drawn."""

FILLS = 1_500
"""Fills that are marked one by one; of more it is drawn how many there were."""

BINS = 200
SELL, BUY = "#D55E00", "#009E73"


@dataclass(frozen=True)
class Window:
    """What is in view: seconds since 1970 from the first to the last, within `span`, the whole tape's."""

    first: float
    last: float
    span: tuple[float, float]

    @classmethod
    def of(cls, columns: Columns, query: Mapping[str, str]) -> Window:
        """The one that an address asks for with from and to, or all; InputError for what is no time."""
        span = seconds_of(columns.at[0]), seconds_of(columns.at[-1])
        try:
            first, last = float(query.get("from", span[0])), float(query.get("to", span[1]))
        except ValueError:
            raise InputError("from and to are seconds since 1970", where="the address") from None
        if not (np.isfinite([first, last]).all() and first < last):
            first, last = span
        first, last = max(first, span[0]), min(last, span[1])
        return cls(first, last, span) if first < last else cls(*span, span)

    @property
    def whole(self) -> bool:
        """Whether it is all of the tape."""
        return (self.first, self.last) == self.span

    def rows(self, columns: Columns) -> slice:
        """The rows in view."""
        return columns.rows(_moment(self.first), _moment(self.last))

    def moves(self) -> dict[str, dict[str, str]]:
        """What to ask for to go closer, wider, earlier, later, and back to all."""
        width, middle = self.last - self.first, (self.first + self.last) / 2
        asked = {"Closer": (0.5, 0.0), "Wider": (2.0, 0.0), "Earlier": (1.0, -0.5), "Later": (1.0, 0.5)}
        found: dict[str, dict[str, str]] = {}
        for name, (scale, shift) in asked.items():
            size = min(width * scale, self.span[1] - self.span[0])
            start = max(self.span[0], min(middle + shift * width - size / 2, self.span[1] - size))
            found[name] = {"from": f"{start:.3f}", "to": f"{start + size:.3f}"}
        return found | {"All": {}}


def _moment(seconds: float) -> np.datetime64:
    return np.datetime64(round(seconds * 1000), "ms").astype("datetime64[ns]")


@dataclass(frozen=True)
class Chart:
    """A chart as a page carries it.

    Attributes:
        data: for the script; drawings: for whoever runs none; drawn: what is drawn, in words.
        moves: addresses of other windows by name.
    """

    data: dict[str, Any]
    drawings: Sequence[Markup]
    drawn: str
    moves: Mapping[str, str]


def run_panes(columns: Columns, orders: Orders, name: str, window: Window) -> tuple[list[Pane], str]:
    """Equity and hold, price and fills, drawdown, on one clock; and what is drawn, in words."""
    rows = window.rows(columns)
    at = columns.at[rows]
    landing = orders.numbers("landing_row")[orders.filled]
    inside = orders.filled[(landing >= rows.start) & (landing < rows.stop)]
    marks, counts = _fills(columns, orders, inside, rows, window)
    opening = columns.hold[0]
    panes = [
        Pane(
            "net equity", "%", 3, 260, at,
            [
                Line(name, COLOURS[0], 100.0 * (columns.equity[rows] / opening - 1.0), width=2.0),
                Line("hold", HOLD_COLOUR, 100.0 * (columns.hold[rows] / opening - 1.0), "--"),
            ],
        ),
        Pane("price", "", 6, 200, at, [Line("price", "", columns.price[rows], width=1.2)], marks, "its"),
        *counts,
        Pane("drawdown", "%", 3, 130, at, [Line("drawdown", SELL, columns.drawdown[rows], area=True)]),
    ]  # fmt: skip
    thin = [pane.thinned(2 * STRETCHES * len(pane.lines)) for pane in panes]
    return thin, _in_words(len(at), max(len(pane.at) for pane in thin), f"{len(inside):,} fills")


@dataclass(frozen=True, eq=False)
class Rival:
    """A run of a comparison: its name and lines, whether it holds, and whether it knows the future by its own word."""

    name: str
    columns: Columns
    holds: bool = False
    bound: bool = False


def compare_panes(runs: Sequence[Rival], window: Window) -> tuple[list[Pane], str]:
    """Equity of all, and the difference of each to the first; the runs are on one tape."""
    first = runs[0].columns
    rows = window.rows(first)
    at = first.at[rows]
    percent = lambda columns: 100.0 * (columns.equity[rows] / columns.hold[0] - 1.0)  # noqa: E731
    palette = cycle(COLOURS)
    lines = []
    for place, run in enumerate(runs):
        plain = not run.holds and not run.bound
        colour = next(palette) if plain else HOLD_COLOUR if run.holds else BOUND_COLOUR
        dash, width = "-" if plain else "--" if run.holds else ":", 1.4 if place else 2.0
        lines.append(Line(run.name, colour, percent(run.columns), dash, width, apart=run.bound))
    base = lines[0].values
    panes = [Pane("net equity", "%", 3, 300, at, lines)]
    if len(runs) > 1:
        apart = [replace(line, values=line.values - base) for line in lines[1:]]
        panes.append(Pane("points above the first", "", 3, 200, at, apart))
    thin = [pane.thinned(2 * STRETCHES * len(pane.lines)) for pane in panes]
    return thin, _in_words(len(at), max(len(pane.at) for pane in thin), f"{len(runs)} runs")


def price_pane(columns: Columns, rows: slice, marks: NDArray[np.int64] | None, of: str) -> Pane:
    """The price of some rows."""
    price = Line("price", "", columns.price[rows], width=1.6)
    return Pane("price", "", 6, 240, columns.at[rows], [price], marks, of).thinned(4 * STRETCHES)


def chart(
    panes: Sequence[Pane],
    drawn: str,
    columns: Columns,
    window: Window,
    links: Links,
    places: Mapping[str, str] = MappingProxyType({}),
) -> Chart:
    """Panes as a page carries them.

    Args:
        places: "page", the address of the page; "window", where other windows are asked for; "order", the address of
            an order's page with ROW in it; as far as there are such.
    """
    holes = _inside(middles(columns.at, columns.holes), window)
    told = [pane.to_json(holes) for pane in panes]
    order = places.get("order")
    address = lambda row: None if order is None else order.replace("ROW", str(row))  # noqa: E731
    data = {"panes": told, "span": list(window.span), "view": [window.first, window.last], "drawn": drawn}
    data |= {name: places[name] for name in ("window", "order") if name in places}
    page = places.get("page")
    moves = {} if page is None else {name: links.asking(page, query) for name, query in window.moves().items()}
    return Chart(data, [svg(pane, (window.first, window.last), address) for pane in told], drawn, moves)


def _inside(times: Times, window: Window) -> Times:
    return times[(times > _moment(window.first)) & (times < _moment(window.last))]


def _fills(
    columns: Columns, orders: Orders, inside: NDArray[np.intp], rows: slice, window: Window
) -> tuple[NDArray[np.int64] | None, list[Pane]]:
    """Fills in view: marks of the price where they are few, else how many there are in each stretch."""
    landing, buys = orders.numbers("landing_row")[inside], _buys(orders, inside)
    if len(inside) <= FILLS:
        row = orders.numbers("row")[inside]
        return np.column_stack([landing - rows.start, row, np.where(buys, 1, -1)]), []
    edges = np.linspace(window.first, window.last, BINS + 1)
    when = columns.at[landing].astype("datetime64[ms]").astype(np.int64) / 1000
    at = np.array([_moment(edge) for edge in edges[:-1]])
    lines = [
        Line(name, colour, np.histogram(when[which], edges)[0].astype(float))
        for name, colour, which in (("buys", BUY, buys), ("sells", SELL, ~buys))
    ]
    return None, [Pane("fills a stretch", "", 0, 130, at, lines)]


def _buys(orders: Orders, places: NDArray[np.intp]) -> NDArray[np.bool_]:
    side = orders.table.column("side").combine_chunks()
    code = side.dictionary.to_pylist().index("BUY") if "BUY" in side.dictionary.to_pylist() else -1
    found: NDArray[np.bool_] = side.indices.to_numpy(zero_copy_only=False)[places] == code
    return found


def _in_words(rows: int, drawn: int, rest: str) -> str:
    some = "all drawn" if drawn >= rows else f"{drawn:,} drawn, the lowest and the highest of each stretch kept"
    return f"{rows:,} swaps in view, {some}; {rest}."
