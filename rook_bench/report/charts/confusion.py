"""Decisions against the heuristic labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from rook_bench.core import SIDE_NAMES
from rook_bench.replay.naming import shorten
from rook_bench.report.charts.canvas import INK, NoPicture, Picture, blank
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, percent

MOST = 8
"""Heatmaps that fit one picture."""


def confusion(entries: Sequence[Entry]) -> list[Picture | NoPicture]:
    """A heatmap per source: counts, and shares of each label's row."""
    tables = [(entry, entry.analysis.confusion) for entry in entries]
    known = [(entry, table) for entry, table in tables if table is not None]
    if not known:
        why = "The tape carries no labels to compare decisions with."
        return [NoPicture("confusion", "Decisions against labels", why)]
    acting = [(entry, table) for entry, table in known if entry.run.decided.tape.action_rate > 0]
    shown = (acting or known)[:MOST]
    title = _finding(*shown[0])
    rows = count_of(len(entries[0].run.frame), "row")
    note = f"n = {rows} per source. Shades and percentages: share of each label's row."
    left_out = [entry.short for entry, _ in known if entry not in [entry for entry, _ in shown]]
    if left_out:
        note += f" In the report's table only: {', '.join(left_out)}."
    figure = blank(title, note)
    columns = min(len(shown), 1 if len(shown) == 1 else 2 if len(shown) in (2, 4) else 3 if len(shown) <= 6 else 4)
    grid = figure.subplots(math.ceil(len(shown) / columns), columns, squeeze=False)
    for index, axes in enumerate(grid.flat):
        if index < len(shown):
            _heatmap(axes, *shown[index], small=len(shown) > 2, left=index % columns == 0)
        else:
            axes.set_axis_off()
    caption = "Rows are labels, columns are decisions: on the diagonal both agree. " + " ".join(
        f"{entry.label} agrees on {percent(_agreement(table), 1)} of rows." for entry, table in known
    )
    return [Picture("confusion", "Decisions against labels", title, caption, figure)]


def answers(table: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The answers that a table has columns for; UNPARSED only where there were any."""
    return [*SIDE_NAMES, *(["UNPARSED"] if any(row.get("UNPARSED") for row in table.values()) else [])]


def _heatmap(axes: Axes, entry: Entry, table: dict[str, dict[str, int]], *, small: bool, left: bool) -> None:
    names = answers(table)
    counts = np.array([[table[label].get(name, 0) for name in names] for label in SIDE_NAMES], dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    size = 8.5 if small else 12
    for (row, column), count in np.ndenumerate(counts):
        text = f"{int(count):,}\n" + (percent(share[row, column], 1) if totals[row] else "no such label")
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color="white" if share[row, column] > 0.55 else INK,
        )
    shown = [shorten(name, 8) for name in names] if small and len(names) > 3 else names
    axes.set_xticks(range(len(names)), shown, fontsize=8 if small else 10)
    axes.set_yticks(range(len(SIDE_NAMES)), SIDE_NAMES, fontsize=8 if small else 10)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(entry.short, fontsize=9.5 if small else 11, color=entry.ink, loc="left")
    if left:
        axes.set_ylabel("label")
    if not small:
        axes.set_xlabel("decision")


def _agreement(table: dict[str, dict[str, int]]) -> float:
    total = sum(sum(row.values()) for row in table.values())
    return sum(table[name][name] for name in SIDE_NAMES) / total if total else 0.0


def _finding(entry: Entry, table: dict[str, dict[str, int]]) -> str:
    labelled = sum(sum(table[name].values()) for name in ("BUY", "SELL"))
    agreed = sum(table[name][name] for name in ("BUY", "SELL"))
    whole = f"{entry.short} agrees with the labels on {percent(_agreement(table), 1)} of rows"
    return whole + (f", and on {agreed:,} of {labelled:,} that say trade" if labelled else "")
