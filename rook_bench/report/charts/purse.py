"""Pictures of a purse: its worth, what each pool added, what it consists of, and how the pools go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.metrics.purse import PurseAnalysis
from rook_bench.report.charts.canvas import (
    BUY_COLOUR,
    SELL_COLOUR,
    NoPicture,
    Picture,
    blank,
    days,
    end_labels,
    limits,
    time_axis,
)
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import COLOURS, HOLD_COLOUR
from rook_bench.report.formatting import percent

MOST = 7
"""Pools, and tokens, with a colour of their own; the rest go together."""

REST = "#A0A0A0"


def largest(columns: NDArray[np.float64], names: Sequence[str]) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """The columns that go furthest, with names and colours, and the sum of the others; shape (k, at most MOST + 1)."""
    order = np.argsort(-np.abs(columns).max(axis=0), kind="stable")
    shown = sorted(order[:MOST].tolist()) if len(order) > MOST + 1 else list(range(len(order)))
    rest = [place for place in range(len(names)) if place not in shown]
    found, called = [columns[:, place] for place in shown], [names[place] for place in shown]
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(shown))]
    if rest:
        found.append(columns[:, rest].sum(axis=1))
        called.append(f"{len(rest)} others")
        colours.append(REST)
    return np.stack(found, axis=1), called, colours


def worth(analysis: PurseAnalysis) -> Picture:
    """The purse and what it opened with, in percent of the opening value."""
    net, kept = (100.0 * (line / analysis.hold[0] - 1.0) for line in (analysis.equity, analysis.hold))
    last, held = (percent(line[-1] / 100, signed=True) for line in (net, kept))
    title = f"{analysis.run.name}: {last}, holding {held}"
    note = f"Value of the whole purse in {analysis.run.numeraire}, after all costs, every {analysis.clock.label}."
    figure = blank(title, note)
    axes = figure.add_subplot()
    axes.axhline(0.0, color=HOLD_COLOUR, linewidth=0.8)
    axes.plot(analysis.at, kept, color=HOLD_COLOUR, linestyle="--", linewidth=1.2)
    axes.plot(analysis.at, net, color=COLOURS[0], linewidth=2.0)
    axes.set_ylim(*limits([net, kept]))
    axes.set_ylabel("change of value, %")
    axes.set_xlabel(f"time, UTC ({days(analysis.at)})")
    time_axis(axes, analysis.at)
    end_labels(axes, [(net[-1], f"purse  {last}", COLOURS[0]), (kept[-1], f"held  {held}", HOLD_COLOUR)])
    caption = "One purse over all pools, against keeping what it opened with."
    return Picture("equity", "Equity", title, caption, figure, section="headline")


def side_by_side(analyses: Sequence[PurseAnalysis]) -> Picture:
    """Purses of several sources, and what they opened with, in percent of the opening value."""
    first = analyses[0]
    lines = [100.0 * (one.equity / one.hold[0] - 1.0) for one in analyses]
    kept = 100.0 * (first.hold / first.hold[0] - 1.0)
    best = int(np.argmax([line[-1] for line in lines]))
    title = f"{analyses[best].run.name} ends highest: {percent(lines[best][-1] / 100, signed=True)}"
    figure = blank(
        title, f"Value of each whole purse in {first.run.numeraire}, after all costs, every {first.clock.label}."
    )
    axes = figure.add_subplot()
    axes.plot(first.at, kept, color=HOLD_COLOUR, linestyle="--", linewidth=1.2)
    ends = [(float(kept[-1]), f"held  {percent(kept[-1] / 100, signed=True)}", HOLD_COLOUR)]
    for place, (one, line) in enumerate(zip(analyses, lines, strict=True)):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(one.at, line, color=colour, linewidth=1.8)
        ends.append((float(line[-1]), f"{one.run.name}  {percent(line[-1] / 100, signed=True)}", colour))
    axes.set_ylim(*limits([*lines, kept]))
    axes.set_ylabel("change of value, %")
    axes.set_xlabel(f"time, UTC ({days(first.at)})")
    time_axis(axes, first.at)
    end_labels(axes, ends)
    caption = "One purse for each source, over the same pools, against keeping what they opened with."
    return Picture("equity", "Equity", title, caption, figure, section="headline")


def gains(analyses: Sequence[PurseAnalysis], most: int = 18) -> Picture | NoPicture:
    """What each source added on each pool, with its interval; those that moved most, where there are many."""
    lines = []
    for place, one in enumerate(analyses):
        for leg, name in enumerate(one.names):
            if len(one.run.legs[leg].orders):
                gain = one.pool_gain(leg)
                scaled = _in_percent(gain)
                lines.append(
                    Line(f"{one.run.name}: {name}", scaled, f"{scaled.value:+.3g}%", COLOURS[place % len(COLOURS)])
                )
    if not lines:
        return NoPicture("pools", "Added by pool", "No order was decided on any pool.", section="pools")
    shown = sorted(lines, key=lambda line: -abs(line.estimate.value or 0.0))[:most]
    kept = [line for line in lines if line in shown]
    left = f" The {most} that moved most of {len(lines)} are shown." if len(lines) > most else ""
    title = (
        f"Surely above holding on its own: {sum(sureness(line.estimate) == 'above' for line in lines)} of {len(lines)}"
    )
    figure = blank(title, f"Added over holding by a pool's orders, % of the opening value, with 95% intervals.{left}")
    axes = figure.add_subplot()
    forest(axes, kept, size=9.0)
    axes.set_xlabel("added, % of the opening value")
    return Picture(
        "pools",
        "Added by pool",
        title,
        "Each interval stands for itself: of many, some lie above by luck.",
        figure,
        section="pools",
    )


def _in_percent(one: Estimate) -> Estimate:
    low, high = (None if bound is None else 100 * bound for bound in (one.low, one.high))
    return Estimate(100 * (one.value or 0.0), one.n, "percent", one.convention, low, high, method=one.method)


def by_pool(analysis: PurseAnalysis) -> Picture:
    """What each pool's orders have added, in percent of the opening value."""
    columns, names, colours = largest(100.0 * analysis.by_pool / analysis.hold[0], analysis.names)
    place = int(np.argmax(np.abs(columns[-1])))
    title = f"{names[place]} moved the result most: {percent(columns[-1, place] / 100, signed=True)}"
    figure = blank(title, "Added over holding, marked at prices of the time; the lines add up to purse less held.")
    axes = figure.add_subplot()
    axes.axhline(0.0, color=HOLD_COLOUR, linewidth=0.8)
    for column, colour in zip(columns.T, colours, strict=True):
        axes.plot(analysis.at, column, color=colour, linewidth=1.6)
    axes.set_ylim(*limits(list(columns.T)))
    axes.set_ylabel("added to the purse, % of its opening value")
    axes.set_xlabel(f"time, UTC ({days(analysis.at)})")
    time_axis(axes, analysis.at)
    end_labels(
        axes,
        [
            (column[-1], f"{name}  {percent(column[-1] / 100, signed=True)}", colour)
            for column, name, colour in zip(columns.T, names, colours, strict=True)
        ],
    )
    return Picture("pools", "By pool", title, "What each pool's orders added, all costs in.", figure, section="pools")


