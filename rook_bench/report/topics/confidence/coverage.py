"""What keeping only the most confident decisions would do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from rook_bench.metrics.coverage import Kept
from rook_bench.report.cells import estimate_text
from rook_bench.report.charts.canvas import INK, NoPicture, Picture, blank, legend_above, legend_grid
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import percent
from rook_bench.report.topics.confidence.stated import Stated

MOST = 5


def coverage(found: Sequence[Stated]) -> Picture | NoPicture:
    """Left: share of errors by the share kept. Right: mean value of acting by the share kept."""
    name, heading, section = "coverage", "Keeping only the most confident", "confidence"
    shown = [source for source in found if source.paid.varies][:MOST]
    if not shown:
        why = "No source states a confidence that varies, so none can be kept first."
        return NoPicture(name, heading, why, section)
    title = _finding(shown[0].entry, shown[0].kept)
    values = shown[0].entry.analysis.action_values
    note = (
        "Kept from the left: the most confident first. Left: decisions that were not the action that paid "
        f"{values.horizon_s:g} s later; HOLD included. Right: mean value of BUY and SELL after fee, impact and gas, "
        "with its 95% interval. Equal confidences are kept together."
    )
    silent = [source.entry.short for source in found if not source.paid.varies]
    if silent:
        note += f" No confidence, or always the same: {', '.join(silent)}."
    rows, columns = legend_grid([source.entry.short for source in shown])
    figure = blank(title, note, legend_rows=rows)
    left, right = figure.subplots(1, 2)
    for source in shown:
        entry, risk = source.entry, source.paid.curve
        width = 2.2 if entry.first else 1.4
        step = max(1, len(risk.coverage) // 800)
        # The first few are single decisions, whose error rate jumps between none and all.
        kept = np.arange(min(19, len(risk.coverage) - 1), len(risk.coverage), step)
        left.plot(
            100 * risk.coverage[kept], 100 * risk.risk[kept], color=entry.colour, linewidth=width, label=entry.short
        )
        left.axhline(100 * risk.risk[-1], color=entry.colour, linewidth=0.8, linestyle=":")
        _values(right, entry, source.kept, width)
    right.axhline(0, color=INK, linewidth=0.9)
    left.set_ylim(bottom=0)
    left.set_ylabel("errors among those kept, %")
    right.set_ylabel("mean value of acting, bps")
    for axes in (left, right):
        axes.set_xlim(0, 100)
        axes.set_xlabel("share kept, %")
    handles, names = left.get_legend_handles_labels()
    legend_above(figure, title, handles, names, columns)
    caption = "A curve that falls to the left means that confidence tells good decisions from bad ones. " + " ".join(
        f"{source.entry.label}: {percent(source.paid.curve.risk[-1], 1)} errors in all, "
        f"{percent(source.paid.curve.aurc, 1)} on average over all shares kept (n = {len(source.paid.correct):,})."
        for source in shown
    )
    return Picture(name, heading, title, caption, figure, section)


def _values(axes: Axes, entry: Entry, kept: Sequence[Kept], width: float) -> None:
    if not kept:
        return
    share = np.array([100 * row.share for row in kept])
    value, low, high = (
        np.array([np.nan if number is None else number for number in numbers])
        for numbers in zip(*((row.value.value, row.value.low, row.value.high) for row in kept), strict=True)
    )
    axes.plot(share, value, color=entry.colour, linewidth=width, marker="o", markersize=4)
    axes.fill_between(share, low, high, color=entry.colour, alpha=0.13, linewidth=0)


def _finding(entry: Entry, kept: Sequence[Kept]) -> str:
    if len(kept) < 2:
        return f"{entry.short} states confidences, but too few differ among its trades to keep some of them"
    most, everything = kept[0], kept[-1]
    first, last = (estimate_text(row.value, signed=True) for row in (most, everything))
    share = percent(most.share, 0)
    return f"The most confident {share} of {entry.short}'s trades are worth {first} each, all of them {last}"
