"""How often each source says BUY, HOLD or SELL, beside the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from rook_bench.core import SIDE_NAMES
from rook_bench.report.charts.canvas import INK, SIDE_COLOURS, Picture, blank, legend_above
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, percent

LABELS = "labels on the tape"


def distribution(entries: Sequence[Entry]) -> list[Picture]:
    """Shares of BUY, HOLD, SELL and UNPARSED over all rows."""
    first = entries[0]
    rows = shares(entries)
    note = f"n = {count_of(len(first.run.frame), 'decision')} per source, one per swap."
    if any(parts.get("UNPARSED") for _, parts in rows):
        note += " UNPARSED: an answer that could not be read; it is not a HOLD."
    title = _finding(first, rows)
    figure = blank(title, note, legend_rows=1)
    axes = figure.add_subplot()
    for place, (_, parts) in enumerate(rows):
        _row(axes, place, parts)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=9.5, color=INK)
    spare = max(0.0, 3 - len(rows)) / 2  # a lone bar stays a bar
    axes.set_ylim(len(rows) - 0.4 + spare, -0.6 - spare)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of rows, %")
    axes.grid(visible=False)
    handles, names = axes.get_legend_handles_labels()
    seen = dict(zip(names, handles, strict=True))
    legend_above(figure, title, list(seen.values()), list(seen), columns=4)
    caption = " ".join(f"{name}: {_in_words(parts)}." for name, parts in _full(entries, rows))
    return [Picture("distribution", "Decisions", title, caption, figure)]


def shares(entries: Sequence[Entry]) -> list[tuple[str, dict[str, float]]]:
    """Name and shares by answer of every source, the labels last where the tape carries some."""
    rows = []
    for entry in entries:
        counts, total = entry.run.decided.tape.counts(), len(entry.run.decided.tape)
        rows.append((entry.short, {name: count / total for name, count in counts.items()}))
    labels = entries[0].run.frame.labels.get("label_side")
    if labels is not None:
        rows.append((LABELS, {name: float(np.mean(labels == name)) for name in SIDE_NAMES}))
    return rows


def _row(axes: Axes, place: int, parts: dict[str, float]) -> None:
    left = 0.0
    for name, colour in SIDE_COLOURS.items():
        share = 100.0 * parts.get(name, 0.0)
        if share == 0:
            continue
        hatch = "////" if name == "UNPARSED" else None
        axes.barh(
            place, share, left=left, height=0.6, color=colour, label=name, hatch=hatch, edgecolor="white", linewidth=0.8
        )
        if share >= 9 and name == "HOLD":
            axes.text(left + share / 2, place, percent(share / 100, 1), ha="center", va="center", fontsize=9, color=INK)
        left += share
    text = "\n".join(f"{name} {percent(share, 1)}" for name, share in parts.items() if name != "HOLD")
    axes.annotate(
        text, (100, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK,
        annotation_clip=False,
    )  # fmt: skip


def _full(entries: Sequence[Entry], rows: list[tuple[str, dict[str, float]]]) -> list[tuple[str, dict[str, float]]]:
    """The rows under the sources' full names."""
    names = [entry.label for entry in entries] + [LABELS]
    return [(name, parts) for name, (_, parts) in zip(names, rows, strict=False)]


def _in_words(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {percent(share, 1)}" for name, share in parts.items())


def _finding(first: Entry, rows: list[tuple[str, dict[str, float]]]) -> str:
    acts = first.run.decided.tape.action_rate
    unread = rows[0][1].get("UNPARSED", 0.0)
    title = (
        f"{first.short} wants to trade on {percent(acts, 1)} of rows" if acts else f"{first.short} never wants to trade"
    )
    if rows[-1][0] == LABELS:
        title += f", the labels on {percent(1.0 - rows[-1][1]['HOLD'], 1)}"
    return title + (f"; {percent(unread, 1)} of its answers can't be read" if unread else "")