def by_token(analysis: PurseAnalysis) -> Picture:
    """Of what the purse consists over time."""
    shares = 100.0 * analysis.values / analysis.equity[:, None]
    columns, names, colours = largest(shares, analysis.run.coins.names)
    place = int(np.argmax(columns.mean(axis=0)))
    title = f"On average {percent(columns[:, place].mean() / 100, 0)} of the purse is {names[place]}"
    figure = blank(title, f"Share of each token in the value of the purse, at prices in {analysis.run.numeraire}.")
    axes = figure.add_subplot()
    axes.stackplot(analysis.at, columns.T, colors=colours, linewidth=0)
    axes.set_ylim(0.0, 100.0)
    axes.set_ylabel("share of the purse, %")
    axes.set_xlabel(f"time, UTC ({days(analysis.at)})")
    time_axis(axes, analysis.at)
    ends = np.cumsum(columns[-1]) - columns[-1] / 2
    end_labels(
        axes,
        [
            (end, f"{name}  {percent(share / 100, 0)}", colour)
            for end, name, share, colour in zip(ends, names, columns[-1], colours, strict=True)
        ],
    )
    return Picture(
        "tokens", "By token", title, "Every token once, whichever pool it came from.", figure, section="tokens"
    )


def together(analysis: PurseAnalysis) -> Picture | NoPicture:
    """How the pools' gains by bucket go together."""
    found, names = analysis.correlations, analysis.names
    known = np.flatnonzero(~np.isnan(np.diag(found)))
    if len(known) < 2:
        sentence = "Fewer than two pools have gains that vary, so that there is nothing to correlate."
        return NoPicture("correlation", "Correlation of gains", sentence, section="together")
    some = known[np.argsort(-np.abs(analysis.by_pool[-1][known]), kind="stable")][:12]
    table = found[np.ix_(some, some)]
    apart = table[~np.eye(len(some), dtype=bool)]
    title = f"Gains by {analysis.clock.label} of two pools correlate by {apart.mean():.2f} on average"
    note = (
        "1: they gain and lose at the same times. Zero: the purse is spread. Made of what their orders added by bucket."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    axes.grid(visible=False)
    shades = LinearSegmentedColormap.from_list("apart", [SELL_COLOUR, "white", BUY_COLOUR])
    axes.imshow(table, cmap=shades, vmin=-1, vmax=1, aspect="auto")
    for row in range(len(some)):
        for column in range(len(some)):
            axes.text(column, row, f"{table[row, column]:.2f}", ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(some)), [names[place] for place in some], rotation=30, ha="right")
    axes.set_yticks(range(len(some)), [names[place] for place in some])
    return Picture("correlation", "Correlation of gains", title, "", figure, section="together")
