"""The live chart: what it is drawn from, and the library that draws it where the package was built with it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.replay.orders import OrderTable
from rook_bench.report.entries import HOLD_COLOUR, Entry
from rook_bench.report.panes import Line, Pane, as_block, middles, seconds_of

POINTS = 4_000
"""Times at which a pane's lines have values, at most; the lowest and the highest of each stretch are among them."""

FILLS = 1_500
"""Fills that are marked one by one; of more only a count in the table is told."""

HERE = Path(__file__).parent
LIBRARY = ("web/uPlot.iife.min.js", "web/node_modules/uplot/dist/uPlot.iife.min.js")
"""Where it lies in a wheel, and where `npm ci` leaves it in a checkout."""


@dataclass(frozen=True)
class Script:
    """A script of the page, and the hash by which the page's policy knows it: no other one runs."""

    text: Markup
    digest: str

    @classmethod
    def of(cls, text: str) -> Script:
        """A script that is part of the package."""
        return cls(Markup(text), base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


@cache
def scripts() -> tuple[Script, ...]:
    """Those of the page: the library and the chart where there is one, and what sorts and filters tables."""
    library = _library()
    own = Script.of((HERE / "report.js").read_text(encoding="utf-8"))
    if library is None:
        return (own,)
    terms = next(path for path in (library.parent / "LICENSE", library.parents[1] / "LICENSE") if path.is_file())
    notice, (_, _, drawing) = terms.read_text(encoding="utf-8"), library.read_text(encoding="utf-8").partition("*/")
    return Script.of(f"/* uPlot\n{notice}*/{drawing}"), Script.of((HERE / "chart.js").read_text(encoding="utf-8")), own


@cache
def chart_css() -> Markup:
    """The library's style; empty where there is no library."""
    library = _library()
    return Markup() if library is None else Markup((library.parent / "uPlot.min.css").read_text(encoding="utf-8"))


def has_library() -> bool:
    """Whether the package was built with the library that draws the chart."""
    return _library() is not None


def _library() -> Path | None:
    return next((HERE / name for name in LIBRARY if (HERE / name).is_file()), None)


def chart_data(entries: Sequence[Entry]) -> Markup | None:
    """What the chart is drawn from, as JSON that can stand in a page; None where nothing could draw it.

    Times are seconds since 1970, equity is in percent of the opening value, prices are quote per base. A value is null
    where the tape is missing a stretch.
    """
    if not has_library():
        return None
    frame = entries[0].run.frame
    holes = middles(frame.at, frame.holes)
    panes = [pane.thinned(POINTS).to_json(holes) for pane in (_equity(entries), _price(entries[0]))]
    return as_block({"panes": panes, "span": [seconds_of(frame.at[0]), seconds_of(frame.at[-1])]})


def _equity(entries: Sequence[Entry]) -> Pane:
    """Every source and holding, at the borders of the clock and at both ends."""
    first = entries[0]
    frame, sampled = first.run.frame, first.analysis.sampled
    rows = np.concatenate([[0], sampled.rows, [len(frame) - 1]])
    at = np.concatenate([frame.at[:1], sampled.at, frame.at[-1:]])
    percent = lambda equity: 100.0 * (equity[rows] / first.run.hold_equity[0] - 1.0)  # noqa: E731
    lines = [
        Line(
            entry.label, entry.colour, percent(entry.run.equity), entry.dash, 2.4 if entry is first else 1.4,
            apart=entry.bound or entry.ruined,
        )
        for entry in entries
    ]  # fmt: skip
    if not any(entry.holds for entry in entries):
        lines.append(Line("hold the opening mix", HOLD_COLOUR, percent(first.run.hold_equity), "--"))
    return Pane("net equity since opening", "%", 3, 360, at, lines)


def _price(entry: Entry) -> Pane:
    """The pool's price, with the fills of one source."""
    frame, orders = entry.run.frame, entry.run.orders
    label = f"{frame.pool.quote.symbol} per {frame.pool.base.symbol}"
    price = Line("price", "", np.asarray(frame.price), width=1.2)
    return Pane(label, "", 6, 190, frame.at, [price], _marks(orders), entry.label)


def _marks(orders: OrderTable) -> NDArray[np.int64] | None:
    """Landing row, row and side (1 bought, -1 sold) of each fill; none of very many."""
    filled = np.flatnonzero(orders.filled)
    if len(filled) > FILLS:
        return None
    side = np.where(orders.side[filled] == Side.BUY, 1, -1)
    return np.column_stack([orders.landing_row[filled], orders.row[filled], side])
