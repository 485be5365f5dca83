"""How far, and for how long, each source stood below its highest equity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.report.charts.canvas import Picture, blank, broken, days, end_labels, limits, time_axis
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, duration, percent

POINTS = 1200
"""More points than this can't be told apart in the picture."""


def drawdown(entries: Sequence[Entry]) -> list[Picture]:
    """Equity below its highest value so far, in percent, marked after every swap."""
    first = entries[0]
    title = _finding(first)
    frame = first.run.frame
    note = f"{count_of(len(frame), 'swap')}. Net equity against its highest value so far, marked after every swap."
    figure = blank(title, note)
    axes = figure.add_subplot()
    lines = [(entry, *deepest(frame.at, under_water(entry.run.equity))) for entry in entries]
    honest = [values for entry, _, values in lines if not entry.bound] or [values for _, _, values in lines]
    ends = []
    for entry, at, values in reversed(lines):
        if entry.first:
            axes.fill_between(*broken(at, values, frame), 0, color=entry.colour, alpha=0.15, linewidth=0)
        width = 2.0 if entry.first else 1.2
        axes.plot(*broken(at, values, frame), color=entry.colour, linestyle=entry.dash, linewidth=width)
        ends.append((values[-1], f"{entry.short}  max {percent(-values.min() / 100)}", entry.ink))
    low, high = limits([*honest, np.zeros(1)], [values for entry, _, values in lines if entry.bound])
    axes.set_ylim(low, min(high, 0.02 * (high - low)))
    axes.set_ylabel("below the highest equity so far, %")
    axes.set_xlabel(f"time, UTC ({days(frame.at)})")
    time_axis(axes, frame.at)
    end_labels(axes, ends)
    deep = max((entry for entry in entries if not entry.bound), key=_depth, default=first)
    caption = f"The deepest fall is that of {deep.label}: {percent(_depth(deep))} below its own highest equity."
    return [Picture("drawdown", "Drawdown", title, caption, figure)]


def under_water(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percent below the highest value so far, zero or negative, shape (n,)."""
    highest = -np.inf

    def below(rows: slice) -> NDArray[np.float64]:
        nonlocal highest
        highs = np.maximum.accumulate(np.append(highest, equity[rows]))[1:]
        highest = float(highs[-1])
        return 100.0 * (equity[rows] / highs - 1.0)

    return mapped.by_part(len(equity), below)


def deepest(
    at: NDArray[np.datetime64], values: NDArray[np.float64], points: int = POINTS
) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """At most about `points` points: the lowest of every stretch, with the time it was reached."""
    if len(values) <= points:
        return at, values
    edges = np.unique(np.linspace(0, len(values), points + 1).astype(int))
    rows = np.array([start + int(np.argmin(values[start:stop])) for start, stop in pairwise(edges)])
    rows = np.unique(np.concatenate([[0], rows, [len(values) - 1]]))
    return at[rows], values[rows]


def _depth(entry: Entry) -> float:
    return -float(under_water(entry.run.equity).min()) / 100.0


def _finding(entry: Entry) -> str:
    depth, longest = _depth(entry), entry.analysis.estimates.get("drawdown_duration")
    if depth == 0:
        return f"{entry.short} never stood below its highest equity"
    under = f"; longest time below: {duration(longest.value)}" if longest and longest.value is not None else ""
    return f"{entry.short} falls at most {percent(depth)} below its highest equity{under}"
