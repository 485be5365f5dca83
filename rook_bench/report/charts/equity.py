"""Equity of every source against holding the opening balances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.report.charts.canvas import INK, Picture, blank, days, end_labels, limits, time_axis
from rook_bench.report.entries import HOLD_COLOUR, Entry
from rook_bench.report.formatting import count_of, percent
from rook_bench.report.words import fills_by_source, finding


def equity(entries: Sequence[Entry]) -> list[Picture]:
    """Net equity in percent of opening, on the clock."""
    first = entries[0]
    title = finding(first)
    frame, clock = first.run.frame, first.analysis.clock
    figure = blank(title, _footnote(entries))
    axes = figure.add_subplot()
    axes.axhline(0, color=INK, linewidth=0.9)
    lines = [(entry, *_line(entry, entry.run.equity)) for entry in entries]
    honest = [values for entry, _, values in lines if not entry.bound] or [values for _, _, values in lines]
    bounds = [values for entry, _, values in lines if entry.bound]
    ends = []
    for entry, at, values in reversed(lines):
        width = 2.4 if entry.first else 1.5
        axes.plot(at, values, color=entry.colour, linestyle=entry.dash, linewidth=width, zorder=4 if entry.first else 3)
        ends.append((values[-1], f"{entry.short}  {percent(values[-1] / 100, signed=True)}", entry.ink))
    if not any(entry.run.source.choice.plugin.name == "hold" for entry in entries):
        at, values = _line(first, first.run.hold_equity)
        axes.plot(at, values, color=HOLD_COLOUR, linestyle="--", linewidth=1.5)
        ends.append((values[-1], f"hold the opening mix  {percent(values[-1] / 100, signed=True)}", HOLD_COLOUR))
        honest.append(values)
    axes.set_ylim(*limits([*honest, np.zeros(1)], bounds))
    top = axes.get_ylim()[1]
    ends = [(end, text + "  (off the scale)" if end > top else text, ink) for end, text, ink in ends]
    axes.set_ylabel("net equity, change since opening, %")
    axes.set_xlabel(f"time, UTC ({days(frame.at)})")
    time_axis(axes, frame.at)
    end_labels(axes, ends)
    caption = (
        f"Each line is one source's net equity, sampled every {clock.label}; the dashed one keeps the opening balances."
    )
    hidden = [entry.short for entry, _, values in lines if entry.bound and values[-1] > top]
    if hidden:
        caption += (
            f" {', '.join(hidden)} leaves the scale at the top: it knows the future and nothing honest can follow."
        )
    return [Picture("equity", "Equity", title, caption, figure)]


def _line(entry: Entry, equity: NDArray[np.float64]) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """The opening, the equity on the clock's borders, and the last swap, in percent of opening."""
    sampled, frame = entry.analysis.sampled, entry.run.frame
    at = np.concatenate([frame.at[:1], sampled.at, frame.at[-1:]])
    values = np.concatenate([[entry.run.hold_equity[0]], equity[sampled.rows], equity[-1:]])
    return at, 100.0 * (values / entry.run.hold_equity[0] - 1.0)


def _footnote(entries: Sequence[Entry]) -> str:
    first = entries[0]
    borders = len(first.analysis.sampled.at)
    fills = fills_by_source(entries)
    clock = first.analysis.clock.label
    return (
        f"{count_of(len(first.run.frame), 'swap')}, {count_of(borders, 'sample')} ({clock} clock). "
        f"Net of fee, impact, gas and reverts, valued at the pool price. Fills: {fills}."
    )
