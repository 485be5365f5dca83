"""Equity of every source against holding the opening balances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.report.charts.canvas import (
    INK,
    Picture,
    blank,
    broken,
    days,
    end_labels,
    legend_above,
    legend_grid,
    limits,
    time_axis,
)
from rook_bench.report.entries import HOLD_COLOUR, Entry
from rook_bench.report.formatting import count_of, percent
from rook_bench.report.panes import extremes
from rook_bench.report.words import fills_by_source, finding

POINTS = 10_000
"""Points of a line that are drawn at most: no picture is as wide."""


@dataclass(frozen=True, eq=False)
class _Curve:
    """One line: its names in the picture and on the page, percent of opening by time, and how it is drawn.

    Attributes:
        bound: whether the scale need not reach it: nobody can, or all is lost.
    """

    short: str
    label: str
    at: NDArray[np.datetime64]
    values: NDArray[np.float64]
    colour: str
    ink: str
    dash: str
    width: float
    bound: bool = False


def equity(entries: Sequence[Entry]) -> list[Picture]:
    """Net equity in percent of opening, on the clock; with several sources a legend in the order of the tables."""
    first = entries[0]
    title = finding(first, first.short)
    curves = _curves(entries)
    names = [curve.short for curve in curves]
    rows, columns = legend_grid(names) if len(entries) > 1 else (0, 0)
    figure = blank(title, _footnote(entries), legend_rows=rows)
    axes = figure.add_subplot()
    axes.axhline(0, color=INK, linewidth=0.9)
    for place, curve in enumerate(curves):
        line = broken(curve.at, curve.values, first.run.frame)
        axes.plot(
            *line, color=curve.colour, linestyle=curve.dash, linewidth=curve.width, label=curve.short,
            zorder=4 - place / len(curves),
        )  # fmt: skip
    honest = [curve.values for curve in curves if not curve.bound] or [curve.values for curve in curves]
    axes.set_ylim(*limits([*honest, np.zeros(1)], [curve.values for curve in curves if curve.bound]))
    bottom, top = axes.get_ylim()
    axes.set_ylabel("net equity, change since opening, %")
    axes.set_xlabel(f"time, UTC ({days(first.run.frame.at)})")
    time_axis(axes, first.run.frame.at)
    end_labels(axes, [(curve.values[-1], _end(curve, bottom, top), curve.ink) for curve in curves])
    if rows:
        legend_above(figure, title, axes.get_legend_handles_labels()[0], names, columns)
    return [Picture("equity", "Equity", title, _caption(first, curves, bottom, top), figure)]


def _curves(entries: Sequence[Entry]) -> list[_Curve]:
    """One by source, and holding where no source does that."""
    curves = [
        _Curve(
            entry.short, entry.label, *_line(entry, entry.run.equity), entry.colour, entry.ink, entry.dash,
            2.4 if entry.first else 1.5, entry.bound or (entry.ruined and not entry.first),
        )
        for entry in entries
    ]  # fmt: skip
    if not any(entry.holds for entry in entries):
        held, name = _line(entries[0], entries[0].run.hold_equity), "hold the opening mix"
        curves.append(_Curve(name, name, *held, HOLD_COLOUR, HOLD_COLOUR, "--", 1.5))
    return curves


def _end(curve: _Curve, bottom: float, top: float) -> str:
    text = f"{curve.short}  {percent(curve.values[-1] / 100, signed=True)}"
    return f"{text}  (off the scale)" if not bottom <= curve.values[-1] <= top else text


def _caption(first: Entry, curves: Sequence[_Curve], bottom: float, top: float) -> str:
    caption = (
        f"Each line is one source's net equity, sampled every {first.analysis.clock.label}; the dashed one keeps the "
        "opening balances."
    )
    hidden = [curve.label for curve in curves if curve.bound and curve.values[-1] > top]
    if hidden:
        caption += (
            f" {', '.join(hidden)} leaves the scale at the top: it knows the future and nothing honest can follow."
        )
    lost = [curve.label for curve in curves if curve.bound and curve.values[-1] < bottom]
    if lost:
        caption += f" {', '.join(lost)} leaves the scale at the bottom: nearly all of it is lost."
    return caption


def _line(entry: Entry, equity: NDArray[np.float64]) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """The opening, the equity on the clock's borders, and the last swap, in percent of opening; see `extremes`."""
    sampled, frame = entry.analysis.sampled, entry.run.frame
    at = np.concatenate([frame.at[:1], sampled.at, frame.at[-1:]])
    values = np.concatenate([[entry.run.hold_equity[0]], equity[sampled.rows], equity[-1:]])
    percents = 100.0 * (values / entry.run.hold_equity[0] - 1.0)
    shown = extremes([percents], POINTS)
    return at[shown], percents[shown]


def _footnote(entries: Sequence[Entry]) -> str:
    first = entries[0]
    borders = len(first.analysis.sampled.at)
    fills = fills_by_source(entries)
    clock = first.analysis.clock.label
    return (
        f"{count_of(len(first.run.frame), 'swap')}, {count_of(borders, 'sample')} ({clock} clock). "
        f"Net of fee, impact, gas and reverts, valued at the pool price. Fills: {fills}."
    )
