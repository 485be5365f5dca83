"""Where the P&L came from: market, signal, and every cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from rook_bench.report.charts.canvas import BUY_COLOUR, INK, SELL_COLOUR, SOFT_INK, Picture, blank, legend_above
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.words import cost_share, fills_by_source, net_return, trading_finding

COSTS = ("fee", "impact", "mev", "gas", "reverts")
GAIN_COLOUR, LOSS_COLOUR = BUY_COLOUR, SELL_COLOUR
"""A gain is green and a loss is orange, in every picture of the P&L."""

PART_COLOURS = {
    "market": "#B4BCC5",
    "signal": GAIN_COLOUR,
    "fee": "#FDCB8E",
    "impact": "#F3924A",
    "mev": "#E07020",
    "gas": "#C8540A",
    "reverts": "#5F2602",
}
"""Costs are shades of one colour, and none is a source's own."""

_NOTE = (
    "market: what the opening balances gained by themselves. signal: what the trades gained at the pool price, "
    "before any cost. The parts sum to net exactly."
)


def waterfall(entries: Sequence[Entry]) -> list[Picture]:
    """One waterfall for one run; for several a picture of all parts, and a waterfall of each that traded."""
    if len(entries) == 1:
        return [one(entries[0], "waterfall", lone=True)]
    traded = [entry for entry in entries if entry.fills and not entry.bound]
    return [compared(entries), *(one(entry, f"waterfall-{entry.slug}") for entry in traded)]


def one(entry: Entry, name: str, *, lone: bool = False) -> Picture:
    """Opening to net in steps, in quote."""
    title = trading_finding(entry)
    parts = entry.analysis.attribution.in_quote()
    steps = [("market", parts["market"]), ("signal", parts["signal"]), ("gross", None)]
    steps += [*((cost, -parts[cost]) for cost in _costs([entry])), ("net", None)]
    opening = f"{number(entry.opening)} {entry.quote}"
    note = f"n = {count_of(entry.fills, 'fill')}. Zero is the opening value, {opening}. {_NOTE}"
    figure = blank(title, note)
    axes = figure.add_subplot()
    bars(axes, steps, entry)
    axes.set_ylabel(f"P&L, {entry.quote}")
    caption = (
        f"{entry.label}: {percent(cost_share(entry))} of the opening value went into costs; "
        f"{percent(net_return(entry), signed=True)} is left."
    )
    return Picture(name, "P&L" if lone else f"P&L of {entry.label}", title, caption, figure, folded=not lone)


def _costs(entries: Sequence[Entry]) -> list[str]:
    """The costs to draw: what searchers took only where the run assumes any."""
    searched = any(entry.run.config.frictions.mev != "none" for entry in entries)
    return [cost for cost in COSTS if cost != "mev" or searched]


def bars(axes: Axes, steps: list[tuple[str, float | None]], entry: Entry) -> None:
    """One bar per step from where the last ended; a step without a change is a sum and stands on zero."""
    level, ends = 0.0, []
    for place, (name, change) in enumerate(steps):
        start, height = (0.0, level) if change is None else (level, change)
        level = start + height
        ends += [start, level]
        sums = entry.colour if name == "net" else "#8A94A0"
        colour = sums if change is None else GAIN_COLOUR if change >= 0 else LOSS_COLOUR
        axes.bar(place, height, bottom=start, color=colour, width=0.62, zorder=3)
        if place + 1 < len(steps):
            axes.plot([place - 0.31, place + 1.31], [level, level], color=SOFT_INK, linewidth=0.8, zorder=2)
        bold = "bold" if change is None else "normal"
        axes.annotate(
            number(height, signed=True), (place, max(start, level)), xytext=(0, 4), textcoords="offset points",
            ha="center", va="bottom", fontsize=10, fontweight=bold, zorder=5,
        )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=1.0, zorder=4)
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = high - low or 1.0
    axes.set_ylim(low - 0.05 * span, high + 0.11 * span)
    axes.set_xticks(range(len(steps)), [_tick(name) for name, _ in steps], fontsize=10.5 if len(steps) < 9 else 8.5)
    axes.grid(axis="x", visible=False)


