"""How sure the sources say they are when they want to trade."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rook_bench.metrics.decisions import acting_confidence
from rook_bench.report.charts.canvas import INK, SOFT_INK, NoPicture, Picture, blank
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent

BINS = 40
MOST = 8


def confidence(entries: Sequence[Entry]) -> list[Picture | NoPicture]:
    """Histogram of the confidence of BUY and SELL decisions, a lane per source."""
    stated = [(entry, acting_confidence(entry.run.decided.tape)) for entry in entries]
    shown = [(entry, values) for entry, values in stated if len(values)][:MOST]
    if not shown:
        return [NoPicture("confidence", "Confidence", "No decision to trade states a confidence.")]
    silent = [entry.short for entry, values in stated if not len(values)]
    note = "Confidence stated by BUY and SELL decisions; 0 is none, 1 is certain."
    if silent:
        note += f" No confidence, or no wish to trade: {', '.join(silent)}."
    title = _finding(*shown[0])
    figure = blank(title, note)
    lanes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (entry, values) in zip(lanes, shown, strict=True):
        heights, edges = np.histogram(values, bins=BINS, range=(0.0, 1.0))
        share = 100 * heights / len(values)
        axes.bar(edges[:-1], share, np.diff(edges), align="edge", color=entry.colour, edgecolor="white", linewidth=0.4)
        middle = float(np.median(values))
        axes.axvline(middle, color=INK, linewidth=1.2)
        axes.set_ylim(0, 1.18 * share.max())
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
        text = f"{entry.short}\nn = {len(values):,}, median {number(middle)}"
        axes.annotate(
            text, (1.0, 0.5), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points", va="center",
            fontsize=8.5, color=entry.ink,
        )  # fmt: skip
    lanes[-1].set_xlim(0, 1)
    lanes[-1].set_xlabel("stated confidence (black line: median)")
    figure.supylabel("share of the source's decisions to trade, %", fontsize=10, color=SOFT_INK)
    caption = " ".join(f"{entry.label}: {_spread(values)}." for entry, values in shown)
    return [Picture("confidence", "Confidence", title, caption, figure)]


def _spread(values: NDArray[np.float64]) -> str:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    if values.min() == values.max():
        return f"always {number(middle)} (n = {len(values):,})"
    return f"median {number(middle)}, 80% lie between {number(low)} and {number(high)} (n = {len(values):,})"


def _finding(entry: Entry, values: NDArray[np.float64]) -> str:
    if values.min() == values.max():
        return f"{entry.short} always states the same confidence, {number(float(values[0]))}"
    low = float((values < 0.5).mean())
    middle = number(float(np.median(values)))
    return f"{entry.short} trades with a median confidence of {middle}; {percent(low, 1)} of its trades lie below 0.5"
