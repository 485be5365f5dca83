"""Where the price stood some time after each fill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rook_bench.metrics.markouts import Markout
from rook_bench.report.charts.canvas import INK, NoPicture, Picture, blank, legend_above, legend_grid, limits
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import duration, number

SIDES = ("BUY", "SELL")
KINDS = ("gross", "net")
STRETCH = 3.0
"""How much a source may widen the scale of those already in it."""

_NOTE = (
    "Mean move in the fill's favour. Gross: against the pool price it met. "
    "Net: against the price paid in all, gas included."
)


def markouts(entries: Sequence[Entry]) -> list[Picture | NoPicture]:
    """Mean move in favour of the fills by horizon: gross and net, buys and sells."""
    traded = [entry for entry in entries if entry.fills]
    if not traded:
        return [NoPicture("markouts", "Mark-outs", "No fills, so there is no price after them to compare with.")]
    horizons = sorted({mark.horizon_s for entry in traded for mark in entry.analysis.markouts})
    series = {
        kind: [(entry, side, _values(entry, side, kind, horizons)) for side in SIDES for entry in traded]
        for kind in KINDS
    }
    scaled = {kind: _in_scale(series[kind]) for kind in KINDS}
    beyond = [f"{entry.short} ({kind})" for kind in KINDS for entry in traded if entry not in scaled[kind]]
    note = f"{_NOTE} {_counts(traded[0], horizons)}" + (f" Off the scale: {', '.join(beyond)}." if beyond else "")
    rows, columns = legend_grid([entry.short for entry in traded])
    title = _finding(traded)
    figure = blank(title, note, legend_rows=rows)
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    for row, kind in enumerate(KINDS):
        for column, side in enumerate(SIDES):
            _panel(grid[row, column], [(entry, values) for entry, s, values in series[kind] if s == side], horizons)
        grid[row, 0].set_ylabel(f"{kind}, bps")
        shown = [values[~np.isnan(values)] for entry, _, values in series[kind] if entry in scaled[kind]]
        grid[row, 0].set_ylim(*limits([*(values for values in shown if len(values)), np.zeros(1)]))
    for axes, side in zip(grid[0], SIDES, strict=True):
        axes.set_title(f"after a {side}", fontsize=10.5, loc="left")
    for axes in grid[1]:
        axes.set_xlabel("time after the fill")
    handles, names = grid[0, 0].get_legend_handles_labels()
    legend_above(figure, title, handles, names, columns)
    caption = "Above zero, the price moved the fills' way. " + " ".join(_sentence(entry) for entry in traded)
    return [Picture("markouts", "Mark-outs", title, caption.strip(), figure)]


def find(entry: Entry, side: str, horizon_s: int) -> Markout | None:
    """The mark-out of that side and horizon."""
    matches = (mark for mark in entry.analysis.markouts if mark.side == side and mark.horizon_s == horizon_s)
    return next(matches, None)


def _values(entry: Entry, side: str, kind: str, horizons: Sequence[int]) -> NDArray[np.float64]:
    """bps by horizon; NaN leaves a gap where nothing is defined."""
    marks = [find(entry, side, horizon) for horizon in horizons]
    estimates = [getattr(mark, kind) if mark else None for mark in marks]
    return np.array([np.nan if e is None or e.value is None else e.value for e in estimates])


def _panel(axes: Axes, lines: Sequence[tuple[Entry, NDArray[np.float64]]], horizons: Sequence[int]) -> None:
    axes.axhline(0, color=INK, linewidth=0.9)
    for entry, values in lines:
        width = 2.2 if entry.first else 1.4
        axes.plot(
            range(len(horizons)), values, color=entry.colour, linestyle=entry.dash, linewidth=width, marker="o",
            markersize=4.5 if entry.first else 3.5, label=entry.short,
        )  # fmt: skip
    axes.set_xticks(range(len(horizons)), [duration(horizon) for horizon in horizons])
    if all(np.isnan(values).all() for _, values in lines):
        axes.text(0.5, 0.5, "no fill with a known price after it", ha="center", va="center", transform=axes.transAxes)


def _in_scale(series: Sequence[tuple[Entry, str, NDArray[np.float64]]]) -> list[Entry]:
    """The sources that set the scale: the first, and every other that does not flatten those before it."""
    ranges: dict[Entry, tuple[float, float]] = {}
    for entry, _, values in series:
        known = values[~np.isnan(values)]
        low, high = ranges.get(entry, (0.0, 0.0))
        ranges[entry] = (min([low, *known]), max([high, *known]))
    # Fills of a few cents have mark-outs of thousands of bps, all of it gas.
    order = sorted(ranges, key=lambda entry: (not entry.first, entry.bound, ranges[entry][1] - ranges[entry][0]))
    low, high = ranges[order[0]]
    chosen = [order[0]]
    for entry in order[1:]:
        wider = min(low, ranges[entry][0]), max(high, ranges[entry][1])
        if wider[1] - wider[0] <= STRETCH * (high - low) or high == low:
            (low, high), chosen = wider, [*chosen, entry]
    return chosen


def _finding(traded: Sequence[Entry]) -> str:
    entry = traded[0]
    mark = find(entry, "BOTH", 300)
    if mark is None or mark.gross.value is None or mark.net.value is None:
        return f"{entry.short}: no fill lies five minutes before the end of the tape"
    way = "in its favour" if mark.gross.value >= 0 else "against it"
    return (
        f"Five minutes after {entry.short} trades the price has moved {number(abs(mark.gross.value), 1)} bps {way}; "
        f"net of costs {number(mark.net.value, 1, signed=True)} bps"
    )


def _counts(entry: Entry, horizons: Sequence[int]) -> str:
    marks = [(duration(h), find(entry, "BUY", h), find(entry, "SELL", h)) for h in (horizons[0], horizons[-1])]
    texts = [f"at {h} {buy.net.n:,} buys and {sell.net.n:,} sells" for h, buy, sell in marks if buy and sell]
    return f"{entry.short}, n: {'; '.join(texts)}."


def _sentence(entry: Entry) -> str:
    mark = find(entry, "BOTH", 300)
    if mark is None or mark.net.value is None or mark.gross.value is None:
        return f"{entry.label}: undefined after five minutes."
    gross, net = number(mark.gross.value, 1, signed=True), number(mark.net.value, 1, signed=True)
    return f"{entry.label} after five minutes: {gross} bps gross, {net} bps net (n = {mark.net.n:,})."
