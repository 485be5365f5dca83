"""The live chart: what it is drawn from, and the library that draws it where the package was built with it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.market.frame import SwapFrame
from rook_bench.report.entries import HOLD_COLOUR, Entry

POINTS = 4_000
"""Times at which each line has a value, at most; the lowest and the highest of each stretch are among them."""

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


def _library() -> Path | None:
    return next((HERE / name for name in LIBRARY if (HERE / name).is_file()), None)


def chart_data(entries: Sequence[Entry]) -> Markup | None:
    """What the chart is drawn from, as JSON that can stand in a page; None where nothing could draw it.

    Times are seconds since 1970, equity is in percent of the opening value, prices are quote per base. A value is null
    where the tape is missing a stretch.
    """
    if _library() is None:
        return None
    first = entries[0]
    frame, sampled = first.run.frame, first.analysis.sampled
    rows = np.concatenate([[0], sampled.rows, [len(frame) - 1]])
    at = np.concatenate([frame.at[:1], sampled.at, frame.at[-1:]])
    lines = [
        (entry.label, entry.colour, entry.dash, entry.bound or entry.ruined, entry.run.equity) for entry in entries
    ]
    if not any(entry.holds for entry in entries):
        lines.append(("hold the opening mix", HOLD_COLOUR, "--", False, first.run.hold_equity))
    values = [_percent(equity, rows, first.run.hold_equity[0]) for *_, equity in lines]
    kept = _extremes(values, POINTS)
    price = _extremes([np.asarray(frame.price)], POINTS)
    data = {
        "at": _times(at[kept], frame),
        "series": [
            {"name": name, "colour": colour, "dash": dash, "apart": apart, "values": _told(line[kept], at[kept], frame)}
            for (name, colour, dash, apart, _), line in zip(lines, values, strict=True)
        ],
        "price": {
            "unit": f"{frame.pool.quote.symbol} per {frame.pool.base.symbol}",
            "at": _times(frame.at[price], frame),
            "values": _told(frame.price[price], frame.at[price], frame, digits=7),
        },
        "fills": _fills(first),
        "of": first.label,
    }
    return Markup(json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def _percent(equity: NDArray[np.float64], rows: NDArray[np.intp], opening: float) -> NDArray[np.float64]:
    return 100.0 * (equity[rows] / opening - 1.0)


def _extremes(lines: Sequence[NDArray[np.float64]], most: int) -> NDArray[np.intp]:
    """Places at which all lines are drawn: of every stretch the lowest and the highest of each, and the ends."""
    count = len(lines[0])
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, max(1, most // (2 * len(lines))) + 1).astype(np.intp)
    found = [
        start + int(which(line[start:stop]))
        for start, stop in pairwise(edges.tolist())
        for line in lines
        for which in (np.argmin, np.argmax)
    ]
    return np.unique([0, *found, count - 1])


def _holes(at: NDArray[np.datetime64], frame: SwapFrame) -> tuple[NDArray[np.intp], NDArray[np.datetime64]]:
    """Where lines break among some times, and when."""
    if not len(frame.holes):
        return np.empty(0, dtype=np.intp), at[:0]
    before, after = frame.at[frame.holes - 1], frame.at[frame.holes]
    middle = before + (after - before) // 2
    return np.searchsorted(at, middle), middle


def _times(at: NDArray[np.datetime64], frame: SwapFrame) -> list[float]:
    places, middle = _holes(at, frame)
    whole = np.insert(at, places, middle).astype("datetime64[ms]").astype(np.int64)
    return [int(each) // 1000 if each % 1000 == 0 else each / 1000 for each in whole.tolist()]


def _told(
    values: NDArray[np.float64], at: NDArray[np.datetime64], frame: SwapFrame, digits: int = 5
) -> list[float | None]:
    places, _ = _holes(at, frame)
    whole = np.insert(values, places, np.nan)
    return [float(f"{each:.{digits}g}") if np.isfinite(each) else None for each in whole.tolist()]


def _fills(entry: Entry) -> list[list[Any]]:
    """Time, price and side (1 bought, -1 sold) of each fill; none of very many."""
    orders, frame = entry.run.orders, entry.run.frame
    filled = np.flatnonzero(orders.filled)
    if len(filled) > FILLS:
        return []
    rows, buys = orders.landing_row[filled], orders.side[filled] == Side.BUY
    times = frame.at[rows].astype("datetime64[s]").astype(np.int64).tolist()
    prices = [float(f"{price:.7g}") for price in frame.price[rows].tolist()]
    return [[at, price, 1 if buy else -1] for at, price, buy in zip(times, prices, buys.tolist(), strict=True)]