def _tick(name: str) -> str:
    return {"market": "market\n(hold)", "signal": "signal\n(trades)"}.get(name, name)


def compared(entries: Sequence[Entry]) -> Picture:
    """Every source's parts on one scale, in percent of opening; bounds are left out."""
    shown = [entry for entry in entries if not entry.bound] or list(entries)
    left_out = [entry.short for entry in entries if entry not in shown]
    note = f"Fills: {fills_by_source(shown)}. {_NOTE}"
    if left_out:
        note += f" Not shown, because it knows the future: {', '.join(left_out)}."
    title = trading_finding(entries[0])
    figure = blank(title, note, legend_rows=1)
    axes = figure.add_subplot()
    names = ["market", "signal", *_costs(shown)]
    for place, entry in enumerate(shown):
        _stack(axes, place, entry, names)
    axes.axvline(0, color=INK, linewidth=1.0, zorder=4)
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.set_yticks(range(len(shown)), [entry.short for entry in shown], fontsize=9.5, color=INK)
    axes.invert_yaxis()
    axes.annotate(
        "net", (1.0, 1.0), xycoords="axes fraction", xytext=(8, 2), textcoords="offset points", va="bottom",
        fontsize=9.5, color=SOFT_INK,
    )  # fmt: skip
    axes.set_xlabel("share of the opening value, %")
    axes.grid(axis="y", visible=False)
    looks = _looks(shown, names) | {"net": axes.scatter([], [], marker="D", s=44, color=INK)}
    legend_above(figure, title, list(looks.values()), list(looks), columns=len(looks))
    caption = (
        "Gains to the right of zero, losses and costs to the left; the diamond is what is left of them, net. "
        + " ".join(
            f"{entry.label}: costs {percent(cost_share(entry))}, net {percent(net_return(entry), signed=True)}."
            for entry in shown
        )
    )
    return Picture("waterfall", "P&L by source", title, caption, figure)


def _stack(axes: Axes, place: int, entry: Entry, names: Sequence[str]) -> None:
    ends = {True: 0.0, False: 0.0}
    for name in names:
        change = 100.0 * _change(entry, name)
        side = change >= 0
        axes.barh(place, change, left=ends[side], height=0.56, zorder=3, **_look(name, change))
        ends[side] += change
    net = 100.0 * net_return(entry)
    axes.scatter([net], [place], marker="D", s=44, color=INK, edgecolor="white", linewidth=1.0, zorder=6)
    axes.annotate(
        percent(net / 100, signed=True), (1.0, place), xycoords=("axes fraction", "data"), xytext=(8, 0),
        textcoords="offset points", va="center", fontsize=10, fontweight="bold", annotation_clip=False,
    )  # fmt: skip


def _change(entry: Entry, name: str) -> float:
    """What a part adds to the net return, as a fraction of the opening value."""
    parts = entry.analysis.attribution
    value: float = getattr(parts, name) / parts.opening
    return -value if name in COSTS else value


def _look(name: str, change: float) -> dict[str, Any]:
    """Costs have their own shades; what was lost without being a cost is hatched, and never green."""
    lost = change < 0 and name not in COSTS
    colour = LOSS_COLOUR if lost and name == "signal" else PART_COLOURS[name]
    return {"facecolor": colour, "hatch": "////" if lost else None, "edgecolor": "white", "linewidth": 0.0}


def _looks(entries: Sequence[Entry], names: Sequence[str]) -> dict[str, Any]:
    """What the legend shows, by its words: apart where a part gained and where it lost."""
    looks = {}
    for name in names:
        changes = [_change(entry, name) for entry in entries]
        if name in COSTS or min(changes) >= 0:
            looks[name] = Patch(**_look(name, 1.0))
            continue
        if max(changes) > 0:
            looks[f"{name} gained"] = Patch(**_look(name, 1.0))
        looks[f"{name} lost"] = Patch(**_look(name, -1.0))
    return looks
