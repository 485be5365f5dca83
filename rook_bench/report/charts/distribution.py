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


Shares = dict[str, float]
"""Share of rows by answer."""


def distribution(entries: Sequence[Entry]) -> list[Picture]:
    """Shares of BUY, HOLD, SELL and UNPARSED over all rows, the labels last where the tape carries some."""
    first = entries[0]
    said = [_said(entry) for entry in entries]
    labels = _labels(first)
    note = f"n = {count_of(len(first.run.frame), 'decision')} per source, one per swap."
    if any(parts.get("UNPARSED") for parts in said):
        note += " UNPARSED: an answer that could not be read; it is not a HOLD."
    title = _finding(first, said[0], labels)
    figure = blank(title, note, legend_rows=1)
    axes = figure.add_subplot()
    rows = said if labels is None else [*said, labels]
    for place, parts in enumerate(rows):
        _row(axes, place, parts)
    beside = [] if labels is None else [LABELS]
    axes.set_yticks(range(len(rows)), [*(entry.short for entry in entries), *beside], fontsize=9.5, color=INK)
    spare = max(0.0, 3 - len(rows)) / 2  # a lone bar stays a bar
    axes.set_ylim(len(rows) - 0.4 + spare, -0.6 - spare)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of rows, %")
    axes.grid(visible=False)
    handles, names = axes.get_legend_handles_labels()
    seen = dict(zip(names, handles, strict=True))
    legend_above(figure, title, list(seen.values()), list(seen), columns=4)
    named = zip([*(entry.label for entry in entries), *beside], rows, strict=True)
    caption = " ".join(f"{name}: {_in_words(parts)}." for name, parts in named)
    return [Picture("distribution", "Decisions", title, caption, figure)]


def _said(entry: Entry) -> Shares:
    tape = entry.run.decided.tape
    return {name: count / len(tape) for name, count in tape.counts().items()}


def _labels(entry: Entry) -> Shares | None:
    labels = entry.run.frame.labels.get("label_side")
    return None if labels is None else {name: float(np.mean(labels == name)) for name in SIDE_NAMES}


def _row(axes: Axes, place: int, parts: Shares) -> None:
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


def _in_words(parts: Shares) -> str:
    return ", ".join(f"{name} {percent(share, 1)}" for name, share in parts.items())


def _finding(first: Entry, said: Shares, labels: Shares | None) -> str:
    acts = first.run.decided.tape.action_rate
    unread = said.get("UNPARSED", 0.0)
    title = (
        f"{first.short} wants to trade on {percent(acts, 1)} of rows" if acts else f"{first.short} never wants to trade"
    )
    if labels is not None:
        title += f", the labels on {percent(1.0 - labels['HOLD'], 1)}"
    return title + (f"; {percent(unread, 1)} of its answers can't be read" if unread else "")
