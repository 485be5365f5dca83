"""What keeping only the most confident decisions would do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from rook_bench.metrics.calibration import stated_profitable
from rook_bench.metrics.coverage import Kept, RiskCoverage, risk_coverage, value_by_coverage
from rook_bench.report.charts.canvas import INK, Picture, blank, legend_above, nothing
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent

NAME, HEADING, SECTION = "coverage", "Keeping only the most confident", "confidence"
MOST = 5


def curves(entry: Entry) -> tuple[RiskCoverage | None, list[Kept]]:
    """Risk by coverage of all decisions, and value by coverage of acting ones."""
    values = entry.analysis.action_values
    confidence, correct = stated_profitable(entry.run, values)
    if len(np.unique(confidence)) < 2:
        return None, []
    return risk_coverage(confidence, correct), value_by_coverage(entry.run, values)


def coverage(entries: Sequence[Entry]) -> list[Picture]:
    """Left: share of errors by the share kept. Right: mean value of acting by the share kept."""
    found = [(entry, *curves(entry)) for entry in entries]
    shown = [(entry, risk, kept) for entry, risk, kept in found if risk is not None][:MOST]
    if not shown:
        return [
            nothing(NAME, HEADING, "No source states a confidence that varies, so none can be kept first.", SECTION)
        ]
    title = _finding(shown[0][0], shown[0][2])
    values = shown[0][0].analysis.action_values
    note = (
        "Kept from the left: the most confident first. Left: decisions that were not the action that paid "
        f"{values.horizon_s:g} s later; HOLD included. Right: mean value of BUY and SELL after fee, impact and gas, "
        "with its 95% interval. Equal confidences are kept together."
    )
    silent = [entry.short for entry, risk, _ in found if risk is None]
    if silent:
        note += f" No confidence, or always the same: {', '.join(silent)}."
    figure = blank(title, note, legend_rows=1)
    left, right = figure.subplots(1, 2)
    for entry, risk, kept in shown:
        width = 2.2 if entry.first else 1.4
        step = max(1, len(risk.coverage) // 800)
        # The first few are single decisions, whose error rate jumps between none and all.
        rows = np.arange(min(19, len(risk.coverage) - 1), len(risk.coverage), step)
        left.plot(
            100 * risk.coverage[rows], 100 * risk.risk[rows], color=entry.colour, linewidth=width, label=entry.short
        )
        left.axhline(100 * risk.risk[-1], color=entry.colour, linewidth=0.8, linestyle=":")
        _values(right, entry, kept, width)
    right.axhline(0, color=INK, linewidth=0.9)
    left.set_ylim(bottom=0)
    left.set_ylabel("errors among those kept, %")
    right.set_ylabel("mean value of acting, bps")
    for axes in (left, right):
        axes.set_xlim(0, 100)
        axes.set_xlabel("share kept, %")
    handles, names = left.get_legend_handles_labels()
    legend_above(figure, title, handles, names, columns=min(len(names), 5))
    caption = "A curve that falls to the left means that confidence tells good decisions from bad ones. " + " ".join(
        f"{entry.label}: {percent(risk.risk[-1], 1)} errors in all, {percent(risk.aurc, 1)} on average over all "
        f"shares kept (n = {len(risk.risk):,})."
        for entry, risk, _ in shown
    )
    return [Picture(NAME, HEADING, title, caption, figure, section=SECTION)]


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
    first, last = (number(row.value.value or 0.0, 1, signed=True) for row in (most, everything))
    return (
        f"The most confident {percent(most.share, 0)} of {entry.short}'s trades are worth {first} bps each, all of "
        f"them {last} bps"
    )
