"""Where the P&L came from: market, signal, and every cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from rook_bench.report.charts.canvas import BUY_COLOUR, INK, SELL_COLOUR, SOFT_INK, Picture, blank
from rook_bench.report.charts.equity import finding
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.words import cost_share, net_return

COSTS = ("fee", "impact", "gas", "reverts")
PART_COLOURS = {
    "market": "#8A94A0",
    "signal": "#0072B2",
    "fee": "#E69F00",
    "impact": "#D55E00",
    "gas": "#CC79A7",
    "reverts": "#5D3A1A",
}
_NOTE = (
    "market: what the opening balances gained by themselves. signal: what the trades gained at the pool price, "
    "before any cost. The parts sum to net exactly."
)


def waterfall(entries: Sequence[Entry]) -> list[Picture]:
    """One waterfall for one run; for several a picture of all parts, and a waterfall of each that traded."""
    if len(entries) == 1:
        return [one(entries[0], "waterfall")]
    traded = [entry for entry in entries if entry.fills and not entry.bound]
    return [compared(entries), *(one(entry, f"waterfall-{entry.slug}") for entry in traded)]


def one(entry: Entry, name: str) -> Picture:
    """Opening to net in steps, in quote."""
    title = finding(entry)
    parts = entry.analysis.attribution.in_quote()
    steps = [("market", parts["market"]), ("signal", parts["signal"]), *((cost, -parts[cost]) for cost in COSTS)]
    note = f"n = {count_of(entry.fills, 'fill')}. Zero is the opening value, {number(entry.opening)} {entry.quote}. {_NOTE}"
    figure = blank(title, note)
    axes = figure.add_subplot()
    _bars(axes, steps, parts["net"], entry)
    axes.set_ylabel(f"P&L, {entry.quote}")
    caption = (
        f"{entry.label}: {percent(cost_share(entry))} of the opening value went into costs; "
        f"{percent(net_return(entry), signed=True)} is left."
    )
    return Picture(name, f"P&L of {entry.label}" if name != "waterfall" else "P&L", title, caption, figure)


def _bars(axes: Axes, steps: list[tuple[str, float]], net: float, entry: Entry) -> None:
    names, bottoms, heights, colours = [], [], [], []
    level = 0.0
    for name, change in steps:
        names.append(name)
        bottoms.append(level)
        heights.append(change)
        colours.append(BUY_COLOUR if change >= 0 else SELL_COLOUR)
        level += change
    names.append("net")
    bottoms.append(0.0)
    heights.append(net)
    colours.append(entry.colour)
    axes.bar(range(len(names)), heights, bottom=bottoms, color=colours, width=0.62, zorder=3)
    tops = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    for index, (here, _) in enumerate(pairwise(range(len(names)))):
        axes.plot([here - 0.31, here + 1.31], [tops[index]] * 2, color=SOFT_INK, linewidth=0.8, zorder=2)
    axes.axhline(0, color=INK, linewidth=1.0, zorder=4)
    span = max(*tops, 0.0) - min(*tops, 0.0) or 1.0
    for index, (bottom, height) in enumerate(zip(bottoms, heights, strict=True)):
        highest = max(bottom, bottom + height, 0.0 if index == len(names) - 1 else bottom)
        bold = "bold" if names[index] == "net" else "normal"
        axes.text(
            index, highest + 0.018 * span, number(height, signed=True), ha="center", va="bottom", fontsize=10, fontweight=bold
        )
    axes.set_xticks(range(len(names)), [_tick(name) for name in names], fontsize=10.5)
    axes.set_ylim(min(*tops, 0.0) - 0.06 * span, max(*tops, 0.0) + 0.12 * span)
    axes.grid(axis="x", visible=False)


def _tick(name: str) -> str:
    return {"market": "market\n(hold)", "signal": "signal\n(trades)"}.get(name, name)


def compared(entries: Sequence[Entry]) -> Picture:
    """Every source's parts on one scale, in percent of opening; bounds are left out."""
    shown = [entry for entry in entries if not entry.bound] or list(entries)
    left_out = [entry.short for entry in entries if entry not in shown]
    note = f"Fills: {', '.join(f'{entry.short} {entry.fills:,}' for entry in shown)}. {_NOTE}"
    if left_out:
        note += f" Not shown, because it knows the future: {', '.join(left_out)}."
    title = finding(entries[0])
    figure = blank(title, note)
    axes = figure.add_subplot()
    for place, entry in enumerate(shown):
        _stack(axes, place, entry)
    axes.axvline(0, color=INK, linewidth=1.0, zorder=4)
    axes.set_yticks(range(len(shown)), [entry.short for entry in shown], fontsize=9.5, color=INK)
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.02 * (high - low), high + 0.12 * (high - low))
    axes.set_xlabel("share of the opening value, %")
    axes.grid(axis="y", visible=False)
    axes.scatter([], [], marker="D", s=44, color=INK, label="net")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=7, fontsize=9, handlelength=1.2, columnspacing=1.3)
    caption = "Gains to the right of zero, losses and costs to the left; the diamond is what is left of them, net. " + " ".join(
        f"{entry.label}: costs {percent(cost_share(entry))}, net {percent(net_return(entry), signed=True)}." for entry in shown
    )
    return Picture("waterfall", "P&L by source", title, caption, figure)


def _stack(axes: Axes, place: int, entry: Entry) -> None:
    parts = entry.analysis.attribution
    ends = {True: 0.0, False: 0.0}
    for name, colour in PART_COLOURS.items():
        change = 100.0 * getattr(parts, name) / parts.opening * (-1 if name in COSTS else 1)
        side = change >= 0
        label = name if place == 0 else None
        axes.barh(place, change, left=ends[side], height=0.56, color=colour, label=label, zorder=3)
        ends[side] += change
    net = 100.0 * net_return(entry)
    axes.scatter([net], [place], marker="D", s=44, color=INK, edgecolor="white", linewidth=1.0, zorder=6)
    axes.annotate(
        percent(net / 100, signed=True), (max(ends[True], net), place), xytext=(8, 0), textcoords="offset points",
        va="center", fontsize=9.5, fontweight="bold",
    )  # fmt: skip
